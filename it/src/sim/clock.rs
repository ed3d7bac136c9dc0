//! The time of day of a simulated host: a fixed morning, and what has passed since.

use selvedge_runtime::clock::{Clock, Timestamp};
use tokio::time::Instant;

/// 2026-01-01.
const EPOCH: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// Follows the host's runtime, so that it is right on the threads of tasks too.
#[derive(Debug)]
pub(crate) struct SimulatedClock {
    started: Instant,
    at_start: Timestamp,
}

impl SimulatedClock {
    /// The clock of the host that runs now.
    pub(crate) fn of_this_host() -> Self {
        Self {
            started: Instant::now(),
            at_start: EPOCH + turmoil::sim_elapsed().unwrap_or_default(),
        }
    }
}

impl Clock for SimulatedClock {
    fn wall(&self) -> Timestamp {
        self.at_start + self.started.elapsed()
    }
}
