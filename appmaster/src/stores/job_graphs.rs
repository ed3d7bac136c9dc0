//! Jobs that were taken and are not cleaned up yet.

use std::sync::Arc;

use async_trait::async_trait;
use selvedge_core::{JobGraph, JobId};

use super::StoreError;
use super::directory::StoreDirectory;
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

    async fn remove(&self, _job: JobId) -> Result<(), StoreError> {
        Ok(())
    }

    async fn close(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// One file for each job.
#[derive(Debug)]
pub(super) struct FileJobGraphStore(StoreDirectory);

impl FileJobGraphStore {
    pub(super) const fn new(directory: StoreDirectory) -> Self {
        Self(directory)
    }

    async fn read(&self, name: &str) -> Result<JobGraph, StoreError> {
        let content = self.0.read(name).await?;
        serde_json::from_slice(&content).map_err(|error| self.0.corrupt(name, &error))
    }
}

#[async_trait]
impl JobGraphStore for FileJobGraphStore {
    fn under(&self, lease: &Lease) -> Arc<dyn JobGraphStore> {
        Arc::new(Self(self.0.under(lease)))
    }

    async fn recover(&self) -> Result<Vec<RecoveredGraph>, StoreError> {
        let mut recovered = Vec::new();
        self.0.take_over().await?;
        for name in self.0.names().await? {
            let Some(job) = name.strip_suffix(SUFFIX).and_then(|id| id.parse().ok()) else {
                tracing::warn!("{name} in {} is no job graph: it is left alone", self.0);
                continue;
            };
            let graph = match self.read(&name).await {
                Err(error @ (StoreError::Step { .. } | StoreError::Deposed { .. })) => return Err(error),
                read => read,
            };
            recovered.push(RecoveredGraph { job, graph });
        }
        Ok(recovered)
    }

    async fn put(&self, job: JobId, graph: &JobGraph) -> Result<(), StoreError> {
        let name = format!("{job}{SUFFIX}");
        let content = serde_json::to_vec(graph).map_err(|error| self.0.corrupt(&name, &error))?;
        self.0.write(&name, content).await
    }

    async fn remove(&self, job: JobId) -> Result<(), StoreError> {
        self.0.delete(&format!("{job}{SUFFIX}")).await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.0.leave().await
    }
}

#[cfg(test)]
mod tests {
    use selvedge_runtime::fs::FileSystems;

    use super::*;
    use crate::stores::settings::Place;
    use crate::testing::word_count;

    #[tokio::test]
    async fn the_next_master_finds_what_was_taken_and_is_told_what_it_cannot_read() {
        let root = tempfile::tempdir().unwrap();
        let place = Place {
            key: "high-availability.storageDir",
            path: root.path().display().to_string(),
            below: String::new(),
            public: false,
        };
        let open = || FileJobGraphStore::new(StoreDirectory::open(&place, &FileSystems::local_only()).unwrap());
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
