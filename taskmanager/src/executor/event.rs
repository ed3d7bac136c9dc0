//! What reaches the worker's loop: requests from callers, and what its own helpers bring back.

use std::collections::BTreeSet;
use std::time::Duration;

use selvedge_core::resource::ResourceProfile;
use selvedge_core::{AllocationId, ExecutionAttemptId, JobId, LeaderSessionId, ResourceId};
use selvedge_runtime::blob::NamedBlob;
use selvedge_runtime::gateway::proto::{JobHeartbeatPayload, SlotReport};
use selvedge_runtime::gateway::{GatewayError, GatewayResult};
use selvedge_runtime::threads::DumpEntry;
use tokio::sync::oneshot;

use crate::exchange::{JobKey, ReleasedPartitions};
use crate::task::{TaskDeployment, TaskTransition};

/// Where the answer to a request goes.
pub(super) type Reply<T> = oneshot::Sender<GatewayResult<T>>;

/// The ResourceManager gives a slot to a job.
#[derive(Debug)]
pub(super) struct SlotDemand {
    pub(super) resource_manager: LeaderSessionId,
    pub(super) slot: WantedSlot,
    pub(super) job: JobKey,
    pub(super) allocation: AllocationId,
    pub(super) job_master_address: String,
}

/// Which slot.
#[derive(Debug)]
pub(super) enum WantedSlot {
    /// One of the default size, by its index.
    Fixed(u32),
    /// One that is made in this size.
    Made(ResourceProfile),
}

/// Tasks of one job.
#[derive(Debug)]
pub(super) struct Submission {
    pub(super) job: JobKey,
    pub(super) job_name: String,
    /// What the job brings along.
    pub(super) artifacts: Vec<NamedBlob>,
    pub(super) tasks: Vec<TaskDeployment>,
}

/// What callers ask in its turn.
#[derive(Debug)]
pub(super) enum Request {
    Slot(SlotDemand, Reply<()>),
    Submit(Submission, Reply<()>),
    Cancel(JobKey, Vec<ExecutionAttemptId>, Reply<()>),
    ReleasePartitions(JobKey, Vec<ReleasedPartitions>, Reply<()>),
    FreeSlot(JobKey, AllocationId, String, Reply<()>),
    FreeInactiveSlots(LeaderSessionId, JobId, Reply<()>),
}

/// The slots that a JobMaster has here, as it says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct HeldSlots {
    /// It says nothing of slots that were taken under a higher one.
    pub(super) version: u64,
    pub(super) allocations: BTreeSet<AllocationId>,
}

/// What goes before requests.
#[derive(Debug)]
pub(super) enum Urgent {
    ResourceManagerHeartbeat(LeaderSessionId, Reply<SlotReport>),
    JobMasterHeartbeat(JobKey, HeldSlots, Reply<JobHeartbeatPayload>),
    DisconnectJob(JobKey, String, Reply<()>),
    /// Whether the one that calls is the worker's ResourceManager.
    CheckResourceManager(LeaderSessionId, Reply<()>),
    CanBeReleased(LeaderSessionId, Reply<bool>),
    /// What runs here, for people.
    TaskDump(Reply<Vec<DumpEntry>>),
    Shutdown(LeaderSessionId, String, Reply<()>),
    Stop,
}

/// What the worker's own helpers and tasks tell.
#[derive(Debug)]
pub(super) enum Notification {
    Registered {
        resource_manager: LeaderSessionId,
        heartbeat_timeout: Duration,
        /// host:port of its BlobServer.
        blob_server: String,
        /// The id of its process.
        master: ResourceId,
    },
    RegistrationRefused(GatewayError),
    /// There is a leader, perhaps another than before.
    LeaderIs(LeaderSessionId),
    /// The ResourceManager is another by now, or has ended.
    ResourceManagerLost(LeaderSessionId, GatewayError),
    JobRegistered {
        job: JobKey,
        heartbeat_timeout: Duration,
    },
    SlotsAnswered {
        job: JobKey,
        offered: Vec<AllocationId>,
        accepted: Vec<AllocationId>,
        /// That of what the JobMaster has from then on.
        version: u64,
    },
    /// The JobMaster does not want this worker, or has ended.
    JobMasterLost(JobKey, GatewayError),
    Task(JobKey, ExecutionAttemptId, TaskTransition),
    /// The JobMaster knows that these have ended.
    Delivered(JobKey, Vec<ExecutionAttemptId>),
    ServerFailed(super::TaskExecutorError),
}
