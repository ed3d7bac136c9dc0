//! What can go wrong between an ApplicationMaster and its ResourceManager.

use crate::{
    convert::ConversionError,
    ipc::{ExceptionKind, IpcError, RemoteException},
};

/// Why a call to the ResourceManager failed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AmError {
    /// No address was given.
    #[error(
        "no ResourceManager address is known; set yarn.resourcemanager.scheduler.address or yarn.resourcemanager.hostname"
    )]
    NoAddress,
    /// An address that cannot be called.
    #[error("{0:?} is no address of a ResourceManager; write host:port, for example rm.example.com:8030")]
    Address(String),
    /// The token is of another kind: AMRM tokens alone open the scheduler's port.
    #[error("a token of kind {0:?} cannot register an ApplicationMaster; take the one of kind YARN_AM_RM_TOKEN")]
    WrongToken(String),
    /// The process was not started by YARN as an ApplicationMaster, or its configuration is incomplete.
    #[error("this process cannot speak for an ApplicationMaster: {0}")]
    Environment(String),
    /// The heartbeats have ended.
    #[error("the heartbeats to the ResourceManager have ended")]
    Ended,
    /// The ApplicationMaster has not registered yet, or has unregistered.
    #[error("the ApplicationMaster is not registered; call register first")]
    NotRegistered,
    /// The ResourceManager no longer knows this attempt: it was killed, or replaced. The process must end.
    #[error("the ResourceManager has given up this application attempt: {0}")]
    AttemptOver(String),
    /// The ResourceManager refused the call, or could not be reached for as long as the retry policy waits.
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
    /// The ResourceManager asks for a new registration, or for another number of the heartbeat, again and again.
    #[error("the ResourceManager asked {0} times in a row that the same heartbeat begin anew")]
    Resync(usize),
    /// The ResourceManager did not finish the unregistration in time.
    #[error("the ResourceManager has not confirmed the end of the application within {0:?}")]
    NotUnregistered(std::time::Duration),
}

impl AmError {
    /// The server's exception, if it sent one.
    pub fn exception(&self) -> Option<&RemoteException> {
        match self {
            Self::Call { source, .. } => source.remote(),
            _ => None,
        }
    }

    /// True when the ask itself was refused, as too large or for a label or resource type that is not available. The
    /// heartbeat will fail until the ask is taken out of the table.
    pub fn is_refused_ask(&self) -> bool {
        self.exception()
            .is_some_and(|exception| exception.kind() == ExceptionKind::InvalidResourceRequest)
    }

    /// True when the request itself was refused for something that it carried: an ask, the blacklist, a release.
    pub(super) fn is_refused_request(&self) -> bool {
        self.exception().is_some() && !self.is_terminal()
    }

    /// True when the process must end: the attempt is over, or its token is no longer accepted.
    pub fn is_terminal(&self) -> bool {
        let kind = self.exception().map(RemoteException::kind);
        matches!(self, Self::AttemptOver(_))
            || matches!(
                kind,
                Some(ExceptionKind::InvalidToken | ExceptionKind::AccessControl | ExceptionKind::Sasl)
            )
    }
}
