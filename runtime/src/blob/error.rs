//! What can go wrong with a blob.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::BlobKey;
use crate::gateway::GatewayError;

/// A step that failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BlobError {
    /// The store cannot be written to.
    #[error("blobs cannot be kept in {} (blob.storage.directory): {source}", directory.display())]
    Storage {
        /// The store's directory.
        directory: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The server did not send it.
    #[error("blob {key} was not fetched: {source}")]
    Fetch {
        /// Which.
        key: BlobKey,
        /// Why.
        source: GatewayError,
    },
    /// Something else arrived.
    #[error("blob {key} arrived damaged: {got}")]
    Damaged {
        /// Which.
        key: BlobKey,
        /// What is wrong with it.
        got: String,
    },
}

impl BlobError {
    /// Whether the same fetch may succeed when it is repeated.
    pub const fn retryable(&self) -> bool {
        match self {
            Self::Storage { .. } => false,
            Self::Fetch { source, .. } => source.retryable(),
            Self::Damaged { .. } => true,
        }
    }
}

impl From<BlobError> for GatewayError {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::Fetch { ref source, .. } if source.retryable() => Self::Unreachable(error.to_string()),
            other => Self::Rejected(other.to_string()),
        }
    }
}
