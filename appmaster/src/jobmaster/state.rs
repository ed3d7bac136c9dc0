//! The decisions of a JobMaster, pure: what happened goes in, what is to be done comes out.
//!
//! ```text
//!                                    RESTARTING (see `failover.rs`)
//!                                         ▲│
//! INITIALIZING ──prepared──► CREATED ──► RUNNING ──all FINISHED, committed──► FINISHED
//!      │                                    │ failure                cancel
//!      │ not prepared                       ▼                          ▼
//!      │                                 FAILING ──all ended,      CANCELLING ──all ended, aborted──► CANCELED
//!      ▼                                    cause settled, aborted
//!   FAILED ◄────────────────────────────────┘
//! ```
//!
//! Under the adaptive scheduler, a job is CREATED whenever it waits for slots, and a restart goes back to there (`adaptive`).
//!
//! Slots are declared while the connectors still prepare; a region is deployed when all its slots are there and all is
//! prepared.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use selvedge_core::job_graph::JobGraph;
use selvedge_core::resource::ProfileSpec;
use selvedge_core::status::{ExecutionState, JobStatus};
use selvedge_core::{AllocationId, ExecutionAttemptId, JobId, ResourceId, VertexId};
use selvedge_runtime::clock::Timestamp;
use selvedge_runtime::connector::Committable;
use selvedge_runtime::gateway::proto::ReleasedPartitions;
use tokio::time::Instant;

use super::adaptive::Adaptive;
use super::deployment::Deployment;
use super::error::JobMasterError;
use super::execution_graph::{ExecutionGraph, TaskIndex, TaskLocation};
use super::failover::Failover;
use super::failure_labels::Enrichers;
use super::plugins::ActivePlugins;
use super::root_cause::{Failure, FailureKind, FailureOrigin, RootCause};
use super::scheduler::{Scheduler, SchedulerKind};
use super::shuffle::PartitionTracker;
use super::slot_pool::SlotPool;
use super::slot_sharing::SlotSharing;
use super::status_listener::StatusChange;
use crate::settings::SchedulingSettings;

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
    /// These workers are to forget partitions.
    ReleasePartitions {
        workers: Vec<ResourceId>,
        partitions: Arc<[ReleasedPartitions]>,
    },
    /// The sources are to begin anew for this graph, the ExecutionGraph of this number.
    Enumerate { number: u64, graph: Arc<JobGraph> },
    /// The sources are to give the splits of these attempts to others.
    ReturnSplits {
        number: u64,
        attempts: Vec<ExecutionAttemptId>,
    },
    /// The job does not need this slot any more.
    ReturnSlot(Arc<TaskLocation>),
    /// Make the output visible.
    Commit(BTreeMap<VertexId, Vec<Committable>>),
    /// Remove what was written.
    Abort,
    /// Ask what became of a worker that seems to be gone.
    Hurry,
    /// The job has ended.
    End,
}

/// A slot that a worker offers.
#[derive(Debug, Clone)]
pub(super) struct SlotOffer {
    pub(super) allocation_id: AllocationId,
    pub(super) slot_index: u32,
    pub(super) profile: ProfileSpec,
}

/// Those of the offered slots that the job takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AcceptedSlots {
    pub(super) allocations: Vec<AllocationId>,
    /// What is held from then on has this version, or a higher one.
    pub(super) version: u64,
}

/// Where a worker is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WorkerAddress {
    pub(super) host: String,
    pub(super) data_address: String,
}

/// How far the end of the job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    NotYet,
    Committing,
    Aborting,
    Ended,
}

/// A job's state.
#[derive(Debug)]
pub(super) struct JobState {
    pub(super) graph: ExecutionGraph,
    pub(super) sharing: Arc<SlotSharing>,
    pub(super) pool: SlotPool,
    pub(super) partitions: PartitionTracker,
    pub(super) scheduler: Box<dyn Scheduler>,
    pub(super) scheduler_kind: SchedulerKind,
    /// Chooses the parallelism, where the adaptive scheduler runs the job.
    pub(super) adaptive: Option<Adaptive>,
    pub(super) workers: BTreeMap<ResourceId, WorkerAddress>,
    /// Those lost since the last restart: what still speaks of them is no cause of its own.
    pub(super) former_workers: BTreeMap<ResourceId, WorkerAddress>,
    /// What the attempts that FINISHED have written.
    pub(super) committables: BTreeMap<ExecutionAttemptId, Vec<Committable>>,
    /// How many heartbeats in a row did not name an attempt that should run.
    pub(super) missed: BTreeMap<ExecutionAttemptId, u32>,
    /// Why no more slots come, as far as that is known, for the message when they are missing.
    pub(super) start_failure: Option<String>,
    pub(super) root_cause: RootCause,
    pub(super) failover: Failover,
    pub(super) enrichers: Enrichers,
    /// Steps of the job that listeners have not been told yet.
    pub(super) status_changes: Vec<StatusChange>,
    pub(super) prepared: bool,
    pub(super) ending: Ending,
    pub(super) slot_timeout: Duration,
}

impl JobState {
    pub(super) fn new(
        job_id: JobId,
        graph: Arc<JobGraph>,
        scheduling: SchedulingSettings,
        failover: Failover,
        plugins: ActivePlugins,
        now: Now,
    ) -> Self {
        let partitions = PartitionTracker::new(job_id, plugins.shuffle);
        let network = |channels| partitions.network_memory(channels);
        let adaptive = scheduling.scheduler.adaptive(&graph);
        let (adaptive, sharing) = match adaptive {
            Some(settings) => {
                let (adaptive, sharing) = Adaptive::of(&graph, settings, network);
                (Some(adaptive), Arc::new(sharing))
            }
            None => (None, Arc::new(SlotSharing::of(&graph, network))),
        };
        let attempts_kept = failover.attempts_kept;
        let mut pool = SlotPool::new(sharing.clone(), scheduling.slot_idle_timeout);
        if let Some(adaptive) = &adaptive {
            pool.need_where(|place| adaptive.wants(place));
        }
        Self {
            failover,
            pool,
            adaptive,
            scheduler_kind: scheduling.scheduler,
            scheduler: scheduling
                .scheduler
                .make(&graph, &sharing, scheduling.slot_request_timeout),
            sharing,
            partitions,
            graph: ExecutionGraph::new(job_id, graph, now.wall).keeping_attempts(attempts_kept),
            workers: BTreeMap::new(),
            former_workers: BTreeMap::new(),
            committables: BTreeMap::new(),
            missed: BTreeMap::new(),
            start_failure: None,
            root_cause: RootCause::default(),
            enrichers: plugins.enrichers,
            status_changes: Vec::new(),
            prepared: false,
            ending: Ending::NotYet,
            slot_timeout: scheduling.slot_request_timeout,
        }
    }

    /// The connectors are ready, or could not be made ready.
    pub(super) fn prepared(&mut self, outcome: Result<(), String>, now: Now) -> Vec<Action> {
        self.prepared = true;
        match outcome {
            Err(cause) => {
                self.cancel_all(now);
                return self.fail(self.job_failure(cause, FailureKind::Cause, now), now);
            }
            Ok(()) if self.graph.status() == JobStatus::Initializing => {
                self.move_job(JobStatus::Created, now);
                if self.has_failed() {
                    return self.start_failing(now);
                }
                if self.adaptive.is_some() {
                    self.wait_for_resources(now);
                    return self.adapt(now);
                }
                self.move_job(JobStatus::Running, now);
                let all: Vec<_> = self.graph.layout().tasks().collect();
                self.schedule(&all, now);
            }
            Ok(()) => {}
        }
        let mut actions = self.deploy_what_is_ready(now);
        actions.extend(self.conclude(now));
        actions
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
        self.failover.give_up();
        let mut actions = self.cancel_all(now);
        actions.extend(self.conclude(now));
        Ok(actions)
    }

    fn cancel_all(&mut self, now: Now) -> Vec<Action> {
        let all: Vec<_> = self.graph.layout().tasks().collect();
        self.cancel_these(&all, now)
    }

    /// Cancels each of these tasks that has not ended: those that run are told, the others end at once.
    pub(super) fn cancel_these(&mut self, tasks: &[TaskIndex], now: Now) -> Vec<Action> {
        self.scheduler.withdraw(tasks);
        let mut by_worker = BTreeMap::<ResourceId, Vec<ExecutionAttemptId>>::new();
        for task in tasks {
            let run = self.graph.run(*task);
            if matches!(run.state(), ExecutionState::Created | ExecutionState::Scheduled) {
                self.move_task(*task, ExecutionState::Canceled, now);
                continue;
            }
            let Some(location) = run
                .location
                .clone()
                .filter(|_| run.state().may_become(ExecutionState::Canceling))
            else {
                continue;
            };
            self.move_task(*task, ExecutionState::Canceling, now);
            let on_worker = by_worker.entry(location.resource_id.clone()).or_default();
            on_worker.push(self.graph.attempt(*task));
        }
        by_worker
            .into_iter()
            .map(|(resource_id, attempts)| Action::CancelTasks { resource_id, attempts })
            .collect()
    }

    /// Takes a failure in; the job fails with it, and its other tasks are cancelled.
    pub(super) fn fail(&mut self, failure: Failure, now: Now) -> Vec<Action> {
        if matches!(self.ending, Ending::Ended | Ending::Committing) {
            // All tasks have FINISHED: what fails now changes nothing of the result.
            self.graph.record_mut().further_failures.push(failure);
            return Vec::new();
        }
        let hurry = failure.kind == FailureKind::Symptom;
        self.note_failure(failure, now);
        let mut actions = if hurry { vec![Action::Hurry] } else { Vec::new() };
        actions.extend(self.start_failing(now));
        actions
    }

    fn start_failing(&mut self, now: Now) -> Vec<Action> {
        let mut actions = Vec::new();
        if self.graph.status() != JobStatus::Cancelling && self.graph.status().may_become(JobStatus::Failing) {
            self.move_job(JobStatus::Failing, now);
            self.failover.give_up();
            actions = self.cancel_all(now);
        }
        actions.extend(self.conclude(now));
        actions
    }

    /// Ends the job where nothing is left to wait for.
    pub(super) fn conclude(&mut self, now: Now) -> Vec<Action> {
        self.root_cause.settle(now.monotonic);
        self.graph.record_mut().root_cause = self.root_cause.settled().cloned();
        if self.graph.status() == JobStatus::Restarting {
            return self.go_on_restarting(now);
        }
        if self.ending != Ending::NotYet || !self.prepared || !self.graph.all_terminal() {
            return Vec::new();
        }
        let has_cause = self.graph.root_cause.is_some();
        match self.graph.status() {
            JobStatus::Running if self.graph.all_in(ExecutionState::Finished) => {
                self.ending = Ending::Committing;
                vec![Action::Commit(self.output())]
            }
            JobStatus::Cancelling => self.abort(),
            JobStatus::Failing | JobStatus::Initializing if has_cause => self.abort(),
            _ => Vec::new(),
        }
    }

    /// What the last attempts have written; nothing of an earlier one is among it.
    fn output(&self) -> BTreeMap<VertexId, Vec<Committable>> {
        let mut output = BTreeMap::<VertexId, Vec<Committable>>::new();
        for (attempt, written) in &self.committables {
            let of_vertex = output.entry(attempt.vertex.clone()).or_default();
            of_vertex.extend(written.iter().cloned());
        }
        output
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
        self.graph.record_mut().further_failures.push(failure);
    }

    /// Leadership is lost: another master goes on with the job, and with what was written.
    pub(super) fn suspend(&mut self, now: Now) -> Vec<Action> {
        match self.has_ended() {
            true => Vec::new(),
            false => self.end(JobStatus::Suspended, now),
        }
    }

    fn end(&mut self, status: JobStatus, now: Now) -> Vec<Action> {
        self.ending = Ending::Ended;
        self.partitions.stop_all();
        self.move_job(status, now);
        vec![Action::End]
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: Now) -> Vec<Action> {
        let mut actions = self.give_up_waiting(now);
        actions.extend(self.return_idle_slots(now));
        actions.extend(self.conclude(now));
        actions
    }

    /// When [`Self::tick`] is to be called.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let adaptive = self.adaptive.as_ref().filter(|_| self.ending == Ending::NotYet);
        let deadlines = [
            adaptive.and_then(Adaptive::deadline),
            self.scheduler.deadline(),
            self.pool.deadline(),
            self.root_cause.deadline(),
            self.failover.deadline(),
        ];
        deadlines.into_iter().flatten().min()
    }

    pub(super) const fn has_failed(&self) -> bool {
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
            origin: FailureOrigin::Cluster,
            task: None,
            worker: None,
            timestamp: now.wall,
            labels: BTreeMap::new(),
        }
    }
}
