//! What the identifiers of tokens say. A server checks them; a client reads them to show whom a token is for and until
//! when, and a simulated server writes them.
//!
//! Nothing in an identifier is secret: it travels in the clear, and the password is what proves it.
//!
//! ```
//! use yarn_common::token::{Token, TokenKind, identifier::{AmRmTokenIdentifier, TokenIdentifier}};
//!
//! let attempt = "appattempt_1700000000000_0007_000001".parse()?;
//! let written = AmRmTokenIdentifier { attempt, key_id: 7 };
//! let token = Token::new(written.encode(), &b"password"[..], TokenKind::AmRm, "");
//! let TokenIdentifier::AmRm(read) = token.decode_identifier()? else { unreachable!("the kind says so") };
//! assert_eq!(read, written);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod container;
mod delegation;
mod message;

#[cfg(test)]
mod tests;

use bytes::Bytes;
use prost::Message;

pub use self::container::{ContainerTokenIdentifier, ContainerType, ExecutionType};
pub use self::delegation::DelegationTokenIdentifier;
use self::message::{AmRmMessage, ClientToAmMessage, NmMessage};
use super::{Token, TokenError, TokenKind};
use crate::id::{ApplicationAttemptId, NodeId};

/// The identifier of a token of a known kind.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenIdentifier {
    /// Of `YARN_AM_RM_TOKEN`.
    AmRm(AmRmTokenIdentifier),
    /// Of `NMToken`.
    NodeManager(NmTokenIdentifier),
    /// Of `ContainerToken`.
    Container(Box<ContainerTokenIdentifier>),
    /// Of `YARN_CLIENT_TOKEN`.
    ClientToAm(ClientToAmTokenIdentifier),
    /// Of `RM_DELEGATION_TOKEN`.
    ResourceManagerDelegation(DelegationTokenIdentifier),
    /// Of `HDFS_DELEGATION_TOKEN`, `WEBHDFS delegation` and `SWEBHDFS delegation`.
    HdfsDelegation(DelegationTokenIdentifier),
}

impl Token {
    /// Reads the identifier, whose encoding follows from the kind.
    ///
    /// # Errors
    /// [`TokenError::UnknownKind`], [`TokenError::Identifier`], [`TokenError::IdentifierField`], or
    /// [`TokenError::Truncated`].
    pub fn decode_identifier(&self) -> Result<TokenIdentifier, TokenError> {
        let bytes = self.identifier();
        Ok(match self.kind() {
            TokenKind::AmRm => TokenIdentifier::AmRm(AmRmTokenIdentifier::decode(bytes)?),
            TokenKind::NodeManager => TokenIdentifier::NodeManager(NmTokenIdentifier::decode(bytes)?),
            TokenKind::Container => TokenIdentifier::Container(Box::new(ContainerTokenIdentifier::decode(bytes)?)),
            TokenKind::ClientToAm => TokenIdentifier::ClientToAm(ClientToAmTokenIdentifier::decode(bytes)?),
            TokenKind::ResourceManagerDelegation => {
                TokenIdentifier::ResourceManagerDelegation(DelegationTokenIdentifier::decode_yarn(bytes)?)
            }
            TokenKind::HdfsDelegation | TokenKind::WebHdfsDelegation | TokenKind::SecureWebHdfsDelegation => {
                TokenIdentifier::HdfsDelegation(DelegationTokenIdentifier::decode_hdfs(bytes)?)
            }
            TokenKind::Other(kind) => return Err(TokenError::UnknownKind(kind.clone())),
        })
    }
}

/// Whom an AMRM token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AmRmTokenIdentifier {
    /// The attempt that it lets in.
    pub attempt: ApplicationAttemptId,
    /// The ResourceManager's key that signed it; may be negative.
    pub key_id: i32,
}

impl AmRmTokenIdentifier {
    /// Reads an identifier.
    ///
    /// # Errors
    /// [`TokenError::Identifier`] or [`TokenError::IdentifierField`].
    pub fn decode(bytes: &[u8]) -> Result<Self, TokenError> {
        const KIND: &str = "AMRM token";
        let message: AmRmMessage = decoded(KIND, bytes)?;
        Ok(Self {
            attempt: required(KIND, "attempt id", message.attempt)?.read(KIND)?,
            key_id: message.key_id(),
        })
    }

    /// The bytes that Hadoop writes.
    pub fn encode(&self) -> Bytes {
        let message = AmRmMessage {
            attempt: Some(self.attempt.into()),
            key_id: Some(self.key_id),
        };
        message.encode_to_vec().into()
    }
}

/// Whom an NM token is for, and on which node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NmTokenIdentifier {
    /// The attempt that it lets in.
    pub attempt: ApplicationAttemptId,
    /// The only NodeManager that takes it.
    pub node: NodeId,
    /// Who submitted the application.
    pub submitter: String,
    /// The NodeManagers' key that signed it.
    pub key_id: i32,
}

impl NmTokenIdentifier {
    /// Reads an identifier.
    ///
    /// # Errors
    /// [`TokenError::Identifier`] or [`TokenError::IdentifierField`].
    pub fn decode(bytes: &[u8]) -> Result<Self, TokenError> {
        const KIND: &str = "NM token";
        let message: NmMessage = decoded(KIND, bytes)?;
        Ok(Self {
            key_id: message.key_id(),
            attempt: required(KIND, "attempt id", message.attempt)?.read(KIND)?,
            node: required(KIND, "node id", message.node)?.read(KIND)?,
            submitter: message.submitter.unwrap_or_default(),
        })
    }

    /// The bytes that Hadoop writes.
    pub fn encode(&self) -> Bytes {
        let message = NmMessage {
            attempt: Some(self.attempt.into()),
            node: Some((&self.node).into()),
            submitter: Some(self.submitter.clone()),
            key_id: Some(self.key_id),
        };
        message.encode_to_vec().into()
    }
}

/// Which client a secured ApplicationMaster lets in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientToAmTokenIdentifier {
    /// The attempt whose ApplicationMaster takes it.
    pub attempt: ApplicationAttemptId,
    /// The user of the client.
    pub client: String,
}

impl ClientToAmTokenIdentifier {
    /// Reads an identifier.
    ///
    /// # Errors
    /// [`TokenError::Identifier`] or [`TokenError::IdentifierField`].
    pub fn decode(bytes: &[u8]) -> Result<Self, TokenError> {
        const KIND: &str = "client-to-AM token";
        let message: ClientToAmMessage = decoded(KIND, bytes)?;
        Ok(Self {
            attempt: required(KIND, "attempt id", message.attempt)?.read(KIND)?,
            client: message.client.unwrap_or_default(),
        })
    }

    /// The bytes that Hadoop writes.
    pub fn encode(&self) -> Bytes {
        let message = ClientToAmMessage {
            attempt: Some(self.attempt.into()),
            client: Some(self.client.clone()),
        };
        message.encode_to_vec().into()
    }
}

fn decoded<M: Message + Default>(kind: &'static str, bytes: &[u8]) -> Result<M, TokenError> {
    M::decode(bytes).map_err(|source| TokenError::Identifier { kind, source })
}

fn required<T>(kind: &'static str, field: &'static str, value: Option<T>) -> Result<T, TokenError> {
    value.ok_or(TokenError::IdentifierField {
        kind,
        field,
        problem: "is missing".to_owned(),
    })
}

fn wrong(kind: &'static str, field: &'static str, value: impl std::fmt::Display) -> TokenError {
    TokenError::IdentifierField {
        kind,
        field,
        problem: format!("is {value}"),
    }
}
