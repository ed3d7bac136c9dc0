//! Steps of the job and of its tasks, as the tables of states allow them. Part of [`JobState`]'s decisions.

use selvedge_core::status::{ExecutionState, JobStatus};

use super::execution_graph::TaskIndex;
use super::state::{JobState, Now};
use super::status_listener::StatusChange;

impl JobState {
    /// Moves the job; the caller has looked at the table.
    pub(super) fn move_job(&mut self, next: JobStatus, now: Now) {
        let from = self.graph.status();
        match self.graph.transition_job(next, now.wall) {
            Ok(()) => {
                if let Some(adaptive) = &mut self.adaptive {
                    adaptive.follow(next);
                }
                self.status_changes.push(StatusChange {
                    from,
                    to: next,
                    at: now.wall,
                });
            }
            Err(error) => tracing::warn!(job = %self.graph.job_id, "ignored: {error}"),
        }
    }

    /// Moves a task's attempt; what the table does not allow is dropped here, with both sides in the log.
    pub(super) fn move_task(&mut self, task: TaskIndex, next: ExecutionState, now: Now) -> bool {
        match self.graph.transition(task, next, now.wall) {
            Ok(()) => {
                tracing::debug!(job = %self.graph.job_id, "{} switched to {next}", self.graph.task_name(task));
                true
            }
            Err(error) => {
                tracing::info!(job = %self.graph.job_id, "ignored: {error}");
                false
            }
        }
    }
}
