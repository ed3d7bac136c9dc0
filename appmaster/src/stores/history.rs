//! Ended jobs for the history server.

use selvedge_core::JobId;
use serde_json::{Value, json};

use super::StoreError;
use super::directory::StoreDirectory;

/// Writes the answers of an ended job's REST paths into one file, which Flink's history server reads.
#[derive(Debug)]
pub(crate) struct HistoryArchivist(StoreDirectory);

impl HistoryArchivist {
    pub(super) const fn new(directory: StoreDirectory) -> Self {
        Self(directory)
    }

    /// Archives a job: what each of its paths answers.
    pub(crate) async fn archive(&self, job: JobId, answers: &[(String, Value)]) -> Result<(), StoreError> {
        let entries = answers
            .iter()
            .map(|(path, answer)| json!({"path": path, "json": answer.to_string()}));
        let archive = json!({ "archive": entries.collect::<Vec<_>>() });
        self.0.write(&job.to_string(), archive.to_string().into_bytes()).await
    }
}
