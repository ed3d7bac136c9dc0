//! The ResourceManager: knows all workers and their slots, gives slots to jobs, and starts and stops workers through a
//! [`ResourceManagerDriver`].
//!
//! ```text
//! a worker: requested ──WorkerStarted──► starting ──registers──► registered ──idle, silent, terminated──► gone
//!                 └── RequestFailed           └── too late, terminated: a failed start
//! a job:    registers ──► declares what it needs ──► gets slots, or hears that it cannot ──► disconnects
//! ```
//!
//! JobMasters declare which slots they need; workers register and report. What follows is decided by pure halves:
//! `slot_manager` (slots, needs, how many workers), `tracker.rs` (workers on their way), `job_leaders.rs` (who leads a job),
//! `avoidance.rs` (nodes on which workers do not start), `gathering.rs` (when to act: `slotmanager.requirement-check.delay`, `slotmanager.declare-needed-resource.delay`). The
//! shell is `service.rs`, with `job_leader_ids.rs` (JobMasters, and leader retrieval), `registrations.rs` (workers) and
//! `carrying_out.rs` (what plans say).

mod avoidance;
mod carrying_out;
mod driver;
mod error;
mod gateway;
mod gathering;
mod info;
mod job_leader_ids;
mod job_leaders;
mod registrations;
mod service;
mod sizes;
mod slot_manager;
mod standalone;
#[cfg(test)]
mod tests;
mod tracker;
mod workers;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use selvedge_core::memory::TaskExecutorProcessSpec;
use selvedge_core::resource::{ProfileSpec, ResourceProfile};
use selvedge_core::status::ApplicationStatus;
use selvedge_core::{AllocationId, JobId, LeaderSessionId, ResourceId};
use selvedge_runtime::clock::Clock;
use selvedge_runtime::gateway::proto::{ReadFileRequest, RegisterTaskExecutorRequest};
use selvedge_runtime::gateway::{FileContent, GatewayResult};
use selvedge_runtime::ha::HaServices;
use selvedge_runtime::profiling::{ProfilingInfo, ProfilingMode};
use selvedge_runtime::rpc::ApplicationSecret;
use tokio::sync::{Notify, mpsc, oneshot};

pub use driver::{DriverError, DriverEvent, DriverStart, ResourceManagerDriver, UnwantedNodes, WorkerSpec};
pub use error::ResourceManagerError;
pub use info::{ResourceOverview, TaskManagerInfo};
pub(crate) use slot_manager::Shortage;
pub use slot_manager::{
    Capacity, ClusterBounds, ClusterUse, Matching, Most, MostSlots, MostSlotsError, SlotManagerSettings, SlotUse,
    TooFewSlots,
};
pub use standalone::StandaloneDriver;

use crate::MasterSettings;
use crate::life::Life;
use crate::metrics::ClusterGauges;
use crate::worker::WorkerConnector;
use gateway::Gateway;
use service::Service;
use slot_manager::{Need, ReportedSlot, WorkerResources};

/// How many requests and events may wait.
const QUEUE: usize = 1024;

/// What the ResourceManager works with.
pub(crate) struct Environment {
    /// The leadership under which it acts: what its calls to workers carry.
    pub(crate) leader: LeaderSessionId,
    /// The id of this process.
    pub(crate) resource_id: ResourceId,
    pub(crate) settings: MasterSettings,
    pub(crate) process: TaskExecutorProcessSpec,
    pub(crate) driver: Arc<dyn ResourceManagerDriver>,
    pub(crate) workers: WorkerConnector,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rng: StdRng,
    /// Where a fatal end of the driver is told.
    pub(crate) fatal: mpsc::Sender<String>,
    /// host:port under which workers reach the ResourceManager.
    pub(crate) resource_manager_address: String,
    pub(crate) rest_address: String,
    pub(crate) secret: ApplicationSecret,
    pub(crate) gauges: ClusterGauges,
    /// Says who leads the jobs.
    pub(crate) ha: Arc<dyn HaServices>,
}

/// How the ResourceManager reaches a JobMaster, and how workers do.
#[derive(Clone, Debug)]
pub(crate) struct JobMasterContact {
    pub(crate) job_master_id: LeaderSessionId,
    /// host:port of the JobMaster's service, for workers.
    pub(crate) address: String,
    pub(crate) notices: mpsc::Sender<ResourceNotice>,
}

/// What JobMasters are told of workers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ResourceNotice {
    /// The driver says that a worker has ended, and why.
    Terminated { resource_id: ResourceId, cause: String },
    /// A worker does not answer, or left.
    Silent { resource_id: ResourceId, cause: String },
    /// A worker could not be started.
    StartFailed { cause: String },
    /// The job does not have a slot any more that it was given: its worker does not know of it.
    SlotLost { allocation_id: AllocationId, cause: String },
    /// The election does not name the JobMaster any more: it may ask for nothing until it has registered again.
    Disconnected { cause: String },
    /// The job cannot have what it declared.
    NotEnoughResources {
        shortage: Shortage,
        required: Vec<(ProfileSpec, u32)>,
        /// The slots that it has.
        acquired: Vec<ResourceProfile>,
    },
}

/// Speaks to the ResourceManager; cheap to clone.
#[derive(Clone, Debug)]
pub struct ResourceManagerHandle {
    leader: LeaderSessionId,
    requests: mpsc::Sender<Request>,
    hurry: Arc<Notify>,
    /// Whether the driver is connected. Before, no worker can have registered.
    connected: Arc<AtomicBool>,
    life: Life,
}

type Reply<T> = oneshot::Sender<T>;

enum Request {
    RegisterJobMaster {
        job_id: JobId,
        contact: JobMasterContact,
        reply: Reply<Result<(), ResourceManagerError>>,
    },
    Declare {
        job_id: JobId,
        job_master_id: LeaderSessionId,
        needs: Vec<Need>,
        reply: Reply<Result<(), ResourceManagerError>>,
    },
    DisconnectJobMaster {
        job_id: JobId,
        job_master_id: LeaderSessionId,
        reply: Reply<Result<(), ResourceManagerError>>,
    },
    Register {
        registration: Box<RegisterTaskExecutorRequest>,
        resources: WorkerResources,
        slots: Vec<ReportedSlot>,
        reply: Reply<GatewayResult<()>>,
    },
    SlotAvailable {
        resource_id: ResourceId,
        allocation_id: AllocationId,
        reply: Reply<GatewayResult<()>>,
    },
    SlotReport {
        resource_id: ResourceId,
        slots: Vec<ReportedSlot>,
        reply: Reply<GatewayResult<()>>,
    },
    WorkerLeaves {
        resource_id: ResourceId,
        cause: String,
        reply: Reply<GatewayResult<()>>,
    },
    BlockNodes {
        nodes: Vec<String>,
        duration: Duration,
        cause: String,
        reply: Reply<()>,
    },
    WorkerUnfit {
        resource_id: ResourceId,
        cause: String,
        reply: Reply<()>,
    },
    Workers(Reply<Vec<TaskManagerInfo>>),
    Overview(Reply<ResourceOverview>),
    ReadFile {
        resource_id: ResourceId,
        file: ReadFileRequest,
        reply: Reply<Result<FileContent, ResourceManagerError>>,
    },
    StartProfiling {
        resource_id: ResourceId,
        mode: ProfilingMode,
        duration: Duration,
        reply: Reply<Result<ProfilingInfo, ResourceManagerError>>,
    },
    Stop {
        status: ApplicationStatus,
        diagnostics: String,
        reply: Reply<()>,
    },
}

/// A ResourceManager whose driver is not connected yet: it takes requests, and says at once that it has no workers.
pub(crate) struct Pending {
    handle: ResourceManagerHandle,
    environment: Environment,
    inbox: mpsc::Receiver<Request>,
}

/// Makes a ResourceManager; REST can be served while its driver connects.
pub(crate) fn create(environment: Environment) -> Pending {
    let (requests, inbox) = mpsc::channel(QUEUE);
    let handle = ResourceManagerHandle {
        leader: environment.leader,
        requests,
        hurry: Arc::new(Notify::new()),
        connected: Arc::default(),
        life: Life::default(),
    };
    Pending {
        handle,
        environment,
        inbox,
    }
}

impl Pending {
    pub(crate) fn handle(&self) -> ResourceManagerHandle {
        self.handle.clone()
    }

    pub(crate) fn gateway(&self) -> Gateway {
        Gateway {
            handle: self.handle.clone(),
            heartbeat: self.environment.settings.heartbeat,
            blob_server_address: self.environment.workers.blob_server_address(),
            resource_id: self.environment.resource_id.clone(),
        }
    }

    /// Connects the driver, then serves until it is told to stop.
    pub(crate) async fn start(self) -> Result<(), ResourceManagerError> {
        let Self {
            handle,
            environment,
            inbox,
        } = self;
        let (events, driver_events) = mpsc::channel(QUEUE);
        let start = DriverStart {
            events,
            resource_manager_address: environment.resource_manager_address.clone(),
            rest_address: environment.rest_address.clone(),
            secret: environment.secret.clone(),
        };
        environment
            .driver
            .initialize(start)
            .await
            .map_err(ResourceManagerError::Start)?;
        handle.connected.store(true, Ordering::Release);
        let service = Service::new(handle.leader, environment, inbox, driver_events, handle.hurry);
        // Ends by `stop`, or is cut off.
        handle.life.spawn(service.run());
        Ok(())
    }
}

impl ResourceManagerHandle {
    /// That of a process that has never led: every call says that there is no ResourceManager.
    pub(crate) fn of_nobody() -> Self {
        let (requests, _) = mpsc::channel(1);
        Self {
            leader: LeaderSessionId::from_bytes([0; 16]),
            requests,
            hurry: Arc::default(),
            connected: Arc::default(),
            life: Life::default(),
        }
    }

    /// A JobMaster says that it leads its job. Returns when leader retrieval says so too, or has not in time.
    pub(crate) async fn register_job_master(
        &self,
        job_id: JobId,
        contact: JobMasterContact,
    ) -> Result<(), ResourceManagerError> {
        self.call(|reply| Request::RegisterJobMaster { job_id, contact, reply })
            .await?
    }

    /// How many slots of which profiles a job needs, in place of what it needed before: the one way to ask for slots. A
    /// profile that is left open is that of a worker's default slot. The JobMaster must be registered.
    pub(crate) async fn declare_required_resources<P: Into<ProfileSpec>>(
        &self,
        job_id: JobId,
        job_master_id: LeaderSessionId,
        required: Vec<(P, u32)>,
    ) -> Result<(), ResourceManagerError> {
        let needs = required.into_iter().map(|(profile, count)| (profile.into(), count));
        let needs = needs.collect();
        self.call(|reply| Request::Declare {
            job_id,
            job_master_id,
            needs,
            reply,
        })
        .await?
    }

    /// The job has ended, or its JobMaster gives it up.
    pub(crate) async fn disconnect_job_master(
        &self,
        job_id: JobId,
        job_master_id: LeaderSessionId,
    ) -> Result<(), ResourceManagerError> {
        self.call(|reply| Request::DisconnectJobMaster {
            job_id,
            job_master_id,
            reply,
        })
        .await?
    }

    /// A worker seems to be gone: ask the driver soon.
    pub(crate) fn hurry(&self) {
        self.hurry.notify_one();
    }

    /// The registered workers, in order of their ids; none before the driver is connected.
    pub async fn task_managers(&self) -> Result<Vec<TaskManagerInfo>, ResourceManagerError> {
        if !self.is_connected() {
            return Ok(Vec::new());
        }
        self.call(Request::Workers).await
    }

    /// No slot of these nodes is given to a job, and no new worker is wanted there, for so long.
    pub async fn block_nodes(
        &self,
        nodes: Vec<String>,
        duration: Duration,
        cause: &str,
    ) -> Result<(), ResourceManagerError> {
        self.call(|reply| Request::BlockNodes {
            nodes,
            duration,
            cause: cause.to_owned(),
            reply,
        })
        .await
    }

    /// Workers and slots in numbers; none before the driver is connected.
    pub async fn overview(&self) -> Result<ResourceOverview, ResourceManagerError> {
        if !self.is_connected() {
            return Ok(ResourceOverview::default());
        }
        self.call(Request::Overview).await
    }

    /// One registered worker.
    pub async fn task_manager(&self, id: &ResourceId) -> Result<TaskManagerInfo, ResourceManagerError> {
        let workers = self.task_managers().await?;
        let found = workers.into_iter().find(|worker| worker.resource_id == *id);
        found.ok_or_else(|| ResourceManagerError::UnknownWorker(id.clone()))
    }

    /// Has a worker's process sampled for so long, in whole seconds.
    pub async fn start_profiling(
        &self,
        id: &ResourceId,
        mode: ProfilingMode,
        duration: Duration,
    ) -> Result<ProfilingInfo, ResourceManagerError> {
        if !self.is_connected() {
            return Err(ResourceManagerError::UnknownWorker(id.clone()));
        }
        self.call(|reply| Request::StartProfiling {
            resource_id: id.clone(),
            mode,
            duration,
            reply,
        })
        .await?
    }

    /// A worker's own log or output, or a profile of it, or what it has of them.
    pub async fn read_file(&self, id: &ResourceId, file: ReadFileRequest) -> Result<FileContent, ResourceManagerError> {
        if !self.is_connected() {
            return Err(ResourceManagerError::UnknownWorker(id.clone()));
        }
        self.call(|reply| Request::ReadFile {
            resource_id: id.clone(),
            file,
            reply,
        })
        .await?
    }

    /// Ends all workers, tells the driver how the application ended, and ends.
    pub(crate) async fn stop(&self, status: ApplicationStatus, diagnostics: String) {
        let _ = self
            .call(|reply| Request::Stop {
                status,
                diagnostics,
                reply,
            })
            .await;
    }

    /// The leadership has ended: nothing more is decided, and nobody is told. Workers find the next leader by themselves.
    pub(crate) async fn cut_off(&self) {
        self.life.cut_off().await;
    }

    fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Acquire)
    }

    async fn call<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, ResourceManagerError> {
        let (reply, answer) = oneshot::channel();
        let sent = self.requests.send(request(reply)).await;
        sent.map_err(|_| ResourceManagerError::Gone)?;
        answer.await.map_err(|_| ResourceManagerError::Gone)
    }
}
