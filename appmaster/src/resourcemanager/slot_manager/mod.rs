//! The SlotManager: which slots exist, who needs which, and so which slot goes to whom, how many workers are wanted, and
//! which are not wanted any more. Pure; the ResourceManager owns it, tells it what happens and does what it plans.
//!
//! ```text
//!  requirements.rs   what each job needs      worker.rs     what each registered worker has, and who has it
//!              └──────────┬──────────────────────────┘
//!                  matching.rs   which worker gives a slot (none on a node of blocklist.rs)
//!                  pending.rs    how many workers must come for the rest, within bounds.rs
//!                  planning.rs   all of it together
//!                  most_slots.rs  what bounds.rs leaves a job at most, told when it is submitted
//!                  plan.rs       the result: slots to give, workers to have, jobs that cannot be served
//!                  release.rs    workers that nobody uses
//! ```
//!
//! Slots are fine-grained: a job asks for profiles, and gets a slot of the default size where it leaves the profile open,
//! else one that a worker makes of what its slots leave free.

mod blocklist;
mod bounds;
mod matching;
mod most_slots;
mod pending;
mod plan;
mod planning;
#[cfg(test)]
mod random_tests;
mod release;
mod requirements;
mod settings;
#[cfg(test)]
mod tests;
mod usage;
mod worker;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use selvedge_core::resource::WorkerResourceSpec;
use selvedge_core::{AllocationId, JobId, ResourceId};
use tokio::time::Instant;

pub use bounds::{Capacity, ClusterBounds, Most};
pub use matching::Matching;
pub use most_slots::{MostSlots, MostSlotsError, TooFewSlots};
pub(crate) use plan::Shortage;
pub(super) use plan::{Allocation, Unfulfillable};
pub(super) use requirements::Need;
pub use settings::SlotManagerSettings;
pub use usage::{ClusterUse, SlotUse};
pub(super) use worker::{LostSlot, ReportedSlot, WorkerResources};

use super::error::SlotManagerError;
use blocklist::Blocklist;
pub(super) use pending::OwnSizes;
use requirements::Requirements;
use worker::Worker;

/// Slots and needs.
pub(super) struct SlotManager {
    settings: SlotManagerSettings,
    /// The worker that is asked for; `None` where workers come by themselves only.
    on_demand: Option<WorkerResourceSpec>,
    workers: BTreeMap<ResourceId, Worker>,
    requirements: Requirements,
    blocked: Blocklist,
    /// Whether jobs are told that they cannot have what they need.
    fail_unfulfillable: bool,
    /// Of the last plan.
    pending_slots: u32,
    /// Which other sizes workers may have.
    own_sizes: Option<Arc<OwnSizes>>,
}

impl SlotManager {
    pub(super) fn new(
        settings: SlotManagerSettings,
        on_demand: Option<WorkerResourceSpec>,
        fail_unfulfillable: bool,
    ) -> Self {
        Self {
            settings,
            on_demand,
            workers: BTreeMap::new(),
            requirements: Requirements::default(),
            blocked: Blocklist::default(),
            fail_unfulfillable,
            pending_slots: 0,
            own_sizes: None,
        }
    }

    /// The same where a slot that is larger than the usual worker may get a worker of its own.
    pub(super) fn with_own_sizes(mut self, own_sizes: Arc<OwnSizes>) -> Self {
        self.own_sizes = Some(own_sizes);
        self
    }

    /// From now on, or no longer, jobs are told that they cannot have what they need.
    pub(super) const fn set_fail_unfulfillable_request(&mut self, fail: bool) {
        self.fail_unfulfillable = fail;
    }

    /// What a job needs, in place of what it needed before.
    pub(super) fn declare(&mut self, job_id: JobId, needs: impl IntoIterator<Item = Need>) {
        self.requirements.declare(job_id, needs);
    }

    /// The workers that have slots of the job.
    pub(super) fn workers_of(&self, job_id: &JobId) -> Vec<ResourceId> {
        let has = |worker: &Worker| worker.held().any(|(_, slot)| slot.job_id == *job_id);
        let workers = self.workers.iter().filter(|(_, worker)| has(worker));
        workers.map(|(resource_id, _)| resource_id.clone()).collect()
    }

    /// The job needs nothing any more. Its slots are free when their workers say so.
    pub(super) fn remove_job(&mut self, job_id: &JobId) {
        self.requirements.remove(job_id);
    }

    /// A worker and its slots, in place of what was known of it; what jobs lose thereby is told. A worker that would make
    /// the cluster too large is refused.
    pub(super) fn add_worker(
        &mut self,
        resource_id: ResourceId,
        resources: WorkerResources,
        slots: &[ReportedSlot],
        now: Instant,
    ) -> Result<Vec<LostSlot>, SlotManagerError> {
        if resources.number_of_slots == 0 {
            return Err(SlotManagerError::NoSlots(resource_id));
        }
        let worker = Worker::new(resources, slots, now);
        let others = self.workers.iter().filter(|(id, _)| **id != resource_id);
        let with_it = others.fold(worker.capacity(), |sum, (_, other)| sum.plus(&other.capacity()));
        if self.on_demand.is_some()
            && let Some(limit) = self.settings.bounds.exceeded_by(&with_it)
        {
            return Err(SlotManagerError::ClusterFull {
                worker: resource_id,
                limit,
            });
        }
        let mut lost = self.remove_worker(&resource_id);
        lost.retain(|lost| slots.iter().all(|slot| slot.allocation_id != lost.allocation_id));
        self.workers.insert(resource_id, worker);
        Ok(lost)
    }

    /// The slots that jobs lose with the worker.
    pub(super) fn remove_worker(&mut self, resource_id: &ResourceId) -> Vec<LostSlot> {
        let removed = self.workers.remove(resource_id);
        let slots = removed.iter().flat_map(Worker::held);
        slots
            .map(|(allocation_id, slot)| LostSlot {
                job_id: slot.job_id,
                allocation_id: *allocation_id,
            })
            .collect()
    }

    /// The worker's own view, as of a heartbeat sent at `asked`, or said by itself.
    pub(super) fn report(
        &mut self,
        resource_id: &ResourceId,
        slots: &[ReportedSlot],
        asked: Option<Instant>,
        now: Instant,
    ) -> Result<Vec<LostSlot>, SlotManagerError> {
        Ok(self.worker(resource_id)?.report(slots, asked, now))
    }

    /// What of a worker may be different after a report: how many slots are taken, and since when none is.
    pub(super) fn standing(&self, resource_id: &ResourceId) -> Option<(usize, Option<Instant>)> {
        let worker = self.workers.get(resource_id)?;
        Some((worker.held().count(), worker.idle_since()))
    }

    /// The node gives no slots until then. Whether it did before.
    pub(super) fn block_node(&mut self, node: String, until: Instant) -> bool {
        self.blocked.block(node, until)
    }

    /// Nodes that give slots again.
    pub(super) fn unblock_nodes(&mut self, now: Instant) -> Vec<String> {
        self.blocked.expired(now)
    }

    /// Nodes that give no slots.
    pub(super) fn blocked_nodes(&self) -> BTreeSet<String> {
        self.blocked.nodes()
    }

    /// The worker took the slot for the job, or refused.
    pub(super) fn answered(&mut self, allocation: &Allocation, taken: bool, now: Instant) {
        if let Some(worker) = self.workers.get_mut(&allocation.resource_id) {
            worker.answered(&allocation.allocation_id, taken, now);
        }
    }

    /// Whether a job waits for slots that no registered worker had free when it was last looked at.
    pub(super) const fn is_waited_for(&self) -> bool {
        self.pending_slots > 0
    }

    /// The worker has a slot back.
    pub(super) fn freed(
        &mut self,
        resource_id: &ResourceId,
        allocation_id: &AllocationId,
        now: Instant,
    ) -> Result<(), SlotManagerError> {
        if self.worker(resource_id)?.freed(allocation_id, now) {
            return Ok(());
        }
        Err(SlotManagerError::UnknownAllocation {
            worker: resource_id.clone(),
            allocation: *allocation_id,
        })
    }

    fn worker(&mut self, resource_id: &ResourceId) -> Result<&mut Worker, SlotManagerError> {
        let worker = self.workers.get_mut(resource_id);
        worker.ok_or_else(|| SlotManagerError::UnknownWorker(resource_id.clone()))
    }
}
