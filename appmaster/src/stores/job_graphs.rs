//! Jobs that were taken and are not cleaned up yet.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use async_trait::async_trait;
use selvedge_core::{JobGraph, JobId};
use selvedge_runtime::connector::report;
use tokio::sync::Mutex;

use super::directory::StoreDirectory;
use super::{ReplaceError, StoreError};
use crate::lease::Lease;

const SUFFIX: &str = ".json";

/// A job that an earlier master took.
#[derive(Debug)]
pub(crate) struct RecoveredGraph {
    pub(crate) job: JobId,
    /// What it was, or why that cannot be read any more.
    pub(crate) graph: Result<JobGraph, StoreError>,
}

/// Keeps the graphs of jobs from their submission until they are cleaned up. Every method may be repeated.
#[async_trait]
pub(crate) trait JobGraphStore: Send + Sync + std::fmt::Debug {
    /// The same under a leadership.
    fn under(&self, lease: &Lease) -> Arc<dyn JobGraphStore>;

    /// What an earlier master has left, in order of ids.
    async fn recover(&self) -> Result<Vec<RecoveredGraph>, StoreError>;

    /// Keeps a graph, which has been checked; it is there for good when this returns.
    async fn put(&self, job: JobId, graph: &JobGraph) -> Result<(), StoreError>;

    /// Keeps another form of a graph that is kept, in place of it; it is there for good when this returns, and one of both at
    /// any time.
    async fn replace(&self, job: JobId, graph: &JobGraph) -> Result<(), ReplaceError>;

    /// Forgets a graph.
    async fn remove(&self, job: JobId) -> Result<(), StoreError>;

    /// The cluster has ended.
    async fn close(&self) -> Result<(), StoreError>;
}

/// For clusters that end with their master: there is nothing to keep.
#[derive(Debug)]
pub(super) struct MemoryJobGraphStore;

#[async_trait]
impl JobGraphStore for MemoryJobGraphStore {
    fn under(&self, _lease: &Lease) -> Arc<dyn JobGraphStore> {
        Arc::new(Self)
    }

    async fn recover(&self) -> Result<Vec<RecoveredGraph>, StoreError> {
        Ok(Vec::new())
    }

    async fn put(&self, _job: JobId, _graph: &JobGraph) -> Result<(), StoreError> {
        Ok(())
    }

    async fn replace(&self, _job: JobId, _graph: &JobGraph) -> Result<(), ReplaceError> {
        Ok(())
    }

    async fn remove(&self, _job: JobId) -> Result<(), StoreError> {
        Ok(())
    }

    async fn close(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// One file for each job: `<job>.json`, and `<job>.<version>.json` once the graph was replaced.
#[derive(Debug)]
pub(super) struct FileJobGraphStore(StoreDirectory, Versions);

/// Which versions of a graph may be there, the last of which counts. A file is never written over: there is a whole one at
/// every moment.
type Versions = Arc<Mutex<BTreeMap<JobId, RangeInclusive<u64>>>>;

/// The file of a version.
fn file_name(job: JobId, version: u64) -> String {
    match version {
        0 => format!("{job}{SUFFIX}"),
        later => format!("{job}.{later}{SUFFIX}"),
    }
}

/// The graph that a file holds.
fn parse_name(name: &str) -> Option<(JobId, u64)> {
    let stem = name.strip_suffix(SUFFIX)?;
    match stem.split_once('.') {
        None => Some((stem.parse().ok()?, 0)),
        Some((job, version)) => Some((job.parse().ok()?, version.parse().ok()?)),
    }
}

impl FileJobGraphStore {
    pub(super) fn new(directory: StoreDirectory) -> Self {
        Self(directory, Versions::default())
    }

    /// The versions of each graph.
    async fn versions(&self) -> Result<BTreeMap<JobId, RangeInclusive<u64>>, StoreError> {
        let mut versions = BTreeMap::new();
        for name in self.0.names().await? {
            let Some((job, version)) = parse_name(&name) else {
                tracing::warn!("{name} in {} is no job graph: it is left alone", self.0);
                continue;
            };
            let known = versions.entry(job).or_insert(version..=version);
            *known = version.min(*known.start())..=version.max(*known.end());
        }
        Ok(versions)
    }

    async fn delete(&self, job: JobId, versions: impl Iterator<Item = u64>) -> Result<(), StoreError> {
        for version in versions {
            self.0.delete(&file_name(job, version)).await?;
        }
        Ok(())
    }

    async fn write(&self, name: &str, graph: &JobGraph) -> Result<(), StoreError> {
        let content = serde_json::to_vec(graph).map_err(|error| self.0.corrupt(name, &error))?;
        self.0.write(name, content).await
    }

    async fn read(&self, name: &str) -> Result<JobGraph, StoreError> {
        let content = self.0.read(name).await?;
        serde_json::from_slice(&content).map_err(|error| self.0.corrupt(name, &error))
    }
}

#[async_trait]
impl JobGraphStore for FileJobGraphStore {
    fn under(&self, lease: &Lease) -> Arc<dyn JobGraphStore> {
        Arc::new(Self(self.0.under(lease), self.1.clone()))
    }

    async fn recover(&self) -> Result<Vec<RecoveredGraph>, StoreError> {
        let mut recovered = Vec::new();
        self.0.take_over().await?;
        let mut versions = self.1.lock().await;
        *versions = self.versions().await?;
        for (job, known) in versions.iter() {
            let (job, name) = (*job, file_name(*job, *known.end()));
            let graph = match self.read(&name).await {
                Err(error @ (StoreError::Step { .. } | StoreError::Deposed { .. })) => return Err(error),
                read => read,
            };
            recovered.push(RecoveredGraph { job, graph });
        }
        Ok(recovered)
    }

    async fn put(&self, job: JobId, graph: &JobGraph) -> Result<(), StoreError> {
        let mut versions = self.1.lock().await;
        let known = versions.entry(job).or_insert(0..=0);
        self.write(&file_name(job, *known.end()), graph).await
    }

    async fn replace(&self, job: JobId, graph: &JobGraph) -> Result<(), ReplaceError> {
        let mut versions = self.1.lock().await;
        // One that was removed meanwhile stays so: the job has ended.
        let Some(known) = versions.get_mut(&job) else {
            return Ok(());
        };
        let (oldest, next) = (*known.start(), *known.end() + 1);
        // Its number is not used again: also where the write fails and it is deleted, it may come to be there.
        *known = oldest..=next;
        if let Err(error) = self.write(&file_name(job, next), graph).await {
            return Err(match self.delete(job, next..=next).await {
                Ok(()) => ReplaceError::Kept(error),
                Err(_) => ReplaceError::Unknown(error),
            });
        }
        // The new form counts from here on. What is left behind is removed with it.
        match self.delete(job, oldest..next).await {
            Ok(()) => *known = next..=next,
            Err(error) => tracing::warn!(%job, "an earlier form of the job is left behind: {}", report(&error)),
        }
        Ok(())
    }

    async fn remove(&self, job: JobId) -> Result<(), StoreError> {
        let mut versions = self.1.lock().await;
        let known = versions.get(&job).cloned().unwrap_or(0..=0);
        self.delete(job, known).await?;
        versions.remove(&job);
        Ok(())
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.0.leave().await
    }
}

#[cfg(test)]
#[path = "job_graphs_fault_tests.rs"]
mod fault_tests;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use selvedge_runtime::fs::FileSystems;

    use super::*;
    use crate::stores::settings::Place;
    use crate::testing::word_count;

    fn open(root: &Path) -> FileJobGraphStore {
        let place = Place {
            key: "high-availability.storageDir",
            path: root.display().to_string(),
            below: String::new(),
            public: false,
        };
        FileJobGraphStore::new(StoreDirectory::open(&place, &FileSystems::local_only()).unwrap())
    }

    #[tokio::test]
    async fn a_graph_that_was_replaced_is_found_as_it_is_now_and_one_that_was_removed_stays_so() {
        let root = tempfile::tempdir().unwrap();
        let open = || open(root.path());
        let (job, other) = (JobId::from_bytes([1; 16]), JobId::from_bytes([2; 16]));
        let store = open();
        store.put(job, &word_count(1)).await.unwrap();
        let first = std::fs::read(root.path().join(format!("{job}.json"))).unwrap();
        store.replace(job, &word_count(2)).await.unwrap();
        store.replace(job, &word_count(3)).await.unwrap();
        // A master that died in between has left the one before.
        std::fs::write(root.path().join(format!("{job}.json")), first).unwrap();
        let next = open();
        let recovered = next.recover().await.unwrap();
        assert_eq!(
            (recovered.len(), recovered[0].graph.as_ref().unwrap()),
            (1, &word_count(3))
        );
        next.replace(job, &word_count(4)).await.unwrap();
        next.replace(other, &word_count(4)).await.unwrap();
        let last = open().recover().await.unwrap();
        assert_eq!((last.len(), last[0].graph.as_ref().unwrap()), (1, &word_count(4)));
        next.remove(job).await.unwrap();
        assert_eq!(open().recover().await.unwrap().len(), 0);
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn the_next_master_finds_what_was_taken_and_is_told_what_it_cannot_read() {
        let root = tempfile::tempdir().unwrap();
        let open = || open(root.path());
        let (first, second, third) = (
            JobId::from_bytes([1; 16]),
            JobId::from_bytes([2; 16]),
            JobId::from_bytes([3; 16]),
        );
        let store = open();
        store.put(first, &word_count(2)).await.unwrap();
        store.put(second, &word_count(1)).await.unwrap();
        store.remove(second).await.unwrap();
        store.remove(second).await.unwrap();
        std::fs::write(root.path().join(format!("{third}.json")), "{").unwrap();
        std::fs::write(root.path().join("README"), "by hand").unwrap();
        let recovered = open().recover().await.unwrap();
        let jobs: Vec<_> = recovered.iter().map(|found| found.job).collect();
        assert_eq!(jobs, [first, third]);
        assert_eq!(recovered[0].graph.as_ref().unwrap(), &word_count(2));
        let told = recovered[1].graph.as_ref().unwrap_err().to_string();
        assert!(told.contains(&format!("{third}.json cannot be read")), "{told}");
    }
}
