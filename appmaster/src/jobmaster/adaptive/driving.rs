//! What the adaptive scheduler does to its job. Part of [`JobState`]'s decisions.

use std::sync::Arc;
use std::time::Duration;

use selvedge_core::job_graph::{JobGraph, JobRequirements};
use selvedge_core::status::JobStatus;

use super::Adaptive;
use super::allocator::{Supply, VertexParallelism};
use super::machine::Decision;
use crate::jobmaster::error::JobMasterError;
use crate::jobmaster::execution_graph::TaskIndex;
use crate::jobmaster::failover::Scope;
use crate::jobmaster::root_cause::FailureKind;
use crate::jobmaster::slot_sharing::SlotSharing;
use crate::jobmaster::state::{Action, Ending, JobState, Now};

impl JobState {
    /// The slots, the bounds or the time may be others: the adaptive scheduler takes that in.
    pub(in crate::jobmaster) fn adapt(&mut self, now: Now) -> Vec<Action> {
        if self.adaptive.is_none() || self.ending != Ending::NotYet {
            return Vec::new();
        }
        let supply = self.pool.held();
        let Some(adaptive) = &mut self.adaptive else {
            return Vec::new();
        };
        let allowed = adaptive.allocator.allowed(&adaptive.with_what_runs(supply));
        match adaptive.machine.look(&allowed, now.monotonic) {
            Decision::Stay => Vec::new(),
            Decision::Create(parallelism) => self.create_graph(&parallelism, now),
            Decision::Rescale { from, to } => self.rescale(&from, &to, now),
            Decision::GiveUp => {
                let cause = self.least_did_not_come();
                self.fail(self.job_failure(cause, FailureKind::Cause, now), now)
            }
        }
    }

    /// All is prepared, or all tasks have ended that are to start over.
    pub(in crate::jobmaster) fn wait_for_resources(&mut self, now: Now) {
        if let Some(adaptive) = &mut self.adaptive {
            adaptive.machine.wait(now.monotonic);
        }
    }

    /// The tasks have ended that were to: they start over when the slots for them are there.
    pub(in crate::jobmaster) fn start_over_adaptively(&mut self, now: Now) -> Vec<Action> {
        self.pool.vacate(now.monotonic);
        self.move_job(JobStatus::Created, now);
        let supply = self.pool.held();
        let Some(adaptive) = &mut self.adaptive else {
            return Vec::new();
        };
        let allowed = adaptive.allocator.allowed(&supply);
        match adaptive.machine.restarted(&allowed, now.monotonic) {
            Decision::Create(parallelism) => self.create_graph(&parallelism, now),
            _ => Vec::new(),
        }
    }

    /// The sources are made ready for this parallelism, where they are not.
    fn create_graph(&mut self, parallelism: &VertexParallelism, now: Now) -> Vec<Action> {
        let Some(adaptive) = &mut self.adaptive else {
            return Vec::new();
        };
        adaptive.number += 1;
        let (number, ready_for) = (adaptive.number, adaptive.ready_for.take());
        if ready_for.as_ref() == Some(parallelism) {
            return self.enumerated(number, Ok(()), now);
        }
        let graph = Arc::new(adaptive.graph_with(parallelism));
        vec![Action::Enumerate { number, graph }]
    }

    /// Whether the sources are made ready for this graph; where they are not, another one has come since.
    pub(in crate::jobmaster) fn awaits_sources(&self, number: u64) -> bool {
        let awaits = |adaptive: &Adaptive| adaptive.number == number && adaptive.machine.planned().is_some();
        self.adaptive.as_ref().is_some_and(awaits)
    }

    /// The sources are ready for the graph that is being created, or cannot be.
    pub(in crate::jobmaster) fn enumerated(
        &mut self,
        number: u64,
        outcome: Result<(), String>,
        now: Now,
    ) -> Vec<Action> {
        if !self.awaits_sources(number) {
            tracing::info!(job = %self.graph.job_id, "ignored: the sources are ready for ExecutionGraph {number}");
            return Vec::new();
        }
        match outcome {
            Ok(()) => self.execute(now),
            Err(cause) => self.not_enumerated(cause, now),
        }
    }

    /// A job that has run is started over, where its strategy allows that: the fault may be a passing one. The first start
    /// fails, as under the default scheduler.
    fn not_enumerated(&mut self, cause: String, now: Now) -> Vec<Action> {
        let failure = self.job_failure(cause, FailureKind::Cause, now);
        match self.graph.restarts {
            0 => self.fail(failure, now),
            _ => self.pause_or_fail(failure, now),
        }
    }

    /// The next graph, which is created no sooner than the restart strategy says, makes the sources ready anew.
    pub(in crate::jobmaster) fn wait_after_failure(&mut self, pause: Duration, now: Now) {
        tracing::info!(job = %self.graph.job_id, "the sources are made ready again in {pause:?}");
        if let Some(adaptive) = &mut self.adaptive {
            adaptive.machine.wait_until(now.monotonic + pause);
        }
    }

    /// A source of the job has failed. While it waits, no task reads: either the source is one of those that are replaced
    /// before the next start, or it is made ready once more.
    pub(in crate::jobmaster) fn source_failed(&mut self, cause: String, now: Now) -> Vec<Action> {
        if let Some(adaptive) = self
            .adaptive
            .as_mut()
            .filter(|_| self.graph.status() == JobStatus::Created)
        {
            tracing::info!(job = %self.graph.job_id, "a source has failed that no task reads, and begins anew: {cause}");
            adaptive.ready_for = None;
            return Vec::new();
        }
        let failure = self.job_failure(cause, FailureKind::Cause, now);
        self.fail_or_restart(failure, Vec::new(), Scope::Job, now)
    }

    /// Builds the ExecutionGraph and deploys it; where its slots are gone, the job waits again.
    fn execute(&mut self, now: Now) -> Vec<Action> {
        let held = self.pool.held();
        let Some(adaptive) = &mut self.adaptive else {
            return Vec::new();
        };
        let Some(planned) = adaptive.machine.planned().cloned() else {
            return Vec::new();
        };
        let taken = adaptive.allocator.taken_by(&planned);
        if taken.iter().zip(&held).any(|(taken, held)| taken > held) {
            tracing::info!(job = %self.graph.job_id, "slots were lost before the job could start with {planned}");
            adaptive.ready_for = Some(planned);
            adaptive.machine.wait(now.monotonic);
            return Vec::new();
        }
        let graph = Arc::new(adaptive.graph_with(&planned));
        let (widest, few_workers) = (adaptive.widest.clone(), adaptive.settings.few_workers);
        adaptive.machine.execute(now.monotonic);
        tracing::info!(job = %self.graph.job_id, "the job starts with the parallelism {planned}");
        let released = self.build_anew(graph, &widest, now);
        self.move_job(JobStatus::Running, now);
        let all: Vec<_> = self.graph.layout().tasks().collect();
        self.schedule(&all, now);
        // The requirements may have changed since this graph was planned: what it has beyond them is not asked for again.
        if let Some(adaptive) = &self.adaptive {
            self.pool.need_where(|place| adaptive.wants(place));
        }
        let aside = match few_workers {
            true => self.pool.set_aside(&taken),
            false => Vec::new(),
        };
        let deployed = self.deploy_what_is_ready(now);
        self.pool.put_back(aside);
        released.into_iter().chain(deployed).collect()
    }

    /// What former attempts have sent is to be forgotten.
    fn build_anew(&mut self, graph: Arc<JobGraph>, widest: &JobGraph, now: Now) -> Option<Action> {
        let former: Vec<_> = self.graph.layout().tasks().collect();
        let released = self.release_partitions(&former);
        self.committables.clear();
        self.missed.clear();
        let network = |channels| self.partitions.network_memory(channels);
        let sharing = Arc::new(SlotSharing::with_room(&graph, widest, network));
        self.pool.set_sharing(sharing.clone());
        self.scheduler = self.scheduler_kind.make(&graph, &sharing, self.slot_timeout);
        self.failover.set_graph(&graph);
        self.sharing = sharing;
        self.graph.build_anew(graph, now.wall);
        released
    }

    fn rescale(&mut self, from: &VertexParallelism, to: &VertexParallelism, now: Now) -> Vec<Action> {
        let rescales = self
            .adaptive
            .as_mut()
            .is_some_and(|adaptive| adaptive.machine.rescale());
        if self.graph.status() != JobStatus::Running || !rescales {
            return Vec::new();
        }
        tracing::info!(job = %self.graph.job_id, "the job is rescaled from the parallelism {from} to {to}");
        let tasks: Vec<TaskIndex> = self.failover.tasks_to_restart(Scope::Job);
        self.failover.restart(&tasks, now.monotonic);
        self.graph.record_mut().restarts += 1;
        self.move_job(JobStatus::Restarting, now);
        let mut actions = self.cancel_these(&tasks, now);
        actions.extend(self.conclude(now));
        actions
    }

    /// What the job may run with, vertex by vertex.
    ///
    /// # Errors
    /// [`JobMasterError::NotAdaptive`].
    pub(in crate::jobmaster) fn requirements(&self) -> Result<JobRequirements, JobMasterError> {
        Ok(self.adaptive()?.requirements())
    }

    /// The job's graph with these requirements, to be kept before they count.
    ///
    /// # Errors
    /// [`JobMasterError`]: it cannot have them.
    pub(in crate::jobmaster) fn with_requirements(
        &self,
        requirements: JobRequirements,
    ) -> Result<JobGraph, JobMasterError> {
        self.adaptive()?.with_requirements(requirements)
    }

    fn adaptive(&self) -> Result<&Adaptive, JobMasterError> {
        let job = self.graph.job_id;
        self.adaptive.as_ref().ok_or(JobMasterError::NotAdaptive { job })
    }

    /// The requirements of this graph count from now on: slots are declared for them, and the job is rescaled in its time.
    pub(in crate::jobmaster) fn require(&mut self, graph: Arc<JobGraph>) {
        if let Some(adaptive) = &mut self.adaptive {
            adaptive.require(graph, &self.sharing);
            self.pool.need_where(|place| adaptive.wants(place));
        }
    }

    fn least_did_not_come(&self) -> String {
        let least = self.adaptive.as_ref().map_or(0, |adaptive| adaptive.allocator.least());
        let waited = self
            .adaptive
            .as_ref()
            .and_then(|adaptive| adaptive.settings.resource_wait);
        let start_failure = match &self.start_failure {
            Some(cause) => format!("; {cause}"),
            None => String::new(),
        };
        format!(
            "NoResourceAvailableException: the job needs at least {least} slots, and {} were there after {} s \
             (jobmanager.adaptive-scheduler.resource-wait-timeout){start_failure}",
            self.pool.len(),
            waited.unwrap_or_default().as_secs()
        )
    }
}

impl Adaptive {
    /// The slots that there are, and those that tasks have had: the loss of one that matters shows in its tasks.
    fn with_what_runs(&self, held: Supply) -> Supply {
        let Some(running) = self.machine.running() else {
            return held;
        };
        let taken = self.allocator.taken_by(running);
        held.into_iter()
            .zip(taken)
            .map(|(held, taken)| held.max(taken))
            .collect()
    }

    /// When the job is to be looked at.
    pub(in crate::jobmaster) fn deadline(&self) -> Option<tokio::time::Instant> {
        self.machine.deadline()
    }

    /// The job has moved.
    pub(in crate::jobmaster) fn follow(&mut self, status: JobStatus) {
        self.machine.follow(status);
    }
}
