//! The protobuf messages of credentials format 1 (Hadoop's `Security.proto`).

use bytes::Bytes;

use super::{Credentials, Token, TokenKind};

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct TokenMessage {
    #[prost(bytes = "bytes", required, tag = "1")]
    identifier: Bytes,
    #[prost(bytes = "bytes", required, tag = "2")]
    password: Bytes,
    #[prost(string, required, tag = "3")]
    kind: String,
    #[prost(string, required, tag = "4")]
    service: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct EntryMessage {
    #[prost(string, required, tag = "1")]
    alias: String,
    #[prost(message, optional, tag = "2")]
    token: Option<TokenMessage>,
    #[prost(bytes = "bytes", optional, tag = "3")]
    secret: Option<Bytes>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct CredentialsMessage {
    #[prost(message, repeated, tag = "1")]
    tokens: Vec<EntryMessage>,
    #[prost(message, repeated, tag = "2")]
    secrets: Vec<EntryMessage>,
}

impl From<&Token> for TokenMessage {
    fn from(token: &Token) -> Self {
        Self {
            identifier: token.identifier.clone(),
            password: token.password.clone(),
            kind: token.kind.as_str().to_owned(),
            service: token.service.clone(),
        }
    }
}

impl From<TokenMessage> for Token {
    fn from(message: TokenMessage) -> Self {
        Self {
            identifier: message.identifier,
            password: message.password,
            kind: TokenKind::from(message.kind.as_str()),
            service: message.service,
        }
    }
}

impl From<&Credentials> for CredentialsMessage {
    fn from(credentials: &Credentials) -> Self {
        let token = |(alias, token): (&str, &Token)| EntryMessage {
            alias: alias.to_owned(),
            token: Some(token.into()),
            secret: None,
        };
        let secret = |(alias, secret): (&str, &Bytes)| EntryMessage {
            alias: alias.to_owned(),
            token: None,
            secret: Some(secret.clone()),
        };
        Self {
            tokens: credentials.tokens().map(token).collect(),
            secrets: credentials.secrets().map(secret).collect(),
        }
    }
}

impl From<CredentialsMessage> for Credentials {
    fn from(message: CredentialsMessage) -> Self {
        let mut credentials = Self::new();
        for entry in message.tokens {
            if let Some(token) = entry.token {
                credentials.add_token(entry.alias, token.into());
            }
        }
        for entry in message.secrets {
            // A part of the zeroized input already.
            credentials
                .secrets
                .insert(entry.alias, entry.secret.unwrap_or_default());
        }
        credentials
    }
}
