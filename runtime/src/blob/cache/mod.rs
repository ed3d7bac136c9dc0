//! A worker's blobs: each is fetched once, whoever needs it, and kept while a task of its job runs there and
//! `blob.service.cleanup.interval` longer, so that a restart finds it.
//!
//! ```text
//! blobStore-…/job_<id>/blob_p-<sha256>     what was fetched
//!             job_<id>/files/<name>        the same under the names that the job gives
//! ```
//!
//! Tasks hold a [`JobBlobs`]; the count of those decides (`state.rs`). The directory is made with the first blob and goes with
//! the cache.

mod state;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use selvedge_core::config::ConfigError;
use selvedge_core::config::options::blob;
use selvedge_core::{Configuration, JobId};
use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::directory::OwnDirectory;
use super::fetch::fetch_file;
use super::{BlobError, BlobKey, FetchLimits};
use crate::clock::Clock;
use crate::gateway::BlobGateway;
use crate::machine::run_blocking;
use state::Uses;

const FILES: &str = "files";

/// How a cache works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobCacheSettings {
    /// `blob.storage.directory`; without it, the worker's own directory.
    pub directory: Option<PathBuf>,
    /// `blob.service.cleanup.interval`: how long blobs are kept that nobody uses.
    pub keep: Duration,
    /// How fetches are tried again.
    pub limits: FetchLimits,
}

impl BlobCacheSettings {
    /// Reads the settings.
    ///
    /// # Errors
    /// An unusable value; it names its key.
    pub fn read(configuration: &Configuration) -> Result<Self, ConfigError> {
        Ok(Self {
            directory: configuration.find(&blob::STORAGE_DIRECTORY)?.map(PathBuf::from),
            keep: Duration::from_secs(u64::from(configuration.get(&blob::SERVICE_CLEANUP_INTERVAL)?)),
            limits: FetchLimits::read(configuration)?,
        })
    }
}

/// A worker's blobs; cheap to clone.
#[derive(Debug, Clone)]
pub struct BlobCache(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    parent: PathBuf,
    limits: FetchLimits,
    clock: Arc<dyn Clock>,
    inner: Mutex<Inner>,
    /// Something may be due earlier than before, or the cache is gone.
    changed: Arc<Notify>,
}

#[derive(Debug)]
struct Inner {
    uses: Uses,
    directory: Option<OwnDirectory>,
    /// Who fetches holds the blob's lock: all others wait for that.
    fetching: BTreeMap<(JobId, BlobKey), Arc<tokio::sync::Mutex<()>>>,
    /// Those whose content was looked at since the job is in use.
    sound: BTreeSet<(JobId, BlobKey)>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.changed.notify_one();
    }
}

/// The blobs of one job: none of them is deleted as long as one of these lives.
#[derive(Debug)]
pub struct JobBlobs {
    cache: BlobCache,
    job: JobId,
}

/// A file that a job brings along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedBlob {
    /// How the job calls it: a plain file name.
    pub name: String,
    /// The blob.
    pub key: BlobKey,
    /// Bytes.
    pub size: u64,
}

impl BlobCache {
    /// An empty cache, whose directory will be below `parent`. What is due is deleted on `runtime`.
    pub fn new(parent: &Path, settings: &BlobCacheSettings, clock: Arc<dyn Clock>, runtime: &Handle) -> Self {
        let changed = Arc::<Notify>::default();
        let shared = Arc::new(Shared {
            parent: settings.directory.clone().unwrap_or_else(|| parent.to_owned()),
            limits: settings.limits,
            clock,
            inner: Mutex::new(Inner {
                uses: Uses::new(settings.keep),
                directory: None,
                fetching: BTreeMap::new(),
                sound: BTreeSet::new(),
            }),
            changed: changed.clone(),
        });
        runtime.spawn(clean_up(Arc::downgrade(&shared), changed));
        Self(shared)
    }

    /// The blobs of a job, to be kept as long as the answer lives.
    pub fn of_job(&self, job: JobId) -> JobBlobs {
        let mut inner = self.0.inner.lock();
        if inner.uses.begin(job) {
            // They lay there unused for a while: each is looked at once more.
            inner.sound.retain(|(of, _)| *of != job);
        }
        JobBlobs {
            cache: self.clone(),
            job,
        }
    }

    /// The directory of a job; made where it is missing.
    fn directory_of(&self, job: JobId) -> io::Result<PathBuf> {
        let mut inner = self.0.inner.lock();
        let directory = match &inner.directory {
            Some(directory) => directory,
            None => inner.directory.insert(OwnDirectory::below(&self.0.parent)?),
        };
        let of_job = directory.path().join(format!("job_{job}"));
        fs::create_dir_all(of_job.join(FILES))?;
        Ok(of_job)
    }
}

impl Drop for JobBlobs {
    fn drop(&mut self) {
        let shared = &self.cache.0;
        let now = shared.clock.monotonic().into_std();
        if shared.inner.lock().uses.end(self.job, now) {
            shared.changed.notify_one();
        }
    }
}

impl JobBlobs {
    /// The file with this name of the job. It is fetched where it is not there, or is not what it was.
    ///
    /// # Errors
    /// [`BlobError`] where it cannot be fetched or kept.
    pub async fn file(&self, server: &dyn BlobGateway, blob: &NamedBlob) -> Result<PathBuf, BlobError> {
        let id = (self.job, blob.key);
        let turn = self.cache.0.inner.lock().fetching.entry(id).or_default().clone();
        let _turn = turn.lock().await;
        let parent = &self.cache.0.parent;
        let kept = |source| BlobError::Storage {
            directory: parent.clone(),
            source,
        };
        let directory = self.cache.directory_of(self.job).map_err(kept)?;
        let path = directory.join(blob.key.file_name());
        if !self.is_sound(&path, blob).await {
            fetch_file(server, blob.key, blob.size, self.cache.0.limits, &path).await?;
            tracing::info!(job = %self.job, "the artifact {} is fetched: {} bytes", blob.name, blob.size);
        }
        self.cache.0.inner.lock().sound.insert(id);
        let named = directory.join(FILES).join(&blob.name);
        match symlink(Path::new("..").join(blob.key.file_name()), &named) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(kept(error)),
            _ => Ok(named),
        }
    }

    /// Whether the file is there as it was fetched. Its content is read once for as long as the job is in use; after that, its
    /// size must do.
    async fn is_sound(&self, path: &Path, blob: &NamedBlob) -> bool {
        match fs::metadata(path) {
            Ok(metadata) if metadata.len() == blob.size => {}
            Ok(metadata) => {
                let size = metadata.len();
                tracing::warn!(
                    "{} has {size} bytes instead of {}: it is fetched again",
                    path.display(),
                    blob.size
                );
                return false;
            }
            Err(_) => return false,
        }
        if self.cache.0.inner.lock().sound.contains(&(self.job, blob.key)) {
            return true;
        }
        let read = path.to_owned();
        let own = run_blocking(move || BlobKey::of_file(&read)).await;
        if own.is_ok_and(|own| own.is_ok_and(|own| own == blob.key)) {
            return true;
        }
        tracing::warn!("{} is not what was fetched: it is fetched again", path.display());
        false
    }
}

/// Deletes what is due, as long as the cache lives.
async fn clean_up(cache: Weak<Shared>, changed: Arc<Notify>) {
    while let Some(shared) = cache.upgrade() {
        let next = shared.delete_due();
        drop(shared);
        match next {
            Some(due) => {
                tokio::select! {
                    () = changed.notified() => {}
                    () = tokio::time::sleep_until(due.into()) => {}
                }
            }
            None => changed.notified().await,
        }
    }
}

impl Shared {
    /// Deletes the blobs of jobs that nobody has used for long; when the next ones are due.
    fn delete_due(&self) -> Option<std::time::Instant> {
        let mut inner = self.inner.lock();
        let due = inner.uses.due(self.clock.monotonic().into_std());
        for job in due {
            inner.fetching.retain(|(of, _), _| *of != job);
            let Some(directory) = &inner.directory else {
                continue;
            };
            // Under the lock: who needs the job anew must not find half of it.
            match fs::remove_dir_all(directory.path().join(format!("job_{job}"))) {
                Ok(()) => tracing::info!(%job, "the artifacts of a job that has no task here any more are deleted"),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => tracing::warn!(%job, "the artifacts of a job are left behind: {error}"),
            }
        }
        inner.uses.next()
    }
}
