//! How jobs have ended: dirty while they are cleaned up, then clean. A job with a result is never run again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use selvedge_core::JobId;
use selvedge_core::status::{ApplicationStatus, JobStatus};
use serde::{Deserialize, Serialize};

use super::StoreError;
use super::directory::StoreDirectory;
use super::settings::ResultsKept;
use crate::jobmaster::JobResult;
use crate::lease::Lease;

const DIRTY_SUFFIX: &str = "_DIRTY.json";
const CLEAN_SUFFIX: &str = ".json";
/// Of Flink's form of a stored result.
const VERSION: u32 = 1;

/// What earlier masters have left.
#[derive(Debug, Default)]
pub(crate) struct RecoveredResults {
    /// Jobs that have ended and are not cleaned up.
    pub(crate) dirty: Vec<JobResult>,
    /// Jobs that are.
    pub(crate) clean: Vec<JobResult>,
}

/// Keeps the results of jobs. Every method may be repeated.
#[async_trait]
pub(crate) trait JobResultStore: Send + Sync + std::fmt::Debug {
    /// The same under a leadership.
    fn under(&self, lease: &Lease) -> Arc<dyn JobResultStore>;

    /// What earlier masters have left, in order of ids.
    async fn recover(&self) -> Result<RecoveredResults, StoreError>;

    /// Keeps the result of a job that has ended and is to be cleaned up.
    async fn create_dirty(&self, result: &JobResult) -> Result<(), StoreError>;

    /// The job is cleaned up.
    async fn mark_clean(&self, job: JobId) -> Result<(), StoreError>;

    /// The cluster has ended and everybody who has to know does.
    async fn close(&self) -> Result<(), StoreError>;
}

/// For clusters that end with their master: the Dispatcher knows all there is to know.
#[derive(Debug)]
pub(super) struct MemoryJobResultStore;

#[async_trait]
impl JobResultStore for MemoryJobResultStore {
    fn under(&self, _lease: &Lease) -> Arc<dyn JobResultStore> {
        Arc::new(Self)
    }

    async fn recover(&self) -> Result<RecoveredResults, StoreError> {
        Ok(RecoveredResults::default())
    }

    async fn create_dirty(&self, _result: &JobResult) -> Result<(), StoreError> {
        Ok(())
    }

    async fn mark_clean(&self, _job: JobId) -> Result<(), StoreError> {
        Ok(())
    }

    async fn close(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// One file for each job, with Flink's names and JSON.
#[derive(Debug)]
pub(super) struct FileJobResultStore {
    directory: StoreDirectory,
    kept: ResultsKept,
    /// Those that go with the cluster.
    to_close: Mutex<Vec<JobId>>,
}

impl FileJobResultStore {
    pub(super) fn new(directory: StoreDirectory, kept: ResultsKept) -> Self {
        Self {
            directory,
            kept,
            to_close: Mutex::default(),
        }
    }

    async fn read(&self, name: &str) -> Result<JobResult, StoreError> {
        let content = self.directory.read(name).await?;
        let entry: StoredResult =
            serde_json::from_slice(&content).map_err(|error| self.directory.corrupt(name, &error))?;
        entry
            .result
            .try_into()
            .map_err(|reason: String| self.directory.corrupt(name, &reason))
    }

    fn remember(&self, job: JobId) {
        if self.kept == ResultsKept::UntilClusterEnd {
            self.to_close.lock().unwrap_or_else(PoisonError::into_inner).push(job);
        }
    }
}

#[async_trait]
impl JobResultStore for FileJobResultStore {
    fn under(&self, lease: &Lease) -> Arc<dyn JobResultStore> {
        Arc::new(Self::new(self.directory.under(lease), self.kept))
    }

    async fn recover(&self) -> Result<RecoveredResults, StoreError> {
        let mut recovered = RecoveredResults::default();
        self.directory.take_over().await?;
        let names = self.directory.names().await?;
        // Where both are there, the last step of the clean-up was not taken.
        let is_dirty = |name: &str| {
            let dirty = name
                .strip_suffix(CLEAN_SUFFIX)
                .map(|job| format!("{job}{DIRTY_SUFFIX}"));
            dirty.is_some_and(|dirty| names.contains(&dirty))
        };
        for name in names.iter().filter(|name| !is_dirty(name)) {
            let is_job = |id: &str| id.parse::<JobId>().is_ok();
            if name.strip_suffix(DIRTY_SUFFIX).is_some_and(is_job) {
                recovered.dirty.push(self.read(name).await?);
            } else if name.strip_suffix(CLEAN_SUFFIX).is_some_and(is_job) {
                let result = self.read(name).await?;
                self.remember(result.job_id);
                recovered.clean.push(result);
            } else {
                tracing::warn!("{name} in {} is no job's result: it is left alone", self.directory);
            }
        }
        Ok(recovered)
    }

    async fn create_dirty(&self, result: &JobResult) -> Result<(), StoreError> {
        let name = format!("{}{DIRTY_SUFFIX}", result.job_id);
        let entry = StoredResult {
            result: result.into(),
            version: VERSION,
        };
        let content = serde_json::to_vec(&entry).map_err(|error| self.directory.corrupt(&name, &error))?;
        self.directory.write(&name, content).await
    }

    async fn mark_clean(&self, job: JobId) -> Result<(), StoreError> {
        let dirty = format!("{job}{DIRTY_SUFFIX}");
        if self.kept == ResultsKept::UntilCleanedUp {
            return self.directory.delete(&dirty).await;
        }
        let clean = format!("{job}{CLEAN_SUFFIX}");
        if let Some(content) = self.directory.find(&dirty).await? {
            self.directory.write(&clean, content.into()).await?;
            self.directory.delete(&dirty).await?;
        } else if self.directory.find(&clean).await?.is_none() {
            tracing::warn!(%job, "somebody has deleted the job's result, {dirty}");
        }
        self.remember(job);
        Ok(())
    }

    async fn close(&self) -> Result<(), StoreError> {
        let jobs = std::mem::take(&mut *self.to_close.lock().unwrap_or_else(PoisonError::into_inner));
        for job in jobs {
            self.directory.delete(&format!("{job}{CLEAN_SUFFIX}")).await?;
        }
        self.directory.leave().await
    }
}

#[derive(Serialize, Deserialize)]
struct StoredResult {
    result: ResultForm,
    version: u32,
}

/// Flink's form of a result. The counts of operators are plain numbers; in Flink they are serialised Java objects.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct ResultForm {
    id: JobId,
    application_status: ApplicationStatus,
    #[serde(default)]
    accumulator_results: BTreeMap<String, i64>,
    net_runtime: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failure_cause: Option<FailureCause>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct FailureCause {
    class: String,
    stack_trace: String,
}

impl From<&JobResult> for ResultForm {
    fn from(result: &JobResult) -> Self {
        Self {
            id: result.job_id,
            application_status: result.application_status(),
            accumulator_results: result.accumulators.clone(),
            net_runtime: result.net_runtime_ms,
            failure_cause: result.cause.clone().map(|stack_trace| FailureCause {
                class: "JobExecutionException".to_owned(),
                stack_trace,
            }),
        }
    }
}

impl TryFrom<ResultForm> for JobResult {
    type Error = String;

    fn try_from(form: ResultForm) -> Result<Self, String> {
        let status = match form.application_status {
            ApplicationStatus::Succeeded => JobStatus::Finished,
            ApplicationStatus::Failed => JobStatus::Failed,
            ApplicationStatus::Canceled => JobStatus::Canceled,
            ApplicationStatus::Unknown => return Err("UNKNOWN is no end of a job".to_owned()),
        };
        Ok(Self {
            job_id: form.id,
            status,
            net_runtime_ms: form.net_runtime,
            cause: form.failure_cause.map(|cause| cause.stack_trace),
            accumulators: form.accumulator_results,
        })
    }
}

#[cfg(test)]
mod tests {
    use selvedge_runtime::fs::FileSystems;
    use serde_json::{Value, json};

    use super::*;
    use crate::stores::settings::Place;

    fn open(root: &std::path::Path, kept: ResultsKept) -> FileJobResultStore {
        let place = Place {
            key: "high-availability.storageDir",
            path: root.display().to_string(),
            below: String::new(),
            public: false,
        };
        FileJobResultStore::new(StoreDirectory::open(&place, &FileSystems::local_only()).unwrap(), kept)
    }

    fn failed() -> JobResult {
        JobResult {
            job_id: JobId::from_bytes([0xab; 16]),
            status: JobStatus::Failed,
            net_runtime_ms: 257,
            cause: Some("division by zero".to_owned()),
            accumulators: BTreeMap::from([("drop.records".to_owned(), 7)]),
        }
    }

    fn names(root: &std::path::Path) -> Vec<String> {
        let entries = std::fs::read_dir(root).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn a_result_is_stored_under_flinks_name_in_flinks_form_and_read_back() {
        let root = tempfile::tempdir().unwrap();
        open(root.path(), ResultsKept::ForEver)
            .create_dirty(&failed())
            .await
            .unwrap();
        let name = format!("{}_DIRTY.json", "ab".repeat(16));
        assert_eq!(names(root.path()), [name.as_str()]);
        let stored: Value = serde_json::from_slice(&std::fs::read(root.path().join(name)).unwrap()).unwrap();
        let expected = json!({"result": {"id": "ab".repeat(16), "application-status": "FAILED",
            "accumulator-results": {"drop.records": 7}, "net-runtime": 257,
            "failure-cause": {"class": "JobExecutionException", "stack-trace": "division by zero"}}, "version": 1});
        assert_eq!(stored, expected);
        let recovered = open(root.path(), ResultsKept::ForEver).recover().await.unwrap();
        assert_eq!(recovered.dirty, [failed()]);
        assert!(recovered.clean.is_empty());
    }

    #[tokio::test]
    async fn a_result_goes_when_the_settings_say_so() {
        let clean = format!("{}.json", "ab".repeat(16));
        for (kept, when_clean, when_closed) in [
            (ResultsKept::UntilCleanedUp, vec![], vec![]),
            (ResultsKept::UntilClusterEnd, vec![clean.clone()], vec![]),
            (ResultsKept::ForEver, vec![clean.clone()], vec![clean.clone()]),
        ] {
            let root = tempfile::tempdir().unwrap();
            let store = open(root.path(), kept);
            store.create_dirty(&failed()).await.unwrap();
            for _repeated in 0..2 {
                store.mark_clean(failed().job_id).await.unwrap();
                assert_eq!(names(root.path()), when_clean, "{kept:?}");
            }
            // Another attempt of the master closes what an earlier one has left.
            let next = open(root.path(), kept);
            let recovered = next.recover().await.unwrap();
            assert_eq!(recovered.clean.len(), when_clean.len(), "{kept:?}");
            next.close().await.unwrap();
            assert_eq!(names(root.path()), when_closed, "{kept:?}");
        }
    }

    #[tokio::test]
    async fn a_result_that_cannot_be_read_stops_the_recovery() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join(format!("{}_DIRTY.json", "ab".repeat(16))), "{").unwrap();
        let error = open(root.path(), ResultsKept::ForEver).recover().await.unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    }
}
