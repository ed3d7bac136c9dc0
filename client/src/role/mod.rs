//! What a cluster's processes run: the worker of a container, and masters and workers that are started by hand.

mod error;
mod standalone;
mod taskmanager;

pub use error::WorkerError;
pub use standalone::{StandaloneRoleError, run_standalone_master, run_standalone_worker};
pub(crate) use taskmanager::WORKING_DIRECTORY;
pub use taskmanager::run_worker;
