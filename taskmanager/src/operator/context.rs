//! What a task is and may use.

use std::fmt::Debug;
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::sync::Arc;

use selvedge_core::{ExecutionAttemptId, JobId};
use selvedge_runtime::fs::FileSystems;
use selvedge_runtime::metrics::MetricGroup;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::{FoundResources, TaskArtifacts, TaskCounters, TaskError};
use crate::memory::TaskMemory;

/// How the thread of a task waits for async work.
pub trait TaskIo: Send + Sync + Debug {
    /// Drives the work to its end while the thread waits. Where the task is given up meanwhile, it returns early.
    fn wait(&self, work: Pin<&mut dyn Future<Output = ()>>);

    /// Where work runs that the task does not wait for yet.
    fn runtime(&self) -> &Handle;
}

impl TaskIo for Handle {
    fn wait(&self, work: Pin<&mut dyn Future<Output = ()>>) {
        self.block_on(work);
    }

    fn runtime(&self) -> &Handle {
        self
    }
}

/// One task: its identity, its surroundings and its counters. Cheap to clone.
#[derive(Debug, Clone)]
pub struct TaskContext {
    /// The job.
    pub job_id: JobId,
    /// The job's name.
    pub job_name: String,
    /// The vertex, subtask and attempt.
    pub attempt: ExecutionAttemptId,
    /// What users see of the vertex.
    pub task_name: String,
    /// Subtasks of the vertex.
    pub parallelism: u32,
    /// Key groups of the vertex.
    pub max_parallelism: u32,
    /// What this task's operators reserve from: the slot's managed memory.
    pub memory: TaskMemory,
    /// Files.
    pub file_systems: FileSystems,
    /// Files that the job brings along.
    pub artifacts: TaskArtifacts,
    /// What the worker has of external resources.
    pub external_resources: FoundResources,
    /// Directories for temporary files.
    pub temp_dirs: Arc<[PathBuf]>,
    /// The I/O runtime: a task thread blocks on it.
    pub io: Arc<dyn TaskIo>,
    /// What the task has done.
    pub counters: Arc<TaskCounters>,
    /// The task's metrics, to register more.
    pub metrics: MetricGroup,
    /// Set when the task is to end.
    pub cancelled: CancellationToken,
}

impl TaskContext {
    /// Runs async work on the I/O runtime while the thread waits; ends early when the task is cancelled.
    pub fn block_on<T>(&self, work: impl Future<Output = T>) -> Result<T, TaskError> {
        let unless_cancelled = async {
            tokio::select! {
                biased;
                () = self.cancelled.cancelled() => None,
                done = work => Some(done),
            }
        };
        self.wait(unless_cancelled).flatten().ok_or(TaskError::Cancelled)
    }

    /// The same where a cancelled task has it done too; `None` where the task is given up.
    pub(crate) fn wait<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut done = None;
        self.io.wait(pin!(async { done = Some(work.await) }));
        done
    }
}
