//! Options of the cluster, of deployment and of logging.

use std::time::Duration;

use super::super::ConfigOption;
use crate::MemorySize;

/// Where jobs run.
pub const TARGET: ConfigOption<String> =
    ConfigOption::new("execution.target", "Where jobs run: local or yarn-per-job.").with_default("local");
/// Whether the client waits for the job.
pub const ATTACHED: ConfigOption<bool> =
    ConfigOption::new("execution.attached", "Whether the client waits for the job's result.").with_default("true");
/// The parallelism of vertices that state none.
pub const PARALLELISM: ConfigOption<u32> =
    ConfigOption::new("parallelism.default", "The parallelism of vertices that state none.").with_default("1");
/// Whether operators are chained.
pub const OPERATOR_CHAINING: ConfigOption<bool> = ConfigOption::new(
    "pipeline.operator-chaining.enabled",
    "Whether the builder chains operators.",
)
.with_default("true")
.with_fallback_keys(&["pipeline.operator-chaining"]);
/// The deadline of calls between components.
pub const ASK_TIMEOUT: ConfigOption<Duration> =
    ConfigOption::new("pekko.ask.timeout", "How long a call to another component may take.")
        .with_default("10 s")
        .with_fallback_keys(&["akka.ask.timeout"]);
/// The level of the log.
pub const LOG_LEVEL: ConfigOption<String> = ConfigOption::new(
    "env.log.level",
    "The level of the log: error, warn, info, debug or trace.",
)
.with_default("info");
/// How many log files are kept.
pub const LOG_MAX: ConfigOption<u32> =
    ConfigOption::new("env.log.max", "How many log files are kept when the log is rolled.").with_default("10");
/// When log files are rolled.
pub const LOG_MAX_SIZE: ConfigOption<MemorySize> = ConfigOption::new(
    "env.log.max-size",
    "How large a log file may become before it is rolled; lines are never cut. Flink has this in its logging files.",
)
.with_default("100 mb");
/// How long a slot request may wait.
pub const SLOT_REQUEST_TIMEOUT: ConfigOption<Duration> = ConfigOption::new(
    "slot.request.timeout",
    "How long a job waits for the slots that it asked for.",
)
.with_default("5 min");
