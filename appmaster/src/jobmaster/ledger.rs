//! Which slots of which worker a job has, as its heartbeats say it. Pure.
//!
//! A heartbeat may overtake the answer to an offer, or come after a later one. So what is held has a version, which grows with
//! each slot that is taken; the worker is told under which its offer was accepted, and heeds nothing older about that slot.

use std::collections::{BTreeMap, BTreeSet};

use selvedge_core::{AllocationId, ResourceId};

use super::execution_graph::TaskLocation;

/// The slots by worker.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    version: u64,
    workers: BTreeMap<ResourceId, BTreeSet<AllocationId>>,
    /// Whose slots are others than when somebody asked last.
    changed: BTreeSet<ResourceId>,
}

/// The slots of one worker at a version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) version: u64,
    pub(super) allocations: BTreeSet<AllocationId>,
}

impl Ledger {
    /// How many slots have ever been taken.
    pub(super) const fn version(&self) -> u64 {
        self.version
    }

    pub(super) fn take(&mut self, slot: &TaskLocation) {
        self.version += 1;
        let of_worker = self.workers.entry(slot.resource_id.clone()).or_default();
        of_worker.insert(slot.allocation_id);
        self.changed.insert(slot.resource_id.clone());
    }

    pub(super) fn give_up(&mut self, slot: &TaskLocation) {
        if let Some(of_worker) = self.workers.get_mut(&slot.resource_id) {
            of_worker.remove(&slot.allocation_id);
            if of_worker.is_empty() {
                self.workers.remove(&slot.resource_id);
            }
        }
        self.changed.insert(slot.resource_id.clone());
    }

    /// The slots of a worker.
    pub(super) fn of_worker(&self, worker: &ResourceId) -> BTreeSet<AllocationId> {
        self.workers.get(worker).cloned().unwrap_or_default()
    }

    /// What workers hold whose slots have changed since this was asked last.
    pub(super) fn take_changed(&mut self) -> Vec<(ResourceId, Held)> {
        let changed = std::mem::take(&mut self.changed);
        let held = |worker: ResourceId| {
            let (version, allocations) = (self.version, self.of_worker(&worker));
            (worker, Held { version, allocations })
        };
        changed.into_iter().map(held).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(worker: &str, number: u8) -> TaskLocation {
        TaskLocation {
            resource_id: worker.into(),
            host: "node".to_owned(),
            data_address: "node:1".to_owned(),
            allocation_id: AllocationId::from_bytes([number; 16]),
        }
    }

    fn held(version: u64, numbers: &[u8]) -> Held {
        let allocations = numbers.iter().map(|number| AllocationId::from_bytes([*number; 16]));
        Held {
            version,
            allocations: allocations.collect(),
        }
    }

    #[test]
    fn only_workers_whose_slots_have_changed_are_told_of_and_only_taking_raises_the_version() {
        let mut ledger = Ledger::default();
        ledger.take(&slot("a", 1));
        ledger.take(&slot("b", 2));
        ledger.take(&slot("a", 3));
        let all = vec![("a".into(), held(3, &[1, 3])), ("b".into(), held(3, &[2]))];
        assert_eq!((ledger.take_changed(), ledger.version()), (all, 3));
        assert_eq!(ledger.take_changed(), []);
        ledger.give_up(&slot("a", 1));
        assert_eq!(ledger.take_changed(), [("a".into(), held(3, &[3]))]);
        ledger.give_up(&slot("a", 3));
        assert_eq!(ledger.take_changed(), [("a".into(), held(3, &[]))]);
        assert_eq!(ledger.of_worker(&"b".into()), held(3, &[2]).allocations);
    }
}
