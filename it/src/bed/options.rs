//! How a bed differs from the usual one.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::version::HadoopVersion;

/// Hadoop's own list of the NodeManager's variables that containers inherit.
const HADOOP_ENV_WHITELIST: &str = "JAVA_HOME,HADOOP_COMMON_HOME,HADOOP_HDFS_HOME,HADOOP_CONF_DIR,\
    CLASSPATH_PREPEND_DISTCACHE,HADOOP_YARN_HOME,HADOOP_HOME,PATH,LANG,TZ";

/// A site file's extra properties, each standing over the bed's own value.
pub type Properties = BTreeMap<String, String>;

/// What a bed looks like. The default is as strict as a stock cluster: two NodeManagers, memory checks on, permissions
/// on, jobs of a user who is not the daemons' own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BedOptions {
    /// Which Hadoop.
    pub hadoop: HadoopVersion,
    /// One, or two that elect the active one in a ZooKeeper, which the bed then has.
    pub resource_managers: usize,
    /// Whether a history server keeps what is left of applications, and their logs are gathered into HDFS.
    pub history_server: bool,
    /// Whether HDFS is served over HTTP by one server, too; with Hadoop 3.4.3 only.
    pub httpfs: bool,
    /// Whether each NodeManager has a proxy, through which the ApplicationMasters on it speak to the ResourceManager.
    pub amrm_proxy: bool,
    /// Who submits jobs: a name only, no account of this machine is needed.
    pub user: String,
    /// At 127.0.0.2, 127.0.0.3 and so on.
    pub node_managers: usize,
    /// Memory each NodeManager offers, and the largest container. 6144 holds an ApplicationMaster of 1600 MB and two
    /// TaskManagers of 1728 MB: parallelism 4 with one slot each must use both NodeManagers.
    pub node_memory_mb: u32,
    pub node_vcores: u32,
    /// Resources besides memory and cores that the cluster knows, and how much of each a NodeManager offers.
    pub node_resources: BTreeMap<String, u64>,
    pub minimum_allocation_mb: u32,
    /// The variables of the NodeManager that containers inherit.
    pub env_whitelist: Vec<String>,
    /// Seconds for which the working directories of ended containers stay.
    pub delete_debug_delay_sec: u32,
    /// The bound on each daemon's start; generous, since compilers may be running beside.
    pub ready_within: Duration,
    pub core_site: Properties,
    pub hdfs_site: Properties,
    pub yarn_site: Properties,
    pub capacity_scheduler: Properties,
}

impl Default for BedOptions {
    fn default() -> Self {
        Self {
            hadoop: HadoopVersion::default(),
            resource_managers: 1,
            history_server: false,
            httpfs: false,
            amrm_proxy: false,
            user: "alice".to_owned(),
            node_managers: 2,
            node_memory_mb: 6144,
            node_vcores: 8,
            node_resources: BTreeMap::new(),
            minimum_allocation_mb: 64,
            env_whitelist: HADOOP_ENV_WHITELIST.split(',').map(str::to_owned).collect(),
            delete_debug_delay_sec: 0,
            ready_within: Duration::from_secs(120),
            core_site: Properties::new(),
            hdfs_site: Properties::new(),
            yarn_site: Properties::new(),
            capacity_scheduler: Properties::new(),
        }
    }
}

impl BedOptions {
    /// The same bed, whose containers do not inherit `variable` from the NodeManager.
    #[must_use]
    pub fn without_inherited(mut self, variable: &str) -> Self {
        self.env_whitelist.retain(|inherited| inherited != variable);
        self
    }
}
