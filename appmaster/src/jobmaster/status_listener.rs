//! Who is told when a job's status changes.

use std::fmt::Debug;

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

/// Is told of every step of a job, in order (Flink 1.20 `JobStatusListener`). It must be quick: the job waits for it.
pub trait JobStatusListener: Debug + Send {
    /// A job has made a step.
    fn status_changed(&mut self, job: JobId, change: StatusChange);
}

/// Writes each step to the log, as Flink does.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogListener;

impl JobStatusListener for LogListener {
    fn status_changed(&mut self, job: JobId, change: StatusChange) {
        tracing::info!(%job, "job switched from {} to {}", change.from, change.to);
    }
}

/// All who are told.
#[derive(Debug)]
pub(super) struct Listeners(Vec<Box<dyn JobStatusListener>>);

impl Default for Listeners {
    fn default() -> Self {
        Self(vec![Box::new(LogListener)])
    }
}

impl Listeners {
    pub(super) fn tell(&mut self, job: JobId, changes: Vec<StatusChange>) {
        for change in changes {
            self.0
                .iter_mut()
                .for_each(|listener| listener.status_changed(job, change));
        }
    }
}
