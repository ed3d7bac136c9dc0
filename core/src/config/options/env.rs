//! Options of processes and their logs.

use super::super::ConfigOption;
use crate::MemorySize;

/// The level of the log.
pub const LOG_LEVEL: ConfigOption<String> = ConfigOption::new(
    "env.log.level",
    "The level of the log: error, warn, info, debug or trace.",
)
.with_default("info");
/// How many log files are kept.
pub const LOG_MAX: ConfigOption<u32> =
    ConfigOption::new("env.log.max", "How many log files are kept when the log is rolled.")
        .with_default("10")
        .at_least("1");
/// When log files are rolled. Flink has this in its logging files.
pub const LOG_MAX_SIZE: ConfigOption<MemorySize> = ConfigOption::new(
    "selvedge.log.max-size",
    "How large a log file may become before it is rolled; lines are never cut.",
)
.with_default("100 mb");

/// The directory of logs outside of containers.
pub const LOG_DIR: ConfigOption<String> = ConfigOption::new(
    "env.log.dir",
    "The directory of logs outside of containers; without it, a process that is started by hand logs to standard error.",
);
/// The directory of the files that name processes.
pub const PID_DIR: ConfigOption<String> = ConfigOption::new(
    "env.pid.dir",
    "The directory of the files that name the processes that were started by hand.",
)
.with_default("/tmp");

area! {
    "env", "Processes and their logs";
    options {
        LOG_LEVEL, LOG_MAX, LOG_MAX_SIZE, LOG_DIR, PID_DIR,
    }
    not yet {
        /// The directory of the Hadoop configuration, where no variable names it.
        "env.hadoop.conf.dir": Text;
        /// The directory of YARN's configuration, where no variable names it.
        "env.yarn.conf.dir": Text;
        /// Whether a process outside of containers writes its output to a file.
        "env.stdout-err.redirect-to-file": Boolean = "false";
    }
}
