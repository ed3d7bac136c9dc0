//! The NodeManagers: each has a loopback address for itself.

use std::net::Ipv4Addr;
use std::path::Path;

use super::path;
use super::site::properties;
use crate::bed::description::NodeManager;
use crate::bed::options::{BedOptions, Properties};
use crate::bed::ports::Ports;

/// Container logs stay for the tests that read them.
const LOG_RETAIN_SECONDS: &str = "604800";

/// What one NodeManager listens on: its host, and `host:port` for each service.
#[derive(Debug)]
pub(super) struct NodeAddresses {
    host: Ipv4Addr,
    rpc: String,
    localizer: String,
    web: String,
    amrm_proxy: String,
}

/// What a node has besides memory and cores.
pub(super) fn offered(options: &BedOptions) -> Properties {
    let resources = options.node_resources.iter();
    resources
        .map(|(name, amount)| (format!("yarn.nodemanager.resource-type.{name}"), amount.to_string()))
        .collect()
}

impl NodeAddresses {
    pub(super) fn new(index: usize, ports: &mut Ports) -> Self {
        let last = u8::try_from(index + 2).expect("as many NodeManagers as a machine runs");
        let host = Ipv4Addr::new(127, 0, 0, last);
        let mut address = || format!("{host}:{}", ports.next());
        Self {
            host,
            rpc: address(),
            localizer: address(),
            web: address(),
            amrm_proxy: address(),
        }
    }

    /// `folder` holds all that it keeps.
    pub(super) fn description(&self, options: &BedOptions, folder: &Path) -> NodeManager {
        NodeManager {
            host: self.host,
            node_id: self.rpc.clone(),
            web: format!("http://{}", self.web),
            amrm_proxy: options.amrm_proxy.then(|| self.amrm_proxy.clone()),
            local_dir: folder.join("local"),
            log_dir: folder.join("logs"),
        }
    }

    pub(super) fn properties(&self, options: &BedOptions, folder: &Path) -> Properties {
        let mut all = properties([
            ("yarn.nodemanager.hostname", self.host.to_string()),
            ("yarn.nodemanager.address", self.rpc.clone()),
            ("yarn.nodemanager.localizer.address", self.localizer.clone()),
            ("yarn.nodemanager.webapp.address", self.web.clone()),
            ("yarn.nodemanager.local-dirs", path(&folder.join("local"))),
            ("yarn.nodemanager.log-dirs", path(&folder.join("logs"))),
            ("yarn.nodemanager.log.retain-seconds", LOG_RETAIN_SECONDS.to_owned()),
            (
                "yarn.nodemanager.resource.memory-mb",
                options.node_memory_mb.to_string(),
            ),
            ("yarn.nodemanager.resource.cpu-vcores", options.node_vcores.to_string()),
            // Hadoop's defaults, stated because a bed without them would hide what a cluster kills.
            ("yarn.nodemanager.pmem-check-enabled", "true".to_owned()),
            ("yarn.nodemanager.vmem-check-enabled", "true".to_owned()),
            ("yarn.nodemanager.vmem-pmem-ratio", "2.1".to_owned()),
            // Its default, true, leaves the killing to cgroups even where there are none: the two checks above would
            // measure a container beyond its memory, and let it be.
            ("yarn.nodemanager.resource.memory.enforced", "false".to_owned()),
            ("yarn.nodemanager.recovery.enabled", "true".to_owned()),
            ("yarn.nodemanager.recovery.supervised", "true".to_owned()),
            ("yarn.nodemanager.recovery.dir", path(&folder.join("recovery"))),
            (
                "yarn.nodemanager.delete.debug-delay-sec",
                options.delete_debug_delay_sec.to_string(),
            ),
            ("yarn.nodemanager.env-whitelist", options.env_whitelist.join(",")),
            // A developer's disk that is 90 % full must not make the node unhealthy.
            (
                "yarn.nodemanager.disk-health-checker.max-disk-utilization-per-disk-percentage",
                "100".to_owned(),
            ),
        ]);
        if options.amrm_proxy {
            all.extend(properties([
                ("yarn.nodemanager.amrmproxy.enabled", "true".to_owned()),
                ("yarn.nodemanager.amrmproxy.address", self.amrm_proxy.clone()),
            ]));
        }
        all
    }
}
