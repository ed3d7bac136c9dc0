//! Who holds how much of the managed share. Operators of one slot share that slot's part: first come, first served.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use selvedge_core::AllocationId;
use selvedge_core::memory::ConsumerWeights;
use selvedge_core::memory::ManagedMemoryConsumer::{self, Operator};
use selvedge_core::resource::ResourceProfile;

use super::ManagedMemoryError;

/// The kinds that a slot can have. Nothing else reserves managed memory yet.
const KINDS_IN_USE: &[ManagedMemoryConsumer] = &[Operator];

/// The managed memory of one worker; cheap to clone.
#[derive(Debug, Clone)]
pub struct MemoryManager(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// What a slot of the default size has.
    default: SlotMemory,
    /// Whether other kinds of consumers have a part of the slot's managed memory, so that operators have less than all.
    shared_by_weights: bool,
    ledger: Mutex<Ledger>,
}

/// What a slot has, in bytes.
#[derive(Debug, Clone, Copy)]
struct SlotMemory {
    /// What its operators may hold together.
    operators: u64,
    /// Its task memory, for what operators hold without a reservation.
    task: u64,
}

impl SlotMemory {
    fn of(profile: &ResourceProfile, weights: &ConsumerWeights) -> Self {
        Self {
            operators: weights.share(profile.managed, Operator, KINDS_IN_USE).bytes(),
            task: profile.task_heap.bytes().saturating_add(profile.task_off_heap.bytes()),
        }
    }
}

#[derive(Debug, Default)]
struct Ledger {
    /// Reserved bytes of the slots that have any.
    slots: BTreeMap<AllocationId, u64>,
    /// What slots of another size than the default have.
    sizes: BTreeMap<AllocationId, SlotMemory>,
    /// Tasks that may reserve.
    tasks: usize,
}

impl MemoryManager {
    /// For slots of this profile each: of its managed memory operators may hold the share that the weights give them.
    pub fn of_slots(profile: &ResourceProfile, weights: &ConsumerWeights) -> Self {
        let default = SlotMemory::of(profile, weights);
        Self(Arc::new(Shared {
            default,
            shared_by_weights: default.operators < profile.managed.bytes(),
            ledger: Mutex::default(),
        }))
    }

    /// This slot is of that profile: of its managed memory operators may hold their share.
    pub fn set_slot(&self, slot: AllocationId, profile: &ResourceProfile, weights: &ConsumerWeights) {
        let memory = SlotMemory::of(profile, weights);
        self.0.ledger.lock().sizes.insert(slot, memory);
    }

    /// The slot has ended: its size is the default again.
    pub fn forget_slot(&self, slot: AllocationId) {
        self.0.ledger.lock().sizes.remove(&slot);
    }

    /// What a task in this slot reserves from. The task counts as there until all clones of the answer are gone.
    pub fn task(&self, slot: AllocationId) -> TaskMemory {
        self.0.ledger.lock().tasks += 1;
        TaskMemory(Arc::new(TaskShare {
            manager: self.clone(),
            slot,
        }))
    }

    /// Bytes that are reserved now, in all slots.
    pub fn reserved(&self) -> u64 {
        self.0.ledger.lock().slots.values().sum()
    }

    /// Whether a task is there.
    pub fn has_tasks(&self) -> bool {
        self.0.ledger.lock().tasks > 0
    }

    fn memory_of(&self, slot: AllocationId, ledger: &Ledger) -> SlotMemory {
        ledger.sizes.get(&slot).copied().unwrap_or(self.0.default)
    }

    fn resize(&self, slot: AllocationId, operator: &str, from: u64, to: u64) -> Result<(), ManagedMemoryError> {
        let mut ledger = self.0.ledger.lock();
        let others = ledger.slots.get(&slot).copied().unwrap_or(0) - from;
        let slot_size = self.memory_of(slot, &ledger).operators;
        let available = slot_size.saturating_sub(others);
        if to > available && to > from {
            return Err(ManagedMemoryError {
                operator: operator.to_owned(),
                slot,
                requested: to,
                available,
                slot_size,
                shared_by_weights: self.0.shared_by_weights,
            });
        }
        match others + to {
            0 => ledger.slots.remove(&slot),
            held => ledger.slots.insert(slot, held),
        };
        Ok(())
    }
}

/// The managed memory of a task's slot, as the task sees it; cheap to clone.
#[derive(Debug, Clone)]
pub struct TaskMemory(Arc<TaskShare>);

#[derive(Debug)]
struct TaskShare {
    manager: MemoryManager,
    slot: AllocationId,
}

impl TaskMemory {
    /// The slot's task memory, in bytes.
    pub fn task_size(&self) -> u64 {
        let TaskShare { manager, slot } = &*self.0;
        manager.memory_of(*slot, &manager.0.ledger.lock()).task
    }

    /// An account for one operator, empty at first.
    pub fn reservation(&self, operator: &str) -> Reservation {
        Reservation {
            task: self.clone(),
            operator: operator.to_owned(),
            bytes: 0,
        }
    }
}

impl Drop for TaskShare {
    fn drop(&mut self) {
        self.manager.0.ledger.lock().tasks -= 1;
    }
}

/// What one operator holds of the managed share; given back when it is dropped.
#[derive(Debug)]
pub struct Reservation {
    task: TaskMemory,
    operator: String,
    bytes: u64,
}

impl Reservation {
    /// Holds this many bytes from now on, or as many as before where the slot has not enough. Less can always be held.
    pub fn resize(&mut self, bytes: u64) -> Result<(), ManagedMemoryError> {
        if bytes != self.bytes {
            let TaskShare { manager, slot } = &*self.task.0;
            manager.resize(*slot, &self.operator, self.bytes, bytes)?;
            self.bytes = bytes;
        }
        Ok(())
    }

    /// What is held.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.resize(0).expect("less can always be held");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use selvedge_core::MemorySize;
    use selvedge_core::config::ConfigValue;

    use super::*;
    use crate::memory::testing::of_managed;

    fn slot(byte: u8) -> AllocationId {
        AllocationId::from_bytes([byte; 16])
    }

    #[test]
    fn an_operator_that_needs_more_than_its_slot_has_left_is_told_what_to_raise() {
        let manager = of_managed(MemorySize::from_bytes(1000));
        let (first, second) = (manager.task(slot(1)), manager.task(slot(1)));
        let mut other = first.reservation("other");
        other.resize(300).unwrap();
        let mut count = second.reservation("count");
        count.resize(600).unwrap();
        let error = count.resize(701).unwrap_err();
        assert_eq!((error.requested, error.available, error.slot_size), (701, 700, 1000));
        let told = error.to_string();
        for part in [
            "operator 'count' needs 701 bytes",
            "of the slot's 1000 bytes 700 are available",
            "taskmanager.memory.managed.size",
            "taskmanager.memory.managed.fraction",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
        assert_eq!(count.bytes(), 600, "a refusal changes nothing");
        drop(other);
        count.resize(1000).unwrap();
    }

    #[test]
    fn operators_have_the_share_that_the_weights_give_them_and_a_refusal_names_the_weights_where_they_are_why() {
        let profile = ResourceProfile {
            managed: MemorySize::from_bytes(1000),
            ..ResourceProfile::ZERO
        };
        let refusal = |weights: &str| {
            let manager = MemoryManager::of_slots(&profile, &ConsumerWeights::parse(weights).unwrap());
            let mut held = manager.task(slot(1)).reservation("count");
            held.resize(1001).unwrap_err()
        };
        let key = "taskmanager.memory.managed.consumer-weights";
        let all = refusal("OPERATOR:70,STATE_BACKEND:70,PYTHON:30");
        assert_eq!(all.slot_size, 1000, "the only kind in use has all");
        assert!(!all.to_string().contains(key), "{all}");
        let none = refusal("STATE_BACKEND:70");
        assert_eq!((none.slot_size, none.available), (0, 0));
        assert!(none.to_string().contains(key), "{none}");
    }

    #[test]
    fn a_slot_of_its_own_size_holds_as_much_as_that_until_it_ends() {
        let manager = of_managed(MemorySize::from_bytes(100));
        let weights = ConsumerWeights::parse("OPERATOR:70").unwrap();
        let profile = ResourceProfile {
            managed: MemorySize::from_bytes(250),
            task_heap: MemorySize::from_bytes(70),
            task_off_heap: MemorySize::from_bytes(7),
            ..ResourceProfile::ZERO
        };
        manager.set_slot(slot(1), &profile, &weights);
        assert_eq!(manager.task(slot(1)).task_size(), 77);
        let mut held = [slot(1), slot(2)].map(|slot| manager.task(slot).reservation("op"));
        held[0].resize(250).unwrap();
        assert_eq!(held[0].resize(251).unwrap_err().slot_size, 250);
        held[1].resize(101).unwrap_err();
        manager.forget_slot(slot(1));
        held[0].resize(251).unwrap_err();
        held[0].resize(10).unwrap();
        held[0].resize(101).unwrap_err();
    }

    #[test]
    fn slots_do_not_take_from_each_other_and_all_is_given_back() {
        let manager = of_managed(MemorySize::from_bytes(100));
        assert!(!manager.has_tasks());
        let tasks = [slot(1), slot(2)].map(|slot| manager.task(slot));
        let mut held = tasks.each_ref().map(|task| task.reservation("op"));
        for reservation in &mut held {
            reservation.resize(100).unwrap();
            reservation.resize(101).unwrap_err();
        }
        assert_eq!(manager.reserved(), 200);
        drop(held);
        assert_eq!(manager.reserved(), 0);
        assert!(manager.has_tasks());
        drop(tasks);
        assert!(!manager.has_tasks());
    }

    proptest! {
        #[test]
        fn a_slot_never_holds_more_than_its_share(
            share in 0_u64..1000,
            steps in prop::collection::vec((0_usize..4, 0_u64..1500), 0..40),
        ) {
            let manager = of_managed(MemorySize::from_bytes(share));
            let tasks = [slot(1), slot(2)].map(|slot| manager.task(slot));
            let mut held: Vec<_> = (0..4).map(|n| tasks[n % 2].reservation("op")).collect();
            for (which, bytes) in steps {
                let before = held[which].bytes();
                let fits = bytes + held[(which + 2) % 4].bytes() <= share;
                let resized = held[which].resize(bytes);
                prop_assert_eq!(resized.is_ok(), fits || bytes <= before);
                prop_assert!(held[0].bytes() + held[2].bytes() <= share);
                let sum: u64 = held.iter().map(Reservation::bytes).sum();
                prop_assert_eq!(manager.reserved(), sum);
            }
        }
    }
}
