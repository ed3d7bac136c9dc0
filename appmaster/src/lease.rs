//! One leadership of this process: whoever does what outlives the process asks first whether it still holds.

use std::sync::Arc;

use selvedge_core::LeaderSessionId;
use selvedge_runtime::ha::LeaderElection;

/// A leadership, as long as it lasts; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Lease {
    election: Arc<dyn LeaderElection>,
    session: LeaderSessionId,
}

impl Lease {
    pub(crate) fn new(election: Arc<dyn LeaderElection>, session: LeaderSessionId) -> Self {
        Self { election, session }
    }

    pub(crate) const fn session(&self) -> LeaderSessionId {
        self.session
    }

    /// Whether this process still leads under it.
    pub(crate) fn holds(&self) -> bool {
        self.election.has_leadership(self.session)
    }
}
