//! Who leads, and where the leader is: leader election for masters, leader retrieval for workers, REST and tools.
//!
//! ```text
//! a process:  standby ──granted──► leader of a session ──revoked, connection lost, session too old──► standby
//!                                       └── publishes its addresses, which others retrieve
//! ```
//!
//! One election stands for all components of a master (Flink since 1.15): they lead together, under one
//! [`LeaderSessionId`], which is the fencing token of all that they say. Three kinds are built in:
//! `high-availability.type: NONE` ([`StandaloneHaServices`]: always leader), `ZOOKEEPER` ([`ZooKeeperHaServices`]), and
//! [`InMemoryEnsemble`] for simulations and tests, which grants and revokes on demand. A program adds its own by
//! [`HaServicesRegistry::with`].

mod error;
mod in_memory;
mod lease;
mod registry;
mod retrieval;
mod standalone;
#[cfg(test)]
mod tests;
mod zookeeper;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use selvedge_core::{JobId, LeaderSessionId};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

pub use error::HaError;
pub use in_memory::{InMemoryEnsemble, InMemoryHaServices};
pub use registry::{HaServicesFactory, HaServicesRegistry, HaStart};
pub use retrieval::LeaderRetrieval;
pub use standalone::StandaloneHaServices;
pub use zookeeper::{ZooKeeperHaServices, ZooKeeperSettings};

/// Who has an address of its own under the leadership of its process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LeaderComponent {
    /// Takes jobs.
    Dispatcher,
    /// Keeps slots and workers.
    ResourceManager,
    /// Answers clients.
    RestServer,
    /// Runs one job.
    JobMaster(JobId),
}

impl fmt::Display for LeaderComponent {
    /// The name of its node, which is Flink's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dispatcher => f.write_str("dispatcher"),
            Self::ResourceManager => f.write_str("resource_manager"),
            Self::RestServer => f.write_str("rest_server"),
            Self::JobMaster(job) => write!(f, "job-{job}"),
        }
    }
}

/// Where a leader is, and its fencing token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaderInformation {
    /// What calls to it must carry: the leadership of its process, or an id of its own, as each JobMaster has.
    pub session: LeaderSessionId,
    /// host:port.
    pub address: String,
}

/// How this process stands in the election.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leadership {
    /// Another process leads, or nobody knows who does.
    Standby,
    /// This process leads under this session.
    Leader(LeaderSessionId),
    /// The election cannot go on for this process, which should end.
    Broken(String),
}

impl Leadership {
    /// The session under which this process leads.
    pub const fn session(&self) -> Option<LeaderSessionId> {
        match self {
            Self::Leader(session) => Some(*session),
            Self::Standby | Self::Broken(_) => None,
        }
    }
}

/// This process's part in the election.
#[async_trait]
pub trait LeaderElection: Send + Sync + fmt::Debug + 'static {
    /// How this process stands, now and from now on. Two sessions may follow each other without a standby that is seen: who
    /// follows compares sessions.
    fn leadership(&self) -> watch::Receiver<Leadership>;

    /// Whether this process leads under this session at this moment. Asked before anything is written that outlives the
    /// process: it is false as soon as another leader may exist, be it noticed or not.
    fn has_leadership(&self, session: LeaderSessionId) -> bool;

    /// Tells everybody where a component of the leader is, and by which id its messages are fenced.
    ///
    /// # Errors
    /// [`HaError::NotLeader`] where the session is not, or no longer, that of the leader: nothing is published then.
    async fn publish_as(
        &self,
        session: LeaderSessionId,
        component: LeaderComponent,
        information: LeaderInformation,
    ) -> Result<(), HaError>;

    /// The same for a component that has no id of its own.
    ///
    /// # Errors
    /// As [`Self::publish_as`].
    async fn publish(
        &self,
        session: LeaderSessionId,
        component: LeaderComponent,
        address: &str,
    ) -> Result<(), HaError> {
        let address = address.to_owned();
        self.publish_as(session, component, LeaderInformation { session, address })
            .await
    }

    /// The component is gone, though its process leads on: a job that has ended.
    ///
    /// # Errors
    /// As [`Self::publish`].
    async fn withdraw(&self, session: LeaderSessionId, component: LeaderComponent) -> Result<(), HaError>;
}

/// What becomes of the data that masters leave for each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HaData {
    /// Another master goes on: this process failed, or was stopped from outside.
    Keep,
    /// The cluster has ended; nobody comes after.
    Delete,
}

/// Leader election and retrieval of one process.
#[async_trait]
pub trait HaServices: Send + Sync + fmt::Debug + 'static {
    /// Enters the election at the first call; every call gives the same part in it.
    fn election(&self) -> Arc<dyn LeaderElection>;

    /// Follows where a component's leader is.
    fn retrieval(&self, component: LeaderComponent) -> LeaderRetrieval;

    /// Whether leadership can be lost to another process.
    fn is_replaceable(&self) -> bool {
        true
    }

    /// Gives leadership up, so that the next leader need not wait, and ends.
    async fn close(&self, data: HaData);
}
