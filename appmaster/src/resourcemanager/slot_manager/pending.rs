//! Workers that are not there yet, pure: how many must come for the slots that no registered worker can give.

use selvedge_core::resource::{ProfileSpec, ResourceProfile, WorkerResourceSpec};

use super::bounds::{Capacity, ClusterBounds};
use super::plan::{Shortage, in_words};

/// The workers that are to come, and what is left of them.
#[derive(Debug)]
pub(super) struct PendingWorkers<'a> {
    spec: &'a WorkerResourceSpec,
    bounds: &'a ClusterBounds,
    /// Of the registered workers and of those to come.
    capacity: Capacity,
    /// What registered workers have free that may not be asked at this moment.
    paused: Vec<ResourceProfile>,
    /// What is left of each worker to come.
    free: Vec<ResourceProfile>,
}

impl<'a> PendingWorkers<'a> {
    pub(super) const fn new(
        spec: &'a WorkerResourceSpec,
        bounds: &'a ClusterBounds,
        registered: Capacity,
        paused: Vec<ResourceProfile>,
    ) -> Self {
        Self {
            spec,
            bounds,
            capacity: registered,
            paused,
            free: Vec::new(),
        }
    }

    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.free.len()).unwrap_or(u32::MAX)
    }

    /// Finds room for one slot, in one worker more if need be.
    pub(super) fn place(&mut self, wanted: &ProfileSpec) -> Result<(), Shortage> {
        let default = self.spec.slot_profile();
        let too_large = |slot: String| Shortage::TooLarge {
            slot,
            worker: in_words(&self.spec.total),
        };
        let Some(slot) = wanted.or_default(&default) else {
            return Err(too_large("unlimited resources".to_owned()));
        };
        if take(&mut self.paused, slot) || take(&mut self.free, slot) {
            return Ok(());
        }
        let Some(left) = self.spec.total.checked_sub(slot) else {
            return Err(too_large(in_words(slot)));
        };
        self.open()?;
        if let Some(worker) = self.free.last_mut() {
            *worker = left;
        }
        Ok(())
    }

    /// One worker more.
    fn open(&mut self) -> Result<(), Shortage> {
        let worker = Capacity::of(&self.spec.total, self.spec.number_of_slots);
        let with_it = self.capacity.plus(&worker);
        if let Some(limit) = self.bounds.exceeded_by(&with_it) {
            return Err(Shortage::Limit(limit));
        }
        self.capacity = with_it;
        self.free.push(self.spec.total.clone());
        Ok(())
    }

    /// Slots of the default size that are left on the workers to come.
    pub(super) fn free_slots(&self) -> u32 {
        let slot = self.spec.slot_profile();
        let slots_of = |free: &ResourceProfile| {
            let mut left = free.clone();
            let mut count = 0;
            while count < self.spec.number_of_slots
                && let Some(rest) = left.checked_sub(&slot)
            {
                left = rest;
                count += 1;
            }
            count
        };
        self.free.iter().map(slots_of).sum()
    }

    /// So many workers more, as far as the cluster may grow.
    pub(super) fn add(&mut self, workers: u32) {
        for _ in 0..workers {
            if self.open().is_err() {
                return;
            }
        }
    }

    /// As many workers more as the cluster has at least.
    pub(super) fn reach_least(&mut self) {
        let mut missing = self.bounds.missing(&self.capacity);
        while !missing.is_nothing() && self.open().is_ok() {
            let left = self.bounds.missing(&self.capacity);
            if left == missing {
                // Workers without a core never make up for cores.
                return;
            }
            missing = left;
        }
    }
}

/// Takes a slot out of the first that has room for it.
fn take(rooms: &mut [ResourceProfile], slot: &ResourceProfile) -> bool {
    for room in rooms {
        if let Some(left) = room.checked_sub(slot) {
            *room = left;
            return true;
        }
    }
    false
}
