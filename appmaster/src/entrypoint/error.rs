//! Why a cluster cannot start.

use selvedge_core::config::ConfigError;
use selvedge_core::memory::MemoryError;
use selvedge_runtime::blob::BlobError;
use selvedge_runtime::ha::HaError;
use selvedge_runtime::rpc::PortRangeError;
use selvedge_runtime::working_directory::WorkingDirectoryError;
use thiserror::Error;

use crate::resourcemanager::ResourceManagerError;
use crate::stores::StoreError;

/// Why a cluster cannot start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// A setting cannot be used.
    #[error(transparent)]
    Configuration(#[from] ConfigError),
    /// The memory of workers does not add up.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// A port cannot be bound.
    #[error("cannot listen")]
    Port(#[from] PortRangeError),
    /// A bound port has no address.
    #[error("a server's socket cannot be used: {0}")]
    Listener(#[source] std::io::Error),
    /// Who leads cannot be told.
    #[error(transparent)]
    HighAvailability(#[from] HaError),
    /// The cluster ended first.
    #[error("the cluster ended before it had started: {0}")]
    Ended(String),
    /// A store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no directory to work in.
    #[error(transparent)]
    WorkingDirectory(#[from] WorkingDirectoryError),
    /// Blobs cannot be kept.
    #[error(transparent)]
    Blobs(#[from] BlobError),
    /// The driver did not start.
    #[error(transparent)]
    ResourceManager(#[from] ResourceManagerError),
}
