//! The slots that workers have offered to a job, and which subtasks go into which.

use std::collections::{BTreeMap, BTreeSet};

use selvedge_core::job_graph::JobGraph;
use selvedge_core::{AllocationId, ResourceId, VertexId};

/// A slot that the job has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PooledSlot {
    pub(super) allocation_id: AllocationId,
    pub(super) resource_id: ResourceId,
    pub(super) slot_index: u32,
}

/// Takes as many slots as the job needs, and no more.
#[derive(Debug)]
pub(super) struct SlotPool {
    required: u32,
    slots: BTreeMap<AllocationId, PooledSlot>,
    /// Which slot stands at which place of the job. Tasks that run stay where they are when others get new slots.
    places: Vec<Option<AllocationId>>,
}

impl SlotPool {
    pub(super) const fn new(required: u32) -> Self {
        Self {
            required,
            slots: BTreeMap::new(),
            places: Vec::new(),
        }
    }

    pub(super) const fn required(&self) -> u32 {
        self.required
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Accepts a slot that is still needed, or one that it has already: an offer may be repeated.
    pub(super) fn offer(&mut self, slot: PooledSlot) -> bool {
        if self.slots.contains_key(&slot.allocation_id) {
            return true;
        }
        if self.is_complete() {
            return false;
        }
        self.slots.insert(slot.allocation_id, slot);
        true
    }

    pub(super) fn is_complete(&self) -> bool {
        self.slots.len() >= self.required as usize
    }

    pub(super) fn remove(&mut self, allocation_id: &AllocationId) {
        self.slots.remove(allocation_id);
    }

    pub(super) fn remove_worker(&mut self, resource_id: &ResourceId) {
        self.slots.retain(|_, slot| slot.resource_id != *resource_id);
    }

    /// The slot of every place. Places that have none get the others in order.
    pub(super) fn assigned(&mut self) -> Vec<PooledSlot> {
        self.places.resize(self.required as usize, None);
        for place in &mut self.places {
            *place = place.filter(|allocation| self.slots.contains_key(allocation));
        }
        let taken: BTreeSet<_> = self.places.iter().flatten().copied().collect();
        let in_order = self.in_order().into_iter().map(|slot| slot.allocation_id);
        let mut free = in_order.filter(|allocation| !taken.contains(allocation));
        for place in &mut self.places {
            *place = place.or_else(|| free.next());
        }
        let slots = self.places.iter().flatten();
        slots
            .filter_map(|allocation| self.slots.get(allocation).cloned())
            .collect()
    }

    /// The slots in the order in which subtasks fill them: worker by worker.
    fn in_order(&self) -> Vec<PooledSlot> {
        let mut slots: Vec<_> = self.slots.values().cloned().collect();
        slots.sort_by(|left, right| (&left.resource_id, left.slot_index).cmp(&(&right.resource_id, right.slot_index)));
        slots
    }
}

/// The slot of every subtask, as an index: groups take slots one after another, and within a group subtask i of every
/// vertex stands in the group's slot i.
pub(super) fn assign_slots(graph: &JobGraph) -> Vec<(VertexId, u32, usize)> {
    let mut sizes = BTreeMap::<&str, u32>::new();
    for vertex in &graph.vertices {
        let size = sizes.entry(&vertex.slot_sharing_group).or_default();
        *size = (*size).max(vertex.parallelism);
    }
    let mut first = 0;
    let mut offsets = BTreeMap::new();
    for (group, size) in sizes {
        offsets.insert(group, first);
        first += size as usize;
    }
    let subtasks = graph.vertices.iter().flat_map(|vertex| {
        let offset = offsets
            .get(vertex.slot_sharing_group.as_str())
            .copied()
            .unwrap_or_default();
        (0..vertex.parallelism).map(move |subtask| (vertex.id.clone(), subtask, offset + subtask as usize))
    });
    subtasks.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::word_count;

    fn slot(allocation: u8, worker: &str, slot_index: u32) -> PooledSlot {
        PooledSlot {
            allocation_id: AllocationId::from_bytes([allocation; 16]),
            resource_id: worker.into(),
            slot_index,
        }
    }

    #[test]
    fn only_needed_slots_are_taken_and_offers_may_repeat() {
        let mut pool = SlotPool::new(2);
        assert!(pool.offer(slot(1, "b", 0)));
        assert!(pool.offer(slot(1, "b", 0)));
        assert!(!pool.is_complete());
        assert!(pool.offer(slot(2, "a", 1)));
        assert!(!pool.offer(slot(3, "a", 0)), "a third slot is not needed");
        assert!(
            pool.offer(slot(2, "a", 1)),
            "a repeated offer of a slot in use is accepted again"
        );
        let order: Vec<_> = pool.in_order().into_iter().map(|slot| slot.resource_id.0).collect();
        assert_eq!(order, ["a", "b"]);
        let workers = |pool: &mut SlotPool| {
            pool.assigned()
                .into_iter()
                .map(|slot| slot.resource_id.0)
                .collect::<Vec<_>>()
        };
        assert_eq!(workers(&mut pool), ["a", "b"]);
        pool.remove_worker(&"a".into());
        assert!(pool.offer(slot(3, "c", 0)));
        assert_eq!(workers(&mut pool), ["c", "b"], "a slot in use keeps its place");
    }

    #[test]
    fn a_group_shares_its_slots_and_groups_do_not() {
        let mut graph = word_count(2);
        let indices = |graph: &JobGraph| {
            assign_slots(graph)
                .into_iter()
                .map(|(_, _, slot)| slot)
                .collect::<Vec<_>>()
        };
        assert_eq!(indices(&graph), [0, 1, 0, 1]);
        graph.vertices[1].slot_sharing_group = "sinks".into();
        assert_eq!(indices(&graph), [0, 1, 2, 3]);
        assert_eq!(graph.required_slots(), 4);
    }
}
