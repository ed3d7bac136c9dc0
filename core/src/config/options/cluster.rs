//! Options of the processes of a cluster. Those of neighbouring areas that master and client ask for are here too.

use std::time::Duration;

use super::super::ConfigOption;

pub use super::env::{LOG_DIR, LOG_LEVEL, LOG_MAX, LOG_MAX_SIZE, PID_DIR};
pub use super::execution::{ATTACHED, TARGET};
pub use super::general::PARALLELISM;
pub use super::pekko::ASK_TIMEOUT;
pub use super::pipeline::OPERATOR_CHAINING;
pub use super::slot::SLOT_REQUEST_TIMEOUT;

/// Whether a master that breaks ends at once.
pub const HALT_ON_FATAL_ERROR: ConfigOption<bool> = ConfigOption::new(
    "cluster.processes.halt-on-fatal-error",
    "Whether a master that breaks ends at once, with exit code 2, in place of ending its services first.",
)
.with_default("false");
/// How long ending the services may take.
pub const SHUTDOWN_TIMEOUT: ConfigOption<Duration> = ConfigOption::new(
    "cluster.services.shutdown-timeout",
    "How long ending the services of a process may take before it is ended with exit code 124.",
)
.with_default("30 s");
/// What the processes of a cluster that nobody deploys present to each other.
pub const APPLICATION_SECRET: ConfigOption<String> = ConfigOption::new(
    "selvedge.application.secret",
    "What masters and workers that are started by hand present to each other: 64 hexadecimal digits. On YARN the client makes one.",
);

area! {
    "cluster", "The processes of a cluster";
    options {
        HALT_ON_FATAL_ERROR, SHUTDOWN_TIMEOUT, APPLICATION_SECRET,
    }
    not yet {
        /// Whether slots are spread over workers: taskmanager.load-balance.mode says it now.
        "cluster.evenly-spread-out-slots": Boolean = "false";
        /// Threads for disk and network.
        "cluster.io-pool.size": Integer;
        /// The pause after a registration failed.
        "cluster.registration.error-delay": Duration = "10 s";
        /// How long the first registration may take.
        "cluster.registration.initial-timeout": Duration = "100 ms";
        /// How long a registration may take at most.
        "cluster.registration.max-timeout": Duration = "30 s";
        /// The pause after a registration was refused.
        "cluster.registration.refused-registration-delay": Duration = "30 s";
    }
}
