//! What can go wrong between a client and the ResourceManager.

use crate::{
    convert::ConversionError,
    ipc::{ExceptionKind, IpcError, RemoteException},
};

/// Why a call failed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum YarnClientError {
    /// No address was given.
    #[error("no ResourceManager address is known; set yarn.resourcemanager.address or yarn.resourcemanager.hostname")]
    NoAddress,
    /// The ResourceManager refused, or could not be reached for as long as the retry policy waits.
    #[error("{step} failed after {retries} retries: {source}")]
    Call {
        /// What was tried.
        step: &'static str,
        /// How often it was repeated.
        retries: u32,
        /// The last failure.
        source: IpcError,
    },
    /// The answer lacks something.
    #[error("the answer to {step} cannot be used: {source}")]
    Answer {
        /// What was tried.
        step: &'static str,
        /// What is missing.
        source: ConversionError,
    },
    /// The application cannot be submitted so.
    #[error("the application {name:?} cannot be submitted: {reason}")]
    Invalid {
        /// Its name.
        name: String,
        /// What is wrong.
        reason: String,
    },
}

impl YarnClientError {
    /// The server's exception, if it sent one.
    pub fn exception(&self) -> Option<&RemoteException> {
        match self {
            Self::Call { source, .. } => source.remote(),
            _ => None,
        }
    }

    /// True when the application, the attempt or the container is not known.
    pub fn is_not_found(&self) -> bool {
        let kind = self.exception().map(RemoteException::kind);
        matches!(
            kind,
            Some(
                ExceptionKind::ApplicationNotFound
                    | ExceptionKind::ApplicationAttemptNotFound
                    | ExceptionKind::ContainerNotFound
            )
        )
    }
}
