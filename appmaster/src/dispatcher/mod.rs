//! The Dispatcher: takes jobs, starts a JobMaster for each, stores how they end, and decides when the cluster ends. REST and
//! the entrypoint call it. The states of a job are drawn in `state.rs`, those of the cluster in `cluster_life.rs`.
//!
//! ```text
//! start:      results of ended jobs ─► cleaned up; stored graphs of others ─► run; then requests are answered
//! submission: check ─► take the artifacts ─► store the graph ─► start the JobMaster ─► answer
//! end:        archive for the history server ─► store the result, dirty ─► answer those who wait
//!             ─► keep for the pages ─► clean up ─► mark the result clean
//! ```

mod application;
mod cleanup;
mod client_watch;
mod cluster_life;
mod ending;
mod error;
mod queries;
mod recovery;
#[cfg(test)]
mod recovery_tests;
#[cfg(test)]
mod refusal_tests;
mod requirements;
#[cfg(test)]
mod requirements_tests;
mod service;
mod sparse;
mod state;
mod submission;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rand::rngs::StdRng;
use selvedge_core::job_graph::JobRequirements;
use selvedge_core::status::{ApplicationStatus, JobStatus};
use selvedge_core::{Configuration, JobGraph, JobId};
use selvedge_runtime::clock::Timestamp;
use selvedge_runtime::connector::GraphChecker;
use tokio::sync::{mpsc, oneshot};

pub(crate) use cleanup::{CleanupStrategy, JobResource, PersistedGraph};
pub use cluster_life::{ClusterEnd, DispatcherMode};
pub(crate) use cluster_life::{DRAIN_PATIENCE, end_of};
pub use error::DispatcherError;

use crate::jobmaster::{self, ArchivedExecutionGraph, JobMasters, JobResult};
use crate::life::Life;
use crate::metrics::ClusterGauges;
use crate::resourcemanager::MostSlots;
use crate::stores::{ArtifactStore, JobSummary, Stores, Uploads};
use service::Service;

/// How many requests may wait.
const REQUEST_QUEUE: usize = 256;

/// What the Dispatcher works with.
pub(crate) struct Environment {
    pub(crate) mode: DispatcherMode,
    pub(crate) checker: Arc<dyn GraphChecker>,
    /// Jobs that need more are refused.
    pub(crate) most_slots: MostSlots,
    pub(crate) job_masters: JobMasters,
    pub(crate) job_master: jobmaster::Environment,
    pub(crate) stores: Stores,
    /// What jobs bring along.
    pub(crate) artifacts: Arc<ArtifactStore>,
    /// Where workers fetch it.
    pub(crate) blob_server_port: u16,
    /// What is kept for jobs and goes with them.
    pub(crate) resources: Vec<Arc<dyn JobResource>>,
    pub(crate) cleanup: CleanupStrategy,
    /// How long the client of a job may stay silent; `None` where it may go.
    pub(crate) client_timeout: Option<Duration>,
    /// The settings, for the archive of ended jobs.
    pub(crate) configuration: Arc<Configuration>,
    pub(crate) rng: StdRng,
    /// Where the end of the cluster is told.
    pub(crate) end: oneshot::Sender<ClusterEnd>,
    /// Where it is told that the Dispatcher cannot go on.
    pub(crate) fatal: mpsc::Sender<String>,
    pub(crate) gauges: ClusterGauges,
}

/// Speaks to the Dispatcher; cheap to clone.
#[derive(Clone, Debug)]
pub struct DispatcherHandle {
    requests: mpsc::Sender<Request>,
    life: Life,
}

type Reply<T> = oneshot::Sender<T>;

#[derive(Debug)]
enum Request {
    Submit {
        job: Option<JobId>,
        graph: Box<JobGraph>,
        uploads: Uploads,
        reply: Reply<Result<JobId, DispatcherError>>,
    },
    BlobServerPort(Reply<u16>),
    Serves(Reply<bool>),
    Summaries(Reply<Vec<JobSummary>>),
    Job(JobId, Reply<Result<Arc<ArchivedExecutionGraph>, DispatcherError>>),
    Cancel(JobId, Reply<Result<(), DispatcherError>>),
    Requirements(JobId, Reply<Result<JobRequirements, DispatcherError>>),
    ChangeRequirements {
        job: JobId,
        requirements: JobRequirements,
        reply: Reply<Result<(), DispatcherError>>,
    },
    Result(JobId, Reply<Result<Option<JobResult>, DispatcherError>>),
    AwaitResult(JobId, Reply<Result<JobResult, DispatcherError>>),
    Fetched(JobId, Reply<()>),
    ClientHeartbeat {
        job: JobId,
        expiry: Timestamp,
        reply: Reply<()>,
    },
    SubmitFailed {
        job: JobId,
        name: String,
        cause: String,
        reply: Reply<Result<(), DispatcherError>>,
    },
    ApplicationEnded {
        end: ClusterEnd,
        stays: bool,
        reply: Reply<()>,
    },
    ShutDown {
        status: ApplicationStatus,
        diagnostics: String,
        reply: Reply<()>,
    },
}

/// How many jobs are in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JobsOverview {
    /// Those that have not ended.
    pub running: usize,
    /// FINISHED.
    pub finished: usize,
    /// CANCELED.
    pub cancelled: usize,
    /// FAILED.
    pub failed: usize,
}

pub(crate) fn start(environment: Environment) -> DispatcherHandle {
    let (requests, inbox) = mpsc::channel(REQUEST_QUEUE);
    let life = Life::default();
    // Ends when the last handle is dropped.
    life.spawn(Service::new(environment, inbox).run());
    DispatcherHandle { requests, life }
}

impl DispatcherHandle {
    /// That of a process that has never led: every call says that there is no Dispatcher.
    pub(crate) fn of_nobody() -> Self {
        let (requests, _) = mpsc::channel(1);
        Self {
            requests,
            life: Life::default(),
        }
    }

    /// The leadership has ended: nothing more is decided or noted. Its jobs are suspended by their JobMasters.
    pub(crate) async fn cut_off(&self) {
        self.life.cut_off().await;
    }

    /// Checks a graph, takes what it brings along from the paths that it names, stores it and starts its JobMaster; returns as
    /// soon as that runs. Without an id, the job gets a random one.
    ///
    /// # Errors
    /// [`DispatcherError`]; the job is not known then, unless it was before ([`DispatcherError::Duplicate`]).
    pub async fn submit_job(&self, job: Option<JobId>, graph: JobGraph) -> Result<JobId, DispatcherError> {
        self.submit_with_files(job, graph, BTreeMap::new()).await
    }

    /// The same with contents of artifacts, by their names: these are not read at their paths.
    ///
    /// # Errors
    /// As [`Self::submit_job`].
    pub async fn submit_with_files(
        &self,
        job: Option<JobId>,
        graph: JobGraph,
        uploads: BTreeMap<String, Bytes>,
    ) -> Result<JobId, DispatcherError> {
        let submission = |reply| Request::Submit {
            job,
            graph: Box::new(graph),
            uploads,
            reply,
        };
        self.call(submission).await?
    }

    /// Whether jobs are taken: not any more once the cluster has begun to end, or another master goes on.
    pub(crate) async fn serves(&self) -> Result<bool, DispatcherError> {
        self.call(Request::Serves).await
    }

    /// The port at which workers fetch what jobs bring along.
    pub async fn blob_server_port(&self) -> Result<u16, DispatcherError> {
        self.call(Request::BlobServerPort).await
    }

    /// All jobs, initialising, running and ended, in order of their ids.
    pub async fn summaries(&self) -> Result<Vec<JobSummary>, DispatcherError> {
        self.call(Request::Summaries).await
    }

    /// How many jobs are in which state.
    pub async fn overview(&self) -> Result<JobsOverview, DispatcherError> {
        let mut overview = JobsOverview::default();
        for job in self.summaries().await? {
            match job.status {
                JobStatus::Finished => overview.finished += 1,
                JobStatus::Canceled => overview.cancelled += 1,
                JobStatus::Failed => overview.failed += 1,
                _ => overview.running += 1,
            }
        }
        Ok(overview)
    }

    /// A job as it is now, or as it ended.
    pub async fn job(&self, job: JobId) -> Result<Arc<ArchivedExecutionGraph>, DispatcherError> {
        self.call(|reply| Request::Job(job, reply)).await?
    }

    /// Cancels a job; returns when that is decided, not when the job has ended. A job that is INITIALIZING is cancelled as
    /// soon as its JobMaster runs.
    pub async fn cancel(&self, job: JobId) -> Result<(), DispatcherError> {
        self.call(|reply| Request::Cancel(job, reply)).await?
    }

    /// Between which bounds the adaptive scheduler chooses the parallelism of a job that runs.
    pub async fn requirements(&self, job: JobId) -> Result<JobRequirements, DispatcherError> {
        self.call(|reply| Request::Requirements(job, reply)).await?
    }

    /// Changes them; returns when the change is kept for the next master and counts, not when the job is rescaled.
    pub async fn change_requirements(&self, job: JobId, requirements: JobRequirements) -> Result<(), DispatcherError> {
        let change = |reply| Request::ChangeRequirements {
            job,
            requirements,
            reply,
        };
        self.call(change).await?
    }

    /// The result of a job, once it is stored; `None` before.
    pub async fn result(&self, job: JobId) -> Result<Option<JobResult>, DispatcherError> {
        self.call(|reply| Request::Result(job, reply)).await?
    }

    /// Waits until a job has ended and its result is stored. Does not count as fetching the result.
    pub async fn await_result(&self, job: JobId) -> Result<JobResult, DispatcherError> {
        self.call(|reply| Request::AwaitResult(job, reply)).await?
    }

    /// A client has the result of a job: a per-job cluster may end.
    pub async fn result_fetched(&self, job: JobId) -> Result<(), DispatcherError> {
        self.call(|reply| Request::Fetched(job, reply)).await
    }

    /// The client of a job is there, and will be until then. What is not a running job is ignored.
    pub async fn client_heartbeat(&self, job: JobId, expiry: Timestamp) -> Result<(), DispatcherError> {
        self.call(|reply| Request::ClientHeartbeat { job, expiry, reply }).await
    }

    /// Takes a job that has FAILED before it was one, to be shown and archived.
    ///
    /// # Errors
    /// [`DispatcherError::Duplicate`].
    pub async fn submit_failed_job(&self, job: JobId, name: &str, cause: &str) -> Result<(), DispatcherError> {
        let (name, cause) = (name.to_owned(), cause.to_owned());
        self.call(|reply| Request::SubmitFailed {
            job,
            name,
            cause,
            reply,
        })
        .await?
    }

    /// The application has ended so: the cluster does too, after cancelling what still runs, unless it `stays`.
    pub async fn application_ended(&self, end: ClusterEnd, stays: bool) -> Result<(), DispatcherError> {
        self.call(|reply| Request::ApplicationEnded { end, stays, reply }).await
    }

    /// Cancels what runs and ends the cluster.
    pub async fn shut_down_cluster(
        &self,
        status: ApplicationStatus,
        diagnostics: String,
    ) -> Result<(), DispatcherError> {
        self.call(|reply| Request::ShutDown {
            status,
            diagnostics,
            reply,
        })
        .await
    }

    async fn call<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, DispatcherError> {
        let (reply, answer) = oneshot::channel();
        self.requests.try_send(request(reply)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => DispatcherError::Busy,
            mpsc::error::TrySendError::Closed(_) => DispatcherError::Gone,
        })?;
        answer.await.map_err(|_| DispatcherError::Gone)
    }
}
