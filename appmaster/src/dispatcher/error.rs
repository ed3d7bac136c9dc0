//! What can go wrong in the Dispatcher.

use selvedge_core::JobId;
use thiserror::Error;

use crate::jobmaster::JobMasterError;
use crate::resourcemanager::TooFewSlots;

/// Why the Dispatcher refuses a request.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DispatcherError {
    /// The job was submitted before.
    #[error("job {job} was submitted before and is {state}")]
    Duplicate {
        /// The job.
        job: JobId,
        /// Its status, or `running` or `ended` where that is all that is known.
        state: &'static str,
    },
    /// The graph cannot run.
    #[error("the job is refused: {0}")]
    Graph(String),
    /// It can never have its slots.
    #[error(transparent)]
    TooFewSlots(#[from] TooFewSlots),
    /// The graph could not be stored for the next master.
    #[error("job {job} is not taken, as it cannot be kept: {cause}")]
    NotStored {
        /// The job.
        job: JobId,
        /// Why.
        cause: String,
    },
    /// The resource requirements could not be stored for the next master.
    #[error("the resource requirements of job {job} stay as they are, as the new ones cannot be kept: {cause}")]
    RequirementsNotStored {
        /// The job.
        job: JobId,
        /// Why.
        cause: String,
    },
    /// The resource requirements may have been stored for the next master, or not.
    #[error(
        "job {job} keeps to the resource requirements that it had, but whether the new ones are kept is not known, and the next \
         master may go by them: change them again ({cause})"
    )]
    RequirementsUnknown {
        /// The job.
        job: JobId,
        /// Why.
        cause: String,
    },
    /// Another change is on its way.
    #[error("the resource requirements of job {0} are being changed by somebody else: try again")]
    Changing(JobId),
    /// The job has not begun, or has ended.
    #[error("job {0} does not run: it has no resource requirements")]
    NotRunning(JobId),
    /// No such job.
    #[error("job {0} is not known")]
    UnknownJob(JobId),
    /// The cluster takes no jobs any more.
    #[error("the cluster is shutting down and takes no jobs")]
    ShuttingDown,
    /// The JobMaster refuses.
    #[error(transparent)]
    JobMaster(#[from] JobMasterError),
    /// Too many requests wait.
    #[error("the Dispatcher is busy: try again")]
    Busy,
    /// It has ended.
    #[error("the Dispatcher has ended")]
    Gone,
}
