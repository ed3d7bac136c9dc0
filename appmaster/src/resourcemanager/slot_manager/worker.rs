//! A registered worker as the SlotManager counts it, pure: what it has, who has how much of it, and since when nobody has.
//!
//! ```text
//! a slot:  asked ──the worker answers──► taken ──freed, or no longer reported──► gone
//!             └── refused ──► gone; the worker is left alone for a moment
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use selvedge_core::resource::{ProfileSpec, ResourceProfile};
#[cfg(test)]
use selvedge_core::status::HeldSlotState;
use selvedge_core::{AllocationId, JobId, ResourceId};
use tokio::time::Instant;

use super::bounds::Capacity;
use super::plan::Allocation;

/// How long a worker that refused a slot is left alone.
const REFUSAL_PAUSE: Duration = Duration::from_secs(1);
/// How long a worker that may not be released yet is left alone.
const KEEP_PAUSE: Duration = Duration::from_secs(1);

/// What a worker says of itself when it registers.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::resourcemanager) struct WorkerResources {
    /// What all its slots hold together.
    pub(in crate::resourcemanager) total: ResourceProfile,
    /// What a slot of the default size holds.
    pub(in crate::resourcemanager) default_slot: ResourceProfile,
    /// How many slots of the default size it has.
    pub(in crate::resourcemanager) number_of_slots: u32,
    /// Its host.
    pub(in crate::resourcemanager) node: String,
}

/// A slot that is taken, as a worker reports it.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::resourcemanager) struct ReportedSlot {
    pub(in crate::resourcemanager) index: u32,
    pub(in crate::resourcemanager) profile: ResourceProfile,
    pub(in crate::resourcemanager) job_id: JobId,
    pub(in crate::resourcemanager) allocation_id: AllocationId,
}

/// A slot that its job has lost without its worker having said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::resourcemanager) struct LostSlot {
    pub(in crate::resourcemanager) job_id: JobId,
    pub(in crate::resourcemanager) allocation_id: AllocationId,
}

/// A slot of the worker that a job has.
#[derive(Debug, Clone)]
pub(super) struct HeldSlot {
    pub(super) job_id: JobId,
    pub(super) profile: ResourceProfile,
    /// `None` where the worker has not said yet which index it gave the slot.
    index: Option<u32>,
    /// The worker has been asked, but has not answered.
    asked: bool,
    /// When the SlotManager changed it, or asked for the report that told of it; `None` where the worker said it by itself.
    changed: Option<Instant>,
}

/// A registered worker.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) resources: WorkerResources,
    slots: BTreeMap<AllocationId, HeldSlot>,
    /// What is left of the total.
    free: ResourceProfile,
    /// Slots that were freed since the last report was asked for: an older report does not bring them back.
    freed: BTreeMap<AllocationId, Instant>,
    registered: Instant,
    idle_since: Option<Instant>,
    paused_until: Option<Instant>,
    kept_until: Option<Instant>,
}

impl Worker {
    pub(super) fn new(resources: WorkerResources, slots: &[ReportedSlot], now: Instant) -> Self {
        let mut worker = Self {
            free: resources.total.clone(),
            resources,
            slots: slots.iter().map(|slot| (slot.allocation_id, slot.held())).collect(),
            freed: BTreeMap::new(),
            registered: now,
            idle_since: None,
            paused_until: None,
            kept_until: None,
        };
        worker.count(now);
        worker
    }

    pub(super) const fn free(&self) -> &ResourceProfile {
        &self.free
    }

    pub(super) fn held(&self) -> impl Iterator<Item = (&AllocationId, &HeldSlot)> {
        self.slots.iter()
    }

    pub(super) fn capacity(&self) -> Capacity {
        Capacity::of(&self.resources.total, self.resources.number_of_slots)
    }

    /// How many slots of the default size are free: slots of other sizes count as one each, as in Flink.
    pub(super) fn free_slots(&self) -> u32 {
        let held = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
        self.resources.number_of_slots.saturating_sub(held)
    }

    /// How much of it is taken, in millionths of what is scarcer.
    pub(super) fn utilisation(&self) -> u64 {
        let total = &self.resources.total;
        let part = |free: f64, total: f64| if total > 0.0 { 1.0 - free / total } else { 0.0 };
        let cores = part(self.free.cpu_cores.to_f64(), total.cpu_cores.to_f64());
        let memory = part(
            self.free.total_memory().bytes() as f64,
            total.total_memory().bytes() as f64,
        );
        (cores.max(memory) * 1e6) as u64
    }

    /// Whether it may be asked for slots.
    pub(super) fn is_paused(&self, now: Instant) -> bool {
        self.paused_until.is_some_and(|until| until > now)
    }

    /// What a slot for `wanted` takes of this worker, where that is free.
    pub(super) fn fits<'a>(&'a self, wanted: &'a ProfileSpec) -> Option<&'a ResourceProfile> {
        let profile = wanted.or_default(&self.resources.default_slot)?;
        self.free.covers(profile).then_some(profile)
    }

    /// Takes a slot for a job: one of the default size where that is wanted, else one that the worker makes.
    pub(super) fn take(
        &mut self,
        resource_id: &ResourceId,
        wanted: &ProfileSpec,
        job_id: JobId,
        allocation_id: AllocationId,
        now: Instant,
    ) -> Option<Allocation> {
        let profile = self.fits(wanted)?.clone();
        let index = (profile == self.resources.default_slot)
            .then(|| self.free_index())
            .flatten();
        let slot = HeldSlot {
            job_id,
            profile: profile.clone(),
            index,
            asked: true,
            changed: Some(now),
        };
        self.slots.insert(allocation_id, slot);
        self.count(now);
        Some(Allocation {
            resource_id: resource_id.clone(),
            slot_index: index,
            job_id,
            allocation_id,
            profile,
        })
    }

    fn free_index(&self) -> Option<u32> {
        let taken: BTreeSet<u32> = self.slots.values().filter_map(|slot| slot.index).collect();
        (0..self.resources.number_of_slots).find(|index| !taken.contains(index))
    }

    /// The worker took the slot for the job, or refused.
    pub(super) fn answered(&mut self, allocation_id: &AllocationId, taken: bool, now: Instant) {
        if !taken {
            self.paused_until = Some(now + REFUSAL_PAUSE);
        }
        let Some(slot) = self.slots.get_mut(allocation_id) else {
            return;
        };
        if taken {
            slot.asked = false;
            slot.changed = Some(now);
        } else if slot.asked {
            self.slots.remove(allocation_id);
        }
        self.count(now);
    }

    /// The worker has a slot back. `false` where nobody had it; it may be told twice.
    pub(super) fn freed(&mut self, allocation_id: &AllocationId, now: Instant) -> bool {
        if self.slots.remove(allocation_id).is_none() {
            return self.freed.contains_key(allocation_id);
        }
        self.freed.insert(*allocation_id, now);
        self.count(now);
        true
    }

    /// The worker's own view of its slots that are taken, as of `asked`, or of its registration: it is right, except for
    /// what changed since. What a job has lost thereby is told.
    pub(super) fn report(&mut self, slots: &[ReportedSlot], as_of: Option<Instant>, now: Instant) -> Vec<LostSlot> {
        let asked = as_of.unwrap_or(self.registered);
        self.freed.retain(|_, freed| *freed >= asked);
        let reported: BTreeMap<_, _> = slots.iter().map(|slot| (slot.allocation_id, slot)).collect();
        let is_lost = |(allocation_id, slot): (&AllocationId, &HeldSlot)| {
            let is_older = slot.changed.is_none_or(|changed| changed < asked);
            let lost = !slot.asked && is_older && !reported.contains_key(allocation_id);
            lost.then_some(LostSlot {
                job_id: slot.job_id,
                allocation_id: *allocation_id,
            })
        };
        let lost: Vec<_> = self.slots.iter().filter_map(is_lost).collect();
        for slot in &lost {
            self.slots.remove(&slot.allocation_id);
        }
        for (allocation_id, slot) in reported {
            if !self.freed.contains_key(&allocation_id) {
                // A report that was overtaken by this one does not take it away.
                let known = self.slots.get(&allocation_id).and_then(|known| known.changed);
                let changed = known.max(as_of);
                self.slots.insert(allocation_id, HeldSlot { changed, ..slot.held() });
            }
        }
        self.count(now);
        lost
    }

    /// How the allocation stands.
    #[cfg(test)]
    pub(super) fn state_of(&self, allocation_id: &AllocationId) -> HeldSlotState {
        match self.slots.get(allocation_id) {
            None => HeldSlotState::Absent,
            Some(slot) if slot.asked => HeldSlotState::Asked,
            Some(_) => HeldSlotState::Taken,
        }
    }

    /// Since when nobody has had a slot.
    pub(super) const fn idle_since(&self) -> Option<Instant> {
        self.idle_since
    }

    /// Whether it has been idle for so long and was not found worth keeping a moment ago.
    pub(super) fn is_overdue(&self, timeout: Duration, now: Instant) -> bool {
        self.idle_since.is_some_and(|since| since + timeout <= now) && self.kept_until.is_none_or(|until| until <= now)
    }

    /// It may not be released yet, or is being asked: not before a moment has passed again.
    pub(super) fn keep(&mut self, now: Instant) {
        self.kept_until = Some(now + KEEP_PAUSE);
    }

    /// When anything about it changes by itself.
    pub(super) fn deadlines(&self, timeout: Duration) -> impl Iterator<Item = Instant> {
        let idle = self.idle_since.map(|since| since + timeout);
        [idle, self.paused_until, self.kept_until].into_iter().flatten()
    }

    fn count(&mut self, now: Instant) {
        let taken = self
            .slots
            .values()
            .try_fold(ResourceProfile::ZERO, |sum, slot| sum.checked_add(&slot.profile));
        // A worker that reports more than it has gives no more.
        self.free = taken
            .and_then(|taken| self.resources.total.checked_sub(&taken))
            .unwrap_or_default();
        self.idle_since = self.slots.is_empty().then(|| self.idle_since.unwrap_or(now));
    }
}

impl ReportedSlot {
    fn held(&self) -> HeldSlot {
        HeldSlot {
            job_id: self.job_id,
            profile: self.profile.clone(),
            index: Some(self.index),
            asked: false,
            changed: None,
        }
    }
}
