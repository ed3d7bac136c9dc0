//! What the ResourceManager asks a driver for.

use std::collections::BTreeMap;

use super::{Quantity, ResourceProfile};
use crate::memory::TaskExecutorProcessSpec;

/// A worker as the ResourceManager counts it (Flink 1.20 `WorkerResourceSpec`): what its slots hold together, and how many
/// there are. Framework memory, metaspace and overhead belong to the process and follow from the configuration
/// ([`TaskExecutorProcessSpec::for_worker`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerResourceSpec {
    /// What all slots hold together.
    pub total: ResourceProfile,
    /// How many slots it has.
    pub number_of_slots: u32,
}

impl WorkerResourceSpec {
    /// What one slot holds: an equal part, cut to whole bytes.
    pub fn slot_profile(&self) -> ResourceProfile {
        self.total.divided_by(self.number_of_slots)
    }

    /// A worker for a single slot that this one has no room for: whole cores, whole external resources, and no less for the
    /// exchange than a slot of this one has.
    #[must_use]
    pub fn alone_for(&self, slot: &ResourceProfile) -> Self {
        let extended = slot.extended.iter();
        Self {
            total: ResourceProfile {
                cpu_cores: Quantity::from_whole(slot.cpu_cores.ceil()),
                network: slot.network.max(self.slot_profile().network),
                extended: extended
                    .map(|(name, amount)| (name.clone(), Quantity::from_whole(amount.ceil())))
                    .collect(),
                ..slot.clone()
            },
            number_of_slots: 1,
        }
    }
}

impl From<&TaskExecutorProcessSpec> for WorkerResourceSpec {
    fn from(spec: &TaskExecutorProcessSpec) -> Self {
        let amounts = spec.external_resources.iter();
        let extended: BTreeMap<_, _> = amounts
            .filter(|(_, amount)| **amount > 0)
            .map(|(name, amount)| (name.clone(), Quantity::from_whole(*amount)))
            .collect();
        Self {
            total: ResourceProfile {
                cpu_cores: spec.cpu_cores,
                task_heap: spec.task_heap,
                task_off_heap: spec.task_off_heap,
                managed: spec.managed,
                network: spec.network,
                extended,
            },
            number_of_slots: spec.number_of_slots,
        }
    }
}
