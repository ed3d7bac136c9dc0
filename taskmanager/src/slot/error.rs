//! What can be wrong with a demand on a slot.

use selvedge_core::resource::ResourceProfile;
use selvedge_core::{AllocationId, JobId};
use thiserror::Error;

/// A demand that the slot table refuses.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SlotError {
    /// There is no such slot.
    #[error("there is no slot {index}: the worker has slots 0 to {last}")]
    NoSuchSlot {
        /// As asked.
        index: u32,
        /// The worker's last slot.
        last: u32,
    },
    /// Another allocation has it.
    #[error("slot {index} is taken by allocation {allocation} of job {job}")]
    Taken {
        /// The slot.
        index: u32,
        /// Who has it.
        allocation: AllocationId,
        /// For which job.
        job: JobId,
    },
    /// The allocation is in another slot, or of another job.
    #[error("allocation {allocation} has slot {index} for job {job} already")]
    AllocationElsewhere {
        /// The allocation.
        allocation: AllocationId,
        /// Its slot.
        index: u32,
        /// Its job.
        job: JobId,
    },
    /// The worker has not that much left.
    #[error(
        "there is not enough for a slot with {asked:?} (allocation {allocation}): the worker's slots leave {free:?}"
    )]
    NotEnough {
        /// The allocation.
        allocation: AllocationId,
        /// What the slot is to hold.
        asked: Box<ResourceProfile>,
        /// What no slot has.
        free: Box<ResourceProfile>,
    },
    /// The job has no such slot here.
    #[error("job {job} has no slot with allocation {allocation} on this worker")]
    NotAllocated {
        /// The job.
        job: JobId,
        /// The allocation.
        allocation: AllocationId,
    },
}
