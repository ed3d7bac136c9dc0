//! What workers and tasks report, and what that means for the job. The second half of [`JobState`]'s decisions.

use std::collections::BTreeSet;

use selvedge_core::status::{ExecutionState, FailureType};
use selvedge_core::{AllocationId, ExecutionAttemptId, ResourceId};
use selvedge_runtime::connector::Committable;
use selvedge_runtime::gateway::proto::TaskMetrics;

use super::execution_graph::TaskIndex;
use super::failover::Scope;
use super::root_cause::{Failure, FailureKind, FailureOrigin};
use super::state::{Action, JobState, Now};

/// After how many heartbeats in a row that do not name it an attempt is taken for lost: its last state may be on its way.
const MISSED_HEARTBEATS: u32 = 3;

/// A state that a task has reached.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TaskReport {
    pub(super) attempt: ExecutionAttemptId,
    pub(super) state: ExecutionState,
    pub(super) cause: String,
    /// What a failure says of the next attempt.
    pub(super) failure_type: FailureType,
    pub(super) metrics: Option<TaskMetrics>,
    pub(super) committables: Vec<Committable>,
}

impl JobState {
    /// A task reports a state.
    pub(super) fn task_reported(&mut self, report: TaskReport, now: Now) -> Vec<Action> {
        let Some(task) = self.graph.task(&report.attempt) else {
            tracing::info!(job = %self.graph.job_id, "ignored: {} is no current attempt", report.attempt);
            return Vec::new();
        };
        let execution = self.graph.run_mut(task);
        let current = execution.state();
        if let Some(metrics) = report.metrics.filter(|_| !current.is_terminal()) {
            execution.take_figures(metrics);
        }
        match (current, report.state) {
            (state, _) if state.is_terminal() => Vec::new(),
            (ExecutionState::Canceling, ExecutionState::Finished | ExecutionState::Canceled) => {
                self.task_ended(task, ExecutionState::Canceled, now)
            }
            (_, ExecutionState::Canceled) => {
                let cause = "the worker cancelled the task without being asked".to_owned();
                self.task_failed(task, cause, FailureOrigin::Cluster, now)
            }
            (_, ExecutionState::Failed) => self.task_reports_failure(task, report.cause, report.failure_type, now),
            (_, ExecutionState::Finished) => {
                if !report.committables.is_empty() {
                    self.committables.insert(report.attempt.clone(), report.committables);
                }
                let actions = self.task_ended(task, ExecutionState::Finished, now);
                self.release_slot_of(task, now);
                let released = self.release_finished_region(task);
                let deployed = self.deploy_what_is_ready(now);
                actions.into_iter().chain(released).chain(deployed).collect()
            }
            (_, next) => {
                self.move_task(task, next, now);
                Vec::new()
            }
        }
    }

    fn task_ended(&mut self, task: TaskIndex, state: ExecutionState, now: Now) -> Vec<Action> {
        self.move_task(task, state, now);
        self.conclude(now)
    }

    /// A task failed by itself, or because of something around it.
    fn task_reports_failure(
        &mut self,
        task: TaskIndex,
        cause: String,
        failure_type: FailureType,
        now: Now,
    ) -> Vec<Action> {
        let own = FailureOrigin::Task;
        match failure_type {
            FailureType::Recoverable => self.task_failed(task, cause, own, now),
            FailureType::NonRecoverable => {
                let cause = format!("{cause}; the job is not restarted, as this would fail again ({failure_type})");
                let mut failure = self.fail_task(task, cause, FailureKind::Cause, now);
                failure.origin = own;
                self.fail_with(failure, Vec::new(), now)
            }
            // With one worker there is no peer on another one, and nobody else to tell why.
            FailureType::PartitionDataMissing if !self.knows_other_workers(task) => {
                self.task_failed(task, cause, own, now)
            }
            FailureType::PartitionDataMissing | FailureType::Environment => {
                let failure = self.fail_task(task, cause, FailureKind::Symptom, now);
                self.fail_or_restart(failure, Vec::new(), Scope::Tasks(&[task]), now)
            }
        }
    }

    fn knows_other_workers(&self, task: TaskIndex) -> bool {
        let own = self.graph.run(task).location.as_ref();
        let mut known = self.workers.keys().chain(self.former_workers.keys());
        known.any(|id| own.is_none_or(|own| own.resource_id != *id))
    }

    fn task_failed(&mut self, task: TaskIndex, cause: String, origin: FailureOrigin, now: Now) -> Vec<Action> {
        let mut failure = self.fail_task(task, cause, FailureKind::Cause, now);
        failure.origin = origin;
        self.fail_or_restart(failure, Vec::new(), Scope::Tasks(&[task]), now)
    }

    fn fail_task(&mut self, task: TaskIndex, cause: String, kind: FailureKind, now: Now) -> Failure {
        self.move_task(task, ExecutionState::Failed, now);
        let execution = self.graph.run_mut(task);
        execution.cause = Some(cause.clone());
        let location = execution.location.clone();
        Failure {
            worker: location.map(|location| (location.resource_id.clone(), location.host.clone())),
            task: Some((self.graph.attempt(task), self.graph.task_name(task))),
            ..self.job_failure(cause, kind, now)
        }
    }

    /// A worker refused its tasks: none of them runs.
    pub(super) fn deployment_refused(&mut self, resource_id: &ResourceId, cause: &str, now: Now) -> Vec<Action> {
        let cause = format!("the task could not be deployed: {cause}");
        let tasks = self.graph.unfinished_on(resource_id);
        // All of them first: there is nothing to cancel on that worker.
        let mut failures: Vec<_> = tasks
            .iter()
            .map(|task| self.fail_task(*task, cause.clone(), FailureKind::Cause, now))
            .collect();
        if failures.is_empty() {
            return Vec::new();
        }
        let first = failures.remove(0);
        self.fail_or_restart(first, failures, Scope::Tasks(&tasks), now)
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
            worker: host.map(|host| (resource_id.clone(), host)),
            ..self.job_failure(String::new(), FailureKind::Symptom, now)
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
        if let Some(worker) = &worker {
            self.former_workers.insert(resource_id.clone(), worker.clone());
        }
        self.pool.remove_worker(resource_id);
        let explains = kind == FailureKind::Cause && self.is_suspicious() && self.had_unfinished_work(resource_id);
        if unfinished.is_empty() && !explains {
            return self.conclude(now);
        }
        for task in &unfinished {
            self.lose_task(*task, cause, now);
        }
        let failure = Failure {
            worker: worker.map(|worker| (resource_id.clone(), worker.host)),
            ..self.job_failure(cause.to_owned(), kind, now)
        };
        self.fail_or_restart(failure, Vec::new(), Scope::Tasks(&unfinished), now)
    }

    /// Whether tasks of the job ran on the worker that did not FINISH.
    fn had_unfinished_work(&self, resource_id: &ResourceId) -> bool {
        self.graph.tasks().any(|(_, run)| {
            run.state() != ExecutionState::Finished
                && run.location.as_ref().is_some_and(|at| at.resource_id == *resource_id)
        })
    }

    fn lose_task(&mut self, task: TaskIndex, cause: &str, now: Now) {
        let state = match self.graph.run(task).state() {
            ExecutionState::Canceling => ExecutionState::Canceled,
            _ => ExecutionState::Failed,
        };
        self.move_task(task, state, now);
        self.graph.run_mut(task).cause = Some(cause.to_owned());
    }

    /// A worker gave a slot up.
    pub(super) fn slot_failed(&mut self, allocation: &AllocationId, cause: &str, now: Now) -> Vec<Action> {
        self.pool.remove(allocation);
        let tasks: Vec<_> = self
            .graph
            .tasks()
            .filter(|(_, run)| !run.state().is_terminal())
            .filter(|(_, run)| run.location.as_ref().is_some_and(|at| at.allocation_id == *allocation))
            .map(|(task, _)| task)
            .collect();
        tasks
            .into_iter()
            .flat_map(|task| {
                let cause = format!("its slot was given up: {cause}");
                self.task_failed(task, cause, FailureOrigin::Cluster, now)
            })
            .collect()
    }

    /// A worker does not know the tasks that it was to cancel: they have ended.
    pub(super) fn tasks_are_gone(&mut self, attempts: &[ExecutionAttemptId], now: Now) -> Vec<Action> {
        for attempt in self.still_canceling(attempts.to_vec()) {
            if let Some(task) = self.graph.task(&attempt) {
                self.move_task(task, ExecutionState::Canceled, now);
            }
        }
        self.conclude(now)
    }

    /// Those of the attempts that are still to be cancelled.
    pub(super) fn still_canceling(&self, attempts: Vec<ExecutionAttemptId>) -> Vec<ExecutionAttemptId> {
        let canceling = |run: &super::execution_graph::Execution| run.state() == ExecutionState::Canceling;
        let is_meant = |id: &ExecutionAttemptId| self.graph.execution(id).is_some_and(canceling);
        attempts.into_iter().filter(is_meant).collect()
    }

    /// A worker's answer to a heartbeat: what it runs, and the figures. An attempt that it does not name, again and again, has
    /// failed; one that it should not run is cancelled there; one that is still being deployed is neither.
    pub(super) fn heartbeat(
        &mut self,
        resource_id: &ResourceId,
        running: &[ExecutionAttemptId],
        metrics: Vec<(ExecutionAttemptId, TaskMetrics)>,
        now: Now,
    ) -> Vec<Action> {
        for (attempt, figures) in metrics {
            if let Some(task) = self.graph.task(&attempt) {
                let execution = self.graph.run_mut(task);
                if !execution.state().is_terminal() {
                    execution.take_figures(figures);
                }
            }
        }
        let mut actions = self.cancel_unknown(resource_id, running);
        let running: BTreeSet<_> = running.iter().filter_map(|id| self.graph.task(id)).collect();
        for task in self.graph.unfinished_on(resource_id) {
            actions.extend(self.reconcile(task, running.contains(&task), now));
        }
        actions
    }

    /// Those that run on a worker and should not: former attempts, and what has ended for the job.
    fn cancel_unknown(&self, resource_id: &ResourceId, running: &[ExecutionAttemptId]) -> Vec<Action> {
        let is_known = |id: &ExecutionAttemptId| self.graph.execution(id).is_some_and(|run| !run.state().is_terminal());
        let unknown: Vec<_> = running.iter().filter(|id| !is_known(id)).cloned().collect();
        if unknown.is_empty() {
            return Vec::new();
        }
        tracing::info!(job = %self.graph.job_id, "{resource_id} runs {} tasks that it should not", unknown.len());
        vec![Action::CancelTasks {
            resource_id: resource_id.clone(),
            attempts: unknown,
        }]
    }

    fn reconcile(&mut self, task: TaskIndex, is_running: bool, now: Now) -> Vec<Action> {
        let attempt = self.graph.attempt(task);
        let state = self.graph.run(task).state();
        if is_running || state == ExecutionState::Deploying {
            self.missed.remove(&attempt);
            return Vec::new();
        }
        let missed = self.missed.entry(attempt.clone()).or_default();
        *missed += 1;
        if *missed < MISSED_HEARTBEATS {
            return Vec::new();
        }
        match state {
            ExecutionState::Canceling => self.tasks_are_gone(&[attempt], now),
            state if state.is_terminal() => Vec::new(),
            _ => {
                let cause = "the worker does not run the task any more and has not said why".to_owned();
                self.task_failed(task, cause, FailureOrigin::Cluster, now)
            }
        }
    }
}
