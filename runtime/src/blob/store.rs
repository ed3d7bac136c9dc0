//! Blobs on the local disk.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::fs::File;

use super::{BlobError, BlobKey};
use crate::gateway::{GatewayError, GatewayResult};

/// Blobs by their content, in a directory that goes with the store; cheap to clone.
#[derive(Debug, Clone)]
pub struct BlobStore(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    directory: PathBuf,
    /// How many want each blob.
    wanted: Mutex<BTreeMap<BlobKey, usize>>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.directory)
            // The working directory of the process may be gone before.
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!("{} with blobs is left behind: {error}", self.directory.display());
        }
    }
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
    /// A store in a new directory below this one. What an earlier process left there is not touched: it may still run.
    ///
    /// # Errors
    /// Where the directory cannot be made.
    pub fn create(parent: &Path) -> Result<Self, BlobError> {
        let directory = parent.join(format!("blobStore-{:016x}", rand::random::<u64>()));
        let made = fs::create_dir_all(&directory);
        made.map_err(|source| BlobError::Storage {
            directory: directory.clone(),
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
        let key = BlobKey::of(&content);
        *self.0.wanted.lock().entry(key).or_default() += 1;
        // From here on a failure gives it up again.
        let stored = StoredBlob {
            key,
            store: self.clone(),
        };
        let failed = |source| BlobError::Storage {
            directory: self.0.directory.clone(),
            source,
        };
        // Nobody sees a file that is not whole.
        let unfinished = self
            .0
            .directory
            .join(format!("unfinished-{:016x}", rand::random::<u64>()));
        tokio::fs::write(&unfinished, &content).await.map_err(failed)?;
        tokio::fs::rename(&unfinished, self.path(key)).await.map_err(failed)?;
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
        self.0.directory.join(format!("blob_p-{key}"))
    }
}
