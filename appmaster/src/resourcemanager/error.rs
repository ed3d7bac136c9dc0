//! What can go wrong in the ResourceManager.

use selvedge_core::{AllocationId, JobId, LeaderSessionId, ResourceId};
use selvedge_runtime::gateway::GatewayError;
use thiserror::Error;

use super::driver::DriverError;

/// Why the ResourceManager cannot do something.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ResourceManagerError {
    /// The driver did not start.
    #[error("the resource manager cannot start: {0}")]
    Start(#[source] DriverError),
    /// No such worker is registered.
    #[error("no TaskManager {0} is registered")]
    UnknownWorker(ResourceId),
    /// The worker did not answer.
    #[error("TaskManager {worker}: {source}")]
    Worker {
        /// Which.
        worker: ResourceId,
        /// Why.
        source: GatewayError,
    },
    /// A JobMaster that is not, or no longer, its job's leader.
    #[error("job {job} is led by JobMaster {known}, the call is of {given}")]
    StaleJobMaster {
        /// The job.
        job: JobId,
        /// Its leader.
        known: LeaderSessionId,
        /// Who called.
        given: LeaderSessionId,
    },
    /// A JobMaster that the election does not name.
    #[error("JobMaster {job_master} is not known to lead job {job}: it must register again")]
    NotLeading {
        /// The job.
        job: JobId,
        /// Who called.
        job_master: LeaderSessionId,
    },
    /// No JobMaster of the job is registered.
    #[error("no JobMaster of job {0} is registered")]
    UnknownJob(JobId),
    /// A JobMaster that has ended meanwhile.
    #[error("JobMaster {job_master} of job {job} has ended")]
    JobMasterEnded {
        /// The job.
        job: JobId,
        /// Its former leader.
        job_master: LeaderSessionId,
    },
    /// It has ended.
    #[error("the ResourceManager has ended")]
    Gone,
}

/// Why the SlotManager refuses something.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum SlotManagerError {
    #[error("no TaskManager {0} is registered")]
    UnknownWorker(ResourceId),
    #[error("no job has a slot of TaskManager {worker} by allocation {allocation}")]
    UnknownAllocation {
        worker: ResourceId,
        allocation: AllocationId,
    },
    #[error("TaskManager {0} has no slots; set taskmanager.numberOfTaskSlots to at least 1")]
    NoSlots(ResourceId),
    #[error("with TaskManager {worker} the cluster would be larger than {limit}")]
    ClusterFull { worker: ResourceId, limit: String },
}

/// A worker that is not known registers again; what is refused otherwise stays refused.
impl From<SlotManagerError> for GatewayError {
    fn from(error: SlotManagerError) -> Self {
        match error {
            SlotManagerError::UnknownWorker(_) => Self::Fenced(error.to_string()),
            SlotManagerError::UnknownAllocation { .. }
            | SlotManagerError::NoSlots(_)
            | SlotManagerError::ClusterFull { .. } => Self::Rejected(error.to_string()),
        }
    }
}
