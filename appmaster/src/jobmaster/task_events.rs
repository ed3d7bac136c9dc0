//! What workers and tasks report, and what that means for the job. The second half of [`JobState`]'s decisions.

use selvedge_core::status::ExecutionState;
use selvedge_core::{AllocationId, ExecutionAttemptId, ResourceId};
use selvedge_runtime::connector::Committable;
use selvedge_runtime::gateway::proto::TaskMetrics;

use super::failover::Scope;
use super::root_cause::{Failure, FailureKind, is_symptom};
use super::state::{Action, JobState, Now};

/// After how many heartbeats in a row that do not name it an attempt is taken for lost: its last state may be on its way.
const MISSED_HEARTBEATS: u32 = 3;

/// A state that a task has reached.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TaskReport {
    pub(super) attempt: ExecutionAttemptId,
    pub(super) state: ExecutionState,
    pub(super) cause: String,
    pub(super) metrics: Option<TaskMetrics>,
    pub(super) committables: Vec<Committable>,
}

impl JobState {
    /// A task reports a state.
    pub(super) fn task_reported(&mut self, report: TaskReport, now: Now) -> Vec<Action> {
        let Some(execution) = self.graph.execution_mut(&report.attempt) else {
            tracing::info!(job = %self.graph.job_id, "ignored: {} is no current attempt", report.attempt);
            return Vec::new();
        };
        let current = execution.state();
        if let Some(metrics) = report.metrics.filter(|_| !current.is_terminal()) {
            execution.take_figures(metrics);
        }
        match (current, report.state) {
            (state, _) if state.is_terminal() => Vec::new(),
            (ExecutionState::Canceling, ExecutionState::Finished) => {
                self.task_ended(&report.attempt, ExecutionState::Canceled, now)
            }
            (ExecutionState::Canceling, ExecutionState::Canceled) => {
                self.task_ended(&report.attempt, ExecutionState::Canceled, now)
            }
            (_, ExecutionState::Canceled) => {
                let cause = "the worker cancelled the task without being asked".to_owned();
                self.task_failed(&report.attempt, cause, now)
            }
            (_, ExecutionState::Failed) => self.task_failed(&report.attempt, report.cause, now),
            (_, ExecutionState::Finished) => {
                if !report.committables.is_empty() {
                    self.committables.insert(report.attempt.clone(), report.committables);
                }
                self.task_ended(&report.attempt, ExecutionState::Finished, now)
            }
            (_, next) => {
                self.move_attempt(&report.attempt, next, now);
                Vec::new()
            }
        }
    }

    fn task_ended(&mut self, attempt: &ExecutionAttemptId, state: ExecutionState, now: Now) -> Vec<Action> {
        self.move_attempt(attempt, state, now);
        self.conclude(now)
    }

    /// A task failed by itself, or its failure only says that a peer is gone.
    fn task_failed(&mut self, attempt: &ExecutionAttemptId, cause: String, now: Now) -> Vec<Action> {
        let own = self.graph.execution(attempt).and_then(|run| run.location.as_ref());
        let locations = self.graph.executions().filter_map(|(_, run)| run.location.as_ref());
        let others = locations.filter(|at| own.is_none_or(|own| own.resource_id != at.resource_id));
        let names = others.flat_map(|at| [at.resource_id.as_str(), at.data_address.as_str()]);
        let kind = if is_symptom(&cause, names) {
            FailureKind::Symptom
        } else {
            FailureKind::Cause
        };
        let failure = self.fail_attempt(attempt, cause, kind, now);
        self.fail_or_restart(failure, Vec::new(), Scope::Tasks(std::slice::from_ref(attempt)), now)
    }

    fn fail_attempt(&mut self, attempt: &ExecutionAttemptId, cause: String, kind: FailureKind, now: Now) -> Failure {
        self.move_attempt(attempt, ExecutionState::Failed, now);
        let name = self.graph.task_name(attempt);
        let execution = self.graph.execution_mut(attempt);
        let worker = execution.and_then(|execution| {
            execution.cause = Some(cause.clone());
            let location = execution.location.as_ref()?;
            Some((location.resource_id.clone(), location.host.clone()))
        });
        Failure {
            cause,
            kind,
            task: Some((attempt.clone(), name)),
            worker,
            timestamp: now.wall,
        }
    }

    /// A worker refused its tasks: none of them runs.
    pub(super) fn deployment_refused(&mut self, resource_id: &ResourceId, cause: &str, now: Now) -> Vec<Action> {
        let cause = format!("the task could not be deployed: {cause}");
        let attempts = self.graph.unfinished_on(resource_id);
        // All of them first: there is nothing to cancel on that worker.
        let mut failures: Vec<_> = attempts
            .iter()
            .map(|attempt| self.fail_attempt(attempt, cause.clone(), FailureKind::Cause, now))
            .collect();
        if failures.is_empty() {
            return Vec::new();
        }
        let first = failures.remove(0);
        self.fail_or_restart(first, failures, Scope::Tasks(&attempts), now)
    }

    /// A worker did not answer when it was sent its tasks. They may run: they are cancelled there like all others, and end
    /// when the worker says so, does not know them, or is lost.
    pub(super) fn deployment_unanswered(&mut self, resource_id: &ResourceId, cause: &str, now: Now) -> Vec<Action> {
        let unfinished = self.graph.unfinished_on(resource_id);
        if unfinished.is_empty() {
            return Vec::new();
        }
        let host = self.workers.get(resource_id).map(|worker| worker.host.clone());
        let failure = Failure {
            cause: format!("the tasks could not be deployed to {resource_id}: {cause}"),
            kind: FailureKind::Symptom,
            task: None,
            worker: host.map(|host| (resource_id.clone(), host)),
            timestamp: now.wall,
        };
        self.fail_or_restart(failure, Vec::new(), Scope::Tasks(&unfinished), now)
    }

    /// A worker is gone, with its slots and tasks. The driver knows why (`Cause`); a missed heartbeat does not (`Symptom`).
    pub(super) fn worker_lost(
        &mut self,
        resource_id: &ResourceId,
        cause: &str,
        kind: FailureKind,
        now: Now,
    ) -> Vec<Action> {
        let unfinished = self.graph.unfinished_on(resource_id);
        let worker = self.workers.remove(resource_id);
        self.pool.remove_worker(resource_id);
        let explains = kind == FailureKind::Cause && self.is_suspicious() && self.had_unfinished_work(resource_id);
        if unfinished.is_empty() && !explains {
            return self.conclude(now);
        }
        for attempt in &unfinished {
            self.lose_attempt(attempt, cause, now);
        }
        let failure = Failure {
            cause: cause.to_owned(),
            kind,
            task: None,
            worker: worker.map(|worker| (resource_id.clone(), worker.host)),
            timestamp: now.wall,
        };
        self.fail_or_restart(failure, Vec::new(), Scope::Tasks(&unfinished), now)
    }

    /// Whether tasks of the job ran on the worker that did not FINISH.
    fn had_unfinished_work(&self, resource_id: &ResourceId) -> bool {
        self.graph.executions().any(|(_, run)| {
            run.state() != ExecutionState::Finished
                && run.location.as_ref().is_some_and(|at| at.resource_id == *resource_id)
        })
    }

    fn lose_attempt(&mut self, attempt: &ExecutionAttemptId, cause: &str, now: Now) {
        let canceling = self
            .graph
            .execution(attempt)
            .is_some_and(|run| run.state() == ExecutionState::Canceling);
        let state = if canceling {
            ExecutionState::Canceled
        } else {
            ExecutionState::Failed
        };
        self.move_attempt(attempt, state, now);
        if let Some(execution) = self.graph.execution_mut(attempt) {
            execution.cause = Some(cause.to_owned());
        }
    }

    /// A worker gave a slot up.
    pub(super) fn slot_failed(&mut self, allocation: &AllocationId, cause: &str, now: Now) -> Vec<Action> {
        self.pool.remove(allocation);
        let in_slot = |run: &super::execution_graph::Execution| {
            run.location.as_ref().is_some_and(|at| at.allocation_id == *allocation) && !run.state().is_terminal()
        };
        let attempts: Vec<_> = self
            .graph
            .executions()
            .filter(|(_, run)| in_slot(run))
            .map(|(id, _)| id)
            .collect();
        attempts
            .iter()
            .flat_map(|attempt| self.task_failed(attempt, format!("its slot was given up: {cause}"), now))
            .collect()
    }

    /// A worker does not know the tasks that it was to cancel: they have ended.
    pub(super) fn tasks_are_gone(&mut self, attempts: &[ExecutionAttemptId], now: Now) -> Vec<Action> {
        for attempt in attempts {
            if self
                .graph
                .execution(attempt)
                .is_some_and(|run| run.state() == ExecutionState::Canceling)
            {
                self.move_attempt(attempt, ExecutionState::Canceled, now);
            }
        }
        self.conclude(now)
    }

    /// Those of the attempts that are still to be cancelled.
    pub(super) fn still_canceling(&self, attempts: Vec<ExecutionAttemptId>) -> Vec<ExecutionAttemptId> {
        let canceling = |id: &ExecutionAttemptId| {
            self.graph
                .execution(id)
                .is_some_and(|run| run.state() == ExecutionState::Canceling)
        };
        attempts.into_iter().filter(canceling).collect()
    }

    /// A worker's answer to a heartbeat: what it runs, and the figures.
    pub(super) fn heartbeat(
        &mut self,
        resource_id: &ResourceId,
        running: &[ExecutionAttemptId],
        metrics: Vec<(ExecutionAttemptId, TaskMetrics)>,
        now: Now,
    ) -> Vec<Action> {
        for (attempt, figures) in metrics {
            if let Some(execution) = self
                .graph
                .execution_mut(&attempt)
                .filter(|run| !run.state().is_terminal())
            {
                execution.take_figures(figures);
            }
        }
        let mut actions = Vec::new();
        for attempt in self.graph.unfinished_on(resource_id) {
            let state = self.graph.execution(&attempt).map(|run| run.state());
            if running.contains(&attempt) || state == Some(ExecutionState::Deploying) {
                self.missed.remove(&attempt);
                continue;
            }
            let missed = self.missed.entry(attempt.clone()).or_default();
            *missed += 1;
            if *missed >= MISSED_HEARTBEATS {
                let cause = "the worker does not run the task any more and has not said why".to_owned();
                actions.extend(match state {
                    Some(ExecutionState::Canceling) => self.tasks_are_gone(&[attempt], now),
                    _ => self.task_failed(&attempt, cause, now),
                });
            }
        }
        actions
    }
}
