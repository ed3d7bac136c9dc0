//! Workers that are not there yet, pure: how many must come for the slots that no registered worker can give.

use selvedge_core::resource::{ProfileSpec, ResourceProfile, WorkerResourceSpec};

use super::bounds::{Capacity, ClusterBounds};
use super::plan::{Shortage, in_words};

/// Says whether there can be a worker of this size; `Err(None)` where all workers have one size.
pub(in crate::resourcemanager) type OwnSizes = dyn Fn(&WorkerResourceSpec) -> Result<(), Option<String>> + Send + Sync;

/// The workers that are to come, and what is left of them.
pub(super) struct PendingWorkers<'a> {
    spec: &'a WorkerResourceSpec,
    bounds: &'a ClusterBounds,
    /// Of the registered workers and of those to come.
    capacity: Capacity,
    /// What registered workers have free that may not be asked at this moment.
    paused: Vec<ResourceProfile>,
    /// What is left of each worker to come.
    free: Vec<ResourceProfile>,
    own_sizes: Option<&'a OwnSizes>,
    /// Workers for slots that are larger than the usual worker.
    alone: Vec<(WorkerResourceSpec, u32)>,
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
            own_sizes: None,
            alone: Vec::new(),
        }
    }

    /// The same where workers may have sizes of their own.
    pub(super) const fn with_own_sizes(mut self, own_sizes: Option<&'a OwnSizes>) -> Self {
        self.own_sizes = own_sizes;
        self
    }

    /// The workers of other sizes, by size.
    pub(super) fn alone(self) -> Vec<(WorkerResourceSpec, u32)> {
        self.alone
    }

    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.free.len()).unwrap_or(u32::MAX)
    }

    /// Finds room for one slot, in one worker more if need be.
    pub(super) fn place(&mut self, wanted: &ProfileSpec) -> Result<(), Shortage> {
        let default = self.spec.slot_profile();
        let Some(slot) = wanted.or_default(&default) else {
            return Err(self.too_large("unlimited resources".to_owned()));
        };
        if take(&mut self.paused, slot) || take(&mut self.free, slot) {
            return Ok(());
        }
        let Some(left) = self.spec.total.checked_sub(slot) else {
            return self.place_alone(slot);
        };
        self.open()?;
        if let Some(worker) = self.free.last_mut() {
            *worker = left;
        }
        Ok(())
    }

    fn too_large(&self, slot: String) -> Shortage {
        let worker = in_words(&self.spec.total);
        Shortage::TooLarge { slot, worker }
    }

    /// A slot that is larger than the usual worker gets one of its own.
    fn place_alone(&mut self, slot: &ResourceProfile) -> Result<(), Shortage> {
        let worker = self.spec.alone_for(slot);
        match self.own_sizes.map(|sizes| sizes(&worker)) {
            None | Some(Err(None)) => return Err(self.too_large(in_words(slot))),
            Some(Err(Some(reason))) => {
                let slot = in_words(slot);
                return Err(Shortage::NoSuchWorker { slot, reason });
            }
            Some(Ok(())) => {}
        }
        let with_it = self.capacity.plus(&Capacity::of(&worker.total, worker.number_of_slots));
        if let Some(limit) = self.bounds.exceeded_by(&with_it) {
            return Err(Shortage::Limit(limit));
        }
        self.capacity = with_it;
        match self.alone.iter_mut().find(|(known, _)| *known == worker) {
            Some((_, count)) => *count += 1,
            None => self.alone.push((worker, 1)),
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
