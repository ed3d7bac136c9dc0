//! What the containers of an application run besides the master: the worker.

mod error;
mod taskmanager;

pub use error::WorkerError;
pub use taskmanager::run_worker;
