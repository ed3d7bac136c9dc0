//! Hadoop tokens and the credentials file that carries them into a container.
//!
//! A [`Token`] is an opaque identifier with a password that proves it. [`Credentials`] is a set of tokens and named
//! secrets, in the format of the file that `HADOOP_TOKEN_FILE_LOCATION` names and of `ContainerLaunchContext.tokens`.
//!
//! Neither type shows a secret in its `Debug` output, so both may stand in structures that are logged. Passwords and
//! secrets are overwritten with zeros when the last reference to them is dropped, and so are the bytes of a credentials
//! file that this module has read or written.
//!
//! ```
//! use yarn_common::token::{Credentials, Token, TokenKind};
//!
//! let mut credentials = Credentials::new();
//! credentials.add_token("rm", Token::new(&b"id"[..], &b"password"[..], TokenKind::AmRm, ""));
//! credentials.add_secret("app.secret", vec![1, 2, 3]);
//! let read = Credentials::read(&credentials.to_bytes())?;
//! assert_eq!(read, credentials);
//! assert!(read.am_rm_token().is_some());
//! // What an ApplicationMaster hands to its workers must not hold its own token.
//! assert!(read.without_am_rm_token().am_rm_token().is_none());
//! # Ok::<(), yarn_common::token::TokenError>(())
//! ```

mod credentials;
pub mod identifier;
mod kind;
mod secret;
mod wire;
mod writable;

#[cfg(test)]
mod tests;

use std::{fmt, path::PathBuf};

use base64::{
    Engine,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use bytes::{BufMut, Bytes};
use zeroize::Zeroizing;

pub use self::credentials::{Credentials, CredentialsFormat};
pub use self::kind::TokenKind;

/// URL-safe Base64, written without padding and read with or without it.
const URL_BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A Hadoop token: an identifier that says who is meant, and the password that proves it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    identifier: Bytes,
    password: Bytes,
    kind: TokenKind,
    service: String,
}

impl Token {
    /// Makes a token from its four parts; the password is copied, and overwritten with zeros where it was unless others
    /// refer to it. `service` is `ip:port`, `host:port`, `ha-hdfs:nameservice` or empty.
    pub fn new(
        identifier: impl Into<Bytes>,
        password: impl Into<Bytes>,
        kind: impl Into<TokenKind>,
        service: impl Into<String>,
    ) -> Self {
        Self {
            identifier: identifier.into(),
            password: secret::taken_over(password.into()),
            kind: kind.into(),
            service: service.into(),
        }
    }

    /// The serialised identifier; its encoding depends on the kind.
    pub fn identifier(&self) -> &Bytes {
        &self.identifier
    }

    /// The password: a secret, never to be logged.
    pub fn password(&self) -> &Bytes {
        &self.password
    }

    /// The kind of this token.
    pub fn kind(&self) -> &TokenKind {
        &self.kind
    }

    /// The service that accepts this token; empty for an AMRM token as it is delivered.
    pub fn service(&self) -> &str {
        &self.service
    }

    /// The same token for another service address.
    pub fn with_service(mut self, service: impl Into<String>) -> Self {
        self.service = service.into();
        self
    }

    /// Hadoop's URL form (`encodeToUrlString`), which REST answers and requests carry. It holds the password.
    pub fn to_url_string(&self) -> String {
        let mut bytes = Zeroizing::new(Vec::with_capacity(self.writable_bound()));
        self.put_writable(&mut *bytes);
        URL_BASE64.encode(&*bytes)
    }

    /// Reads Hadoop's URL form.
    ///
    /// # Errors
    /// When the text is not URL-safe Base64 or what it encodes is not a token.
    pub fn from_url_string(text: &str) -> Result<Self, TokenError> {
        let bytes = URL_BASE64.decode(text.trim()).map_err(|_| TokenError::NotBase64)?;
        Self::get_writable(&mut secret::zeroized(bytes))
    }

    /// The most bytes that [`put_writable`](Self::put_writable) appends.
    fn writable_bound(&self) -> usize {
        let parts = [
            &self.identifier,
            &self.password,
            self.kind.as_str().as_bytes(),
            self.service.as_bytes(),
        ];
        parts.into_iter().map(writable::bytes_bound).sum()
    }

    fn put_writable(&self, out: &mut impl BufMut) {
        writable::put_bytes(out, &self.identifier);
        writable::put_bytes(out, &self.password);
        writable::put_bytes(out, self.kind.as_str().as_bytes());
        writable::put_bytes(out, self.service.as_bytes());
    }

    /// `input` must be zeroized memory: the password stays a part of it.
    fn get_writable(input: &mut Bytes) -> Result<Self, TokenError> {
        let identifier = writable::get_bytes(input, "token identifier")?;
        let password = writable::get_bytes(input, "token password")?;
        let kind = writable::get_text(input, "token kind")?;
        let service = writable::get_text(input, "token service")?;
        Ok(Self {
            identifier,
            password,
            kind: TokenKind::from(kind.as_str()),
            service,
        })
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("kind", &self.kind.as_str())
            .field("service", &self.service)
            .field("identifier", &format_args!("{} bytes", self.identifier.len()))
            .field("password", &format_args!("hidden"))
            .finish()
    }
}

/// Why a token or a credentials file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The file could not be read.
    #[error("cannot read the credentials file {path}: {source}; HADOOP_TOKEN_FILE_LOCATION must name a readable file")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The file could not be written.
    #[error("cannot write the credentials file {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The first four bytes are not `HDTS`.
    #[error("not a Hadoop credentials file: it does not begin with \"HDTS\"")]
    Magic,
    /// The version byte is neither 0 nor 1.
    #[error("credentials file format {0} is unknown; formats 0 (Writable) and 1 (protobuf) can be read")]
    Format(u8),
    /// The data end inside a field.
    #[error("credentials end within the {what}: they are cut short, get or write them again")]
    Truncated {
        /// The field.
        what: &'static str,
    },
    /// A length or a count is negative.
    #[error("credentials hold an impossible length {value} for the {what}")]
    Length {
        /// The field.
        what: &'static str,
        /// The number read.
        value: i64,
    },
    /// A text field is not UTF-8.
    #[error("credentials hold a {what} that is not UTF-8")]
    NotText {
        /// The field.
        what: &'static str,
    },
    /// What is wrong with a credentials file.
    #[error("the credentials file {path}: {source}")]
    InFile {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: Box<TokenError>,
    },
    /// The identifier of a token cannot be decoded.
    #[error("the identifier of the {kind} cannot be decoded: {source}")]
    Identifier {
        /// The kind of token.
        kind: &'static str,
        /// Why.
        source: prost::DecodeError,
    },
    /// A field of an identifier is missing or impossible.
    #[error("the {field} of the {kind} {problem}")]
    IdentifierField {
        /// The kind of token.
        kind: &'static str,
        /// The field.
        field: &'static str,
        /// `is missing`, or `is -5`.
        problem: String,
    },
    /// The `Writable` form of a delegation token's identifier is of another version.
    #[error("the identifier of the delegation token is of version {0}; version 0 can be read")]
    IdentifierVersion(u8),
    /// The identifiers of this kind of token cannot be read.
    #[error("the identifier of a token of the kind {0:?} cannot be read: its encoding is not known")]
    UnknownKind(String),
    /// The protobuf body cannot be decoded.
    #[error("credentials in format 1 cannot be decoded: {0}")]
    Protobuf(#[from] prost::DecodeError),
    /// The URL form is not Base64.
    #[error("the token is not in Hadoop's URL form: it is not URL-safe Base64")]
    NotBase64,
}
