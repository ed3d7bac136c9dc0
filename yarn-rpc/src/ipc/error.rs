//! What can go wrong between a call and its answer.

use std::{io, sync::Arc, time::Duration};

use yarn_common::sasl::{Qop, SaslError};

use super::RemoteException;

/// Why a call failed. Cloneable, since one lost connection fails every call that waits on it.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IpcError {
    /// No connection could be made.
    #[error("cannot connect to {address}: {source}")]
    Connect {
        /// The server.
        address: String,
        /// What the operating system said.
        source: Arc<io::Error>,
    },
    /// The connection or the login did not finish in time.
    #[error("no connection to {address} within {after:?}")]
    ConnectTimeout {
        /// The server.
        address: String,
        /// The limit.
        after: Duration,
    },
    /// The answer did not come in time. The server may have carried out the call.
    #[error("{address} did not answer {method} within {after:?}")]
    Timeout {
        /// The server.
        address: String,
        /// The method called.
        method: &'static str,
        /// The limit.
        after: Duration,
    },
    /// The connection ended while the call waited. The server may have carried out the call.
    #[error("the connection to {address} was lost: {reason}")]
    ConnectionLost {
        /// The server.
        address: String,
        /// How it ended.
        reason: String,
    },
    /// The server answered with an exception.
    #[error("{address} refused: {exception}{}", remedy(exception))]
    Remote {
        /// The server.
        address: String,
        /// The exception.
        exception: RemoteException,
    },
    /// The login broke off on our side.
    #[error("cannot log in to {address}: {source}")]
    Login {
        /// The server.
        address: String,
        /// What is wrong.
        source: LoginError,
    },
    /// The server sent something that is not Hadoop IPC version 9.
    #[error("{address} sent an unusable answer: {source}")]
    Wire {
        /// The server.
        address: String,
        /// What is wrong.
        source: WireError,
    },
    /// The request is larger than servers accept; it was not sent.
    #[error(
        "{method} to {address} would take {length} bytes, more than the limit of {limit} (ipc.maximum.data.length)"
    )]
    RequestTooLarge {
        /// The server.
        address: String,
        /// The method called.
        method: &'static str,
        /// The size of the request.
        length: usize,
        /// The limit.
        limit: usize,
    },
    /// The answer's message cannot be decoded.
    #[error("the answer of {address} to {method} cannot be decoded: {source}")]
    Decode {
        /// The server.
        address: String,
        /// The method called.
        method: &'static str,
        /// What is wrong.
        source: prost::DecodeError,
    },
}

/// Why a login broke off on our side.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoginError {
    /// The DIGEST-MD5 exchange failed.
    #[error(transparent)]
    Sasl(#[from] SaslError),
    /// The server accepts no kind of login that we have.
    #[error("it accepts {offered}, but only {ours} is at hand")]
    NothingInCommon {
        /// The server's list.
        offered: String,
        /// Ours.
        ours: &'static str,
    },
    /// The server wants no token and no user to act as was named.
    #[error(
        "it does not check tokens (SIMPLE authentication); name a user (`IpcOptions::simple_user`) to go on without"
    )]
    NoUser,
    /// The server is another than the one configured.
    #[error(
        "it has the principal {offered}, and {expected} was expected; check the server's principal in the configuration \
         (yarn.resourcemanager.principal) and the address"
    )]
    ServerPrincipal {
        /// The server's.
        offered: String,
        /// The configured one.
        expected: String,
    },
    /// The protection agreed is weaker than what is accepted.
    #[error(
        "it protects by {agreed} at most, and at least {weakest} is demanded; raise hadoop.rpc.protection on the server"
    )]
    TooWeak {
        /// The server's best.
        agreed: Qop,
        /// What was demanded.
        weakest: Qop,
    },
    /// The server broke the order of the exchange.
    #[error("it sent {0} out of turn")]
    OutOfTurn(String),
}

/// What is wrong with the bytes that a server sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// A frame longer than the limit.
    #[error("an answer of {length} bytes exceeds the limit of {limit} (ipc.maximum.response.length)")]
    TooLarge {
        /// The length announced.
        length: usize,
        /// The limit.
        limit: usize,
    },
    /// The port speaks HTTP.
    #[error("it speaks HTTP; the address is probably a web address, not an RPC address")]
    Http,
    /// The server speaks another version of the protocol.
    #[error("it does not speak IPC version 9: {0}")]
    Version(RemoteException),
    /// A message that cannot be decoded.
    #[error("{0} cannot be decoded")]
    Malformed(&'static str),
    /// A protected message failed its check.
    #[error(transparent)]
    Protection(#[from] SaslError),
}

/// The remedy behind an exception, after a semicolon.
fn remedy(exception: &RemoteException) -> String {
    exception
        .kind()
        .remedy()
        .map(|remedy| format!("; {remedy}"))
        .unwrap_or_default()
}

impl IpcError {
    /// The exception, if the server sent one.
    pub fn remote(&self) -> Option<&RemoteException> {
        match self {
            Self::Remote { exception, .. } => Some(exception),
            _ => None,
        }
    }

    /// True when the transport failed, so that another try, or another server, may succeed. The server may have
    /// carried out the call all the same unless [`IpcError::was_not_sent`].
    pub fn is_transport(&self) -> bool {
        matches!(
            self,
            Self::Connect { .. } | Self::ConnectTimeout { .. } | Self::Timeout { .. } | Self::ConnectionLost { .. }
        )
    }

    /// True when the server cannot have seen the call.
    pub fn was_not_sent(&self) -> bool {
        matches!(
            self,
            Self::Connect { .. } | Self::ConnectTimeout { .. } | Self::Login { .. } | Self::RequestTooLarge { .. }
        )
    }
}
