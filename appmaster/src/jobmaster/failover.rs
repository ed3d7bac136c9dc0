//! What is restarted after a failure, and when. The third part of [`JobState`]'s decisions.
//!
//! ```text
//! RUNNING ──failure, the strategy allows a restart──► RESTARTING ──region ended, pause over──► splits go back
//!    ▲                                                  │      └──another region fails──► a restart of its own
//!    └───no restart is coming any more──────────────────┘
//! ```
//!
//! The tasks of the region are cancelled first. Their slots are kept; those of a lost worker are asked for again. Each restart
//! has a number, and each task knows the last one that took it: an earlier restart does not act on it any more.

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::rngs::StdRng;
use selvedge_core::job_graph::JobGraph;
use selvedge_core::status::{ExecutionState, JobStatus};
use tokio::time::Instant;

use super::execution_graph::{PastFailure, TaskIndex};
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
    Tasks(&'a [TaskIndex]),
    /// The whole job.
    Job,
}

/// Restarts so far and those that are coming.
#[derive(Debug)]
pub(super) struct Failover {
    strategy: RestartStrategy,
    full: bool,
    regions: Regions,
    /// How many tasks of each region have not FINISHED.
    unfinished: Vec<usize>,
    history_size: usize,
    pub(super) attempts_kept: usize,
    rng: StdRng,
    /// By number.
    coming: BTreeMap<u64, Restart>,
    /// The number of the last restart.
    number: u64,
    /// The last restart that took each task; 0 before there was one.
    restart_of: Vec<u64>,
}

/// A restart that is coming.
#[derive(Debug)]
struct Restart {
    tasks: Vec<TaskIndex>,
    not_before: Instant,
    pause_over: bool,
    /// The sources have been asked to take back the splits of the tasks.
    returning: bool,
}

impl Failover {
    pub(super) fn new(graph: &JobGraph, settings: FailoverSettings, seed: u64) -> Self {
        let regions = Regions::of(graph, settings.full);
        Self {
            restart_of: vec![0; regions.iter().map(<[_]>::len).sum()],
            unfinished: regions.iter().map(<[_]>::len).collect(),
            regions,
            full: settings.full,
            strategy: RestartStrategy::new(settings.restart),
            history_size: settings.history_size.max(1),
            attempts_kept: settings.attempts_kept,
            rng: StdRng::seed_from_u64(seed),
            coming: BTreeMap::new(),
            number: 0,
        }
    }

    /// The tasks are those of another graph; no restart is coming.
    pub(super) fn set_graph(&mut self, graph: &JobGraph) {
        self.regions = Regions::of(graph, self.full);
        self.restart_of = vec![0; self.regions.iter().map(<[_]>::len).sum()];
        self.unfinished = self.regions.iter().map(<[_]>::len).collect();
        self.coming.clear();
    }

    /// The job ends: it is not restarted any more.
    pub(super) fn give_up(&mut self) {
        self.coming.clear();
    }

    /// When a pause is over.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let pausing = self.coming.values().filter(|restart| !restart.pause_over);
        pausing.map(|restart| restart.not_before).min()
    }

    /// What is restarted when these tasks fail, in order.
    pub(super) fn tasks_to_restart(&self, scope: Scope<'_>) -> Vec<TaskIndex> {
        match scope {
            Scope::Tasks(failed) => self.regions.joined_with(failed),
            Scope::Job => (0..self.restart_of.len()).map(TaskIndex::from).collect(),
        }
    }

    /// A task has FINISHED. The tasks of its region, where it was the last of them.
    pub(super) fn finished(&mut self, task: TaskIndex) -> Option<Vec<TaskIndex>> {
        let region = self.regions.number_of(task);
        let unfinished = &mut self.unfinished[region];
        *unfinished = unfinished.saturating_sub(1);
        (*unfinished == 0).then(|| self.regions.tasks(region).to_vec())
    }

    fn is_coming(&self, task: TaskIndex) -> bool {
        self.coming.contains_key(&self.restart_of[task.position()])
    }

    /// These tasks are restarted, not before then. An earlier restart of theirs goes on without them.
    pub(super) fn restart(&mut self, tasks: &[TaskIndex], not_before: Instant) {
        self.number += 1;
        for task in tasks {
            self.restart_of[task.position()] = self.number;
        }
        let restart_of = &self.restart_of;
        self.coming.retain(|number, restart| {
            restart.tasks.retain(|task| restart_of[task.position()] == *number);
            !restart.tasks.is_empty()
        });
        let restart = Restart {
            tasks: tasks.to_vec(),
            not_before,
            pause_over: false,
            returning: false,
        };
        self.coming.insert(self.number, restart);
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
        if !runs || self.ending != Ending::NotYet {
            return self.fail_with(failure, also, now);
        }
        let tasks = self.failover.tasks_to_restart(scope);
        let is_part = !self.failover.coming.is_empty() && tasks.iter().all(|task| self.failover.is_coming(*task));
        if !is_part {
            match self.failover.strategy.failure(now.monotonic, &mut self.failover.rng) {
                Verdict::Restart { pause, is_new } => {
                    self.failover.restart(&tasks, now.monotonic + pause);
                    if is_new {
                        self.graph.record_mut().restarts += 1;
                        self.file_what_is_explained();
                    }
                }
                Verdict::Fail(why) => {
                    if let Some(why) = why {
                        failure.cause = format!("{}; {why}", failure.cause);
                    }
                    return self.fail_with(failure, also, now);
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
            actions.extend(self.cancel_these(&tasks, now));
        }
        actions.extend(self.conclude(now));
        actions
    }

    /// Takes a failure in that came while the sources were made ready, when no task runs.
    pub(super) fn pause_or_fail(&mut self, mut failure: Failure, now: Now) -> Vec<Action> {
        match self.failover.strategy.failure(now.monotonic, &mut self.failover.rng) {
            Verdict::Restart { pause, is_new } => {
                if is_new {
                    self.graph.record_mut().restarts += 1;
                }
                self.note_failure(failure, now);
                self.file_failure();
                self.wait_after_failure(pause, now);
                Vec::new()
            }
            Verdict::Fail(why) => {
                if let Some(why) = why {
                    failure.cause = format!("{}; {why}", failure.cause);
                }
                self.fail(failure, now)
            }
        }
    }

    /// Takes failures in from which the job does not recover.
    pub(super) fn fail_with(&mut self, failure: Failure, also: Vec<Failure>, now: Now) -> Vec<Action> {
        let failures = std::iter::once(failure).chain(also);
        failures.flat_map(|failure| self.fail(failure, now)).collect()
    }

    /// The next step of each restart, where there is one: the splits of tasks that have all ended go back.
    pub(super) fn go_on_restarting(&mut self, now: Now) -> Vec<Action> {
        if self.adaptive.is_some() {
            return self.go_on_restarting_all(now);
        }
        let graph = &self.graph;
        let mut actions = Vec::new();
        for (number, restart) in &mut self.failover.coming {
            restart.pause_over = restart.not_before <= now.monotonic;
            let ended = |task: &TaskIndex| graph.run(*task).state().is_terminal();
            if restart.pause_over && !restart.returning && restart.tasks.iter().all(ended) {
                restart.returning = true;
                let attempts = restart.tasks.iter().map(|task| graph.attempt(*task)).collect();
                let number = *number;
                actions.push(Action::ReturnSplits { number, attempts });
            }
        }
        actions
    }

    /// The same under the adaptive scheduler: all tasks start over, with sources that start over too.
    fn go_on_restarting_all(&mut self, now: Now) -> Vec<Action> {
        let coming = self.failover.coming.values_mut();
        coming.for_each(|restart| restart.pause_over = restart.not_before <= now.monotonic);
        if !self.graph.all_terminal() || self.failover.coming.values().any(|restart| !restart.pause_over) {
            return Vec::new();
        }
        self.failover.coming.clear();
        self.file_failure();
        self.former_workers.clear();
        self.start_over_adaptively(now)
    }

    /// The sources have the splits back: new attempts take the places of the ended ones.
    pub(super) fn splits_returned(&mut self, number: u64, now: Now) -> Vec<Action> {
        let Some(restart) = self.failover.coming.remove(&number) else {
            tracing::info!(
                job = %self.graph.job_id,
                "ignored: splits came back for restart {number}, and the last one is {}",
                self.failover.number
            );
            return Vec::new();
        };
        let released = self.release_partitions(&restart.tasks);
        for task in &restart.tasks {
            let attempt = self.graph.attempt(*task);
            self.committables.remove(&attempt);
            self.missed.remove(&attempt);
            if self.graph.run(*task).state() == ExecutionState::Finished {
                self.failover.unfinished[self.failover.regions.number_of(*task)] += 1;
            }
            self.graph.start_over(*task, now.wall);
        }
        self.schedule(&restart.tasks, now);
        if self.failover.coming.is_empty() {
            self.file_failure();
            self.former_workers.clear();
            self.move_job(JobStatus::Running, now);
        }
        released.into_iter().chain(self.deploy_what_is_ready(now)).collect()
    }

    /// A new failure begins: one that it cannot explain goes into the history.
    fn file_what_is_explained(&mut self) {
        if matches!(self.root_cause, RootCause::Settled(_)) {
            self.file_failure();
        }
    }

    /// The failure that is behind the job goes into its history.
    fn file_failure(&mut self) {
        let cause = std::mem::take(&mut self.root_cause);
        self.graph.record_mut().root_cause = None;
        let concurrent = std::mem::take(&mut self.graph.record_mut().further_failures);
        if let RootCause::Suspected { failure, .. } | RootCause::Settled(failure) = cause {
            self.graph
                .record_mut()
                .past_failures
                .push_back(PastFailure { failure, concurrent });
        }
        self.trim_history();
    }

    /// Keeps a failure: as the cause, or beside it.
    pub(super) fn note_failure(&mut self, mut failure: Failure, now: Now) {
        self.enrichers.label(self.graph.job_id, &mut failure);
        if let Some(further) = self.root_cause.report(failure, now.monotonic) {
            if self.graph.further_failures.len() < CONCURRENT_KEPT {
                self.graph.record_mut().further_failures.push(further);
            } else {
                self.graph.record_mut().history_truncated = true;
            }
        }
        self.trim_history();
    }

    fn trim_history(&mut self) {
        // The failure that is not over yet has its place too.
        let kept = self.failover.history_size - usize::from(self.has_failed());
        while self.graph.past_failures.len() > kept {
            self.graph.record_mut().past_failures.pop_front();
            self.graph.record_mut().history_truncated = true;
        }
    }
}
