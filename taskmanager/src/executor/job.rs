//! What the worker knows of one job: pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use selvedge_core::{AllocationId, ExecutionAttemptId};

use crate::exchange::JobKey;

/// A job that has a slot or a task here.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) key: JobKey,
    pub(super) contact: Contact,
    /// Offered, and not answered yet.
    pub(super) offered: BTreeSet<AllocationId>,
    pub(super) tasks: BTreeMap<ExecutionAttemptId, TaskRecord>,
}

/// How the worker stands with the JobMaster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contact {
    /// The worker is making itself known.
    Connecting,
    /// Heartbeats come.
    Connected { last_heartbeat: Instant, timeout: Duration },
    /// The JobMaster is gone: tasks are ending, nobody is told.
    Disconnected,
}

/// A task of the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TaskRecord {
    pub(super) allocation: AllocationId,
    pub(super) phase: Phase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Running,
    /// Told to end; a task that has not by then holds the worker for ever.
    Stopping {
        until: Instant,
    },
    /// Has ended; the JobMaster may not know yet.
    Ended,
}

impl Job {
    pub(super) const fn new(key: JobKey) -> Self {
        Self {
            key,
            contact: Contact::Connecting,
            offered: BTreeSet::new(),
            tasks: BTreeMap::new(),
        }
    }

    /// Running tasks among these are to stop until then; which they are.
    pub(super) fn stop<'a>(
        &mut self,
        attempts: impl IntoIterator<Item = &'a ExecutionAttemptId>,
        until: Instant,
    ) -> Vec<ExecutionAttemptId> {
        let mut stopping = Vec::new();
        for attempt in attempts {
            if let Some(task) = self.tasks.get_mut(attempt)
                && task.phase == Phase::Running
            {
                task.phase = Phase::Stopping { until };
                stopping.push(attempt.clone());
            }
        }
        stopping
    }

    /// The first task that should have ended by now.
    pub(super) fn stuck(&self, now: Instant) -> Option<&ExecutionAttemptId> {
        let stuck = |task: &TaskRecord| matches!(task.phase, Phase::Stopping { until } if until <= now);
        self.tasks
            .iter()
            .find(|(_, task)| stuck(task))
            .map(|(attempt, _)| attempt)
    }

    /// When something of the job is due.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let heartbeat = match self.contact {
            Contact::Connected {
                last_heartbeat,
                timeout,
            } => Some(last_heartbeat + timeout),
            Contact::Connecting | Contact::Disconnected => None,
        };
        let stopping = self.tasks.values().filter_map(|task| match task.phase {
            Phase::Stopping { until } => Some(until),
            Phase::Running | Phase::Ended => None,
        });
        stopping.chain(heartbeat).min()
    }
}
