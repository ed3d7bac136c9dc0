//! Who is told when a job's status changes.

use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use selvedge_core::JobId;
use selvedge_core::status::JobStatus;
use selvedge_runtime::clock::Timestamp;

/// A step of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusChange {
    /// Before.
    pub from: JobStatus,
    /// After.
    pub to: JobStatus,
    /// When.
    pub at: Timestamp,
}

/// Is told of every step of a job, in order (Flink 1.20 `JobStatusListener`). It must be quick: the job waits for it. One that
/// panics misses that step.
pub trait JobStatusListener: Debug + Send + Sync + 'static {
    /// A job has made a step.
    fn status_changed(&self, job: JobId, change: StatusChange);
}

/// Writes each step to the log, as Flink does.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogListener;

impl JobStatusListener for LogListener {
    fn status_changed(&self, job: JobId, change: StatusChange) {
        tracing::info!(%job, "job switched from {} to {}", change.from, change.to);
    }
}

/// All who are told.
#[derive(Debug, Clone)]
pub(super) struct Listeners(pub(super) Vec<Arc<dyn JobStatusListener>>);

impl Listeners {
    pub(super) fn tell(&self, job: JobId, changes: Vec<StatusChange>) {
        for change in changes {
            for listener in &self.0 {
                let told = catch_unwind(AssertUnwindSafe(|| listener.status_changed(job, change)));
                if told.is_err() {
                    tracing::error!(%job, "{listener:?} panicked when it was told of {change:?}");
                }
            }
        }
    }
}
