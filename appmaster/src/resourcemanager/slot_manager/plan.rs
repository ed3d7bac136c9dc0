//! What is to be done so that jobs get what they need: printable before it is done.

use std::fmt;

use selvedge_core::resource::{ResourceProfile, WorkerResourceSpec};
use selvedge_core::{AllocationId, JobId, ResourceId};

use super::requirements::Need;

/// A slot to be given to a job.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::resourcemanager) struct Allocation {
    pub(in crate::resourcemanager) resource_id: ResourceId,
    /// A slot of the default size; `None` where the worker makes one of `profile`.
    pub(in crate::resourcemanager) slot_index: Option<u32>,
    pub(in crate::resourcemanager) job_id: JobId,
    pub(in crate::resourcemanager) allocation_id: AllocationId,
    pub(in crate::resourcemanager) profile: ResourceProfile,
}

/// Why a job cannot have what it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shortage {
    /// A slot is larger than a whole worker.
    TooLarge { slot: String, worker: String },
    /// A slot is larger than the usual worker, and there can be none of that size.
    NoSuchWorker { slot: String, reason: String },
    /// The cluster may not become larger.
    Limit(String),
    /// Workers come by themselves only, and have not.
    NoWorkersOnDemand,
    /// Workers that are started cannot run as they are configured; the last one says why.
    Unfit(String),
}

impl Shortage {
    /// Whether it can pass without someone adding workers or changing settings.
    pub(crate) const fn may_pass(&self) -> bool {
        matches!(self, Self::Limit(_))
    }
}

impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { slot, worker } => write!(f, "a slot needs {slot}, and a whole worker has {worker}"),
            Self::NoSuchWorker { slot, reason } => {
                write!(
                    f,
                    "a slot needs {slot}, and no worker of that size can be had: {reason}"
                )
            }
            Self::Limit(limit) => write!(f, "the cluster has reached {limit}"),
            Self::Unfit(cause) => write!(f, "no worker can run as it is configured: {cause}"),
            Self::NoWorkersOnDemand => {
                f.write_str("the cluster is a standalone one, whose workers have no slots left: start more of them")
            }
        }
    }
}

/// A job that is told that it cannot have what it needs.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::resourcemanager) struct Unfulfillable {
    pub(in crate::resourcemanager) job_id: JobId,
    pub(in crate::resourcemanager) shortage: Shortage,
    pub(in crate::resourcemanager) required: Vec<Need>,
    /// What it has.
    pub(in crate::resourcemanager) acquired: Vec<ResourceProfile>,
}

/// What is to be done about slots.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::resourcemanager) struct SlotPlan {
    pub(in crate::resourcemanager) allocations: Vec<Allocation>,
    /// Slots that no registered worker has free.
    pub(in crate::resourcemanager) pending_slots: u32,
    /// How many workers of the usual size must be on their way.
    pub(in crate::resourcemanager) workers: u32,
    /// How many of other sizes, each for one slot.
    pub(in crate::resourcemanager) alone: Vec<(WorkerResourceSpec, u32)>,
    pub(in crate::resourcemanager) unfulfillable: Vec<Unfulfillable>,
}

impl fmt::Display for SlotPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} slots are given, {} wait for {} workers",
            self.allocations.len(),
            self.pending_slots,
            self.workers
        )?;
        for (worker, count) in &self.alone {
            write!(
                f,
                "; {count} workers of {} each are for one slot",
                in_words(&worker.total)
            )?;
        }
        for allocation in &self.allocations {
            write!(
                f,
                "; job {} gets a slot of {}",
                allocation.job_id, allocation.resource_id
            )?;
        }
        for job in &self.unfulfillable {
            write!(f, "; job {} cannot have what it needs: {}", job.job_id, job.shortage)?;
        }
        Ok(())
    }
}

/// A profile as users write its parts.
pub(super) fn in_words(profile: &ResourceProfile) -> String {
    let mut words = format!(
        "{} cores and {} MiB",
        profile.cpu_cores,
        profile.total_memory().mebibytes()
    );
    for (name, amount) in &profile.extended {
        words.push_str(&format!(", {amount} {name}"));
    }
    words
}
