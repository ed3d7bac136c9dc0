//! Options of what lets a cluster outlive its master.

use super::super::ConfigOption;

/// The cluster's name among others.
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

area! {
    "high-availability", "What lets a cluster outlive its master";
    options {
        CLUSTER_ID, STORAGE_DIR,
    }
    not yet {
        /// Whether a cluster outlives its master, and by whom.
        "high-availability.type": Choice["NONE", "ZOOKEEPER"] = "NONE" formerly "recovery.mode" | "high-availability";
        /// The port, list or range of ports of a master that can be replaced.
        "high-availability.jobmanager.port": Text = "0" formerly "recovery.jobmanager.port";
        /// The ZooKeeper servers, host:port, separated by commas.
        "high-availability.zookeeper.quorum": Text formerly "recovery.zookeeper.quorum";
        /// The node below which everything lies.
        "high-availability.zookeeper.path.root": Text = "/flink" formerly "recovery.zookeeper.path.root";
        /// The node of job graphs.
        "high-availability.zookeeper.path.jobgraphs": Text = "/jobgraphs" formerly "recovery.zookeeper.path.jobgraphs";
        /// Who may read and change the nodes.
        "high-availability.zookeeper.client.acl": Choice["open", "creator"] = "open";
        /// Credentials for ZooKeeper, by scheme.
        "high-availability.zookeeper.client.authorization": Map;
        /// How long connecting may take.
        "high-availability.zookeeper.client.connection-timeout": Duration = "15 s"
            formerly "recovery.zookeeper.client.connection-timeout";
        /// Whether changes of the servers are followed.
        "high-availability.zookeeper.client.ensemble-tracker": Boolean = "true";
        /// How long closing waits.
        "high-availability.zookeeper.client.max-close-wait": Duration;
        /// How often an operation is tried again.
        "high-availability.zookeeper.client.max-retry-attempts": Integer = "3"
            formerly "recovery.zookeeper.client.max-retry-attempts";
        /// The pause before it is.
        "high-availability.zookeeper.client.retry-wait": Duration = "5 s"
            formerly "recovery.zookeeper.client.retry-wait";
        /// After how long without contact a session has expired.
        "high-availability.zookeeper.client.session-timeout": Duration = "1 min"
            formerly "recovery.zookeeper.client.session-timeout";
        /// After which part of the session timeout the session counts as expired.
        "high-availability.zookeeper.client.simulated-session-expiration-percent": Integer in "percent";
        /// Whether a lost connection keeps the leader.
        "high-availability.zookeeper.client.tolerate-suspended-connections": Boolean = "false";
    }
}
