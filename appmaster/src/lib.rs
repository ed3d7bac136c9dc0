//! Selvedge's master: the Dispatcher takes jobs, a JobMaster for each job runs its ExecutionGraph, the ResourceManager
//! keeps slots and workers, and the REST endpoint shows it all in Flink's JSON.
//!
//! ```text
//!            REST ──► Dispatcher ──► JobMaster (one for each job) ──► TaskExecutors
//!                                        │ slots needed                  ▲ slots given
//!                                        └──► ResourceManager ───────────┘
//!                                                 └──► ResourceManagerDriver (YARN, local, none)
//! ```
//!
//! [`entrypoint::ClusterEntrypoint`] starts them in order and ends them in reverse.

mod application;
mod blobs;
mod connections;
pub mod dispatcher;
pub mod entrypoint;
mod heartbeat;
pub mod jobmaster;
mod lease;
mod life;
pub mod local;
mod metrics;
mod offload;
pub mod resourcemanager;
pub mod rest;
mod settings;
pub mod standalone;
pub mod stores;
#[cfg(test)]
mod testing;
mod worker;
pub mod yarn;

pub use settings::MasterSettings;
