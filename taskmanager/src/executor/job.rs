//! What the worker knows of one job: pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use selvedge_core::{AllocationId, ExecutionAttemptId, VertexId};

use crate::exchange::JobKey;

/// A job that has a slot or a task here.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) key: JobKey,
    pub(super) contact: Contact,
    /// Offered, and not answered yet.
    pub(super) offered: BTreeSet<AllocationId>,
    /// The slots that the JobMaster has taken, and under which version of what it has.
    pub(super) accepted: BTreeMap<AllocationId, u64>,
    pub(super) tasks: BTreeMap<ExecutionAttemptId, TaskRecord>,
    /// The last attempt of each subtask that came here: a call that arrives late or twice brings none back.
    last_attempts: BTreeMap<(VertexId, u32), u32>,
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
    /// Told to end; a task that has not in time holds the worker for ever.
    Stopping(StopLimits),
    /// Has ended; the JobMaster may not know yet.
    Ended,
}

/// What happens to a task that was told to end and does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StopLimits {
    /// It ends the worker; `None` never.
    pub(super) until: Option<Instant>,
    /// It is told again; `None` never.
    pub(super) remind_at: Option<Instant>,
}

impl Job {
    pub(super) const fn new(key: JobKey) -> Self {
        Self {
            key,
            contact: Contact::Connecting,
            offered: BTreeSet::new(),
            accepted: BTreeMap::new(),
            tasks: BTreeMap::new(),
            last_attempts: BTreeMap::new(),
        }
    }

    /// Whether this attempt, or a later one of its subtask, came here before.
    pub(super) fn has_seen(&self, attempt: &ExecutionAttemptId) -> bool {
        let last = self.last_attempts.get(&(attempt.vertex.clone(), attempt.subtask));
        last.is_some_and(|last| *last >= attempt.attempt)
    }

    /// The attempt is deployed.
    pub(super) fn deployed(&mut self, attempt: ExecutionAttemptId, task: TaskRecord) {
        let subtask = (attempt.vertex.clone(), attempt.subtask);
        self.last_attempts.insert(subtask, attempt.attempt);
        self.tasks.insert(attempt, task);
    }

    /// Running tasks among these are to stop; which they are.
    pub(super) fn stop<'a>(
        &mut self,
        attempts: impl IntoIterator<Item = &'a ExecutionAttemptId>,
        limits: StopLimits,
    ) -> Vec<ExecutionAttemptId> {
        let mut stopping = Vec::new();
        for attempt in attempts {
            if let Some(task) = self.tasks.get_mut(attempt)
                && task.phase == Phase::Running
            {
                task.phase = Phase::Stopping(limits);
                stopping.push(attempt.clone());
            }
        }
        stopping
    }

    /// The first task that should have ended by now.
    pub(super) fn stuck(&self, now: Instant) -> Option<&ExecutionAttemptId> {
        let mut stopping = self.stopping();
        let stuck = stopping.find(|(_, limits)| limits.until.is_some_and(|until| until <= now));
        stuck.map(|(attempt, _)| attempt)
    }

    /// Tasks that are to be told again that they are to end; the next time is an interval from now.
    pub(super) fn remind(&mut self, now: Instant, interval: Duration) -> Vec<ExecutionAttemptId> {
        let mut reminded = Vec::new();
        for (attempt, task) in &mut self.tasks {
            if let Phase::Stopping(limits) = &mut task.phase
                && limits.remind_at.is_some_and(|due| due <= now)
            {
                limits.remind_at = Some(now + interval);
                reminded.push(attempt.clone());
            }
        }
        reminded
    }

    fn stopping(&self) -> impl Iterator<Item = (&ExecutionAttemptId, StopLimits)> {
        self.tasks.iter().filter_map(|(attempt, task)| match task.phase {
            Phase::Stopping(limits) => Some((attempt, limits)),
            Phase::Running | Phase::Ended => None,
        })
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
        let limits = self.stopping().map(|(_, limits)| limits);
        let due = limits.flat_map(|limits| [limits.until, limits.remind_at]);
        due.flatten().chain(heartbeat).min()
    }
}
