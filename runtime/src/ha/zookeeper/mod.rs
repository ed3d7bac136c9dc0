//! `high-availability.type: ZOOKEEPER`: an election by a latch for the whole process, in Flink's layout.
//!
//! ```text
//! <path.root>/<cluster-id>/leader/latch/_c_<uuid>-latch-NNNNNNNNNN      ephemeral: the contenders; the first one leads
//!                                 dispatcher/connection_info            ephemeral: where the leader is, and its session
//!                                 resource_manager/connection_info
//!                                 rest_server/connection_info
//!                                 job-<jobid>/connection_info
//! ```
//!
//! Every write of a leader is one transaction with a check that its latch node is still there, so that a leader that has been
//! replaced without knowing it changes nothing. Besides, a leader that has had no answer for one session time-out steps down
//! by its own clock (`lease.rs`), since then another may lead.

mod election;
mod information;
mod retrieval;
mod session;
mod settings;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use zookeeper_client::{Client, Error};

pub use settings::ZooKeeperSettings;

use super::{HaData, HaError, HaServices, LeaderComponent, LeaderElection, LeaderRetrieval};
use election::Election;
use session::Sessions;

/// How long closing may wait for ZooKeeper; without it the session time-out does the rest.
const CLOSE_PATIENCE: Duration = Duration::from_secs(3);

/// Leader election and retrieval by ZooKeeper.
#[derive(Debug)]
pub struct ZooKeeperHaServices {
    settings: ZooKeeperSettings,
    seed: u64,
    sessions: Sessions,
    keeper: JoinHandle<()>,
    election: OnceLock<Arc<Election>>,
}

impl ZooKeeperHaServices {
    /// Connects. Sessions of leadership are drawn from a generator with this seed.
    ///
    /// # Errors
    /// [`HaError::Connect`] where ZooKeeper cannot be reached.
    pub async fn connect(settings: ZooKeeperSettings, seed: u64) -> Result<Self, HaError> {
        let first = session::first(&settings).await?;
        let (sender, sessions) = watch::channel(Some(first));
        // Ends by `close`.
        let keeper = tokio::spawn(session::keep(settings.clone(), sender));
        Ok(Self {
            settings,
            seed,
            sessions,
            keeper,
            election: OnceLock::new(),
        })
    }

    async fn delete_data(&self) -> Result<(), Error> {
        let client = self.sessions.borrow().clone();
        let Some(client) = client else {
            return Err(Error::ConnectionLoss);
        };
        delete_tree(&client, self.settings.cluster_path()).await
    }
}

#[async_trait]
impl HaServices for ZooKeeperHaServices {
    fn election(&self) -> Arc<dyn LeaderElection> {
        let enter = || Election::enter(self.settings.clone(), self.seed, self.sessions.clone());
        self.election.get_or_init(enter).clone()
    }

    fn retrieval(&self, component: LeaderComponent) -> LeaderRetrieval {
        retrieval::follow(&self.settings, component, self.sessions.clone())
    }

    async fn close(&self, data: HaData) {
        let closing = async {
            if let Some(election) = self.election.get() {
                election.leave().await;
            }
            match data {
                HaData::Keep => Ok(()),
                HaData::Delete => self.delete_data().await,
            }
        };
        match tokio::time::timeout(CLOSE_PATIENCE, closing).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!("data is left in ZooKeeper at {}: {error}", self.settings.cluster_path()),
            Err(_) => tracing::warn!("ZooKeeper was not told within {CLOSE_PATIENCE:?} that this process ends"),
        }
        // With its sender go all clients, and so the session.
        self.keeper.abort();
    }
}

impl Drop for ZooKeeperHaServices {
    fn drop(&mut self) {
        if let Some(election) = self.election.get() {
            election.abandon();
        }
        self.keeper.abort();
    }
}

/// Deletes a node and all below it, children first. What others add meanwhile stays, with its parents.
async fn delete_tree(client: &Client, root: String) -> Result<(), Error> {
    let mut found = vec![root];
    let mut at = 0;
    while let Some(path) = found.get(at).cloned() {
        match client.list_children(&path).await {
            Ok(children) => found.extend(children.into_iter().map(|child| format!("{path}/{child}"))),
            Err(Error::NoNode) => {}
            Err(error) => return Err(error),
        }
        at += 1;
    }
    for path in found.into_iter().rev() {
        match client.delete(&path, None).await {
            Ok(()) | Err(Error::NoNode | Error::NotEmpty) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
