//! Beds that differ from the usual one in what clusters differ in: version, high availability, protection, queues,
//! history, kinds of containers.

use std::fmt;

use super::options::{BedOptions, Properties};
use super::version::HadoopVersion;

/// `hadoop.rpc.protection`: what happens to RPC messages of those who log in with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RpcProtection {
    /// Sent as they are.
    Authentication,
    /// Signed.
    Integrity,
    /// Signed and encrypted.
    Privacy,
}

impl fmt::Display for RpcProtection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Authentication => "authentication",
            Self::Integrity => "integrity",
            Self::Privacy => "privacy",
        })
    }
}

impl BedOptions {
    /// The usual bed with another version of Hadoop.
    #[must_use]
    pub fn of_hadoop(version: HadoopVersion) -> Self {
        Self {
            hadoop: version,
            ..Self::default()
        }
    }

    /// A second ResourceManager that takes over within seconds, and the ZooKeeper that both need.
    #[must_use]
    pub fn with_two_resource_managers(mut self) -> Self {
        self.resource_managers = 2;
        self
    }

    /// One NodeManager, with [quick heartbeats](Self::with_quick_heartbeats).
    #[must_use]
    pub fn with_one_quick_node(mut self) -> Self {
        self.node_managers = 1;
        self.with_quick_heartbeats()
    }

    /// NodeManagers whose heartbeats come five times as often as Hadoop's, and a restarted ResourceManager that gives
    /// containers after one second, not ten: tests that wait for containers wait less.
    #[must_use]
    pub fn with_quick_heartbeats(mut self) -> Self {
        let yarn = &mut self.yarn_site;
        set(yarn, "yarn.resourcemanager.nodemanagers.heartbeat-interval-ms", 200);
        let wait = "yarn.resourcemanager.work-preserving-recovery.scheduling-wait-ms";
        set(yarn, wait, 1_000);
        self
    }

    /// NodeManagers that keep nothing of their containers: one that is killed and started again knows none of them, and YARN
    /// counts them as lost, though they live on.
    #[must_use]
    pub fn without_node_manager_recovery(mut self) -> Self {
        set(&mut self.yarn_site, "yarn.nodemanager.recovery.enabled", false);
        self
    }

    /// A history server, and logs that are gathered into HDFS when their application ends.
    #[must_use]
    pub fn with_history_server(mut self) -> Self {
        self.history_server = true;
        self
    }

    /// An HttpFS, through which HDFS is reached at one address. Central has it for Hadoop 3.4.3 only.
    #[must_use]
    pub fn with_httpfs(mut self) -> Self {
        self.httpfs = true;
        self
    }

    /// Each NodeManager swaps the token of an ApplicationMaster on it for one of its own, and stands between it and the
    /// ResourceManager.
    #[must_use]
    pub fn with_amrm_proxy(mut self) -> Self {
        self.amrm_proxy = true;
        self
    }

    /// Containers may run in what others leave, and wait on their node until there is room; the ResourceManager allots
    /// them.
    #[must_use]
    pub fn with_opportunistic_containers(mut self) -> Self {
        let yarn = &mut self.yarn_site;
        let enabled = "yarn.resourcemanager.opportunistic-container-allocation.enabled";
        set(yarn, enabled, true);
        // Hadoop's default, 0, lets none wait.
        set(yarn, "yarn.nodemanager.opportunistic-containers-max-queue-length", 10);
        // Which nodes are to get some is decided so often; Hadoop's default is 1 s.
        let sorting = "yarn.resourcemanager.nm-container-queuing.sorting-nodes-interval-ms";
        set(yarn, sorting, 200);
        self
    }

    /// The same, allotted by the NodeManager of the ApplicationMaster, which is the proxy in front of the
    /// ResourceManager.
    #[must_use]
    pub fn with_distributed_scheduling(self) -> Self {
        let mut options = self.with_opportunistic_containers().with_amrm_proxy();
        set(
            &mut options.yarn_site,
            "yarn.nodemanager.distributed-scheduling.enabled",
            true,
        );
        options
    }

    /// Containers may be placed in relation to others, by a step before the scheduler.
    #[must_use]
    pub fn with_placement_constraints(mut self) -> Self {
        let handler = "yarn.resourcemanager.placement-constraints.handler";
        set(&mut self.yarn_site, handler, "placement-processor");
        self
    }

    /// The queue `default` may use all of the nodes that an administrator gives this label.
    #[must_use]
    pub fn with_queue_of_label(mut self, label: &str) -> Self {
        let yarn = &mut self.yarn_site;
        set(yarn, "yarn.node-labels.enabled", true);
        // Below the bed's own folder, with which it goes.
        let store = "yarn.node-labels.fs-store.root-dir";
        set(yarn, store, "file://${hadoop.tmp.dir}/node-labels");
        for queue in ["root", "root.default"] {
            let key = format!("yarn.scheduler.capacity.{queue}.accessible-node-labels.{label}");
            set(&mut self.capacity_scheduler, &format!("{key}.capacity"), 100);
            let masters = format!("{key}.maximum-am-resource-percent");
            set(&mut self.capacity_scheduler, &masters, "1.0");
        }
        self
    }

    /// YARN knows this resource besides memory and cores, and each NodeManager offers so much of it.
    #[must_use]
    pub fn with_node_resource(mut self, name: &str, amount: u64) -> Self {
        self.node_resources.insert(name.to_owned(), amount);
        self
    }

    #[must_use]
    pub fn with_rpc_protection(mut self, protection: RpcProtection) -> Self {
        set(&mut self.core_site, "hadoop.rpc.protection", protection);
        self
    }

    /// An ApplicationMaster that is silent for so many seconds is given up, and the key of its token is replaced as often as
    /// that allows: it must be more than three times as long, or the ResourceManager does not start.
    #[must_use]
    pub fn with_short_am_keys(mut self, silence_seconds: u32) -> Self {
        let yarn = &mut self.yarn_site;
        let expiry = "yarn.am.liveness-monitor.expiry-interval-ms";
        set(yarn, expiry, silence_seconds * 1000);
        let rolling = "yarn.resourcemanager.am-rm-tokens.master-key-rolling-interval-secs";
        set(yarn, rolling, 3 * silence_seconds + 1);
        self
    }

    /// The queues `default` and `other`, half of the cluster each. One may use what the other leaves, until that wants
    /// it back: then containers are announced for preemption, and killed a second later.
    #[must_use]
    pub fn with_two_queues(mut self) -> Self {
        let queues = &mut self.capacity_scheduler;
        set(queues, "yarn.scheduler.capacity.root.queues", "default,other");
        for queue in ["default", "other"] {
            let key = |name: &str| format!("yarn.scheduler.capacity.root.{queue}.{name}");
            set(queues, &key("capacity"), 50);
            set(queues, &key("maximum-capacity"), 100);
            set(queues, &key("user-limit-factor"), 100);
            set(queues, &key("acl_submit_applications"), "*");
        }
        let yarn = &mut self.yarn_site;
        set(yarn, "yarn.resourcemanager.scheduler.monitor.enable", true);
        let preemption = "yarn.resourcemanager.monitor.capacity.preemption";
        for (name, value) in [
            ("monitoring_interval", "500"),
            ("max_wait_before_kill", "1000"),
            ("total_preemption_per_round", "1.0"),
            ("natural_termination_factor", "1.0"),
        ] {
            set(yarn, &format!("{preemption}.{name}"), value);
        }
        self
    }
}

fn set(properties: &mut Properties, key: &str, value: impl fmt::Display) {
    properties.insert(key.to_owned(), value.to_string());
}
