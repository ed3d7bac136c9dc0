//! What a blob is called.

use std::fmt;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::gateway::{GatewayError, GatewayResult};

/// A blob's name: the SHA-256 of its content.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BlobKey([u8; 32]);

impl BlobKey {
    /// The name of this content.
    pub fn of(content: &[u8]) -> Self {
        Self(Sha256::digest(content).into())
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

    /// The bytes of the key.
    pub fn to_wire(self) -> Bytes {
        Bytes::copy_from_slice(&self.0)
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
