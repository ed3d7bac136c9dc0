//! The worker's memory by use: what operators may take of the managed share, and what all parts of the worker take now.
//!
//! ```text
//!  container (taskmanager.memory.process.size)
//!  ├─ managed   operators reserve before they grow ([`Reservation`]), by slot; without enough the task fails
//!  ├─ network   batches on their way: credit, joining and sending are bounded (`exchange`)
//!  ├─ task      batches in operators: what is left of the heap
//!  └─ reserve   framework, metaspace and overhead: the worker's own heap, pages of the binary, stacks, allocator slack
//! ```
//!
//! Callers: the TaskExecutor makes one [`MemoryManager`] and one [`MemoryAccount`]; tasks reserve; heartbeats carry what
//! the account reads.

mod account;
mod error;
mod manager;

pub use account::MemoryAccount;
pub use error::ManagedMemoryError;
pub use manager::{MemoryManager, Reservation, TaskMemory};
