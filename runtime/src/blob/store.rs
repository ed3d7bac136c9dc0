//! Blobs on the local disk.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::fs::File;

use super::directory::OwnDirectory;
use super::writer::BlobWriter;
use super::{BlobError, BlobKey};
use crate::gateway::{GatewayError, GatewayResult};

/// Blobs by their content, in a directory that goes with the store; cheap to clone.
#[derive(Debug, Clone)]
pub struct BlobStore(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    directory: OwnDirectory,
    /// How many want each blob.
    wanted: Mutex<BTreeMap<BlobKey, usize>>,
}

/// A blob that is kept until this is dropped.
#[derive(Debug)]
pub struct StoredBlob {
    key: BlobKey,
    store: BlobStore,
}

impl StoredBlob {
    /// Its name.
    pub const fn key(&self) -> BlobKey {
        self.key
    }
}

impl Drop for StoredBlob {
    fn drop(&mut self) {
        self.store.release(self.key);
    }
}

impl BlobStore {
    /// A store in a new directory below this one. Those of processes that were killed are deleted there.
    ///
    /// # Errors
    /// Where the directory cannot be made.
    pub fn create(parent: &Path) -> Result<Self, BlobError> {
        let directory = OwnDirectory::below(parent).map_err(|source| BlobError::Storage {
            directory: parent.to_owned(),
            source,
        })?;
        Ok(Self(Arc::new(Shared {
            directory,
            wanted: Mutex::default(),
        })))
    }

    /// Keeps this content, once, as long as one of the answers lives.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub async fn put(&self, content: Bytes) -> Result<StoredBlob, BlobError> {
        let mut writer = self.writer().await?;
        writer.write(content).await?;
        self.keep(writer).await
    }

    /// Takes content piece by piece; [`Self::keep`] ends it.
    ///
    /// # Errors
    /// Where nothing can be written.
    pub async fn writer(&self) -> Result<BlobWriter, BlobError> {
        BlobWriter::create(self.0.directory.path()).await
    }

    /// Keeps what was written, once, as long as one of the answers lives.
    ///
    /// # Errors
    /// Where it cannot be written to its end.
    pub async fn keep(&self, writer: BlobWriter) -> Result<StoredBlob, BlobError> {
        let key = writer.key();
        *self.0.wanted.lock().entry(key).or_default() += 1;
        // From here on a failure gives it up again.
        let stored = StoredBlob {
            key,
            store: self.clone(),
        };
        writer.finish(&self.path(key)).await?;
        Ok(stored)
    }

    /// The file of a blob, and its size.
    ///
    /// # Errors
    /// `Rejected` where there is none of that name.
    pub async fn open(&self, key: BlobKey) -> GatewayResult<(File, u64)> {
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => GatewayError::Rejected(format!("there is no blob {key}")),
            _ => GatewayError::Internal(format!("blob {key} cannot be read: {error}")),
        };
        let file = File::open(self.path(key)).await.map_err(failed)?;
        let size = file.metadata().await.map_err(failed)?.len();
        Ok((file, size))
    }

    /// Deletes all that is there: nobody is served any more, whoever still refers to it.
    pub fn delete(&self) {
        self.0.directory.delete();
    }

    fn release(&self, key: BlobKey) {
        let mut wanted = self.0.wanted.lock();
        let left = wanted.get(&key).map_or(0, |count| count - 1);
        if left > 0 {
            wanted.insert(key, left);
            return;
        }
        wanted.remove(&key);
        // Under the lock: the file of one who wants it anew must not be hit. It is missing where it could not be written.
        match fs::remove_file(self.path(key)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!("blob {key} is left behind: {error}");
            }
            _ => {}
        }
    }

    fn path(&self, key: BlobKey) -> PathBuf {
        self.0.directory.path().join(key.file_name())
    }
}
