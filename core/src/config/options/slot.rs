//! Options of the slots of a job.

use std::time::Duration;

use super::super::ConfigOption;

/// How long a slot request may wait.
pub const SLOT_REQUEST_TIMEOUT: ConfigOption<Duration> = ConfigOption::new(
    "slot.request.timeout",
    "How long a job waits for the slots that it asked for.",
)
.with_default("5 min");

/// How long an unused slot is kept.
pub const SLOT_IDLE_TIMEOUT: ConfigOption<Duration> =
    ConfigOption::new("slot.idle.timeout", "How long a job keeps a slot that it does not use.").with_default("50 s");

area! {
    "slot", "Slots of a job";
    options {
        SLOT_REQUEST_TIMEOUT, SLOT_IDLE_TIMEOUT,
    }
}
