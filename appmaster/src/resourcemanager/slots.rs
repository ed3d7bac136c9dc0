//! The SlotManager, pure: which slots exist, who needs how many, and so which slot goes to whom and how many are missing.

use std::collections::BTreeMap;

use rand::Rng;
use selvedge_core::resource::ResourceProfile;
use selvedge_core::{AllocationId, JobId, ResourceId};
use tokio::time::Instant;

/// How long a worker that refused a slot is left alone.
const REFUSAL_PAUSE: std::time::Duration = std::time::Duration::from_secs(1);

/// A slot, as a worker reports it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ReportedSlot {
    pub(super) index: u32,
    pub(super) profile: ResourceProfile,
    pub(super) allocated: Option<(JobId, AllocationId)>,
}

/// A slot to be given to a job.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Allocation {
    pub(super) resource_id: ResourceId,
    pub(super) slot_index: u32,
    pub(super) job_id: JobId,
    pub(super) allocation_id: AllocationId,
    pub(super) profile: ResourceProfile,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Free,
    /// The worker has been asked, but has not answered.
    Asked(JobId, AllocationId),
    Taken(JobId, AllocationId),
}

#[derive(Debug)]
struct Slot {
    profile: ResourceProfile,
    used: Use,
    changed: Instant,
}

#[derive(Debug)]
struct Worker {
    slots: BTreeMap<u32, Slot>,
    idle_since: Option<Instant>,
    paused_until: Option<Instant>,
}

/// What a job needs.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Requirement {
    pub(super) profile: ResourceProfile,
    pub(super) slots: u32,
}

/// Slots and needs.
#[derive(Debug, Default)]
pub(super) struct SlotManager {
    workers: BTreeMap<ResourceId, Worker>,
    requirements: BTreeMap<JobId, Requirement>,
}

impl SlotManager {
    pub(super) fn declare(&mut self, job: JobId, requirement: Requirement) {
        self.requirements.insert(job, requirement);
    }

    /// The job needs nothing any more. Its slots are free when their workers say so.
    pub(super) fn remove_job(&mut self, job: &JobId) {
        self.requirements.remove(job);
    }

    /// A worker's slots, in place of what was known of it.
    pub(super) fn add_worker(&mut self, resource_id: ResourceId, slots: &[ReportedSlot], now: Instant) {
        let slots = slots
            .iter()
            .map(|slot| (slot.index, Slot::reported(slot, now)))
            .collect();
        let mut worker = Worker {
            slots,
            idle_since: None,
            paused_until: None,
        };
        worker.note_idleness(now);
        self.workers.insert(resource_id, worker);
    }

    pub(super) fn remove_worker(&mut self, resource_id: &ResourceId) {
        self.workers.remove(resource_id);
    }

    /// The worker's own view, as of a heartbeat sent at `sent`: it is right, except for slots that changed since.
    pub(super) fn report(&mut self, resource_id: &ResourceId, slots: &[ReportedSlot], sent: Instant, now: Instant) {
        let Some(worker) = self.workers.get_mut(resource_id) else {
            return;
        };
        for reported in slots {
            match worker.slots.get_mut(&reported.index) {
                Some(slot) if slot.changed >= sent || matches!(slot.used, Use::Asked(..)) => {}
                _ => {
                    worker.slots.insert(reported.index, Slot::reported(reported, now));
                }
            }
        }
        worker.note_idleness(now);
    }

    /// The worker took the slot for the job, or refused.
    pub(super) fn answered(&mut self, allocation: &Allocation, taken: bool, now: Instant) {
        let Some(worker) = self.workers.get_mut(&allocation.resource_id) else {
            return;
        };
        let Some(slot) = worker.slots.get_mut(&allocation.slot_index) else {
            return;
        };
        if slot.used == Use::Asked(allocation.job_id, allocation.allocation_id) {
            let taken_use = Use::Taken(allocation.job_id, allocation.allocation_id);
            slot.change(if taken { taken_use } else { Use::Free }, now);
        }
        if !taken {
            worker.paused_until = Some(now + REFUSAL_PAUSE);
        }
        worker.note_idleness(now);
    }

    /// The worker has a slot back.
    pub(super) fn freed(&mut self, resource_id: &ResourceId, index: u32, allocation: &AllocationId, now: Instant) {
        let Some(worker) = self.workers.get_mut(resource_id) else {
            return;
        };
        let Some(slot) = worker.slots.get_mut(&index) else {
            return;
        };
        match slot.used {
            Use::Asked(_, held) | Use::Taken(_, held) if held == *allocation => slot.change(Use::Free, now),
            _ => tracing::info!("ignored: slot {index} of {resource_id} is not held by allocation {allocation}"),
        }
        worker.note_idleness(now);
    }

    /// Gives free slots to jobs that need them; `missing` are the slots that no worker has.
    pub(super) fn allocate(&mut self, now: Instant, rng: &mut impl Rng) -> (Vec<Allocation>, u32) {
        let mut allocations = Vec::new();
        let mut missing = 0;
        for (job, requirement) in self.requirements.clone() {
            let held = self.held_by(&job);
            for _ in held..requirement.slots {
                match self.take_free_slot(job, &requirement.profile, now, rng) {
                    Some(allocation) => allocations.push(allocation),
                    None => missing += 1,
                }
            }
        }
        (allocations, missing)
    }

    fn take_free_slot(
        &mut self,
        job_id: JobId,
        profile: &ResourceProfile,
        now: Instant,
        rng: &mut impl Rng,
    ) -> Option<Allocation> {
        for (resource_id, worker) in &mut self.workers {
            if worker.paused_until.is_some_and(|until| until > now) {
                continue;
            }
            let free = |slot: &Slot| slot.used == Use::Free && slot.profile.covers(profile);
            let Some((index, slot)) = worker.slots.iter_mut().find(|(_, slot)| free(slot)) else {
                continue;
            };
            let allocation_id = AllocationId::random(rng);
            slot.change(Use::Asked(job_id, allocation_id), now);
            worker.idle_since = None;
            return Some(Allocation {
                resource_id: resource_id.clone(),
                slot_index: *index,
                job_id,
                allocation_id,
                profile: slot.profile.clone(),
            });
        }
        None
    }

    fn held_by(&self, job: &JobId) -> u32 {
        let slots = self.workers.values().flat_map(|worker| worker.slots.values());
        slots.filter(|slot| slot.job() == Some(job)).count() as u32
    }

    /// Free slots that wait for a paused worker count as there.
    pub(super) fn paused_slots(&self, now: Instant) -> u32 {
        let paused = self
            .workers
            .values()
            .filter(|worker| worker.paused_until.is_some_and(|until| until > now));
        paused
            .flat_map(|worker| worker.slots.values())
            .filter(|slot| slot.used == Use::Free)
            .count() as u32
    }

    /// Workers of which no slot has been in use for `timeout`.
    pub(super) fn idle_workers(&self, timeout: std::time::Duration, now: Instant) -> Vec<ResourceId> {
        let idle = |worker: &Worker| worker.idle_since.is_some_and(|since| since + timeout <= now);
        self.workers
            .iter()
            .filter(|(_, worker)| idle(worker))
            .map(|(id, _)| id.clone())
            .collect()
    }

    /// When a worker becomes idle for too long, or a pause ends.
    pub(super) fn deadline(&self, timeout: std::time::Duration, now: Instant) -> Option<Instant> {
        let idle = self
            .workers
            .values()
            .filter_map(|worker| worker.idle_since)
            .map(|since| since + timeout);
        let paused = self
            .workers
            .values()
            .filter_map(|worker| worker.paused_until)
            .filter(|until| *until > now);
        idle.chain(paused).min()
    }

    /// The slots of a worker: how many, and what the free ones and the taken ones hold.
    pub(super) fn slots_of(&self, resource_id: &ResourceId) -> SlotUse {
        let mut used = SlotUse::default();
        for slot in self
            .workers
            .get(resource_id)
            .into_iter()
            .flat_map(|worker| worker.slots.values())
        {
            used.total += 1;
            match slot.job() {
                Some(job) => used.allocated.push((*job, slot.profile.clone())),
                None => used.free.push(slot.profile.clone()),
            }
        }
        used
    }

    /// How many workers, slots and free slots there are.
    pub(super) fn count(&self) -> (usize, usize, usize) {
        let slots = || self.workers.values().flat_map(|worker| worker.slots.values());
        let free = slots().filter(|slot| slot.job().is_none()).count();
        (self.workers.len(), slots().count(), free)
    }
}

/// The slots of a worker by use.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SlotUse {
    /// How many there are.
    pub total: usize,
    /// What the free ones hold.
    pub free: Vec<ResourceProfile>,
    /// The jobs that have the others.
    pub allocated: Vec<(JobId, ResourceProfile)>,
}

impl Slot {
    fn reported(reported: &ReportedSlot, now: Instant) -> Self {
        let used = reported
            .allocated
            .map_or(Use::Free, |(job, allocation)| Use::Taken(job, allocation));
        Self {
            profile: reported.profile.clone(),
            used,
            changed: now,
        }
    }

    const fn change(&mut self, used: Use, now: Instant) {
        self.used = used;
        self.changed = now;
    }

    const fn job(&self) -> Option<&JobId> {
        match &self.used {
            Use::Free => None,
            Use::Asked(job, _) | Use::Taken(job, _) => Some(job),
        }
    }
}

impl Worker {
    fn note_idleness(&mut self, now: Instant) {
        let idle = self.slots.values().all(|slot| slot.used == Use::Free);
        self.idle_since = idle.then(|| self.idle_since.unwrap_or(now));
    }
}
