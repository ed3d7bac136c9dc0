//! Which of several failures is told to the user.
//!
//! ```text
//! open ──own failure or exit of a worker──► settled
//!   └──a lost peer──► suspected ──a better cause, or the grace is over──► settled
//! ```
//!
//! When a worker dies, its peers notice first: their exchange breaks before YARN has said why the container ended. So a
//! failure that only says that someone else is gone is held back for a short grace.

use std::collections::BTreeMap;
use std::time::Duration;

use selvedge_core::{ExecutionAttemptId, ResourceId};
use selvedge_runtime::clock::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// How long a better cause is waited for: a few allocate beats of the ApplicationMaster.
pub(super) const GRACE: Duration = Duration::from_secs(3);

/// A failure, as users see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What failed.
    pub cause: String,
    /// How much it says of the first cause.
    pub kind: FailureKind,
    /// Whose failure it is.
    pub origin: FailureOrigin,
    /// The task, where one failed: its attempt and its name.
    pub task: Option<(ExecutionAttemptId, String)>,
    /// The worker and its node, where one is concerned.
    pub worker: Option<(ResourceId, String)>,
    /// When the master learned of it.
    pub timestamp: Timestamp,
    /// What enrichers say of it.
    pub labels: BTreeMap<String, String>,
}

/// Whose failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FailureOrigin {
    /// A task's own: its operators, its input, its output.
    Task,
    /// Something around the tasks: a worker, a slot, a connection, the master.
    Cluster,
}

/// How much a failure says of the first cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FailureKind {
    /// The failure is the cause: a task's own, a committer's, the exit of a container.
    Cause,
    /// Something else is gone: a peer of an exchange, a heartbeat.
    Symptom,
}

/// The text that users get: task and worker, then the cause.
impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.task, &self.worker) {
            (Some((_, name)), Some((resource_id, host))) => {
                write!(f, "task '{name}' failed on {resource_id} ({host}): {}", self.cause)
            }
            (Some((_, name)), None) => write!(f, "task '{name}' failed: {}", self.cause),
            (None, _) => f.write_str(&self.cause),
        }
    }
}

/// The failures of a job so far.
#[derive(Debug, Default)]
pub(super) enum RootCause {
    #[default]
    Open,
    Suspected {
        failure: Failure,
        until: Instant,
    },
    Settled(Failure),
}

impl RootCause {
    /// Takes a failure in; what comes back is not, or no longer, the root cause.
    pub(super) fn report(&mut self, failure: Failure, now: Instant) -> Option<Failure> {
        match (std::mem::take(self), failure.kind) {
            (Self::Open, FailureKind::Symptom) => {
                *self = Self::Suspected {
                    failure,
                    until: now + GRACE,
                };
                None
            }
            (Self::Open, FailureKind::Cause) => {
                *self = Self::Settled(failure);
                None
            }
            (Self::Suspected { failure: symptom, .. }, FailureKind::Cause) => {
                *self = Self::Settled(failure);
                Some(symptom)
            }
            (kept, _) => {
                *self = kept;
                Some(failure)
            }
        }
    }

    /// Ends the grace when it is over.
    pub(super) fn settle(&mut self, now: Instant) {
        *self = match std::mem::take(self) {
            Self::Suspected { failure, until } if until <= now => Self::Settled(failure),
            other => other,
        };
    }

    /// When [`Self::settle`] is to be called.
    pub(super) const fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Suspected { until, .. } => Some(*until),
            _ => None,
        }
    }

    /// The cause, once it is settled.
    pub(super) const fn settled(&self) -> Option<&Failure> {
        match self {
            Self::Settled(failure) => Some(failure),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use selvedge_core::status::{RootCauseState, Walk};

    use super::*;

    fn failure(cause: &str, kind: FailureKind) -> Failure {
        Failure {
            cause: cause.into(),
            kind,
            origin: FailureOrigin::Task,
            task: None,
            worker: None,
            timestamp: Timestamp::default(),
            labels: BTreeMap::new(),
        }
    }

    #[test]
    fn the_exit_of_a_container_explains_the_broken_exchange_before_it() {
        let now = Instant::now();
        let mut root = RootCause::default();
        assert_eq!(root.report(failure("exchange broken", FailureKind::Symptom), now), None);
        assert_eq!(root.settled(), None);
        let symptom = root.report(failure("container exited with 137", FailureKind::Cause), now);
        assert_eq!(symptom.unwrap().cause, "exchange broken");
        assert_eq!(root.settled().unwrap().cause, "container exited with 137");
    }

    #[test]
    fn a_cause_is_found_only_as_the_table_says() {
        use RootCauseState::{Open, Settled, Suspected};
        type Event = fn(&mut RootCause, Instant);
        let events: [Event; 5] = [
            |root, now| drop(root.report(failure("exchange broken", FailureKind::Symptom), now)),
            |root, now| drop(root.report(failure("exit 137", FailureKind::Cause), now)),
            |root, now| root.settle(now),
            |root, now| root.settle(now + GRACE),
            |root, _| drop(std::mem::take(root)),
        ];
        let kind = |root: &RootCause| match root {
            RootCause::Open => Open,
            RootCause::Suspected { .. } => Suspected,
            RootCause::Settled(_) => Settled,
        };
        let now = Instant::now();
        let mut walk = Walk::new();
        let rows: &[(RootCauseState, &[RootCauseState])] = &[
            (Open, &[Suspected, Settled, Open, Open, Open]),
            (Suspected, &[Suspected, Settled, Suspected, Settled, Open]),
            (Settled, &[Settled, Settled, Settled, Settled, Open]),
        ];
        walk.rows(&events, rows, |from, event| {
            let mut root = RootCause::default();
            match from {
                Open => {}
                Suspected => events[0](&mut root, now),
                Settled => events[1](&mut root, now),
            }
            event(&mut root, now);
            kind(&root)
        });
        walk.finish();
    }

    #[test]
    fn the_first_of_several_causes_is_kept() {
        let now = Instant::now();
        let mut root = RootCause::default();
        assert_eq!(root.report(failure("division by zero", FailureKind::Cause), now), None);
        for kind in [FailureKind::Cause, FailureKind::Symptom] {
            assert!(root.report(failure("later", kind), now).is_some());
        }
        assert_eq!(root.settled().unwrap().cause, "division by zero");
    }

    #[test]
    fn a_symptom_alone_is_told_after_the_grace() {
        let now = Instant::now();
        let mut root = RootCause::default();
        let _ = root.report(failure("exchange broken", FailureKind::Symptom), now);
        root.settle(now);
        assert_eq!((root.settled(), root.deadline()), (None, Some(now + GRACE)));
        root.settle(now + GRACE);
        assert_eq!(root.settled().unwrap().cause, "exchange broken");
    }
}
