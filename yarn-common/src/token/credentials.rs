//! The set of tokens and secrets that travels with a container.

use std::{
    collections::BTreeMap,
    fmt,
    fs::OpenOptions,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use prost::Message;

use super::{Token, TokenError, TokenKind, wire::CredentialsMessage, writable};

const MAGIC: &[u8; 4] = b"HDTS";

/// How a credentials file is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialsFormat {
    /// Format 0, Hadoop's `Writable` form: what YARN itself writes.
    Writable,
    /// Format 1: a protobuf message.
    Protobuf,
}

/// Tokens by alias and secrets by name, as a credentials file holds them.
///
/// `Debug` shows aliases, kinds and services, never a password or a secret.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    tokens: BTreeMap<String, Token>,
    secrets: BTreeMap<String, Bytes>,
}

impl Credentials {
    /// Empty credentials.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads credentials of either format. Bytes after the end are ignored: Hadoop leaves such bytes behind.
    ///
    /// # Errors
    /// When the bytes are not a complete credentials file.
    pub fn read(bytes: &[u8]) -> Result<Self, TokenError> {
        let body = bytes.strip_prefix(MAGIC).ok_or(TokenError::Magic)?;
        let mut input = Bytes::copy_from_slice(body);
        match input.try_get_u8() {
            Err(_) => Err(TokenError::Truncated { what: "format byte" }),
            Ok(0) => Self::read_writable(input),
            Ok(1) => Ok(CredentialsMessage::decode_length_delimited(input)?.into()),
            Ok(other) => Err(TokenError::Format(other)),
        }
    }

    /// Reads a credentials file.
    ///
    /// # Errors
    /// When the file cannot be read or is not a credentials file.
    pub fn read_file(path: impl AsRef<Path>) -> Result<Self, TokenError> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|source| TokenError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::read(&bytes)
    }

    /// The file's bytes in format 0, which every Hadoop release reads and `ContainerLaunchContext.tokens` expects.
    pub fn to_bytes(&self) -> Bytes {
        self.to_bytes_in(CredentialsFormat::Writable)
    }

    /// The file's bytes in the format asked for.
    pub fn to_bytes_in(&self, format: CredentialsFormat) -> Bytes {
        let mut out = BytesMut::from(&MAGIC[..]);
        match format {
            CredentialsFormat::Writable => {
                out.put_u8(0);
                self.put_writable(&mut out);
            }
            CredentialsFormat::Protobuf => {
                out.put_u8(1);
                out.put_slice(&CredentialsMessage::from(self).encode_length_delimited_to_vec());
            }
        }
        out.freeze()
    }

    /// Writes a credentials file that only its owner can read. The file must not exist yet.
    ///
    /// # Errors
    /// When the file exists or cannot be written.
    pub fn write_file(&self, path: impl AsRef<Path>) -> Result<(), TokenError> {
        let path = path.as_ref();
        let write = || -> io::Result<()> {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
            file.write_all(&self.to_bytes())?;
            file.sync_all()
        };
        write().map_err(|source| TokenError::Write {
            path: path.to_owned(),
            source,
        })
    }

    /// Adds a token under an alias and returns the one it replaces.
    pub fn add_token(&mut self, alias: impl Into<String>, token: Token) -> Option<Token> {
        self.tokens.insert(alias.into(), token)
    }

    /// Adds a secret under a name and returns the one it replaces.
    pub fn add_secret(&mut self, name: impl Into<String>, secret: impl Into<Bytes>) -> Option<Bytes> {
        self.secrets.insert(name.into(), secret.into())
    }

    /// Takes over everything from `other`; entries of the same alias or name are replaced.
    pub fn merge(&mut self, other: Self) {
        self.tokens.extend(other.tokens);
        self.secrets.extend(other.secrets);
    }

    /// The token stored under this alias.
    pub fn token(&self, alias: &str) -> Option<&Token> {
        self.tokens.get(alias)
    }

    /// All tokens with their aliases, ordered by alias.
    pub fn tokens(&self) -> impl Iterator<Item = (&str, &Token)> {
        self.tokens.iter().map(|(alias, token)| (alias.as_str(), token))
    }

    /// The tokens of one kind, ordered by alias.
    pub fn tokens_of_kind<'a>(&'a self, kind: &'a TokenKind) -> impl Iterator<Item = &'a Token> {
        self.tokens.values().filter(move |token| token.kind() == kind)
    }

    /// The token with which an ApplicationMaster logs in to the ResourceManager; found by kind, since it is delivered
    /// with neither alias nor service.
    pub fn am_rm_token(&self) -> Option<&Token> {
        self.tokens_of_kind(&TokenKind::AmRm).next()
    }

    /// These credentials without the AMRM token: the form in which an ApplicationMaster passes them on to workers.
    pub fn without_am_rm_token(&self) -> Self {
        let mut kept = self.clone();
        kept.tokens.retain(|_, token| *token.kind() != TokenKind::AmRm);
        kept
    }

    /// The secret stored under this name.
    pub fn secret(&self, name: &str) -> Option<&Bytes> {
        self.secrets.get(name)
    }

    /// All secrets with their names, ordered by name.
    pub fn secrets(&self) -> impl Iterator<Item = (&str, &Bytes)> {
        self.secrets.iter().map(|(name, secret)| (name.as_str(), secret))
    }

    /// True when there is neither a token nor a secret.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty() && self.secrets.is_empty()
    }

    fn put_writable(&self, out: &mut BytesMut) {
        writable::put_vlong(out, self.tokens.len() as i64);
        for (alias, token) in &self.tokens {
            writable::put_bytes(out, alias.as_bytes());
            token.put_writable(out);
        }
        writable::put_vlong(out, self.secrets.len() as i64);
        for (name, secret) in &self.secrets {
            writable::put_bytes(out, name.as_bytes());
            writable::put_bytes(out, secret);
        }
    }

    fn read_writable(mut input: Bytes) -> Result<Self, TokenError> {
        let mut credentials = Self::new();
        for _ in 0..writable::get_length(&mut input, "token count")? {
            let alias = writable::get_text(&mut input, "token alias")?;
            credentials.add_token(alias, Token::get_writable(&mut input)?);
        }
        for _ in 0..writable::get_length(&mut input, "secret count")? {
            let name = writable::get_text(&mut input, "secret name")?;
            credentials.add_secret(name, writable::get_bytes(&mut input, "secret")?);
        }
        Ok(credentials)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("tokens", &self.tokens)
            .field("secrets", &self.secrets.keys().collect::<Vec<_>>())
            .finish()
    }
}
