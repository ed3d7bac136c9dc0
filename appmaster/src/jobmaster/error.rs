//! What can go wrong in a JobMaster.

use selvedge_core::job_graph::RequirementsError;
use selvedge_core::status::{ExecutionState, JobStatus};
use selvedge_core::{ExecutionAttemptId, JobId, VertexId};
use thiserror::Error;

/// A step that the tables of states do not allow.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TransitionError {
    /// Of the job.
    #[error("the job is {from} and cannot become {to}")]
    Job {
        /// What it is.
        from: JobStatus,
        /// What it was to become.
        to: JobStatus,
    },
    /// Of an attempt.
    #[error("{attempt} is {from} and cannot become {to}")]
    Execution {
        /// The attempt.
        attempt: ExecutionAttemptId,
        /// What it is.
        from: ExecutionState,
        /// What it was to become.
        to: ExecutionState,
    },
    /// The attempt is not, or no longer, one of the job's.
    #[error("{attempt} is no current attempt of the job")]
    UnknownAttempt {
        /// The attempt.
        attempt: ExecutionAttemptId,
    },
}

/// Why a JobMaster refuses a request.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum JobMasterError {
    /// The job has ended or is about to.
    #[error("job {job} is {status}{detail}: it cannot be cancelled")]
    CannotCancel {
        /// The job.
        job: JobId,
        /// Its status.
        status: JobStatus,
        /// More, where the status does not say it.
        detail: &'static str,
    },
    /// The job cannot have these requirements.
    #[error(transparent)]
    Requirements(#[from] RequirementsError),
    /// The parallelism of the job is fixed.
    #[error(
        "job {job} does not run under the adaptive scheduler, and its parallelism is fixed: set jobmanager.scheduler to Adaptive, \
         and execution.runtime-mode to STREAMING where its sources end, and submit it anew"
    )]
    NotAdaptive {
        /// The job.
        job: JobId,
    },
    /// Slots of a stated profile have no memory for so many channels.
    #[error(
        "vertex '{vertex}': the upper bound {upper} is above {most}, and the slots of the stated profiles (slot_sharing_groups) \
         are made for the channels of {most} subtasks: keep to it, or submit the job anew with this bound"
    )]
    SlotTooSmall {
        /// The vertex.
        vertex: VertexId,
        /// Its upper bound.
        upper: u32,
        /// What the slots are made for.
        most: u32,
    },
    /// The cluster's size decides.
    #[error(
        "the parallelism of a job in reactive mode follows the workers that there are (scheduler-mode): start or stop some"
    )]
    Reactive,
    /// The JobMaster has ended.
    #[error("the JobMaster of job {job} has ended")]
    Gone {
        /// The job.
        job: JobId,
    },
}

impl JobMasterError {
    /// The refusal of a job that is about to end, of which nobody is told yet how: `status` is that before its end.
    pub(crate) const fn about_to_end(job: JobId, status: JobStatus) -> Self {
        let detail = " and about to end";
        Self::CannotCancel { job, status, detail }
    }
}
