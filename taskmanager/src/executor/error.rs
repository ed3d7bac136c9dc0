//! Why a worker ends or cannot start.

use std::sync::Arc;
use std::time::Duration;

use selvedge_core::{ExecutionAttemptId, ResourceId};
use selvedge_runtime::scratch::NoScratch;
use thiserror::Error;

/// A failure of the worker as a whole, by step.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum TaskExecutorError {
    /// A server got no port.
    #[error("the worker's {server} server cannot listen: {reason}")]
    Bind {
        /// `control` or `data`.
        server: &'static str,
        /// Why.
        reason: Arc<str>,
    },
    /// A server failed while it ran.
    #[error("the worker's {server} server failed: {reason}")]
    Server {
        /// `control` or `data`.
        server: &'static str,
        /// Why.
        reason: Arc<str>,
    },
    /// An address that is none.
    #[error("'{address}' is no host:port of a {of}: {reason}")]
    Address {
        /// As given.
        address: Arc<str>,
        /// Of whom.
        of: &'static str,
        /// Why.
        reason: Arc<str>,
    },
    /// The ResourceManager was out of reach for too long.
    #[error(
        "worker {worker} could not register at the ResourceManager at {address} within {timeout:?} \
         (taskmanager.registration.timeout): {last}"
    )]
    Registration {
        /// The worker.
        worker: ResourceId,
        /// The ResourceManager's address.
        address: Arc<str>,
        /// The bound.
        timeout: Duration,
        /// The last attempt's error.
        last: Arc<str>,
    },
    /// The ResourceManager does not want the worker.
    #[error("the ResourceManager at {address} does not accept worker {worker}: {reason}")]
    Refused {
        /// The worker.
        worker: ResourceId,
        /// The ResourceManager's address.
        address: Arc<str>,
        /// In its words.
        reason: Arc<str>,
    },
    /// An external resource was not found.
    #[error(
        "the external resource {resource} was not found on this node by {script} \
         (external-resource.{resource}.param.discovery-script.path): {reason}"
    )]
    Discovery {
        /// The resource.
        resource: Arc<str>,
        /// The script.
        script: Arc<str>,
        /// Why.
        reason: Arc<str>,
    },
    /// No directory for temporary files can be used.
    #[error(transparent)]
    NoScratch(#[from] NoScratch),
    /// A task did not end.
    #[error(
        "task '{name}' ({attempt}) did not end within {timeout:?} after it was told to (task.cancellation.timeout): the \
         worker ends"
    )]
    StuckTask {
        /// What users see of the task.
        name: Arc<str>,
        /// The task.
        attempt: ExecutionAttemptId,
        /// The bound.
        timeout: Duration,
    },
}
