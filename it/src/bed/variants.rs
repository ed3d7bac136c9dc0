//! Beds that differ from the usual one in what clusters differ in: version, high availability, protection, queues.

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

    /// One NodeManager, whose heartbeats come five times as often as Hadoop's, and a restarted ResourceManager that
    /// gives containers after one second, not ten: tests that wait for containers wait less.
    #[must_use]
    pub fn with_one_quick_node(mut self) -> Self {
        self.node_managers = 1;
        let yarn = &mut self.yarn_site;
        set(yarn, "yarn.resourcemanager.nodemanagers.heartbeat-interval-ms", 200);
        let wait = "yarn.resourcemanager.work-preserving-recovery.scheduling-wait-ms";
        set(yarn, wait, 1_000);
        self
    }

    #[must_use]
    pub fn with_rpc_protection(mut self, protection: RpcProtection) -> Self {
        set(&mut self.core_site, "hadoop.rpc.protection", protection);
        self
    }

    /// An ApplicationMaster that is silent for 4 s is given up, and the key of its token is replaced every 13 s. The
    /// second must be more than three times the first, or the ResourceManager does not start.
    #[must_use]
    pub fn with_short_am_keys(mut self) -> Self {
        set(
            &mut self.yarn_site,
            "yarn.am.liveness-monitor.expiry-interval-ms",
            4_000,
        );
        set(
            &mut self.yarn_site,
            "yarn.resourcemanager.am-rm-tokens.master-key-rolling-interval-secs",
            13,
        );
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
