//! What Selvedge's master and worker share: the gateways between them (gRPC), the connector traits that the master
//! needs of sources and sinks, file systems, the clock and logging.
//!
//! `selvedge-appmaster` and `selvedge-taskmanager` never import each other: they meet here.

pub mod artifact;
pub mod blob;
pub mod clock;
pub mod connector;
pub mod container;
pub mod deployment;
pub mod fs;
pub mod gateway;
pub mod ha;
pub mod host_name;
mod locked_directory;
pub mod logging;
pub mod machine;
pub mod memory;
pub mod metrics;
pub mod outcome;
pub mod pid_file;
pub mod process;
pub mod profiling;
pub mod program;
pub mod rpc;
pub mod scratch;
pub mod shutdown;
pub mod threads;
pub mod working_directory;
