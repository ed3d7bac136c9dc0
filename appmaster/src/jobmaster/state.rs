//! The decisions of a JobMaster, pure: what happened goes in, what is to be done comes out.
//!
//! ```text
//! INITIALIZING ──prepared──► CREATED ──► RUNNING ──all FINISHED, committed──► FINISHED
//!      │                                    │ failure                cancel
//!      │ not prepared                       ▼                          ▼
//!      │                                 FAILING ──all ended,      CANCELLING ──all ended, aborted──► CANCELED
//!      ▼                                    cause settled, aborted
//!   FAILED ◄────────────────────────────────┘
//! ```
//!
//! Slots are declared while the connectors still prepare; tasks are deployed when all slots are there and all is prepared.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use selvedge_core::job_graph::JobGraph;
use selvedge_core::status::{ExecutionState, JobStatus};
use selvedge_core::{AllocationId, ExecutionAttemptId, JobId, ResourceId, VertexId};
use selvedge_runtime::clock::Timestamp;
use selvedge_runtime::connector::Committable;
use tokio::time::Instant;

use super::deployment::{Deployment, describe};
use super::error::JobMasterError;
use super::execution_graph::{ExecutionGraph, TaskLocation};
use super::root_cause::{Failure, FailureKind, RootCause};
use super::slot_pool::{PooledSlot, SlotPool, assign_slots};

/// The two times of an event: of day, and of intervals.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    pub(super) wall: Timestamp,
    pub(super) monotonic: Instant,
}

/// What is to be done next.
#[derive(Debug, PartialEq)]
pub(super) enum Action {
    /// Send each worker its tasks.
    Deploy(Deployment),
    /// Cancel tasks on a worker.
    CancelTasks {
        resource_id: ResourceId,
        attempts: Vec<ExecutionAttemptId>,
    },
    /// Make the output visible.
    Commit(BTreeMap<VertexId, Vec<Committable>>),
    /// Remove what was written.
    Abort,
    /// Ask what became of a worker that seems to be gone.
    Hurry,
    /// The job has ended.
    End,
}

/// Where a worker is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WorkerAddress {
    pub(super) host: String,
    pub(super) data_address: String,
}

/// How far the end of the job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    NotYet,
    Committing,
    Aborting,
    Ended,
}

/// A job's state.
#[derive(Debug)]
pub(super) struct JobState {
    pub(super) graph: ExecutionGraph,
    pub(super) pool: SlotPool,
    pub(super) workers: BTreeMap<ResourceId, WorkerAddress>,
    pub(super) committables: BTreeMap<VertexId, Vec<Committable>>,
    /// How many heartbeats in a row did not name an attempt that should run.
    pub(super) missed: BTreeMap<ExecutionAttemptId, u32>,
    /// Why the last worker could not start, for the message when slots are missing.
    pub(super) start_failure: Option<String>,
    root_cause: RootCause,
    prepared: bool,
    deployed: bool,
    ending: Ending,
    slot_deadline: Instant,
    slot_timeout: Duration,
}

impl JobState {
    pub(super) fn new(job_id: JobId, graph: Arc<JobGraph>, slot_timeout: Duration, now: Now) -> Self {
        let pool = SlotPool::new(graph.required_slots());
        Self {
            graph: ExecutionGraph::new(job_id, graph, now.wall),
            pool,
            workers: BTreeMap::new(),
            committables: BTreeMap::new(),
            missed: BTreeMap::new(),
            start_failure: None,
            root_cause: RootCause::default(),
            prepared: false,
            deployed: false,
            ending: Ending::NotYet,
            slot_deadline: now.monotonic + slot_timeout,
            slot_timeout,
        }
    }

    /// The connectors are ready, or could not be made ready.
    pub(super) fn prepared(&mut self, outcome: Result<(), String>, now: Now) -> Vec<Action> {
        self.prepared = true;
        match outcome {
            Err(cause) => {
                self.end_what_does_not_run(now);
                return self.fail(self.job_failure(cause, FailureKind::Cause, now), now);
            }
            Ok(()) if self.graph.status() == JobStatus::Initializing => {
                self.move_job(JobStatus::Created, now);
                if self.has_failed() {
                    return self.start_failing(now);
                }
                self.move_job(JobStatus::Running, now);
                self.move_all(ExecutionState::Created, ExecutionState::Scheduled, now);
            }
            Ok(()) => {}
        }
        let mut actions = self.deploy_when_complete(now);
        actions.extend(self.conclude(now));
        actions
    }

    /// A worker offers slots; those taken come back.
    pub(super) fn offer_slots(
        &mut self,
        resource_id: &ResourceId,
        offers: impl Iterator<Item = (AllocationId, u32)>,
        now: Now,
    ) -> (Vec<AllocationId>, Vec<Action>) {
        if self.ending != Ending::NotYet || !self.workers.contains_key(resource_id) {
            return (Vec::new(), Vec::new());
        }
        let mut accepted = Vec::new();
        for (allocation_id, slot_index) in offers {
            if self.pool.offer(PooledSlot {
                allocation_id,
                slot_index,
                resource_id: resource_id.clone(),
            }) {
                accepted.push(allocation_id);
            }
        }
        (accepted, self.deploy_when_complete(now))
    }

    fn deploy_when_complete(&mut self, now: Now) -> Vec<Action> {
        let running = self.graph.status() == JobStatus::Running;
        if !self.prepared || self.deployed || !running || !self.pool.is_complete() {
            return Vec::new();
        }
        let slots = self.pool.in_order();
        for (vertex, subtask, slot) in assign_slots(&self.graph.graph) {
            let (Some(slot), Some(id)) = (slots.get(slot), self.graph.current_attempt(&vertex, subtask)) else {
                continue;
            };
            let Some(worker) = self.workers.get(&slot.resource_id) else {
                continue;
            };
            let location = TaskLocation {
                resource_id: slot.resource_id.clone(),
                host: worker.host.clone(),
                data_address: worker.data_address.clone(),
                allocation_id: slot.allocation_id,
            };
            if let Some(execution) = self.graph.execution_mut(&id) {
                execution.location = Some(location);
            }
        }
        self.deployed = true;
        self.move_all(ExecutionState::Scheduled, ExecutionState::Deploying, now);
        match describe(&self.graph) {
            Ok(deployment) => vec![Action::Deploy(deployment)],
            Err(error) => {
                let cause = format!("the tasks cannot be described: {error}");
                self.fail(self.job_failure(cause, FailureKind::Cause, now), now)
            }
        }
    }

    /// A user cancels the job.
    pub(super) fn cancel(&mut self, now: Now) -> Result<Vec<Action>, JobMasterError> {
        let status = self.graph.status();
        let refused = |detail| JobMasterError::CannotCancel {
            job: self.graph.job_id,
            status,
            detail,
        };
        if status == JobStatus::Cancelling {
            return Ok(Vec::new());
        }
        if self.ending == Ending::Committing {
            return Err(refused(
                ", but all its tasks have FINISHED and its output is being made visible",
            ));
        }
        if !status.may_become(JobStatus::Cancelling) {
            return Err(refused(""));
        }
        self.move_job(JobStatus::Cancelling, now);
        let mut actions = self.cancel_tasks(now);
        actions.extend(self.conclude(now));
        Ok(actions)
    }

    /// Cancels every task that has not ended: those that run are told, the others end at once.
    fn cancel_tasks(&mut self, now: Now) -> Vec<Action> {
        self.end_what_does_not_run(now);
        let running: Vec<_> = self
            .graph
            .executions()
            .filter(|(_, execution)| execution.state().may_become(ExecutionState::Canceling))
            .filter_map(|(id, execution)| Some((id, execution.location.as_ref()?.resource_id.clone())))
            .collect();
        let mut by_worker = BTreeMap::<ResourceId, Vec<ExecutionAttemptId>>::new();
        for (id, resource_id) in running {
            self.move_attempt(&id, ExecutionState::Canceling, now);
            by_worker.entry(resource_id).or_default().push(id);
        }
        by_worker
            .into_iter()
            .map(|(resource_id, attempts)| Action::CancelTasks { resource_id, attempts })
            .collect()
    }

    fn end_what_does_not_run(&mut self, now: Now) {
        self.move_all(ExecutionState::Created, ExecutionState::Canceled, now);
        self.move_all(ExecutionState::Scheduled, ExecutionState::Canceled, now);
    }

    /// Takes a failure in; the job fails with it, and its other tasks are cancelled.
    pub(super) fn fail(&mut self, failure: Failure, now: Now) -> Vec<Action> {
        if matches!(self.ending, Ending::Ended | Ending::Committing) {
            // All tasks have FINISHED: what fails now changes nothing of the result.
            self.graph.further_failures.push(failure);
            return Vec::new();
        }
        let hurry = failure.kind == FailureKind::Symptom;
        if let Some(further) = self.root_cause.report(failure, now.monotonic) {
            self.graph.further_failures.push(further);
        }
        let mut actions = if hurry { vec![Action::Hurry] } else { Vec::new() };
        actions.extend(self.start_failing(now));
        actions
    }

    fn start_failing(&mut self, now: Now) -> Vec<Action> {
        let mut actions = Vec::new();
        if self.graph.status() != JobStatus::Cancelling && self.graph.status().may_become(JobStatus::Failing) {
            self.move_job(JobStatus::Failing, now);
            actions = self.cancel_tasks(now);
        }
        actions.extend(self.conclude(now));
        actions
    }

    /// Ends the job where nothing is left to wait for.
    pub(super) fn conclude(&mut self, now: Now) -> Vec<Action> {
        self.root_cause.settle(now.monotonic);
        self.graph.root_cause = self.root_cause.settled().cloned();
        if self.ending != Ending::NotYet || !self.prepared || !self.graph.all_terminal() {
            return Vec::new();
        }
        let has_cause = self.graph.root_cause.is_some();
        match self.graph.status() {
            JobStatus::Running if self.graph.all_in(ExecutionState::Finished) => {
                self.ending = Ending::Committing;
                vec![Action::Commit(self.committables.clone())]
            }
            JobStatus::Cancelling => self.abort(),
            JobStatus::Failing | JobStatus::Initializing if has_cause => self.abort(),
            _ => Vec::new(),
        }
    }

    fn abort(&mut self) -> Vec<Action> {
        self.ending = Ending::Aborting;
        vec![Action::Abort]
    }

    /// The output is visible, perhaps with something left beside it, or could not be made so.
    pub(super) fn committed(&mut self, outcome: Result<Option<String>, String>, now: Now) -> Vec<Action> {
        match outcome {
            Ok(leftover) => {
                self.note_leftover(leftover, now);
                self.end(JobStatus::Finished, now)
            }
            Err(cause) => {
                self.ending = Ending::NotYet;
                self.fail(self.job_failure(cause, FailureKind::Cause, now), now)
            }
        }
    }

    /// What was written is removed, or `leftover` says what could not be.
    pub(super) fn aborted(&mut self, leftover: Option<String>, now: Now) -> Vec<Action> {
        self.note_leftover(leftover, now);
        match self.graph.status() {
            JobStatus::Cancelling => self.end(JobStatus::Canceled, now),
            _ => self.end(JobStatus::Failed, now),
        }
    }

    fn note_leftover(&mut self, leftover: Option<String>, now: Now) {
        let Some(cause) = leftover else {
            return;
        };
        tracing::warn!(job = %self.graph.job_id, "{cause}");
        let failure = self.job_failure(cause, FailureKind::Cause, now);
        self.graph.further_failures.push(failure);
    }

    fn end(&mut self, status: JobStatus, now: Now) -> Vec<Action> {
        self.ending = Ending::Ended;
        self.move_job(status, now);
        vec![Action::End]
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: Now) -> Vec<Action> {
        let waits = !self.deployed && !self.has_failed() && self.ending == Ending::NotYet;
        if waits && now.monotonic >= self.slot_deadline {
            let cause = self.no_resource_available();
            return self.fail(self.job_failure(cause, FailureKind::Cause, now), now);
        }
        self.conclude(now)
    }

    fn no_resource_available(&self) -> String {
        let start_failure = match &self.start_failure {
            Some(cause) => format!("; the last worker could not start: {cause}"),
            None => String::new(),
        };
        format!(
            "NoResourceAvailableException: the job needs {} slots, and {} were there after {} s (slot.request.timeout)\
             {start_failure}",
            self.pool.required(),
            self.pool.len(),
            self.slot_timeout.as_secs()
        )
    }

    /// When [`Self::tick`] is to be called.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let slots =
            (!self.deployed && !self.has_failed() && self.ending == Ending::NotYet).then_some(self.slot_deadline);
        [slots, self.root_cause.deadline()].into_iter().flatten().min()
    }

    const fn has_failed(&self) -> bool {
        !matches!(self.root_cause, RootCause::Open)
    }

    /// Whether a better cause is still waited for.
    pub(super) const fn is_suspicious(&self) -> bool {
        matches!(self.root_cause, RootCause::Suspected { .. })
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ending == Ending::Ended
    }

    pub(super) fn job_failure(&self, cause: String, kind: FailureKind, now: Now) -> Failure {
        Failure {
            cause,
            kind,
            task: None,
            worker: None,
            timestamp: now.wall,
        }
    }

    /// Moves the job; the caller has looked at the table.
    fn move_job(&mut self, next: JobStatus, now: Now) {
        let from = self.graph.status();
        match self.graph.transition_job(next, now.wall) {
            Ok(()) => tracing::info!(job = %self.graph.job_id, "job switched from {from} to {next}"),
            Err(error) => tracing::warn!(job = %self.graph.job_id, "ignored: {error}"),
        }
    }

    /// Moves an attempt; what the table does not allow is dropped here, with both sides in the log.
    pub(super) fn move_attempt(&mut self, id: &ExecutionAttemptId, next: ExecutionState, now: Now) -> bool {
        match self.graph.transition(id, next, now.wall) {
            Ok(()) => {
                tracing::debug!(job = %self.graph.job_id, "{} switched to {next}", self.graph.task_name(id));
                true
            }
            Err(error) => {
                tracing::info!(job = %self.graph.job_id, "ignored: {error}");
                false
            }
        }
    }

    fn move_all(&mut self, from: ExecutionState, to: ExecutionState, now: Now) {
        let ids: Vec<_> = self
            .graph
            .executions()
            .filter(|(_, run)| run.state() == from)
            .map(|(id, _)| id)
            .collect();
        for id in ids {
            self.move_attempt(&id, to, now);
        }
    }
}
