//! The worker: offers its slots, runs the tasks that JobMasters deploy into them, reports their states.
//!
//! ```text
//!  ResourceManager ◀─ register, slot free ──┐                       ┌─▶ Exchange
//!                  ── request slot ────────▶│                       │
//!                  ── heartbeat ───────────▶│  TaskExecutor's loop ─┼─▶ task threads
//!  JobMaster       ◀─ register, offer, states│  (service, state)     │      │ states
//!                  ── submit, cancel, free ▶│ ◀─────────────────────┴──────┘
//!                  ── heartbeat ───────────▶│
//!                                           └ all state in one tokio task
//! ```
//!
//! To the ResourceManager the worker is registering or registered; a heartbeat that stays away, a connection that breaks and
//! cannot be made again, or an answer that says that the leader is another, makes it register again. A job is here as long as it has a slot or a task here.
//!
//! [`TaskExecutor::start`] is the entry; the process that starts it waits for [`TaskExecutorHandle::terminated`].

mod allocation;
mod config;
mod deadlines;
mod deploy;
mod discovery;
mod dump;
#[cfg(test)]
mod dump_test;
mod end;
mod error;
mod event;
#[cfg(test)]
mod fault_tests;
mod files;
mod gateway;
mod job;
mod leader;
mod links;
mod payload;
#[cfg(test)]
mod payload_tests;
#[cfg(test)]
mod profile_test;
#[cfg(test)]
mod refusal_tests;
mod registration;
mod retry;
mod service;
mod start;
mod state;
#[cfg(test)]
mod state_tests;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod walk_test;
mod watch;

pub use config::{TaskExecutorConfig, TaskExecutorTimeouts};
pub use error::TaskExecutorError;
pub use retry::RegistrationPauses;
pub use start::{TaskExecutor, TaskExecutorHandle, WorkerAddresses};
