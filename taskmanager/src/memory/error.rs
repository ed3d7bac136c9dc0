//! A share of the memory is too small.

use selvedge_core::AllocationId;
use thiserror::Error;

/// An operator needs more managed memory than its slot has left.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "insufficient managed memory: operator '{operator}' needs {requested} bytes, of the slot's {slot_size} bytes \
     {available} are available; raise {}taskmanager.memory.managed.size, taskmanager.memory.managed.fraction or \
     taskmanager.memory.process.size, or spread the job over more slots with a higher parallelism",
    weights(*shared_by_weights)
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
    /// What operators of the slot may hold together, in bytes.
    pub slot_size: u64,
    /// Whether that is less than the slot's managed memory, because of the weights of the kinds of consumers.
    pub shared_by_weights: bool,
}

const fn weights(count: bool) -> &'static str {
    match count {
        true => "the weight of OPERATOR in taskmanager.memory.managed.consumer-weights, ",
        false => "",
    }
}

/// An operator would hold more at once than a slot's task memory lets it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "insufficient task memory: operator '{operator}' needs more than {limit} bytes for {what}, a quarter of the slot's {slot_size} \
     bytes at most; raise taskmanager.memory.task.heap.size or taskmanager.memory.process.size, or lower \
     taskmanager.numberOfTaskSlots"
)]
pub struct TaskMemoryError {
    /// The operator's id.
    pub operator: String,
    /// For what, with its place.
    pub what: String,
    /// How much it may hold of it, in bytes.
    pub limit: u64,
    /// The slot's task memory, in bytes.
    pub slot_size: u64,
}
