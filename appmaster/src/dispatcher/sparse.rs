//! Jobs of which there is no ExecutionGraph: not yet, or no longer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use selvedge_core::status::JobStatus;
use selvedge_core::{JobGraph, JobId};
use selvedge_runtime::clock::Timestamp;

use crate::jobmaster::{ArchivedExecutionGraph, ExecutionGraph, Failure, FailureKind, FailureOrigin, JobResult};

/// A job that was taken in, and is being checked and stored: INITIALIZING, without vertices.
pub(super) fn initializing(job: JobId, graph: &JobGraph, now: Timestamp) -> Arc<ArchivedExecutionGraph> {
    ExecutionGraph::new(job, without_vertices(graph.name.clone()), now).into_archived()
}

/// A job of which only the result is left. It counts as having ended now.
pub(super) fn ended(result: &JobResult, name: Option<String>, now: Timestamp) -> Arc<ArchivedExecutionGraph> {
    let runtime = Duration::from_millis(result.net_runtime_ms);
    let start = Timestamp::from_millis(now.millis().saturating_sub(result.net_runtime_ms));
    let name = name.unwrap_or_else(|| result.job_id.to_string());
    let mut graph = ExecutionGraph::new(result.job_id, without_vertices(name), start);
    let way: &[JobStatus] = match result.status {
        JobStatus::Finished => &[JobStatus::Created, JobStatus::Running],
        JobStatus::Canceled => &[JobStatus::Cancelling],
        _ => &[],
    };
    for (status, at) in way
        .iter()
        .map(|status| (*status, start))
        .chain([(result.status, start + runtime)])
    {
        graph
            .transition_job(status, at)
            .expect("the way of a job from its start to its end is legal");
    }
    graph.record_mut().root_cause = result.cause.clone().map(|cause| Failure {
        cause,
        kind: FailureKind::Cause,
        origin: FailureOrigin::Cluster,
        task: None,
        worker: None,
        timestamp: start + runtime,
        labels: BTreeMap::new(),
    });
    graph.into_archived()
}

/// A job that cannot be run, as FAILED with this cause.
pub(super) fn failed(job: JobId, name: Option<String>, cause: String, now: Timestamp) -> Arc<ArchivedExecutionGraph> {
    let result = JobResult {
        job_id: job,
        status: JobStatus::Failed,
        net_runtime_ms: 0,
        cause: Some(cause),
        accumulators: BTreeMap::new(),
    };
    ended(&result, name, now)
}

fn without_vertices(name: String) -> Arc<JobGraph> {
    let empty = serde_json::json!({"name": name, "vertices": []});
    Arc::new(serde_json::from_value(empty).expect("a graph needs a name and vertices only"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_a_job_shows_its_result() {
        for status in [JobStatus::Finished, JobStatus::Canceled, JobStatus::Failed] {
            let failed = status == JobStatus::Failed;
            let result = JobResult {
                job_id: JobId::from_bytes([1; 16]),
                status,
                net_runtime_ms: 250,
                cause: failed.then(|| "division by zero".to_owned()),
                accumulators: BTreeMap::new(),
            };
            let graph = ended(&result, Some("word count".to_owned()), Timestamp::from_millis(1000));
            assert_eq!(JobResult::of(&graph), Some(result));
            assert_eq!(
                (graph.graph.name.as_str(), graph.executions().count()),
                ("word count", 0)
            );
        }
    }
}
