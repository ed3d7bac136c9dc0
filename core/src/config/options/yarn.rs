//! Options of the deployment on YARN.

use std::time::Duration;

use super::super::ConfigOption;

/// Environment variables of the master: `containerized.master.env.NAME`.
pub const MASTER_ENV_PREFIX: &str = "containerized.master.env.";
/// Environment variables of workers: `containerized.taskmanager.env.NAME`.
pub const TASKMANAGER_ENV_PREFIX: &str = "containerized.taskmanager.env.";
/// Hadoop properties: `flink.hadoop.KEY` becomes `KEY`.
pub const HADOOP_PREFIX: &str = "flink.hadoop.";
/// YARN properties: `flink.yarn.KEY` becomes `yarn.KEY`.
pub const YARN_PREFIX: &str = "flink.yarn.";

/// The application's name.
pub const APPLICATION_NAME: ConfigOption<String> =
    ConfigOption::new("yarn.application.name", "The name of the application on YARN.");
/// The queue.
pub const APPLICATION_QUEUE: ConfigOption<String> = ConfigOption::new(
    "yarn.application.queue",
    "The queue on YARN that the application goes to.",
);
/// The type under which YARN lists the application.
pub const APPLICATION_TYPE: ConfigOption<String> = ConfigOption::new(
    "yarn.application.type",
    "The type under which YARN lists the application.",
)
.with_default("Selvedge");
/// The application that a client talks to.
pub const APPLICATION_ID: ConfigOption<String> =
    ConfigOption::new("yarn.application.id", "The application that a client talks to.");
/// The priority of the application; -1 is the queue's default.
pub const APPLICATION_PRIORITY: ConfigOption<i32> = ConfigOption::new(
    "yarn.application.priority",
    "The priority of the application; -1 is the queue's default.",
)
.with_default("-1");
/// The node label on which the application runs.
pub const APPLICATION_NODE_LABEL: ConfigOption<String> = ConfigOption::new(
    "yarn.application.node-label",
    "The node label on which the application runs.",
);
/// How often YARN may start the master; not set is once without high availability.
pub const APPLICATION_ATTEMPTS: ConfigOption<u32> = ConfigOption::new(
    "yarn.application-attempts",
    "How often YARN may start the master; not set is once without high availability.",
)
.at_least("1");
/// For how many milliseconds a failed attempt counts; -1 is for ever.
pub const APPLICATION_ATTEMPT_FAILURES_VALIDITY_INTERVAL: ConfigOption<i64> = ConfigOption::new(
    "yarn.application-attempt-failures-validity-interval",
    "For how many milliseconds a failed attempt counts; -1 is for ever.",
)
.with_default("10000")
.with_unit("ms");
/// Tags of the application, separated by commas.
pub const TAGS: ConfigOption<String> =
    ConfigOption::new("yarn.tags", "Tags of the application, separated by commas.").with_default("");
/// Who may view the application.
pub const VIEW_ACLS: ConfigOption<String> = ConfigOption::new("yarn.view.acls", "Who may view the application.");
/// Who may modify the application.
pub const MODIFY_ACLS: ConfigOption<String> = ConfigOption::new("yarn.modify.acls", "Who may modify the application.");
/// Virtual cores of the master's container.
pub const APPMASTER_VCORES: ConfigOption<u32> =
    ConfigOption::new("yarn.appmaster.vcores", "Virtual cores of the master's container.")
        .with_default("1")
        .with_unit("vcores")
        .at_least("1");
/// Virtual cores of a worker's container; -1 is the number of slots.
pub const CONTAINERS_VCORES: ConfigOption<i32> = ConfigOption::new(
    "yarn.containers.vcores",
    "Virtual cores of a worker's container; -1 is the number of slots.",
)
.with_default("-1")
.with_unit("vcores")
.at_least("-1");
/// The node label of workers, instead of the application's.
pub const TASKMANAGER_NODE_LABEL: ConfigOption<String> = ConfigOption::new(
    "yarn.taskmanager.node-label",
    "The node label of workers, instead of the application's.",
);
/// The port, list or range of ports of the master's RPC server on YARN.
pub const APPLICATION_MASTER_PORT: ConfigOption<String> = ConfigOption::new(
    "yarn.application-master.port",
    "The port, list or range of ports of the master's RPC server on YARN.",
)
.with_default("0");
/// How often an idle master talks to the ResourceManager of YARN, in seconds.
pub const HEARTBEAT_INTERVAL_SECONDS: ConfigOption<u32> = ConfigOption::new(
    "yarn.heartbeat.interval",
    "How often an idle master talks to the ResourceManager of YARN, in seconds.",
)
.with_default("5")
.with_deprecated_keys(&["yarn.heartbeat-delay"])
.with_unit("seconds")
.at_least("1");
/// How often it does at least while containers are asked for.
pub const CONTAINER_REQUEST_HEARTBEAT_INTERVAL: ConfigOption<Duration> = ConfigOption::new(
    "yarn.heartbeat.container-request-interval",
    "How often it does at least while containers are asked for; soon after an ask it does more often.",
)
.with_default("500 ms");
/// Below which directory files are staged; not set is the user's home on the default file system.
pub const STAGING_DIRECTORY: ConfigOption<String> = ConfigOption::new(
    "yarn.staging-directory",
    "Below which directory files are staged; not set is the user's home on the default file system.",
);
/// Over which protocol the client reaches HDFS.
pub const STAGING_BY: ConfigOption<String> = ConfigOption::new(
    "selvedge.staging",
    "Over which protocol the client reaches HDFS: hdfs, or webhdfs where only HTTP is open.",
)
.with_default("hdfs")
.one_of(&["hdfs", "webhdfs"]);
/// The HttpFS or gateway of webhdfs.
pub const STAGING_ADDRESS: ConfigOption<String> = ConfigOption::new(
    "selvedge.staging.address",
    "The HttpFS or gateway of webhdfs, such as http://host:14000; not set is the NameNode's own web address.",
);
/// Replicas of staged files; -1 is the file system's default.
pub const FILE_REPLICATION: ConfigOption<i32> = ConfigOption::new(
    "yarn.file-replication",
    "Replicas of staged files; -1 is the file system's default.",
)
.with_default("-1")
.at_least("-1");
/// Files and directories that every container gets in its working directory, separated by semicolons.
pub const SHIP_FILES: ConfigOption<Vec<String>> = ConfigOption::new(
    "yarn.ship-files",
    "Files and directories that every container gets in its working directory, separated by semicolons.",
)
.with_deprecated_keys(&["yarn.ship-directories"]);
/// Archives that every container gets unpacked, in a directory of the archive's name, separated by semicolons.
pub const SHIP_ARCHIVES: ConfigOption<Vec<String>> = ConfigOption::new(
    "yarn.ship-archives",
    "Archives that every container gets unpacked, in a directory of the archive's name, separated by semicolons.",
);
/// A directory named usrlib on a shared file system, which every container gets.
pub const PROVIDED_USRLIB_DIR: ConfigOption<String> = ConfigOption::new(
    "yarn.provided.usrlib.dir",
    "A directory named usrlib on a shared file system, which every container gets.",
);
/// Directories where the binary is staged for all users, separated by semicolons.
pub const PROVIDED_LIB_DIRS: ConfigOption<Vec<String>> = ConfigOption::new(
    "yarn.provided.lib.dirs",
    "Directories where the binary is staged for all users, separated by semicolons: on a shared file system, or (file://) on \
     a disk that is the same on every node.",
);
/// Which logs YARN gathers while the application runs.
pub const ROLLED_LOGS_INCLUDE_PATTERN: ConfigOption<String> = ConfigOption::new(
    "yarn.rolled-logs.include-pattern",
    "Which logs YARN gathers while the application runs: a regular expression for their names, such as jobmanager.*.",
);
/// Which of those YARN leaves out.
pub const ROLLED_LOGS_EXCLUDE_PATTERN: ConfigOption<String> = ConfigOption::new(
    "yarn.rolled-logs.exclude-pattern",
    "Which logs YARN does not gather while the application runs: a regular expression for their names.",
);
/// In which directory the client keeps the id of the last session.
pub const PROPERTIES_FILE_LOCATION: ConfigOption<String> = ConfigOption::new(
    "yarn.properties-file.location",
    "In which directory the client keeps the id of the last session; not set is that for temporary files.",
);

area! {
    "yarn", "The deployment on YARN";
    options {
        APPLICATION_NAME, APPLICATION_QUEUE, APPLICATION_TYPE, APPLICATION_ID, APPLICATION_PRIORITY,
        APPLICATION_NODE_LABEL, APPLICATION_ATTEMPTS, APPLICATION_ATTEMPT_FAILURES_VALIDITY_INTERVAL, TAGS, VIEW_ACLS,
        MODIFY_ACLS, APPMASTER_VCORES, CONTAINERS_VCORES, TASKMANAGER_NODE_LABEL, APPLICATION_MASTER_PORT,
        HEARTBEAT_INTERVAL_SECONDS, CONTAINER_REQUEST_HEARTBEAT_INTERVAL, STAGING_DIRECTORY, FILE_REPLICATION,
        SHIP_FILES, SHIP_ARCHIVES, PROVIDED_LIB_DIRS, PROVIDED_USRLIB_DIR, PROPERTIES_FILE_LOCATION,
        ROLLED_LOGS_INCLUDE_PATTERN, ROLLED_LOGS_EXCLUDE_PATTERN, STAGING_BY, STAGING_ADDRESS,
    }
    families {
        /// Hadoop properties, without the prefix.
        "flink.hadoop.*": Text;
        /// YARN's properties: flink.yarn.X is yarn.X.
        "flink.yarn.*": Text;
    }
}
