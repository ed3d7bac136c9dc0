//! The slots of a worker: which job has which, and what runs in them.
//!
//! ```text
//!            RequestSlot                 accepted, or tasks deployed
//!   FREE ───────────────▶ ALLOCATED ──────────────────────────▶ ACTIVE
//!    ▲                        │ not accepted, or after               │ freed while tasks run
//!    │                        │ taskmanager.slot.timeout             ▼
//!    └────────────────────────┴───────────────────────────────── RELEASING
//!                                           last task has ended
//! ```
//!
//! Slots of the default size are always there. One of another size is made on request and ends when it would be FREE; both
//! take what they hold from the same whole.
//!
//! Owned by the TaskExecutor's state; pure.

mod error;
mod state;
#[cfg(test)]
mod tests;

pub use error::SlotError;
pub use state::{Freed, SlotState, SlotTable};
