//! Metrics: what a process counts and measures, under Flink's names.
//!
//! ```text
//! registry.group(&scope).gauge("numRegisteredTaskManagers", …)      a component registers, in one line
//!    │
//! MetricRegistry ── every 5 s: meters take a sample
//!    │ read()
//!    ├── a worker's: TaskExecutorService.QueryMetrics ──► master: MetricFetcher ──► REST
//!    └── the master's own ────────────────────────────────────────┘
//! ```
//!
//! A metric has a name, and a [`Scope`] that says whose it is and with which variables. When a task or a job ends its scope
//! is closed, and its metrics are gone. Values are read when someone asks: a metric that nobody asks for costs its memory.

mod memory;
mod meter;
mod process;
mod registry;
mod scope;
mod value;
mod wire;

pub use memory::FlinkMemory;
pub use process::{Recent, register_process};
pub use registry::{Counter, GroupGuard, MetricGroup, MetricRegistry, Reading};
pub use scope::{Owner, Scope, TaskName};
pub use value::MetricValue;
pub use wire::{dump, readings};
