//! A session whose masters replace each other: where the present one is, high availability tells.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use selvedge_core::Configuration;
use selvedge_core::config::ConfigError;
use selvedge_core::config::options::{cluster, high_availability};
use selvedge_runtime::ha::{HaError, HaServices, HaStart, LeaderComponent, LeaderRetrieval};
use thiserror::Error;
use tokio::time::Instant;

use super::{ClusterClientError, DeployError, RestClusterClient, SessionCluster};
use crate::composition;

/// A new leader is there when the last one's session has ended; Flink's clients wait as long.
const PATIENCE: Duration = Duration::from_secs(60);
/// Before a leader that does not answer is asked again.
const PAUSE: Duration = Duration::from_millis(250);

/// The leader of a session cannot be found.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ElectedError {
    /// A setting.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Who keeps the election cannot be asked.
    #[error("where the cluster's leader is cannot be asked")]
    Services(#[from] HaError),
    /// Nobody leads.
    #[error(
        "nobody leads the cluster '{cluster}' within {} s: is a master running, and is {} its own? -m HOST:PORT goes to a REST \
         endpoint without looking for the leader",
        PATIENCE.as_secs(),
        high_availability::CLUSTER_ID.key()
    )]
    NoLeader {
        /// The cluster's id.
        cluster: String,
    },
    /// TLS or the like.
    #[error(transparent)]
    Client(#[from] ClusterClientError),
}

/// A session at the address of its leader.
#[derive(Debug)]
pub struct ElectedSession {
    cluster: String,
    rest: RestClusterClient,
    leader: LeaderRetrieval,
    _services: Arc<dyn HaServices>,
}

impl ElectedSession {
    /// Waits until somebody leads the cluster that the settings name.
    ///
    /// # Errors
    /// [`ElectedError`].
    pub async fn find(configuration: &Configuration) -> Result<Self, ElectedError> {
        let cluster = configuration.get(&high_availability::CLUSTER_ID)?;
        let start = HaStart {
            configuration,
            seed: rand::random(),
            resource_manager: None,
        };
        let services = composition::high_availability().create(start).await?;
        let leader = services.retrieval(LeaderComponent::RestServer);
        let Some(found) = leader.found(PATIENCE).await else {
            return Err(ElectedError::NoLeader { cluster });
        };
        let rest = RestClusterClient::direct(&found.address)?;
        until_answered(&rest, &leader).await;
        Ok(Self {
            rest,
            cluster,
            leader,
            _services: services,
        })
    }
}

/// The node of a leader that has died is there as long as its session: waits for the next one. What does not come then is
/// told by the first question.
async fn until_answered(rest: &RestClusterClient, leader: &LeaderRetrieval) {
    let begun = Instant::now();
    while let Err(error) = rest.version().await
        && (error.is_unreachable() || error.status() == Some(503))
        && begun.elapsed() < PATIENCE
    {
        tokio::time::sleep(PAUSE).await;
        if let Some(leader) = leader.current() {
            rest.point_to(&leader.address);
        }
    }
}

#[async_trait]
impl SessionCluster for ElectedSession {
    fn name(&self) -> String {
        format!("the cluster {}", self.cluster)
    }

    fn options(&self) -> String {
        let id = high_availability::CLUSTER_ID.key();
        format!("-D{}=remote -D{id}={}", cluster::TARGET.key(), self.cluster)
    }

    fn rest(&self) -> &RestClusterClient {
        &self.rest
    }

    /// Nobody but its masters knows; the next one may be elsewhere.
    async fn end(&self) -> Result<Option<String>, DeployError> {
        if let Some(leader) = self.leader.current() {
            self.rest.point_to(&leader.address);
        }
        Ok(None)
    }
}
