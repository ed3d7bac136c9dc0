//! How many slots there are, and who has them: for REST, metrics and people.

use selvedge_core::resource::ResourceProfile;
use selvedge_core::{JobId, ResourceId};

use super::SlotManager;
use super::worker::Worker;

/// The slots of a worker.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SlotUse {
    /// How many of the default size it has.
    pub total: u32,
    /// How many of those are free; a slot of another size counts as one that is not.
    pub free: u32,
    /// What its slots leave free.
    pub free_resource: ResourceProfile,
    /// The jobs that have slots, and what the slots hold.
    pub allocated: Vec<(JobId, ResourceProfile)>,
    /// Whether its node is blocked: it gets no more slots to give.
    pub blocked: bool,
}

/// The slots of all workers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClusterUse {
    /// Registered workers.
    pub workers: u32,
    /// Their slots of the default size.
    pub slots: u32,
    /// Those that are free.
    pub free_slots: u32,
    /// Workers on blocked nodes.
    pub blocked_workers: u32,
    /// Their free slots.
    pub blocked_free_slots: u32,
    /// Slots that jobs need and no registered worker has free.
    pub pending_slots: u32,
}

impl SlotManager {
    pub(in crate::resourcemanager) fn slots_of(&self, resource_id: &ResourceId) -> SlotUse {
        let Some(worker) = self.workers.get(resource_id) else {
            return SlotUse::default();
        };
        SlotUse {
            blocked: self.blocked.contains(&worker.resources.node),
            total: worker.resources.number_of_slots,
            free: worker.free_slots(),
            free_resource: worker.free().clone(),
            allocated: worker
                .held()
                .map(|(_, slot)| (slot.job_id, slot.profile.clone()))
                .collect(),
        }
    }

    pub(in crate::resourcemanager) fn usage(&self) -> ClusterUse {
        let sum = |of: fn(&Worker) -> u32| self.workers.values().map(of).sum();
        let blocked = self
            .workers
            .values()
            .filter(|worker| self.blocked.contains(&worker.resources.node));
        let blocked: Vec<_> = blocked.map(Worker::free_slots).collect();
        ClusterUse {
            workers: self.workers.len() as u32,
            slots: sum(|worker| worker.resources.number_of_slots),
            free_slots: sum(Worker::free_slots),
            blocked_workers: blocked.len() as u32,
            blocked_free_slots: blocked.iter().sum(),
            pending_slots: self.pending_slots,
        }
    }
}
