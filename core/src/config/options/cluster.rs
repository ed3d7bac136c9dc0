//! Options of the processes of a cluster. Those of neighbouring areas that master and client ask for are here too.

use super::super::ConfigOption;
pub use super::env::{LOG_LEVEL, LOG_MAX, LOG_MAX_SIZE};
pub use super::execution::{ATTACHED, SHUTDOWN_ON_ATTACHED_EXIT, TARGET};
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

area! {
    "cluster", "The processes of a cluster";
    options {
        EVENLY_SPREAD_OUT_SLOTS,
    }
    not yet {
        /// Threads for disk and network.
        "cluster.io-pool.size": Integer;
        /// Whether a process ends at once when it breaks.
        "cluster.processes.halt-on-fatal-error": Boolean = "false";
        /// The pause after a registration failed.
        "cluster.registration.error-delay": Duration = "10 s";
        /// How long the first registration may take.
        "cluster.registration.initial-timeout": Duration = "100 ms";
        /// How long a registration may take at most.
        "cluster.registration.max-timeout": Duration = "30 s";
        /// The pause after a registration was refused.
        "cluster.registration.refused-registration-delay": Duration = "30 s";
        /// How long ending the services may take.
        "cluster.services.shutdown-timeout": Duration = "30 s";
    }
}
