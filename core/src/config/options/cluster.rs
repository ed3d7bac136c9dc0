//! Options of the processes of a cluster. Those of neighbouring areas that master and client ask for are here too.

use std::time::Duration;

use super::super::ConfigOption;

pub use super::env::{LOG_DIR, LOG_LEVEL, LOG_MAX, LOG_MAX_SIZE, PID_DIR};
pub use super::execution::{
    ATTACHED, PROGRAM_TIMEOUT, SHUTDOWN_ON_APPLICATION_FINISH, SHUTDOWN_ON_ATTACHED_EXIT,
    SUBMIT_FAILED_JOB_ON_APPLICATION_ERROR, TARGET,
};
pub use super::general::PARALLELISM;
pub use super::pekko::ASK_TIMEOUT;
pub use super::pipeline::OPERATOR_CHAINING;
pub use super::slot::SLOT_REQUEST_TIMEOUT;

/// Whether slots are spread over workers.
pub const EVENLY_SPREAD_OUT_SLOTS: ConfigOption<bool> = ConfigOption::new(
    "cluster.evenly-spread-out-slots",
    "Whether slots are spread over workers where taskmanager.load-balance.mode is not set.",
)
.with_default("false");
/// How long the first registration may take.
pub const REGISTRATION_INITIAL_TIMEOUT: ConfigOption<Duration> = ConfigOption::new(
    "cluster.registration.initial-timeout",
    "How long a worker's first attempt to register may take; it doubles with each one that does.",
)
.with_default("100 ms")
.at_least("1 ms");
/// How long a registration may take at most.
pub const REGISTRATION_MAX_TIMEOUT: ConfigOption<Duration> = ConfigOption::new(
    "cluster.registration.max-timeout",
    "How long a worker's attempt to register may take at most.",
)
.with_default("30 s")
.at_least("1 ms");
/// The pause after a registration failed.
pub const REGISTRATION_ERROR_DELAY: ConfigOption<Duration> = ConfigOption::new(
    "cluster.registration.error-delay",
    "The pause after an attempt to register that failed.",
)
.with_default("10 s");
/// The pause after a registration was declined.
pub const REGISTRATION_REFUSED_DELAY: ConfigOption<Duration> = ConfigOption::new(
    "cluster.registration.refused-registration-delay",
    "The pause after an attempt to register that was declined for now.",
)
.with_default("30 s");
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
        EVENLY_SPREAD_OUT_SLOTS, HALT_ON_FATAL_ERROR, SHUTDOWN_TIMEOUT, APPLICATION_SECRET,
        REGISTRATION_INITIAL_TIMEOUT, REGISTRATION_MAX_TIMEOUT, REGISTRATION_ERROR_DELAY, REGISTRATION_REFUSED_DELAY,
    }
    not yet {
        /// Threads for disk and network.
        "cluster.io-pool.size": Integer;
    }
}
