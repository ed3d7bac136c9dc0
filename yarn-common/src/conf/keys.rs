//! The properties that this crate reads, with Hadoop's defaults.

/// Declares a key with its default as documented constants.
macro_rules! keys {
    ($($(#[$doc:meta])* $name:ident = $key:literal $(, default $default:literal)?;)*) => {
        $($(#[$doc])* pub const $name: &str = $key;)*

        /// Hadoop's own default of `key`, for the properties of this module that have one.
        pub fn default_value(key: &str) -> Option<&'static str> {
            match key {
                $($($key => Some($default),)?)*
                _ => None,
            }
        }
    };
}

keys! {
    /// The default file system, a URI. Default `file:///`.
    DEFAULT_FS = "fs.defaultFS", default "file:///";
    /// Base of other temporary directories. Default `/tmp/hadoop-${user.name}`.
    HADOOP_TMP_DIR = "hadoop.tmp.dir", default "/tmp/hadoop-${user.name}";
    /// `simple` or `kerberos`. Default `simple`.
    AUTHENTICATION = "hadoop.security.authentication", default "simple";
    /// SASL quality of protection of Hadoop IPC: a list of `authentication`, `integrity`, `privacy`.
    RPC_PROTECTION = "hadoop.rpc.protection", default "authentication";
    /// The umask of files that a client creates, octal. Default `022`.
    UMASK = "fs.permissions.umask-mode", default "022";
    /// Whether the service of a token is an IP address. Default `true`.
    TOKEN_SERVICE_USE_IP = "hadoop.security.token.service.use_ip", default "true";
    /// Copies of each HDFS block. Default `3`.
    DFS_REPLICATION = "dfs.replication", default "3";
    /// The logical names of HDFS clusters, with commas.
    NAMESERVICES = "dfs.nameservices";
    /// With a nameservice behind a dot: the ids of its NameNodes, with commas.
    HA_NAMENODES = "dfs.ha.namenodes";
    /// Where a NameNode serves clients (IPC); with nameservice and id behind dots in high availability.
    NAMENODE_RPC_ADDRESS = "dfs.namenode.rpc-address";
    /// Where a NameNode serves HTTP; with nameservice and id behind dots in high availability.
    NAMENODE_HTTP_ADDRESS = "dfs.namenode.http-address";
    /// Where a NameNode serves HTTPS; with nameservice and id behind dots in high availability.
    NAMENODE_HTTPS_ADDRESS = "dfs.namenode.https-address";
    /// `HTTP_ONLY`, `HTTPS_ONLY` or `HTTP_AND_HTTPS`: what HDFS's daemons speak. Default `HTTP_ONLY`.
    DFS_HTTP_POLICY = "dfs.http.policy", default "HTTP_ONLY";
    /// `HTTP_ONLY` or `HTTPS_ONLY`: what YARN's daemons speak. Default `HTTP_ONLY`.
    YARN_HTTP_POLICY = "yarn.http.policy", default "HTTP_ONLY";
    /// The host of the ResourceManager, from which its addresses derive. Default `0.0.0.0`: not configured.
    RM_HOSTNAME = "yarn.resourcemanager.hostname", default "0.0.0.0";
    /// Where the ResourceManager serves HTTP; else the host name and port 8088.
    RM_WEBAPP_ADDRESS = "yarn.resourcemanager.webapp.address";
    /// Where the ResourceManager serves HTTPS; else the host name and port 8090.
    RM_WEBAPP_HTTPS_ADDRESS = "yarn.resourcemanager.webapp.https.address";
    /// Where the ResourceManager serves clients (IPC); else the host name and port 8032.
    RM_ADDRESS = "yarn.resourcemanager.address";
    /// Where the ResourceManager serves ApplicationMasters (IPC); else the host name and port 8030.
    RM_SCHEDULER_ADDRESS = "yarn.resourcemanager.scheduler.address";
    /// Whether there are several ResourceManagers. Default `false`.
    RM_HA_ENABLED = "yarn.resourcemanager.ha.enabled", default "false";
    /// The ids of the ResourceManagers, with commas.
    RM_HA_IDS = "yarn.resourcemanager.ha.rm-ids";
    /// The name of the cluster.
    RM_CLUSTER_ID = "yarn.resourcemanager.cluster-id";
    /// How often an application may be attempted at most. Default `2`.
    RM_AM_MAX_ATTEMPTS = "yarn.resourcemanager.am.max-attempts", default "2";
    /// For how long a client tries to reach a ResourceManager, in milliseconds; -1 for ever. Default `900000`.
    RM_CONNECT_MAX_WAIT = "yarn.resourcemanager.connect.max-wait.ms", default "900000";
    /// How long a client waits between tries, in milliseconds. Default `30000`.
    RM_CONNECT_RETRY_INTERVAL = "yarn.resourcemanager.connect.retry-interval.ms", default "30000";
    /// For how long a client tries to reach a NodeManager, in milliseconds; -1 for ever. Default `180000`.
    NM_CONNECT_MAX_WAIT = "yarn.client.nodemanager-connect.max-wait-ms", default "180000";
    /// How long a client waits between tries, in milliseconds. Default `10000`.
    NM_CONNECT_RETRY_INTERVAL = "yarn.client.nodemanager-connect.retry-interval-ms", default "10000";
    /// After how long a silent ApplicationMaster is given up, in milliseconds. Default `600000`.
    AM_EXPIRY_INTERVAL = "yarn.am.liveness-monitor.expiry-interval-ms", default "600000";
    /// The unit of container memory in MiB: requests are rounded up to it. Default `1024`.
    MINIMUM_ALLOCATION_MB = "yarn.scheduler.minimum-allocation-mb", default "1024";
    /// The unit of container cores. Default `1`.
    MINIMUM_ALLOCATION_VCORES = "yarn.scheduler.minimum-allocation-vcores", default "1";
    /// The largest container memory in MiB. Default `8192`.
    MAXIMUM_ALLOCATION_MB = "yarn.scheduler.maximum-allocation-mb", default "8192";
    /// The largest number of container cores. Default `4`.
    MAXIMUM_ALLOCATION_VCORES = "yarn.scheduler.maximum-allocation-vcores", default "4";
    /// Whether applications may be submitted over REST. Default `true`.
    REST_SUBMISSION_ENABLED = "yarn.webapp.enable-rest-app-submissions", default "true";
    /// Whether logs are gathered after an application. Default `false`.
    LOG_AGGREGATION_ENABLED = "yarn.log-aggregation-enable", default "false";
}
