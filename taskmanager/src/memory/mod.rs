//! The worker's memory by use: what operators may take of the managed share, and what all parts of the worker take now.
//!
//! ```text
//!  container (taskmanager.memory.process.size)
//!  ├─ managed   operators reserve before they grow ([`Reservation`]), by slot; without enough the task fails
//!  ├─ network   batches on their way: credit, joining and sending are bounded (`exchange`)
//!  ├─ task      batches in operators, lines of files, row groups of sinks: each a part of the slot's share
//!  └─ reserve   framework, metaspace and overhead: the worker's own heap, pages of the binary, stacks, allocator slack
//! ```
//!
//! Callers: the TaskExecutor makes one [`MemoryManager`] and one [`MemoryAccount`]; tasks reserve; heartbeats carry what
//! the account reads.

mod account;
mod error;
mod manager;
#[cfg(test)]
pub(crate) mod testing;

pub use account::MemoryAccount;
pub use error::{ManagedMemoryError, TaskMemoryError};
pub use manager::{MemoryManager, Reservation, TaskMemory};
