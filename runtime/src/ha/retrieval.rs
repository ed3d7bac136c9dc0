//! Following a leader's address.

use std::sync::Arc;
use std::time::Duration;

use selvedge_core::LeaderSessionId;
use tokio::sync::watch;

use super::LeaderInformation;

/// Where a leader is, now and from now on; cheap to clone. What feeds it ends when the last clone is dropped.
#[derive(Debug, Clone)]
pub struct LeaderRetrieval {
    leader: watch::Receiver<Option<LeaderInformation>>,
    /// Kept so that a fixed address is not taken for a source that has ended.
    _fixed: Option<Arc<watch::Sender<Option<LeaderInformation>>>>,
}

impl LeaderRetrieval {
    /// The session of a leader whose address was configured: who reaches it learns its real one from its answer. Flink's
    /// `DEFAULT_LEADER_ID`.
    pub const UNKNOWN_SESSION: LeaderSessionId = LeaderSessionId::from_bytes([0; 16]);

    /// A leader that is always at this address, host:port.
    pub fn fixed(address: impl Into<String>) -> Self {
        let (sender, leader) = watch::channel(Some(LeaderInformation {
            session: Self::UNKNOWN_SESSION,
            address: address.into(),
        }));
        Self {
            leader,
            _fixed: Some(Arc::new(sender)),
        }
    }

    /// What the sender tells; for services of high availability.
    pub const fn of(leader: watch::Receiver<Option<LeaderInformation>>) -> Self {
        Self { leader, _fixed: None }
    }

    /// The leader as it is known now.
    pub fn current(&self) -> Option<LeaderInformation> {
        self.leader.borrow().clone()
    }

    /// Waits for another leader, or for none. Never returns where nothing can change any more.
    pub async fn changed(&mut self) -> Option<LeaderInformation> {
        if self.leader.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        self.leader.borrow_and_update().clone()
    }

    /// Waits until a leader is known, at most so long.
    pub async fn found(&self, bound: Duration) -> Option<LeaderInformation> {
        let mut leader = self.leader.clone();
        let found = tokio::time::timeout(bound, leader.wait_for(Option::is_some)).await;
        found.ok()?.ok()?.clone()
    }
}
