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
//! Owned by the TaskExecutor's state; pure.

mod error;
mod state;

pub use error::SlotError;
pub use state::{Freed, SlotState, SlotTable};
