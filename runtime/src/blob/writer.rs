//! A blob that is being written: under a temporary name, so that nobody sees a file that is not whole.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::fs::File;
use tokio::io::AsyncWriteExt;

use super::{BlobError, BlobKey};

/// Content on its way to the disk; what is not finished is deleted.
#[derive(Debug)]
pub struct BlobWriter {
    file: File,
    unfinished: Unfinished,
    hash: Sha256,
    size: u64,
}

#[derive(Debug)]
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Missing where it is finished.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl BlobWriter {
    pub(super) async fn create(directory: &Path) -> Result<Self, BlobError> {
        let path = directory.join(format!("unfinished-{:016x}", rand::random::<u64>()));
        let file = File::create_new(&path).await.map_err(|source| BlobError::Storage {
            directory: directory.to_owned(),
            source,
        })?;
        Ok(Self {
            file,
            unfinished: Unfinished(path),
            hash: Sha256::new(),
            size: 0,
        })
    }

    /// Appends a piece.
    ///
    /// # Errors
    /// Where the disk does not take it.
    pub async fn write(&mut self, piece: Bytes) -> Result<(), BlobError> {
        self.hash.update(&piece);
        self.size += piece.len() as u64;
        let written = self.file.write_all(&piece).await;
        written.map_err(|source| self.failed(source))
    }

    /// Bytes so far.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The name of what was written so far.
    pub fn key(&self) -> BlobKey {
        BlobKey::of_hash(self.hash.clone())
    }

    /// Puts it in place, over one that is there.
    pub(super) async fn finish(mut self, target: &Path) -> Result<(), BlobError> {
        let finished = async {
            // Errors of writes that were not waited for come here.
            self.file.flush().await?;
            tokio::fs::rename(&self.unfinished.0, target).await
        };
        finished.await.map_err(|source| self.failed(source))
    }

    fn failed(&self, source: std::io::Error) -> BlobError {
        let directory = self.unfinished.0.parent().unwrap_or(&self.unfinished.0);
        BlobError::Storage {
            directory: directory.to_owned(),
            source,
        }
    }
}
