//! Starting a cluster for a job and talking to it.
//!
//! ```text
//! ClusterDescriptor::deploy_job ─► ClusterHandle ─► RestClusterClient ─► the master's REST endpoint
//!      local: in this process           │  fate: how it ended, when REST does not answer
//!      yarn-per-job: on YARN            │  stop: at once; close: wait until all is given back
//!      SessionDescriptor ─ job in a SessionCluster that goes on without it: remote, yarn-session
//! ```
//!
//! Deployment differs by the descriptor only: [`follow`] watches, cancels and reports every job in the same way.

mod elected;
mod follow;
mod local;
mod remote;
mod rest;
mod run;
mod session;

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use selvedge_core::config::ConfigError;
use selvedge_core::config::options::{client, cluster};
use selvedge_core::status::ApplicationStatus;
use selvedge_core::{Configuration, JobGraph, JobId};
use selvedge_runtime::outcome::JobOutcome;
use yarn_common::id::ApplicationId;

pub use elected::{ElectedError, ElectedSession};
pub(crate) use follow::beat;
pub use follow::{FollowError, JobObserver, follow};
pub use local::{LocalDescriptor, LocalError, LocalSession};
pub use remote::RemoteSession;
pub use rest::{
    ClusterClientError, JobDetails, JobOverview, ProxyRoute, RestClusterClient, TaskCounts, VertexDetails,
    VertexMetrics,
};
pub use run::{RunError, run_locally};
pub use session::{SessionCluster, SessionDescriptor, SessionError};

/// A job that is to be deployed.
#[derive(Debug, Clone)]
pub struct JobDeployment {
    /// The graph, checked, with a schema on every edge.
    pub graph: JobGraph,
    /// Its id, made by the client.
    pub job_id: JobId,
    /// Whether nobody will wait for its result.
    pub detached: bool,
}

/// How a client tells that it is there, where its job ends with it (`execution.shutdown-on-attached-exit`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientHeartbeat {
    /// How often.
    pub interval: Duration,
    /// For how long it then counts as being there.
    pub timeout: Duration,
}

impl ClientHeartbeat {
    /// Reads `execution.shutdown-on-attached-exit` and `client.heartbeat.*`; `None` where the job goes on without its client.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn read(configuration: &Configuration) -> Result<Option<Self>, ConfigError> {
        let attached = configuration.get(&cluster::ATTACHED)?;
        if !attached || !configuration.get(&cluster::SHUTDOWN_ON_ATTACHED_EXIT)? {
            return Ok(None);
        }
        Ok(Some(Self {
            interval: configuration.get(&client::HEARTBEAT_INTERVAL)?,
            timeout: configuration.get(&client::HEARTBEAT_TIMEOUT)?,
        }))
    }
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobResult {
    /// With which status.
    pub status: ApplicationStatus,
    /// How long it ran, where the master said.
    pub net_runtime: Option<Duration>,
    /// Counts by operators, under `<operator id>.<name>`.
    pub accumulators: BTreeMap<String, i64>,
    /// Why it failed.
    pub failure: Option<String>,
}

impl From<JobOutcome> for JobResult {
    fn from(outcome: JobOutcome) -> Self {
        Self {
            status: outcome.status.into(),
            net_runtime: Some(Duration::from_millis(outcome.net_runtime_ms)),
            accumulators: outcome.accumulators,
            failure: outcome.cause,
        }
    }
}

/// Where a cluster can be looked for from outside of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClusterPlace {
    /// Its application on YARN, where it is one.
    pub application: Option<ApplicationId>,
    /// Where a browser finds it, where YARN says so.
    pub tracking_url: Option<String>,
}

/// A cluster or a job that could not be started, with what was tried and the remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeployError {
    /// In this process.
    #[error(transparent)]
    Local(#[from] LocalError),
    /// In a cluster that is there already.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// On YARN.
    #[error(transparent)]
    Yarn(#[from] crate::yarn::YarnError),
}

/// Where jobs can be deployed.
#[async_trait]
pub trait ClusterDescriptor: Send + Sync {
    /// Starts a cluster for this one job; returns when its REST endpoint can be asked. `observer` hears of each step.
    ///
    /// # Errors
    /// [`DeployError`]; nothing is left behind then.
    async fn deploy_job(
        &self,
        job: JobDeployment,
        observer: &mut dyn JobObserver,
    ) -> Result<Box<dyn ClusterHandle>, DeployError>;

    /// Takes back what a [`deploy_job`](Self::deploy_job) has started whose future was dropped before its end.
    async fn abort(&self);
}

/// The cluster that runs a job.
#[async_trait]
pub trait ClusterHandle: Send + Sync {
    /// What people and scripts know it by: the application's id on YARN; the job's where the cluster is shared.
    fn id(&self) -> String;

    /// Its REST endpoint.
    fn rest(&self) -> &RestClusterClient;

    /// Where it is; nothing of a cluster that is not on YARN.
    fn place(&self) -> ClusterPlace {
        ClusterPlace::default()
    }

    /// Whether it goes on without this job, with those of others.
    fn is_shared(&self) -> bool {
        false
    }

    /// How this client has to tell that it is there; `None` where the job goes on without it.
    fn client_heartbeat(&self) -> Option<ClientHeartbeat> {
        None
    }

    /// How the job ended, where that is known without the REST endpoint; `None` while the cluster lives.
    ///
    /// # Errors
    /// [`DeployError`] where nobody can be asked.
    async fn fate(&self) -> Result<Option<JobResult>, DeployError>;

    /// Ends the cluster at once, whatever its job does; not one that is shared.
    ///
    /// # Errors
    /// [`DeployError`].
    async fn stop(&self) -> Result<(), DeployError>;

    /// Waits until everything that the cluster used is given back, after its job has ended.
    ///
    /// # Errors
    /// [`DeployError`].
    async fn close(&self) -> Result<(), DeployError>;

    /// How a person stops the cluster later, when this process is gone.
    fn how_to_stop(&self) -> String;
}
