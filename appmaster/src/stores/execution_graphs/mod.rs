//! Ended jobs for their pages: in memory, or on the local disk with the last ones in memory. They go after a time, and the
//! oldest ones when there are too many.

mod cache;
mod files;
mod retention;
mod summary;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use selvedge_core::JobId;
use tokio::time::Instant;

pub use summary::JobSummary;

use super::settings::EndedJobsSettings;
use crate::jobmaster::ArchivedExecutionGraph;
use cache::Cache;
use files::GraphFiles;
use retention::Retention;

/// Keeps ended jobs.
#[derive(Debug)]
pub(crate) struct ExecutionGraphInfoStore {
    known: Mutex<Known>,
    files: Option<Arc<GraphFiles>>,
}

#[derive(Debug)]
struct Known {
    retention: Retention,
    cache: Cache,
}

impl ExecutionGraphInfoStore {
    pub(super) fn new(settings: EndedJobsSettings) -> Self {
        let (files, in_memory) = match settings.files {
            Some((below, bytes)) => (Some(Arc::new(GraphFiles::below(&below))), bytes),
            None => (None, u64::MAX),
        };
        Self {
            known: Mutex::new(Known {
                retention: Retention::new(settings.expiration, settings.capacity),
                cache: Cache::new(in_memory),
            }),
            files,
        }
    }

    /// Takes in a job that has ended.
    pub(crate) async fn put(&self, graph: Arc<ArchivedExecutionGraph>, now: Instant) {
        let job = graph.job_id;
        let on_disk = match &self.files {
            None => None,
            Some(files) => match files.write(graph.clone()).await {
                Ok(bytes) => Some(bytes),
                Err(error) => {
                    tracing::warn!(%job, "the ended job is kept in memory only: {error}");
                    None
                }
            },
        };
        let evicted = {
            let mut known = self.known();
            match on_disk {
                Some(bytes) => known.cache.insert(job, graph.clone(), bytes),
                None => known.cache.pin(job, graph.clone()),
            }
            known.retention.insert(job, JobSummary::from(&*graph), now)
        };
        self.forget(evicted);
    }

    /// An ended job that is still kept.
    pub(crate) async fn get(&self, job: JobId) -> Option<Arc<ArchivedExecutionGraph>> {
        let files = {
            let mut known = self.known();
            known.retention.get(&job)?;
            if let Some(graph) = known.cache.get(&job) {
                return Some(graph);
            }
            self.files.clone()?
        };
        match files.read(job).await {
            Ok((graph, bytes)) => {
                let mut known = self.known();
                // It may have gone meanwhile.
                known.retention.get(&job)?;
                known.cache.insert(job, graph.clone(), bytes);
                Some(graph)
            }
            Err(error) => {
                tracing::warn!(%job, "the ended job cannot be shown: {error}");
                None
            }
        }
    }

    /// What is kept of a job, in short.
    pub(crate) fn summary(&self, job: &JobId) -> Option<JobSummary> {
        self.known().retention.get(job).cloned()
    }

    /// All jobs that are kept, in short, in order of their ids.
    pub(crate) fn summaries(&self) -> Vec<JobSummary> {
        self.known().retention.summaries().cloned().collect()
    }

    /// Drops the jobs whose time has passed.
    pub(crate) fn expire(&self, now: Instant) {
        let expired = self.known().retention.expire(now);
        self.forget(expired);
    }

    /// When [`Self::expire`] is to be called.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.known().retention.deadline()
    }

    fn forget(&self, jobs: Vec<JobId>) {
        for job in jobs {
            self.known().cache.remove(&job);
            if let Some(files) = &self.files {
                files.clone().delete(job);
            }
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use selvedge_core::status::JobStatus;
    use selvedge_runtime::clock::Timestamp;

    use super::*;
    use crate::jobmaster::ExecutionGraph;
    use crate::testing::word_count;

    fn ended(number: u8) -> Arc<ArchivedExecutionGraph> {
        let job = JobId::from_bytes([number; 16]);
        let mut graph = ExecutionGraph::new(job, Arc::new(word_count(3)), Timestamp::from_millis(5));
        graph
            .transition_job(JobStatus::Failed, Timestamp::from_millis(9))
            .unwrap();
        graph.into_archived()
    }

    fn store(files: Option<&Path>, cache: u64, capacity: usize) -> ExecutionGraphInfoStore {
        ExecutionGraphInfoStore::new(EndedJobsSettings {
            files: files.map(|path| (path.to_owned(), cache)),
            expiration: Duration::from_secs(10),
            capacity,
        })
    }

    fn files_in(root: &Path) -> usize {
        let directories = std::fs::read_dir(root).unwrap();
        directories
            .map(|entry| std::fs::read_dir(entry.unwrap().path()).unwrap().count())
            .sum()
    }

    #[tokio::test]
    async fn a_job_that_does_not_fit_into_memory_is_read_from_disk_as_it_was() {
        let root = tempfile::tempdir().unwrap();
        let store = store(Some(root.path()), 1, 10);
        for number in 1..=3 {
            store.put(ended(number), Instant::now()).await;
        }
        assert_eq!(files_in(root.path()), 3);
        let read = store.get(JobId::from_bytes([1; 16])).await.unwrap();
        let json = |graph: &ArchivedExecutionGraph| serde_json::to_value(graph).unwrap();
        assert_eq!(json(&read), json(&ended(1)));
        assert_eq!((read.status(), read.executions().count()), (JobStatus::Failed, 6));
        drop(store);
        assert_eq!(
            std::fs::read_dir(root.path()).unwrap().count(),
            0,
            "nothing is left behind"
        );
    }

    #[tokio::test]
    async fn jobs_go_when_their_time_has_passed_or_there_are_too_many() {
        let root = tempfile::tempdir().unwrap();
        for files in [None, Some(root.path())] {
            let store = store(files, 1 << 20, 2);
            let start = Instant::now();
            for number in 1..=3 {
                store
                    .put(ended(number), start + Duration::from_secs(number.into()))
                    .await;
            }
            assert!(store.get(JobId::from_bytes([1; 16])).await.is_none(), "the oldest");
            assert_eq!(store.summaries().len(), 2);
            assert_eq!(store.deadline(), Some(start + Duration::from_secs(12)));
            store.expire(start + Duration::from_secs(12));
            let left: Vec<_> = store.summaries().iter().map(|job| job.job_id).collect();
            assert_eq!(left, [JobId::from_bytes([3; 16])]);
            assert!(store.summary(&left[0]).is_some() && store.get(left[0]).await.is_some());
        }
    }

    #[tokio::test]
    async fn a_disk_that_refuses_leaves_the_job_in_memory() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("file");
        std::fs::write(&file, "").unwrap();
        let store = store(Some(&file), 0, 10);
        store.put(ended(1), Instant::now()).await;
        assert!(store.get(JobId::from_bytes([1; 16])).await.is_some());
    }
}
