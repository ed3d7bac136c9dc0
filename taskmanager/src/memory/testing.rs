//! Memory for tests.

use selvedge_core::memory::ConsumerWeights;
use selvedge_core::resource::ResourceProfile;
use selvedge_core::{Configuration, MemorySize};

use super::MemoryManager;

/// Slots with this much managed memory each, all of it for operators, and room enough for batches.
pub(crate) fn of_managed(managed: MemorySize) -> MemoryManager {
    of_sizes(managed, MemorySize::from_mebibytes(256))
}

/// Slots with this much managed memory each, all of it for operators, and this much task memory.
pub(crate) fn of_sizes(managed: MemorySize, task: MemorySize) -> MemoryManager {
    let profile = ResourceProfile {
        managed,
        task_heap: task,
        ..ResourceProfile::ZERO
    };
    let weights = ConsumerWeights::read(&Configuration::new()).expect("the default is one");
    MemoryManager::of_slots(&profile, &weights)
}
