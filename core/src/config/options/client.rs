//! Options of the client.

use std::time::Duration;

use super::super::ConfigOption;

/// How often a client tells that it is there.
pub const HEARTBEAT_INTERVAL: ConfigOption<Duration> = ConfigOption::new(
    "client.heartbeat.interval",
    "How often a client tells that it is there, where its job ends with it (execution.shutdown-on-attached-exit).",
)
.with_default("30 s")
.at_least("1 ms");
/// For how long it then counts as being there.
pub const HEARTBEAT_TIMEOUT: ConfigOption<Duration> = ConfigOption::new(
    "client.heartbeat.timeout",
    "After how long without it the job is cancelled.",
)
.with_default("3 min")
.at_least("1 ms");

area! {
    "client", "The client";
    options {
        HEARTBEAT_INTERVAL, HEARTBEAT_TIMEOUT,
    }
    not yet {
        /// The pause before a client tries again.
        "client.retry-period": Duration = "2 s";
        /// How long a client waits for an answer.
        "client.timeout": Duration = "1 min" formerly "akka.client.timeout";
    }
}
