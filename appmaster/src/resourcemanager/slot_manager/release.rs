//! Spare workers: how many are kept, and which go.
//!
//! While no job has a slot, none is spare: all workers go that have been idle for long. Else
//! `d = redundant workers × slots of a worker − free slots` says what is missing (d > 0: ⌈d ÷ slots of a worker⌉ are asked
//! for) or too much (at most ⌊−d ÷ slots of a worker⌋ go). The least that the cluster keeps stays in any case.

use selvedge_core::ResourceId;
use selvedge_core::resource::WorkerResourceSpec;
use tokio::time::Instant;

use super::SlotManager;
use super::pending::PendingWorkers;
use super::worker::Worker;

impl SlotManager {
    /// How many spare workers are to be asked for, beside those that come anyway.
    pub(super) fn redundant(&self, pending: &PendingWorkers<'_>, spec: &WorkerResourceSpec) -> u32 {
        if self.held().next().is_none() {
            return 0;
        }
        let free = self.free_slots().saturating_add(pending.free_slots());
        let spare = self.settings.redundant_workers.saturating_mul(spec.number_of_slots);
        spare.saturating_sub(free).div_ceil(spec.number_of_slots.max(1))
    }

    /// Workers that may be released: idle for long, not needed as spare ones, not among the least that are kept. They are
    /// not named again for a moment.
    pub(in crate::resourcemanager) fn releasable(&mut self, now: Instant) -> Vec<ResourceId> {
        let Some(spec) = &self.on_demand else {
            return Vec::new();
        };
        let mut budget = u32::MAX;
        if self.held().next().is_some() {
            let slots = spec.number_of_slots.max(1);
            let spare = self.settings.redundant_workers.saturating_mul(slots);
            budget = self.free_slots().saturating_sub(spare) / slots;
        }
        let mut capacity = self.capacity();
        let mut released = Vec::new();
        let (timeout, bounds) = (self.settings.idle_timeout, self.settings.bounds);
        for (resource_id, worker) in &mut self.workers {
            if !worker.is_overdue(timeout, now) || released.len() as u64 >= u64::from(budget) {
                continue;
            }
            let without = capacity.minus(&worker.capacity());
            if !bounds.missing(&without).is_nothing() {
                continue;
            }
            capacity = without;
            worker.keep(now);
            released.push(resource_id.clone());
        }
        released
    }

    /// Since when a worker has been idle: who wants to release it makes sure that it still is.
    pub(in crate::resourcemanager) fn idle_since(&self, resource_id: &ResourceId) -> Option<Instant> {
        self.workers.get(resource_id).and_then(Worker::idle_since)
    }

    /// When the plan or the list of idle workers may change by itself. What is kept although it is idle waits for something
    /// to happen.
    pub(in crate::resourcemanager) fn deadline(&self, now: Instant) -> Option<Instant> {
        let timeout = self.settings.idle_timeout;
        let deadlines = self.workers.values().flat_map(|worker| worker.deadlines(timeout));
        deadlines.chain(self.blocked.deadline()).filter(|at| *at > now).min()
    }

    /// Those of blocked nodes are no use to anybody.
    fn free_slots(&self) -> u32 {
        let usable = self.workers.values();
        let usable = usable.filter(|worker| !self.blocked.contains(&worker.resources.node));
        usable.map(Worker::free_slots).sum()
    }
}
