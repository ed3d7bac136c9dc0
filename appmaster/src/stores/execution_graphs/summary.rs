//! A job in one line of a list.

use std::collections::BTreeMap;

use selvedge_core::JobId;
use selvedge_core::status::{ExecutionState, JobStatus};
use selvedge_runtime::clock::Timestamp;

use crate::jobmaster::ArchivedExecutionGraph;

/// A job in one line of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobSummary {
    /// The job.
    pub job_id: JobId,
    /// What users call it.
    pub name: String,
    /// Its status.
    pub status: JobStatus,
    /// When it was taken.
    pub start_time: Timestamp,
    /// When it ended.
    pub end_time: Option<Timestamp>,
    /// When its status last changed.
    pub last_modification: Timestamp,
    /// How many of its tasks are in each state.
    pub tasks: BTreeMap<ExecutionState, usize>,
}

impl From<&ArchivedExecutionGraph> for JobSummary {
    fn from(graph: &ArchivedExecutionGraph) -> Self {
        Self {
            job_id: graph.job_id,
            name: graph.graph.name.clone(),
            status: graph.status(),
            start_time: graph.start_time(),
            end_time: graph.end_time(),
            last_modification: graph.last_modification(),
            tasks: graph.state_counts(),
        }
    }
}
