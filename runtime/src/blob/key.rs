//! What a blob is called.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::str::FromStr;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::gateway::{GatewayError, GatewayResult};

/// How much of a file is in memory.
const PIECE_BYTES: usize = 1 << 20;

/// A blob's name: the SHA-256 of its content.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BlobKey([u8; 32]);

impl BlobKey {
    /// The name of this content.
    pub fn of(content: &[u8]) -> Self {
        Self(Sha256::digest(content).into())
    }

    /// The name of what a file holds. Blocks.
    pub(super) fn of_file(path: &Path) -> io::Result<Self> {
        let mut hash = Sha256::new();
        let mut file = File::open(path)?;
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            match file.read(&mut piece)? {
                0 => return Ok(Self::of_hash(hash)),
                length => hash.update(&piece[..length]),
            }
        }
    }

    /// What a file of the blob is called, as Flink's permanent ones.
    pub fn file_name(self) -> String {
        format!("blob_p-{self}")
    }

    /// The key of these bytes.
    ///
    /// # Errors
    /// `Rejected` where they are not 32.
    pub fn from_wire(bytes: &[u8]) -> GatewayResult<Self> {
        let bytes = bytes
            .try_into()
            .map_err(|_| GatewayError::Rejected(format!("{} bytes are no BlobKey", bytes.len())))?;
        Ok(Self(bytes))
    }

    /// The name of content that went through this hash.
    pub(crate) fn of_hash(hash: Sha256) -> Self {
        Self(hash.finalize().into())
    }

    /// The bytes of the key.
    pub fn to_wire(self) -> Bytes {
        Bytes::copy_from_slice(&self.0)
    }
}

/// Text that is no key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("'{0}' is no SHA-256: it must be 64 hexadecimal digits")]
pub struct ParseBlobKeyError(String);

impl FromStr for BlobKey {
    type Err = ParseBlobKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| ParseBlobKeyError(text.to_owned()))?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for BlobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for BlobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobKey({self})")
    }
}
