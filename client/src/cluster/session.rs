//! Jobs in a cluster that is there already and goes on without them.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use selvedge_core::JobId;
use selvedge_core::status::ApplicationStatus;
use thiserror::Error;

use super::{
    ClientHeartbeat, ClusterClientError, ClusterDescriptor, ClusterHandle, ClusterPlace, DeployError, JobDeployment,
    JobObserver, JobResult, RestClusterClient,
};

/// A cluster that takes jobs.
#[async_trait]
pub trait SessionCluster: Debug + Send + Sync {
    /// What people know it by: the application's id, or its REST address.
    fn name(&self) -> String;

    /// The options with which a later command finds it.
    fn options(&self) -> String;

    /// Its REST endpoint.
    fn rest(&self) -> &RestClusterClient;

    /// Where it is; nothing of a session that is not on YARN.
    fn place(&self) -> ClusterPlace {
        ClusterPlace::default()
    }

    /// How it has ended, in words, where that is known without the REST endpoint; `None` while it lives.
    ///
    /// # Errors
    /// [`DeployError`] where nobody can be asked.
    async fn end(&self) -> Result<Option<String>, DeployError>;
}

/// A job that a session did not take.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SessionError {
    /// No way leads there.
    #[error(
        "{session} cannot be reached from here but through YARN's web proxy, which passes no submission: open a firewall for \
         its REST endpoint (start the session with a range of ports, such as -Drest.bind-port=50100-50200), or run this \
         command where the cluster is"
    )]
    OnlyProxied {
        /// The session.
        session: String,
    },
    /// Nobody answers there.
    #[error("{session} does not answer, so that the job was not submitted: is it there ({options})?")]
    Unreachable {
        /// The session.
        session: String,
        /// How it was named.
        options: String,
        /// What the network says.
        #[source]
        cause: ClusterClientError,
    },
    /// It refuses.
    #[error("{session} does not take the job")]
    Refused {
        /// The session.
        session: String,
        /// Why.
        #[source]
        cause: ClusterClientError,
    },
}

/// Deploys jobs to one session.
#[derive(Debug)]
pub struct SessionDescriptor {
    cluster: Arc<dyn SessionCluster>,
    heartbeat: Option<ClientHeartbeat>,
    /// What is sent with the job.
    files: BTreeMap<String, Bytes>,
    /// The job whose submission is not answered yet.
    submitting: Mutex<Option<JobId>>,
}

impl SessionDescriptor {
    /// Jobs end with this client where it is to send heartbeats.
    pub const fn new(cluster: Arc<dyn SessionCluster>, heartbeat: Option<ClientHeartbeat>) -> Self {
        Self {
            cluster,
            heartbeat,
            files: BTreeMap::new(),
            submitting: Mutex::new(None),
        }
    }

    /// The contents of files that the job brings along, by their names: the session does not read them at their paths.
    #[must_use]
    pub fn with_files(self, files: BTreeMap<String, Bytes>) -> Self {
        Self { files, ..self }
    }

    /// A job that the session has taken already, from whomever.
    pub fn job(&self, job: JobId) -> Box<dyn ClusterHandle> {
        Box::new(JobInSession {
            cluster: Arc::clone(&self.cluster),
            job,
            heartbeat: self.heartbeat,
        })
    }

    async fn submit(&self, job: &JobDeployment) -> Result<(), SessionError> {
        let (session, rest) = (self.cluster.name(), self.cluster.rest());
        if rest.is_proxied() {
            return Err(SessionError::OnlyProxied { session });
        }
        *self.submitting.lock() = Some(job.job_id);
        let submitted = match self.files.is_empty() {
            true => rest.submit(job.job_id, &job.graph).await,
            false => rest.submit_with_files(job.job_id, &job.graph, &self.files).await,
        };
        *self.submitting.lock() = None;
        submitted.map_err(|cause| match cause.is_unreachable() {
            true => SessionError::Unreachable {
                session,
                options: self.cluster.options(),
                cause,
            },
            false => SessionError::Refused { session, cause },
        })
    }
}

#[async_trait]
impl ClusterDescriptor for SessionDescriptor {
    async fn deploy_job(
        &self,
        job: JobDeployment,
        observer: &mut dyn JobObserver,
    ) -> Result<Box<dyn ClusterHandle>, DeployError> {
        self.submit(&job).await?;
        observer.note(&format!("job {} is taken by {}", job.job_id, self.cluster.name()));
        Ok(self.job(job.job_id))
    }

    /// The session may have taken the job whose answer nobody waited for.
    async fn abort(&self) {
        let submitting = self.submitting.lock().take();
        if let Some(job) = submitting
            && let Err(error) = self.cluster.rest().cancel(job).await
            && error.status() != Some(404)
        {
            tracing::error!(%job, %error, "the job may run: cancel it by hand");
        }
    }
}

/// A job in a session.
#[derive(Debug)]
struct JobInSession {
    cluster: Arc<dyn SessionCluster>,
    job: JobId,
    heartbeat: Option<ClientHeartbeat>,
}

#[async_trait]
impl ClusterHandle for JobInSession {
    /// The session is known; what is new is the job.
    fn id(&self) -> String {
        self.job.to_string()
    }

    fn rest(&self) -> &RestClusterClient {
        self.cluster.rest()
    }

    fn place(&self) -> ClusterPlace {
        self.cluster.place()
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn client_heartbeat(&self) -> Option<ClientHeartbeat> {
        self.heartbeat
    }

    async fn fate(&self) -> Result<Option<JobResult>, DeployError> {
        let end = self.cluster.end().await?;
        Ok(end.map(|end| JobResult {
            status: ApplicationStatus::Unknown,
            net_runtime: None,
            accumulators: BTreeMap::new(),
            failure: Some(format!("the session ended before the job's end was known: {end}")),
        }))
    }

    /// There is nothing to end that is this job's alone.
    async fn stop(&self) -> Result<(), DeployError> {
        Ok(())
    }

    async fn close(&self) -> Result<(), DeployError> {
        Ok(())
    }

    fn how_to_stop(&self) -> String {
        format!("to cancel it: selvedge cancel {} {}", self.cluster.options(), self.job)
    }
}
