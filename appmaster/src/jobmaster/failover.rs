//! What is restarted after a failure, and when. The third part of [`JobState`]'s decisions.
//!
//! ```text
//! RUNNING ──failure, the strategy allows a restart──► RESTARTING ──region ended, pause over──► splits go back
//!    ▲                                                  │      └──another region fails──► it joins
//!    └───new attempts SCHEDULED, splits are back────────┘
//! ```
//!
//! The tasks of the region are cancelled first. Their slots are kept; those of a lost worker are asked for again.

use std::collections::BTreeSet;

use rand::SeedableRng;
use rand::rngs::StdRng;
use selvedge_core::ExecutionAttemptId;
use selvedge_core::job_graph::JobGraph;
use selvedge_core::status::{ExecutionState, JobStatus};
use tokio::time::Instant;

use super::execution_graph::PastFailure;
use super::regions::Regions;
use super::restart_strategy::{RestartStrategy, Verdict};
use super::root_cause::{Failure, FailureKind, RootCause};
use super::state::{Action, Ending, JobState, Now};
use crate::settings::FailoverSettings;

/// How many failures are kept beside the first of each: a lost worker may break the exchange of thousands of tasks.
const CONCURRENT_KEPT: usize = 64;

/// What fails with a failure.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scope<'a> {
    /// These tasks, and those that exchange records with them.
    Tasks(&'a [ExecutionAttemptId]),
    /// The whole job.
    Job,
}

/// Restarts so far and the one that is coming.
#[derive(Debug)]
pub(super) struct Failover {
    strategy: RestartStrategy,
    regions: Regions,
    history_size: usize,
    rng: StdRng,
    coming: Option<Restart>,
    /// Restarts so far: tells the answers to one from those to another.
    number: u64,
}

/// A restart that is coming.
#[derive(Debug)]
struct Restart {
    tasks: BTreeSet<ExecutionAttemptId>,
    not_before: Instant,
    pause_over: bool,
    /// The sources have been asked to take back the splits of the tasks, under this number.
    returning: Option<u64>,
}

impl Failover {
    pub(super) fn new(graph: &JobGraph, settings: FailoverSettings, seed: u64) -> Self {
        Self {
            regions: Regions::of(graph, settings.full),
            strategy: RestartStrategy::new(settings.restart),
            history_size: settings.history_size.max(1),
            rng: StdRng::seed_from_u64(seed),
            coming: None,
            number: 0,
        }
    }

    /// The job ends: it is not restarted any more.
    pub(super) fn give_up(&mut self) {
        self.coming = None;
    }

    /// When the pause is over.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let coming = self.coming.as_ref().filter(|restart| !restart.pause_over);
        coming.map(|restart| restart.not_before)
    }
}

impl JobState {
    /// Takes a failure in from which the job may recover. `also` are failures that came with it.
    pub(super) fn fail_or_restart(
        &mut self,
        mut failure: Failure,
        also: Vec<Failure>,
        scope: Scope<'_>,
        now: Now,
    ) -> Vec<Action> {
        let runs = matches!(self.graph.status(), JobStatus::Running | JobStatus::Restarting);
        let tasks = self.tasks_of(scope);
        let known = self.failover.coming.as_ref();
        let is_part = known.is_some_and(|restart| tasks.is_subset(&restart.tasks));
        if !runs || self.ending != Ending::NotYet {
            let mut actions = self.fail(failure, now);
            actions.extend(also.into_iter().flat_map(|further| self.fail(further, now)));
            return actions;
        }
        if !is_part {
            match self.failover.strategy.failure(now.monotonic, &mut self.failover.rng) {
                Verdict::Restart(pause) => self.restart(tasks.clone(), now.monotonic + pause),
                Verdict::Fail(why) => {
                    if let Some(why) = why {
                        failure.cause = format!("{}; {why}", failure.cause);
                    }
                    let mut actions = self.fail(failure, now);
                    actions.extend(also.into_iter().flat_map(|further| self.fail(further, now)));
                    return actions;
                }
            }
        }
        let mut actions = Vec::new();
        for failure in std::iter::once(failure).chain(also) {
            if failure.kind == FailureKind::Symptom {
                actions.push(Action::Hurry);
            }
            self.note_failure(failure, now);
        }
        if self.graph.status() == JobStatus::Running {
            self.move_job(JobStatus::Restarting, now);
        }
        if !is_part {
            actions.extend(self.cancel_these(Some(&tasks), now));
        }
        actions.extend(self.conclude(now));
        actions
    }

    fn tasks_of(&self, scope: Scope<'_>) -> BTreeSet<ExecutionAttemptId> {
        let all = self.graph.executions().map(|(id, _)| id);
        match scope {
            Scope::Tasks(failed) => self.failover.regions.joined_with(failed, all),
            Scope::Job => all.collect(),
        }
    }

    /// These tasks are restarted, not before then; with those of a restart that is coming already.
    fn restart(&mut self, tasks: BTreeSet<ExecutionAttemptId>, not_before: Instant) {
        let before = self.failover.coming.take();
        let (mut all, earlier) = match before {
            Some(restart) => (restart.tasks, restart.not_before),
            None => (BTreeSet::new(), not_before),
        };
        all.extend(tasks);
        self.failover.coming = Some(Restart {
            tasks: all,
            not_before: not_before.max(earlier),
            pause_over: false,
            returning: None,
        });
    }

    /// The next step of a restart, where there is one: the splits of tasks that have all ended go back.
    pub(super) fn go_on_restarting(&mut self, now: Now) -> Vec<Action> {
        let Some(restart) = &mut self.failover.coming else {
            return Vec::new();
        };
        restart.pause_over = restart.not_before <= now.monotonic;
        let ended = |id: &ExecutionAttemptId| self.graph.execution(id).is_some_and(|run| run.state().is_terminal());
        if !restart.pause_over || restart.returning.is_some() || !restart.tasks.iter().all(ended) {
            return Vec::new();
        }
        self.failover.number += 1;
        restart.returning = Some(self.failover.number);
        vec![Action::ReturnSplits {
            number: self.failover.number,
            attempts: restart.tasks.iter().cloned().collect(),
        }]
    }

    /// The sources have the splits back: new attempts take the places of the ended ones.
    pub(super) fn splits_returned(&mut self, number: u64, now: Now) -> Vec<Action> {
        let awaited = |restart: &Restart| restart.returning == Some(number);
        let Some(restart) = self.failover.coming.take_if(|restart| awaited(restart)) else {
            tracing::info!(job = %self.graph.job_id, "ignored: splits came back for a restart that is not awaited");
            return Vec::new();
        };
        self.file_failure();
        for attempt in &restart.tasks {
            self.committables.remove(attempt);
            self.missed.remove(attempt);
            if let Some(next) = self.graph.start_over(attempt, now.wall) {
                self.move_attempt(&next, ExecutionState::Scheduled, now);
            }
        }
        self.graph.restarts += 1;
        self.await_slots(now);
        self.move_job(JobStatus::Running, now);
        self.deploy_when_complete(now)
    }

    /// The failure that is behind the job goes into its history.
    fn file_failure(&mut self) {
        let cause = std::mem::take(&mut self.root_cause);
        self.graph.root_cause = None;
        let concurrent = std::mem::take(&mut self.graph.further_failures);
        if let RootCause::Suspected { failure, .. } | RootCause::Settled(failure) = cause {
            self.graph.past_failures.push_back(PastFailure { failure, concurrent });
        }
        self.trim_history();
    }

    /// Keeps a failure: as the cause, or beside it.
    pub(super) fn note_failure(&mut self, failure: Failure, now: Now) {
        if let Some(further) = self.root_cause.report(failure, now.monotonic) {
            if self.graph.further_failures.len() < CONCURRENT_KEPT {
                self.graph.further_failures.push(further);
            } else {
                self.graph.history_truncated = true;
            }
        }
        self.trim_history();
    }

    fn trim_history(&mut self) {
        // The failure that is not over yet has its place too.
        let kept = self.failover.history_size - usize::from(self.has_failed());
        while self.graph.past_failures.len() > kept {
            self.graph.past_failures.pop_front();
            self.graph.history_truncated = true;
        }
    }
}
