//! What runs in the worker, for people.

use selvedge_core::{ExecutionAttemptId, JobId};
use selvedge_runtime::threads::DumpEntry;

use super::deploy::Deployed;
use super::job::{Phase, TaskRecord};
use super::service::Service;

impl Service {
    /// The tasks that are here, in order of their jobs and vertices.
    pub(super) fn task_dump(&self) -> Vec<DumpEntry> {
        let entry = |((job, attempt), task): (&(JobId, ExecutionAttemptId), &Deployed)| {
            let record = self.state.jobs.get(job).and_then(|known| known.tasks.get(attempt));
            DumpEntry {
                name: format!("{} ({attempt})", task.name),
                lines: lines(job, attempt, task, record),
            }
        };
        self.tasks.iter().map(entry).collect()
    }
}

fn lines(job: &JobId, attempt: &ExecutionAttemptId, task: &Deployed, record: Option<&TaskRecord>) -> Vec<String> {
    let does = match record.map(|record| record.phase) {
        Some(Phase::Running) => "runs",
        Some(Phase::Stopping(_)) => "was told to end, and has not yet",
        Some(Phase::Ended) | None => "has ended, and its JobMaster is being told",
    };
    let slot = record.map(|record| format!(", in slot {}", record.allocation));
    let done = task.counters.snapshot(attempt);
    vec![
        format!("task of job {job}{}: {does}", slot.unwrap_or_default()),
        format!(
            "busy for {} ms, idle for {} ms, waiting for consumers for {} ms",
            done.busy_ms, done.idle_ms, done.backpressured_ms
        ),
        format!(
            "{} records ({} bytes) in, {} records ({} bytes) out",
            done.records_in, done.bytes_in, done.records_out, done.bytes_out
        ),
    ]
}
