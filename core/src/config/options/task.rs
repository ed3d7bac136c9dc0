//! Options of tasks.

use std::time::Duration;

use super::super::ConfigOption;

/// How long a cancelled task may take to end.
pub const TASK_CANCELLATION_TIMEOUT: ConfigOption<Duration> = ConfigOption::new(
    "task.cancellation.timeout",
    "How long a cancelled task may take to end before its worker is given up.",
)
.with_default("180 s");

area! {
    "task", "Tasks";
    options {
        TASK_CANCELLATION_TIMEOUT,
    }
    not yet {
        /// How often a task that is being cancelled is asked again.
        "task.cancellation.interval": Duration = "30 s" formerly "task.cancellation-interval";
        /// How long timers of a cancelled task may run on.
        "task.cancellation.timers.timeout": Duration = "7500 ms" formerly "timerservice.exceptional.shutdown.timeout";
    }
}
