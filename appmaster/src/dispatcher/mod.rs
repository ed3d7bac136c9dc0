//! The Dispatcher: takes jobs, starts a JobMaster for each, keeps those that have ended, and decides when the cluster ends.
//! REST and the entrypoint call it. Its states are drawn in `state.rs`.

mod error;
mod service;
mod state;

use std::sync::Arc;

use rand::rngs::StdRng;
use selvedge_core::status::ApplicationStatus;
use selvedge_core::{JobGraph, JobId};
use selvedge_runtime::connector::GraphChecker;
use tokio::sync::{mpsc, oneshot};

pub use error::DispatcherError;
pub(crate) use state::DRAIN_PATIENCE;
pub use state::{ClusterEnd, DispatcherMode};

use crate::jobmaster::{self, ExecutionGraph, JobMasters, JobResult};
use crate::metrics::ClusterGauges;
use service::Service;

/// How many requests may wait.
const REQUEST_QUEUE: usize = 256;

/// What the Dispatcher works with.
pub(crate) struct Environment {
    pub(crate) mode: DispatcherMode,
    pub(crate) checker: Arc<dyn GraphChecker>,
    pub(crate) job_masters: JobMasters,
    pub(crate) job_master: jobmaster::Environment,
    pub(crate) rng: StdRng,
    /// Where the end of the cluster is told.
    pub(crate) end: oneshot::Sender<ClusterEnd>,
    pub(crate) gauges: ClusterGauges,
}

/// Speaks to the Dispatcher; cheap to clone.
#[derive(Clone, Debug)]
pub struct DispatcherHandle {
    requests: mpsc::Sender<Request>,
}

type Reply<T> = oneshot::Sender<T>;

#[derive(Debug)]
enum Request {
    Submit {
        job: Option<JobId>,
        graph: JobGraph,
        reply: Reply<Result<JobId, DispatcherError>>,
    },
    Jobs(Reply<Vec<Arc<ExecutionGraph>>>),
    Job(JobId, Reply<Result<Arc<ExecutionGraph>, DispatcherError>>),
    Cancel(JobId, Reply<Result<(), DispatcherError>>),
    AwaitResult(JobId, Reply<Result<JobResult, DispatcherError>>),
    Fetched(JobId, Reply<()>),
    ShutDown {
        status: ApplicationStatus,
        diagnostics: String,
        reply: Reply<()>,
    },
}

pub(crate) fn start(environment: Environment) -> DispatcherHandle {
    let (requests, inbox) = mpsc::channel(REQUEST_QUEUE);
    // Ends when the last handle is dropped.
    tokio::spawn(Service::new(environment, inbox).run());
    DispatcherHandle { requests }
}

impl DispatcherHandle {
    /// Checks a graph and starts its JobMaster; returns as soon as that runs. Without an id, the job gets a random one.
    pub async fn submit_job(&self, job: Option<JobId>, graph: JobGraph) -> Result<JobId, DispatcherError> {
        self.call(|reply| Request::Submit { job, graph, reply }).await?
    }

    /// All jobs, running and ended, in order of their ids.
    pub async fn jobs(&self) -> Result<Vec<Arc<ExecutionGraph>>, DispatcherError> {
        self.call(Request::Jobs).await
    }

    /// A job as it is now, or as it ended.
    pub async fn job(&self, job: JobId) -> Result<Arc<ExecutionGraph>, DispatcherError> {
        self.call(|reply| Request::Job(job, reply)).await?
    }

    /// Cancels a job; returns when that is decided, not when the job has ended.
    pub async fn cancel(&self, job: JobId) -> Result<(), DispatcherError> {
        self.call(|reply| Request::Cancel(job, reply)).await?
    }

    /// The result of a job, `None` while it runs.
    pub async fn result(&self, job: JobId) -> Result<Option<JobResult>, DispatcherError> {
        Ok(JobResult::of(self.job(job).await?.as_ref()))
    }

    /// Waits until a job has ended. Does not count as fetching the result.
    pub async fn await_result(&self, job: JobId) -> Result<JobResult, DispatcherError> {
        self.call(|reply| Request::AwaitResult(job, reply)).await?
    }

    /// A client has the result of a job: a per-job cluster may end.
    pub async fn result_fetched(&self, job: JobId) -> Result<(), DispatcherError> {
        self.call(|reply| Request::Fetched(job, reply)).await
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
