//! How the memory of a process is divided: Flink's model, byte for byte.
//!
//! A user states one of three things (the parts, total Flink memory or total process memory) and the rest follows:
//!
//! ```text
//! total process memory                          = the container's size
//! ├─ total Flink memory
//! │  ├─ framework heap, framework off-heap      outside of slots
//! │  ├─ task heap, task off-heap ┐
//! │  ├─ network                  ├─ divided by the number of slots
//! │  └─ managed                  ┘
//! ├─ JVM metaspace
//! └─ JVM overhead                               what native allocations of the process itself take
//! ```
//!
//! The client sizes the master's container by [`JobManagerProcessSpec`], the master its workers' by
//! [`TaskExecutorProcessSpec`]; a worker gets its parts as dynamic properties and derives the same spec from them.

mod arithmetic;
mod consumer_weights;
mod error;
mod flink_memory;
mod job_manager;
mod metaspace_and_overhead;
mod task_executor;
#[cfg(test)]
mod tests;

pub use consumer_weights::{ConsumerWeights, ManagedMemoryConsumer};
pub use error::{MemoryError, MemoryProblem, ProcessKind};
pub use job_manager::JobManagerProcessSpec;
pub use task_executor::TaskExecutorProcessSpec;
