//! The managed share is too small.

use selvedge_core::AllocationId;
use thiserror::Error;

/// An operator needs more managed memory than its slot has left.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "insufficient managed memory: operator '{operator}' needs {requested} bytes, of the slot's {slot_size} bytes \
     {available} are available; raise taskmanager.memory.managed.size, taskmanager.memory.managed.fraction or \
     taskmanager.memory.process.size, or spread the job over more slots with a higher parallelism"
)]
pub struct ManagedMemoryError {
    /// The operator's id.
    pub operator: String,
    /// The slot.
    pub slot: AllocationId,
    /// All that the operator would hold, in bytes.
    pub requested: u64,
    /// What it could hold: the slot's share without what other operators of the slot hold, in bytes.
    pub available: u64,
    /// The slot's whole share, in bytes.
    pub slot_size: u64,
}
