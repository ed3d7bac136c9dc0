//! What can go wrong in the ResourceManager.

use selvedge_core::ResourceId;
use selvedge_runtime::gateway::GatewayError;
use thiserror::Error;

use super::driver::DriverError;

/// Why the ResourceManager cannot do something.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ResourceManagerError {
    /// The driver did not start.
    #[error("the resource manager cannot start: {0}")]
    Start(#[source] DriverError),
    /// No such worker is registered.
    #[error("no TaskManager {0} is registered")]
    UnknownWorker(ResourceId),
    /// The worker did not answer.
    #[error("TaskManager {worker}: {source}")]
    Worker {
        /// Which.
        worker: ResourceId,
        /// Why.
        source: GatewayError,
    },
    /// It has ended.
    #[error("the ResourceManager has ended")]
    Gone,
}
