//! Why an application ended without a job that says how.

use selvedge_runtime::program::ProgramError;
use thiserror::Error;

use crate::dispatcher::DispatcherError;

/// An application that failed.
#[derive(Debug, Error)]
pub(crate) enum ApplicationError {
    /// Its program.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// The Dispatcher: the job is refused, or the cluster ends.
    #[error(transparent)]
    Dispatcher(#[from] DispatcherError),
}

impl ApplicationError {
    /// Whether the cluster ends anyway, or another master goes on: nothing is said of the application.
    pub(crate) const fn is_of_the_cluster(&self) -> bool {
        matches!(
            self,
            Self::Dispatcher(DispatcherError::Gone | DispatcherError::ShuttingDown)
        )
    }
}
