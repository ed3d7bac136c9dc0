//! What is left of a job when it has ended.

use std::collections::BTreeMap;

use selvedge_core::JobId;
use selvedge_core::status::{ApplicationStatus, JobStatus};
use serde::{Deserialize, Serialize};

use super::execution_graph::ArchivedExecutionGraph;

/// The result of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobResult {
    /// The job.
    pub job_id: JobId,
    /// FINISHED, FAILED or CANCELED.
    pub status: JobStatus,
    /// Milliseconds from taking the job to its end.
    pub net_runtime_ms: u64,
    /// Why it FAILED.
    pub cause: Option<String>,
    /// What operators counted, under `<operator id>.<name>`.
    pub accumulators: BTreeMap<String, i64>,
}

impl JobResult {
    /// The result of a job that has ended; `None` while it runs.
    pub fn of(graph: &ArchivedExecutionGraph) -> Option<Self> {
        let end = graph.end_time()?;
        let failed = graph.status() == JobStatus::Failed;
        Some(Self {
            job_id: graph.job_id,
            status: graph.status(),
            net_runtime_ms: end.millis().saturating_sub(graph.start_time().millis()),
            cause: graph.root_cause.as_ref().filter(|_| failed).map(ToString::to_string),
            accumulators: graph.accumulators(),
        })
    }

    /// What YARN and the client are told.
    pub fn application_status(&self) -> ApplicationStatus {
        self.status.into()
    }
}
