//! What can go wrong in a store.

use selvedge_runtime::fs::{FsError, ParseLocationError};
use thiserror::Error;

/// A step of a store that failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The directory of a store cannot be used at all.
    #[error("the directory of {key} cannot be used")]
    Directory {
        /// The setting that names it.
        key: &'static str,
        /// Why.
        #[source]
        cause: DirectoryError,
    },
    /// The file system refuses a step.
    #[error("cannot {step} in {directory}")]
    Step {
        /// What was tried, as words after "cannot".
        step: String,
        /// Where.
        directory: String,
        /// Why.
        #[source]
        cause: Box<FsError>,
    },
    /// Another leader writes here, or the leadership is over.
    #[error(
        "{directory} belongs to another master now: this one was deposed, or two clusters have the same name there"
    )]
    Deposed {
        /// The directory of the store.
        directory: String,
    },
    /// What is stored is not what was written.
    #[error("{file} cannot be read: {reason}; it stays where it is")]
    Corrupt {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// A graph that was not replaced, as far as anybody knows.
#[derive(Debug, Error)]
pub(crate) enum ReplaceError {
    /// What was kept is kept still.
    #[error(transparent)]
    Kept(StoreError),
    /// Either form may be the one that is kept.
    #[error(transparent)]
    Unknown(StoreError),
}

impl StoreError {
    /// Whether the same step may succeed later.
    pub const fn retryable(&self) -> bool {
        !matches!(self, Self::Deposed { .. })
    }
}

/// Why a directory cannot be used.
#[derive(Debug, Error)]
pub enum DirectoryError {
    /// It is no path.
    #[error(transparent)]
    Path(#[from] ParseLocationError),
    /// No file system serves it.
    #[error(transparent)]
    FileSystem(#[from] Box<FsError>),
}
