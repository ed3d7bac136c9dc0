//! Selvedge's model, pure: ids, the JobGraph, configuration, the memory model, resource profiles and status enums.
//!
//! Nothing here is async, reads a clock or does I/O, but that [`config::load`] reads one file. Master, worker and client share these types; what only one of
//! them needs stays there until it has a second user.

pub mod config;
pub mod id;
pub mod job_graph;
pub mod memory;
pub mod memory_size;
pub mod nearest;
pub mod resource;
pub mod status;

pub use config::Configuration;
pub use id::{AllocationId, ExecutionAttemptId, InstanceId, JobId, LeaderSessionId, OperatorId, ResourceId, VertexId};
pub use job_graph::JobGraph;
pub use memory::{JobManagerProcessSpec, TaskExecutorProcessSpec};
pub use memory_size::MemorySize;
