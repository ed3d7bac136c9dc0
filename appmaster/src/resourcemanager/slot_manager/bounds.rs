//! How small and how large a cluster may become, pure.

use selvedge_core::config::options::resourcemanager as options;
use selvedge_core::resource::{Quantity, ResourceProfile, WorkerResourceSpec};

/// What workers have together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capacity {
    /// Slots of the default size.
    pub slots: u64,
    /// CPU cores.
    pub cpu_cores: Quantity,
    /// All memory of slots, in bytes.
    pub memory: u128,
}

/// What they may have at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Most {
    /// Slots of the default size.
    pub slots: u64,
    /// CPU cores; `None` is any number.
    pub cpu_cores: Option<Quantity>,
    /// All memory of slots, in bytes; `None` is any number.
    pub memory: Option<u128>,
}

/// The bounds of a cluster whose workers are started on demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClusterBounds {
    /// What is kept, also without a job.
    pub least: Capacity,
    /// What is not exceeded, whatever jobs need.
    pub most: Most,
}

impl Capacity {
    pub(super) fn of(total: &ResourceProfile, slots: u32) -> Self {
        Self {
            slots: slots.into(),
            cpu_cores: total.cpu_cores,
            memory: total.total_memory().bytes().into(),
        }
    }

    pub(super) fn plus(&self, other: &Self) -> Self {
        Self {
            slots: self.slots.saturating_add(other.slots),
            cpu_cores: self.cpu_cores.checked_add(other.cpu_cores).unwrap_or(self.cpu_cores),
            memory: self.memory.saturating_add(other.memory),
        }
    }

    /// So many of it together.
    pub(super) fn times(&self, count: u64) -> Self {
        let factor = u32::try_from(count).unwrap_or(u32::MAX);
        Self {
            slots: self.slots.saturating_mul(count),
            cpu_cores: self.cpu_cores.checked_mul(factor).unwrap_or(self.cpu_cores),
            memory: self.memory.saturating_mul(count.into()),
        }
    }

    pub(super) fn minus(&self, other: &Self) -> Self {
        Self {
            slots: self.slots.saturating_sub(other.slots),
            cpu_cores: self.cpu_cores.checked_sub(other.cpu_cores).unwrap_or_default(),
            memory: self.memory.saturating_sub(other.memory),
        }
    }

    pub(crate) const fn is_nothing(&self) -> bool {
        self.slots == 0 && self.cpu_cores.is_zero() && self.memory == 0
    }
}

impl ClusterBounds {
    /// Which bound a single worker is above, for users: then none can ever be started.
    pub fn exceeded_by_one(&self, worker: &WorkerResourceSpec) -> Option<String> {
        self.exceeded_by(&Capacity::of(&worker.total, worker.number_of_slots))
    }

    /// Which bound this is above, for users.
    pub(super) fn exceeded_by(&self, capacity: &Capacity) -> Option<String> {
        if capacity.slots > self.most.slots {
            return Some(format!("{} ({})", options::NUMBER_OF_SLOTS_MAX.key(), self.most.slots));
        }
        if let Some(most) = self.most.cpu_cores.filter(|most| capacity.cpu_cores > *most) {
            return Some(format!("{} ({most})", options::MAX_TOTAL_CPU.key()));
        }
        let most = self.most.memory.filter(|most| capacity.memory > *most)?;
        Some(format!("{} ({most} bytes)", options::MAX_TOTAL_MEMORY.key()))
    }

    /// What is missing of the least that is kept.
    pub(super) fn missing(&self, capacity: &Capacity) -> Capacity {
        self.least.minus(capacity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bound_counts_and_is_named() {
        let most = Most {
            slots: 4,
            cpu_cores: Some(Quantity::from_whole(2)),
            memory: Some(100),
        };
        let bounds = ClusterBounds {
            least: Capacity {
                slots: 2,
                cpu_cores: Quantity::from_whole(1),
                memory: 10,
            },
            most,
        };
        let capacity = |slots, cores, memory| Capacity {
            slots,
            cpu_cores: Quantity::from_whole(cores),
            memory,
        };
        for (capacity, exceeded, too_small) in [
            (capacity(4, 2, 100), None, false),
            (capacity(5, 2, 100), Some("slotmanager.number-of-slots.max (4)"), false),
            (
                capacity(4, 3, 100),
                Some("slotmanager.max-total-resource.cpu (2)"),
                false,
            ),
            (
                capacity(4, 2, 101),
                Some("slotmanager.max-total-resource.memory (100 bytes)"),
                false,
            ),
            (capacity(1, 1, 10), None, true),
            (capacity(2, 0, 10), None, true),
            (capacity(2, 1, 9), None, true),
            (capacity(2, 1, 10), None, false),
        ] {
            assert_eq!(bounds.exceeded_by(&capacity).as_deref(), exceeded, "{capacity:?}");
            assert_eq!(!bounds.missing(&capacity).is_nothing(), too_small, "{capacity:?}");
        }
    }
}
