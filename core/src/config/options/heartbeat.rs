//! Options of heartbeats.

use std::time::Duration;

use super::super::ConfigOption;

/// How often.
pub const INTERVAL: ConfigOption<Duration> = ConfigOption::new(
    "heartbeat.interval",
    "How often the master asks its workers whether they are alive.",
)
.with_default("10 s")
.at_least("1 ms");
/// How long without an answer.
pub const TIMEOUT: ConfigOption<Duration> = ConfigOption::new(
    "heartbeat.timeout",
    "After how long without an answer a worker is given up.",
)
.with_default("50 s")
.at_least("1 ms");
/// How many calls in a row may fail.
pub const RPC_FAILURE_THRESHOLD: ConfigOption<i32> = ConfigOption::new(
    "heartbeat.rpc-failure-threshold",
    "After how many failed calls in a row a worker is given up early; -1 never.",
)
.with_default("2")
.at_least("-1");

area! {
    "heartbeat", "How processes watch each other";
    options {
        INTERVAL, TIMEOUT, RPC_FAILURE_THRESHOLD,
    }
}
