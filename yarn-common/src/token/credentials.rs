//! The set of tokens and secrets that travels with a container.

use std::{
    collections::BTreeMap,
    fmt,
    fs::OpenOptions,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use bytes::{Buf, BufMut, Bytes};
use prost::Message;

use super::{Token, TokenError, TokenKind, secret, wire::CredentialsMessage, writable};

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
    pub(super) secrets: BTreeMap<String, Bytes>,
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
        Self::read_zeroized(secret::zeroized(bytes.to_vec()))
    }

    fn read_zeroized(mut input: Bytes) -> Result<Self, TokenError> {
        if !input.starts_with(&MAGIC[..input.len().min(MAGIC.len())]) || input.is_empty() {
            return Err(TokenError::Magic);
        }
        if input.len() < MAGIC.len() {
            return Err(TokenError::Truncated {
                what: "first four bytes",
            });
        }
        input.advance(MAGIC.len());
        match input.try_get_u8() {
            Err(_) => Err(TokenError::Truncated { what: "format byte" }),
            Ok(0) => Self::read_writable(input),
            Ok(1) => Self::read_protobuf(input),
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
        Self::read_zeroized(secret::zeroized(bytes)).map_err(|source| TokenError::InFile {
            path: path.to_owned(),
            source: Box::new(source),
        })
    }

    /// The file's bytes in format 0, which every Hadoop release reads and `ContainerLaunchContext.tokens` expects.
    pub fn to_bytes(&self) -> Bytes {
        self.to_bytes_in(CredentialsFormat::Writable)
    }

    /// The file's bytes in the format asked for.
    pub fn to_bytes_in(&self, format: CredentialsFormat) -> Bytes {
        // With room for all of it: a buffer that grows leaves copies behind.
        match format {
            CredentialsFormat::Writable => {
                let mut out = Vec::with_capacity(MAGIC.len() + 1 + self.writable_bound());
                out.put_slice(MAGIC);
                out.put_u8(0);
                self.put_writable(&mut out);
                secret::zeroized(out)
            }
            CredentialsFormat::Protobuf => {
                let message = CredentialsMessage::from(self);
                let room = MAGIC.len() + 1 + writable::MAX_VLONG + 1 + message.encoded_len();
                let mut out = Vec::with_capacity(room);
                out.put_slice(MAGIC);
                out.put_u8(1);
                message
                    .encode_length_delimited(&mut out)
                    .expect("a growing buffer has room");
                secret::zeroized(out)
            }
        }
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

    /// Adds a secret under a name and returns the one it replaces. It is copied, and overwritten with zeros where it was
    /// unless others refer to it.
    pub fn add_secret(&mut self, name: impl Into<String>, secret: impl Into<Bytes>) -> Option<Bytes> {
        self.secrets.insert(name.into(), secret::taken_over(secret.into()))
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

    /// The most bytes that [`put_writable`](Self::put_writable) appends.
    fn writable_bound(&self) -> usize {
        let tokens = self.tokens.iter();
        let tokens = tokens.map(|(alias, token)| writable::bytes_bound(alias.as_bytes()) + token.writable_bound());
        let secrets = self.secrets.iter();
        let secrets =
            secrets.map(|(name, secret)| writable::bytes_bound(name.as_bytes()) + writable::bytes_bound(secret));
        2 * writable::MAX_VLONG + tokens.sum::<usize>() + secrets.sum::<usize>()
    }

    fn put_writable(&self, out: &mut impl BufMut) {
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

    fn read_protobuf(mut input: Bytes) -> Result<Self, TokenError> {
        let what = "protobuf message";
        let truncated = TokenError::Truncated { what };
        // A length of which only a part is there cannot be told from one that is wrong.
        let Ok(length) = prost::decode_length_delimiter(&mut input) else {
            return Err(truncated);
        };
        if length > input.len() {
            return Err(truncated);
        }
        Ok(CredentialsMessage::decode(input.split_to(length))?.into())
    }

    fn read_writable(mut input: Bytes) -> Result<Self, TokenError> {
        let mut credentials = Self::new();
        for _ in 0..writable::get_length(&mut input, "token count")? {
            let alias = writable::get_text(&mut input, "token alias")?;
            credentials.add_token(alias, Token::get_writable(&mut input)?);
        }
        for _ in 0..writable::get_length(&mut input, "secret count")? {
            let name = writable::get_text(&mut input, "secret name")?;
            credentials
                .secrets
                .insert(name, writable::get_bytes(&mut input, "secret")?);
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
