//! When an adaptive job starts, is rescaled or gives up (Flink 1.20 `AdaptiveScheduler` and its states). Pure.

use selvedge_core::status::{AdaptiveState, JobStatus};
use tokio::time::Instant;

use super::AdaptiveSettings;
use super::allocator::{Allowed, VertexParallelism};

/// What follows from the slots that there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Decision {
    /// Nothing for now.
    Stay,
    /// The ExecutionGraph is created with this parallelism.
    Create(VertexParallelism),
    /// The job starts over, to run with this parallelism.
    Rescale {
        from: VertexParallelism,
        to: VertexParallelism,
    },
    /// Not even the least has come in time.
    GiveUp,
}

/// A state with what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Phase {
    Created,
    WaitingForResources {
        since: Instant,
        /// The pause after a failure is not over.
        paused: bool,
        /// Since when there have been enough slots to start.
        enough_since: Option<Instant>,
    },
    CreatingExecutionGraph(VertexParallelism),
    Executing(Executing),
    Restarting {
        /// The slots for another parallelism were there: they are taken at once.
        rescale: bool,
    },
    Canceling,
    Failing,
    Finished,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Executing {
    parallelism: VertexParallelism,
    since: Instant,
    /// Since when the slots have allowed enough more.
    more_since: Option<Instant>,
    /// When the job is rescaled if the slots stay as they are.
    due: Option<Instant>,
}

/// The state of one job.
#[derive(Debug)]
pub(super) struct Machine {
    settings: AdaptiveSettings,
    phase: Phase,
}

impl Machine {
    pub(super) const fn new(settings: AdaptiveSettings) -> Self {
        Self {
            settings,
            phase: Phase::Created,
        }
    }

    pub(super) const fn state(&self) -> AdaptiveState {
        match self.phase {
            Phase::Created => AdaptiveState::Created,
            Phase::WaitingForResources { .. } => AdaptiveState::WaitingForResources,
            Phase::CreatingExecutionGraph(_) => AdaptiveState::CreatingExecutionGraph,
            Phase::Executing(_) => AdaptiveState::Executing,
            Phase::Restarting { .. } => AdaptiveState::Restarting,
            Phase::Canceling => AdaptiveState::Canceling,
            Phase::Failing => AdaptiveState::Failing,
            Phase::Finished => AdaptiveState::Finished,
        }
    }

    /// Moves on where the table allows it; says whether it did.
    fn enter(&mut self, phase: Phase) -> bool {
        let from = self.state();
        let before = std::mem::replace(&mut self.phase, phase);
        let allowed = from.may_become(self.state());
        if !allowed {
            tracing::warn!(
                "ignored: the adaptive scheduler is {from} and cannot become {}",
                self.state()
            );
            self.phase = before;
        }
        allowed
    }

    /// The job waits for slots from now on.
    pub(super) fn wait(&mut self, now: Instant) -> bool {
        self.enter(Phase::WaitingForResources {
            since: now,
            paused: false,
            enough_since: None,
        })
    }

    /// The job takes slots from then on: its graph could not be created, and the next try comes after a pause.
    pub(super) fn wait_until(&mut self, not_before: Instant) -> bool {
        self.enter(Phase::WaitingForResources {
            since: not_before,
            paused: true,
            enough_since: None,
        })
    }

    /// All tasks have ended that were to: takes the slots at once that the job is rescaled for, where they are still there;
    /// else it waits.
    pub(super) fn restarted(&mut self, allowed: &Allowed, now: Instant) -> Decision {
        match (&self.phase, &allowed.parallelism) {
            (Phase::Restarting { rescale: true }, Some(parallelism)) => self.create(parallelism.clone()),
            _ => {
                self.wait(now);
                Decision::Stay
            }
        }
    }

    /// The parallelism of the graph that is being created.
    pub(super) const fn planned(&self) -> Option<&VertexParallelism> {
        match &self.phase {
            Phase::CreatingExecutionGraph(planned) => Some(planned),
            _ => None,
        }
    }

    /// The parallelism that the job runs with.
    pub(super) const fn running(&self) -> Option<&VertexParallelism> {
        match &self.phase {
            Phase::Executing(executing) => Some(&executing.parallelism),
            _ => None,
        }
    }

    /// The graph is there: its tasks are deployed.
    pub(super) fn execute(&mut self, now: Instant) -> bool {
        let Some(parallelism) = self.planned().cloned() else {
            return false;
        };
        self.enter(Phase::Executing(Executing {
            parallelism,
            since: now,
            more_since: None,
            due: None,
        }))
    }

    /// The tasks are ended, to start over with another parallelism.
    pub(super) fn rescale(&mut self) -> bool {
        self.enter(Phase::Restarting { rescale: true })
    }

    /// The job has moved: what ends it, or fails it, ends what goes on here.
    pub(super) fn follow(&mut self, status: JobStatus) {
        let phase = match status {
            JobStatus::Cancelling => Phase::Canceling,
            JobStatus::Failing => Phase::Failing,
            JobStatus::Restarting => Phase::Restarting { rescale: false },
            status if status.successors().is_empty() => Phase::Finished,
            _ => return,
        };
        let rescales = self.state() == AdaptiveState::Restarting && matches!(phase, Phase::Restarting { .. });
        if !rescales {
            self.enter(phase);
        }
    }

    /// The slots may be others, or time has passed.
    pub(super) fn look(&mut self, allowed: &Allowed, now: Instant) -> Decision {
        match &mut self.phase {
            Phase::WaitingForResources { since, paused, .. } if *paused && now < *since => Decision::Stay,
            Phase::WaitingForResources {
                since,
                paused,
                enough_since,
            } => {
                *paused = false;
                let settings = self.settings;
                let waited = settings.resource_wait.is_some_and(|wait| *since + wait <= now);
                let Some(parallelism) = &allowed.parallelism else {
                    *enough_since = None;
                    return if waited { Decision::GiveUp } else { Decision::Stay };
                };
                let is_stable = *enough_since.get_or_insert(now) + settings.stabilization <= now;
                match allowed.all || is_stable || waited {
                    true => self.create(parallelism.clone()),
                    false => Decision::Stay,
                }
            }
            Phase::Executing(executing) => {
                executing.due = executing.when_due(allowed, &self.settings, now);
                match (&allowed.parallelism, executing.due) {
                    (Some(to), Some(due)) if due <= now => Decision::Rescale {
                        from: executing.parallelism.clone(),
                        to: to.clone(),
                    },
                    _ => Decision::Stay,
                }
            }
            _ => Decision::Stay,
        }
    }

    fn create(&mut self, parallelism: VertexParallelism) -> Decision {
        match self.enter(Phase::CreatingExecutionGraph(parallelism.clone())) {
            true => Decision::Create(parallelism),
            false => Decision::Stay,
        }
    }

    /// When [`Self::look`] is to be called, whatever happens.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match &self.phase {
            Phase::WaitingForResources {
                since, paused: true, ..
            } => Some(*since),
            Phase::WaitingForResources {
                since, enough_since, ..
            } => {
                let waited = self.settings.resource_wait.map(|wait| *since + wait);
                let stable = enough_since.map(|since| since + self.settings.stabilization);
                [waited, stable].into_iter().flatten().min()
            }
            Phase::Executing(executing) => executing.due,
            _ => None,
        }
    }
}

impl Executing {
    /// When the job is rescaled; `None` where the slots allow what runs, or too little more.
    fn when_due(&mut self, allowed: &Allowed, settings: &AdaptiveSettings, now: Instant) -> Option<Instant> {
        let next = allowed.parallelism.as_ref().filter(|next| **next != self.parallelism);
        let Some(next) = next else {
            self.more_since = None;
            return None;
        };
        let cooled = self.since + settings.cooldown;
        // The bounds have changed: slots that are lost take their tasks with them.
        if next.shrinks(&self.parallelism) {
            return Some(cooled);
        }
        if next.growth(&self.parallelism) >= settings.min_increase {
            let more_since = *self.more_since.get_or_insert(now);
            let stable = match allowed.all {
                true => now,
                false => more_since + settings.executing_stabilization,
            };
            return Some(cooled.max(stable));
        }
        self.more_since = None;
        settings.longest_interval.map(|longest| self.since + longest)
    }
}
