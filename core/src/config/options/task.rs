//! Options of tasks.

use std::time::Duration;

use super::super::ConfigOption;

/// How long a cancelled task may take to end.
pub const TASK_CANCELLATION_TIMEOUT: ConfigOption<Duration> = ConfigOption::new(
    "task.cancellation.timeout",
    "How long a cancelled task may take to end before its worker is given up; 0 is for ever.",
)
.with_default("180 s");
/// How often a task that is being cancelled is told again.
pub const TASK_CANCELLATION_INTERVAL: ConfigOption<Duration> = ConfigOption::new(
    "task.cancellation.interval",
    "How often a task that is being cancelled is told again, and named in the log; 0 is never.",
)
.with_default("30 s")
.with_deprecated_keys(&["task.cancellation-interval"]);

area! {
    "task", "Tasks";
    options {
        TASK_CANCELLATION_TIMEOUT, TASK_CANCELLATION_INTERVAL,
    }
    not yet {
        /// How long timers of a cancelled task may run on.
        "task.cancellation.timers.timeout": Duration = "7500 ms" formerly "timerservice.exceptional.shutdown.timeout";
    }
}
