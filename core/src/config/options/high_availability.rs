//! Options of what lets a cluster outlive its master.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::{ConfigError, ConfigOption, Configuration};

/// Whether a cluster outlives its master, and by whom. Programs may add names of their own.
pub const TYPE: ConfigOption<String> = ConfigOption::new(
    "high-availability.type",
    "Whether a cluster outlives its master, and by whom: NONE, ZOOKEEPER, or a name that the program adds.",
)
.with_default("NONE")
.with_deprecated_keys(&["recovery.mode", "high-availability"]);
/// The cluster's name among others in ZooKeeper.
pub const CLUSTER_ID: ConfigOption<String> = ConfigOption::new(
    "high-availability.cluster-id",
    "The cluster's name among others in ZooKeeper; on YARN the application's id.",
)
.with_default("/default")
.with_deprecated_keys(&[
    "high-availability.zookeeper.path.namespace",
    "recovery.zookeeper.path.namespace",
]);
/// What the next master needs.
pub const STORAGE_DIR: ConfigOption<String> = ConfigOption::new(
    "high-availability.storageDir",
    "The directory for what masters must know of each other: job graphs and results.",
)
.with_deprecated_keys(&[
    "high-availability.zookeeper.storageDir",
    "recovery.zookeeper.storageDir",
]);
/// The ports of a master that can be replaced.
pub const JOB_MANAGER_PORT: ConfigOption<String> = ConfigOption::new(
    "high-availability.jobmanager.port",
    "The port, list or range of ports of a master that can be replaced.",
)
.with_default("0")
.with_deprecated_keys(&["recovery.jobmanager.port"]);
/// The ZooKeeper servers.
pub const QUORUM: ConfigOption<String> = ConfigOption::new(
    "high-availability.zookeeper.quorum",
    "The ZooKeeper servers, host:port, separated by commas.",
)
.with_deprecated_keys(&["recovery.zookeeper.quorum"]);
/// The node below which everything lies.
pub const PATH_ROOT: ConfigOption<String> = ConfigOption::new(
    "high-availability.zookeeper.path.root",
    "The node below which everything lies.",
)
.with_default("/flink")
.with_deprecated_keys(&["recovery.zookeeper.path.root"]);
/// Who may read and change the nodes.
pub const ACL: ConfigOption<String> = ConfigOption::new(
    "high-availability.zookeeper.client.acl",
    "Who may read and change the nodes: all, or only who has made them.",
)
.with_default("open")
.one_of(&["open", "creator"]);
/// Credentials for ZooKeeper.
pub const AUTHORIZATION: ConfigOption<BTreeMap<String, String>> = ConfigOption::new(
    "high-availability.zookeeper.client.authorization",
    "Credentials for ZooKeeper, by scheme.",
);
/// How long connecting may take.
pub const CONNECTION_TIMEOUT: ConfigOption<Duration> = ConfigOption::new(
    "high-availability.zookeeper.client.connection-timeout",
    "How long connecting may take.",
)
.with_default("15 s")
.with_deprecated_keys(&["recovery.zookeeper.client.connection-timeout"]);
/// How often an operation is tried again.
pub const MAX_RETRY_ATTEMPTS: ConfigOption<u32> = ConfigOption::new(
    "high-availability.zookeeper.client.max-retry-attempts",
    "How often an operation is tried again.",
)
.with_default("3")
.with_deprecated_keys(&["recovery.zookeeper.client.max-retry-attempts"]);
/// The pause before it is.
pub const RETRY_WAIT: ConfigOption<Duration> = ConfigOption::new(
    "high-availability.zookeeper.client.retry-wait",
    "The pause before an operation is tried again.",
)
.with_default("5 s")
.with_deprecated_keys(&["recovery.zookeeper.client.retry-wait"]);
/// After how long without contact a session has expired.
pub const SESSION_TIMEOUT: ConfigOption<Duration> = ConfigOption::new(
    "high-availability.zookeeper.client.session-timeout",
    "After how long without contact a session has expired; the servers may allow less or more.",
)
.with_default("1 min")
.with_deprecated_keys(&["recovery.zookeeper.client.session-timeout"]);
/// Whether a lost connection keeps the leader.
pub const TOLERATE_SUSPENDED_CONNECTIONS: ConfigOption<bool> = ConfigOption::new(
    "high-availability.zookeeper.client.tolerate-suspended-connections",
    "Whether a lost connection keeps the leader, until its session may have expired.",
)
.with_default("false");

/// Whether another master may take over.
///
/// # Errors
/// Where the type cannot be read.
pub fn is_enabled(configuration: &Configuration) -> Result<bool, ConfigError> {
    Ok(!configuration.get(&TYPE)?.trim().eq_ignore_ascii_case("NONE"))
}

area! {
    "high-availability", "What lets a cluster outlive its master";
    options {
        TYPE, CLUSTER_ID, STORAGE_DIR, JOB_MANAGER_PORT, QUORUM, PATH_ROOT, ACL, AUTHORIZATION, CONNECTION_TIMEOUT, MAX_RETRY_ATTEMPTS,
        RETRY_WAIT, SESSION_TIMEOUT, TOLERATE_SUSPENDED_CONNECTIONS,
    }
    not yet {
        /// The node of job graphs.
        "high-availability.zookeeper.path.jobgraphs": Text = "/jobgraphs" formerly "recovery.zookeeper.path.jobgraphs";
        /// Whether changes of the servers are followed.
        "high-availability.zookeeper.client.ensemble-tracker": Boolean = "true";
        /// How long closing waits.
        "high-availability.zookeeper.client.max-close-wait": Duration;
        /// After which part of the session timeout the session counts as expired.
        "high-availability.zookeeper.client.simulated-session-expiration-percent": Integer in "percent";
    }
}
