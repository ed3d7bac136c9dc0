//! The JobMaster: one for each job. Takes slots, deploys tasks, follows their states, commits the output.
//!
//! The Dispatcher starts it and is told its outcome; workers call it through [`JobMasters`]; the ResourceManager gives it
//! slots and says when workers are gone. Its states are drawn in `state.rs`.

mod adaptive;
mod connectors;
mod deploying;
mod deployment;
pub mod error;
pub mod execution_graph;
mod failover;
#[cfg(test)]
mod failover_tests;
mod failure_labels;
#[cfg(test)]
mod failure_type_tests;
mod gateway;
mod ledger;
mod plugins;
pub mod probe;
#[cfg(test)]
mod refusal_tests;
mod regions;
mod registration;
mod releasing;
#[cfg(test)]
mod releasing_tests;
mod requests;
mod requirements;
mod restart_strategy;
mod result;
mod root_cause;
mod scheduler;
mod service;
mod shuffle;
mod slot_pool;
mod slot_sharing;
mod splits;
mod state;
mod status_listener;
mod steps;
mod task_events;
#[cfg(test)]
mod tests;
mod waiting;
mod workers;

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};

use futures::FutureExt;
use selvedge_core::job_graph::JobRequirements;
use selvedge_core::{AllocationId, ExecutionAttemptId, JobGraph, JobId, LeaderSessionId, OperatorId, ResourceId};
use selvedge_runtime::clock::Clock;
use selvedge_runtime::connector::{Connectors, InputSplit};
use selvedge_runtime::gateway::proto::{RegisterTaskManagerRequest, RegisterTaskManagerResponse};
use selvedge_runtime::gateway::{GatewayError, GatewayResult};
use selvedge_runtime::metrics::MetricGroup;
use tokio::sync::{mpsc, oneshot};

pub use adaptive::{AdaptiveSettings, refuse_reactive};
pub use error::JobMasterError;
pub use execution_graph::{ArchivedExecutionGraph, ExecutionGraph};
pub use failure_labels::{FailureEnricher, TypeEnricher};
pub use gateway::JobMasters;
pub(crate) use gateway::RunningJobs;
pub(crate) use plugins::ActivePlugins;
pub use plugins::JobMasterPlugins;
pub use restart_strategy::RestartSettings;
pub use result::JobResult;
pub use root_cause::{Failure, FailureKind, FailureOrigin};
pub use scheduler::SchedulerKind;
pub use shuffle::{Channels, FlightShuffleMaster, PartitionId, ShuffleDescriptor, ShuffleMaster};

pub use status_listener::{JobStatusListener, LogListener, StatusChange};

use crate::MasterSettings;
use crate::resourcemanager::ResourceManagerHandle;
use crate::stores::JobSummary;
use crate::worker::WorkerConnector;
use service::Service;
use state::{AcceptedSlots, SlotOffer};
use task_events::TaskReport;

/// How many requests may wait.
const REQUEST_QUEUE: usize = 1024;

/// What a JobMaster works with.
#[derive(Clone, Debug)]
pub(crate) struct Environment {
    pub(crate) settings: MasterSettings,
    pub(crate) connectors: Arc<dyn Connectors>,
    pub(crate) workers: WorkerConnector,
    pub(crate) resource_manager: ResourceManagerHandle,
    pub(crate) clock: Arc<dyn Clock>,
    /// host:port under which workers reach the JobMasters.
    pub(crate) rpc_address: String,
    /// The master's metrics, among which the job has its own.
    pub(crate) metrics: MetricGroup,
    /// What the program has added.
    pub(crate) plugins: ActivePlugins,
}

/// Where a job comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JobOrigin {
    /// A client.
    Submitted,
    /// A master that is gone: it may have written output, and made it visible.
    Recovered,
}

/// Speaks to a JobMaster; cheap to clone.
#[derive(Clone, Debug)]
pub struct JobMasterHandle {
    job_id: JobId,
    job_master_id: LeaderSessionId,
    requests: mpsc::Sender<Request>,
    /// How the job ended, for a question that comes too late.
    ended: Arc<OnceLock<Arc<ArchivedExecutionGraph>>>,
}

/// Where the end of a job is told.
struct Outcome {
    ended: Arc<OnceLock<Arc<ArchivedExecutionGraph>>>,
    dispatcher: oneshot::Sender<Arc<ArchivedExecutionGraph>>,
}

impl Outcome {
    /// To be called while requests are still taken: whoever asks later finds it.
    fn tell(self, graph: Arc<ArchivedExecutionGraph>) {
        let _ = self.ended.set(graph.clone());
        // The Dispatcher may be gone when the cluster ends.
        let _ = self.dispatcher.send(graph);
    }
}

type Reply<T> = oneshot::Sender<T>;

#[derive(Debug)]
enum Request {
    Details(Reply<Arc<ArchivedExecutionGraph>>),
    /// Leadership is lost.
    Suspend,
    Summary(Reply<JobSummary>),
    Cancel(Reply<Result<(), JobMasterError>>),
    Fail {
        cause: String,
        reply: Reply<()>,
    },
    Requirements(Reply<Result<JobRequirements, JobMasterError>>),
    WithRequirements(JobRequirements, Reply<Result<JobGraph, JobMasterError>>),
    Require(Arc<JobGraph>, Reply<()>),
    RegisterTaskManager(
        RegisterTaskManagerRequest,
        Reply<GatewayResult<RegisterTaskManagerResponse>>,
    ),
    OfferSlots {
        resource_id: ResourceId,
        offers: Vec<SlotOffer>,
        reply: Reply<GatewayResult<AcceptedSlots>>,
    },
    TaskReports {
        reports: Vec<TaskReport>,
        reply: Reply<()>,
    },
    NextSplit {
        attempt: ExecutionAttemptId,
        operator: OperatorId,
        sequence: u64,
        reply: Reply<GatewayResult<Option<InputSplit>>>,
    },
    FailSlot {
        allocation_id: AllocationId,
        cause: String,
        reply: Reply<()>,
    },
}

/// Starts the JobMaster of a graph that has been checked. The receiver gets the graph in its final state.
pub(crate) fn start(
    job_id: JobId,
    job_master_id: LeaderSessionId,
    graph: Arc<JobGraph>,
    origin: JobOrigin,
    environment: Environment,
) -> (JobMasterHandle, oneshot::Receiver<Arc<ArchivedExecutionGraph>>) {
    let (requests, inbox) = mpsc::channel(REQUEST_QUEUE);
    let (dispatcher, when_ended) = oneshot::channel();
    let ended = Arc::new(OnceLock::new());
    let outcome = Outcome {
        ended: ended.clone(),
        dispatcher,
    };
    let service = Service::new(job_id, job_master_id, graph, origin, environment, inbox);
    // Ends when the job has ended.
    tokio::spawn(until_it_breaks(job_id, service.run(outcome)));
    (
        JobMasterHandle {
            job_id,
            job_master_id,
            requests,
            ended,
        },
        when_ended,
    )
}

/// A JobMaster that breaks down ends without an outcome: who waits for that knows by it. The process's log has the panic.
async fn until_it_breaks(job: JobId, run: impl Future<Output = ()>) {
    if AssertUnwindSafe(run).catch_unwind().await.is_err() {
        tracing::error!(%job, "the JobMaster broke down");
    }
}

impl JobMasterHandle {
    /// That of a job whose JobMaster has ended without a word.
    #[cfg(test)]
    pub(crate) fn of_nobody(job_id: JobId) -> Self {
        Self {
            job_id,
            job_master_id: LeaderSessionId::from_bytes([0; 16]),
            requests: mpsc::channel(1).0,
            ended: Arc::default(),
        }
    }

    /// The job as it is now. Of its end the Dispatcher tells, when the result is stored.
    pub async fn details(&self) -> Result<Arc<ArchivedExecutionGraph>, JobMasterError> {
        let answer = self.call(Request::Details).await;
        answer.or_else(|gone| self.before_its_end().ok_or(gone))
    }

    /// The job in one line of a list; far cheaper than [`Self::details`] where it has many tasks.
    pub(crate) async fn summary(&self) -> Result<JobSummary, JobMasterError> {
        let answer = self.call(Request::Summary).await;
        answer.or_else(|gone| self.before_its_end().map(|graph| JobSummary::from(&*graph)).ok_or(gone))
    }

    fn before_its_end(&self) -> Option<Arc<ArchivedExecutionGraph>> {
        self.ended.get().map(|graph| Arc::new(graph.before_its_end()))
    }

    /// Cancels the job; returns when that is decided, not when the job has ended.
    pub async fn cancel(&self) -> Result<(), JobMasterError> {
        match self.call(Request::Cancel).await {
            Ok(answer) => answer,
            Err(gone) => Err(self
                .before_its_end()
                .map_or(gone, |graph| JobMasterError::about_to_end(self.job_id, graph.status()))),
        }
    }

    /// Fails the job; returns when that is decided, not when the job has ended.
    pub(crate) async fn fail(&self, cause: String) -> Result<(), JobMasterError> {
        self.call(|reply| Request::Fail { cause, reply }).await
    }

    /// Between which bounds the parallelism of each vertex is chosen.
    pub(crate) async fn requirements(&self) -> Result<JobRequirements, JobMasterError> {
        self.call(Request::Requirements).await?
    }

    /// The job's graph with these requirements; it has those that it had until [`Self::require`].
    pub(crate) async fn with_requirements(&self, requirements: JobRequirements) -> Result<JobGraph, JobMasterError> {
        self.call(|reply| Request::WithRequirements(requirements, reply))
            .await?
    }

    /// The requirements of this graph, which [`Self::with_requirements`] has given, count from now on.
    pub(crate) async fn require(&self, graph: Arc<JobGraph>) -> Result<(), JobMasterError> {
        self.call(|reply| Request::Require(graph, reply)).await
    }

    /// Leadership is lost: the job is SUSPENDED here, and another master goes on with it. Workers are told, what sinks have
    /// written stays. Returns when the JobMaster is gone.
    pub(crate) async fn suspend(&self) {
        if self.requests.send(Request::Suspend).await.is_ok() {
            self.requests.closed().await;
        }
    }

    async fn call<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, JobMasterError> {
        let gone = JobMasterError::Gone { job: self.job_id };
        let (reply, answer) = oneshot::channel();
        if self.requests.send(request(reply)).await.is_err() {
            return Err(gone);
        }
        answer.await.map_err(|_| gone)
    }

    /// The same for workers, who are told that the job is unknown where its JobMaster has ended.
    async fn worker_call<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> GatewayResult<T> {
        self.call(request)
            .await
            .map_err(|error| GatewayError::Fenced(error.to_string()))
    }
}
