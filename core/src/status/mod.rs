//! The states of jobs and of execution attempts, with Flink's names; the legal transitions are declared once, here.
//! `docs/states.md` is drawn from them.

mod diagram;
mod failure_type;
#[cfg(test)]
mod tests;
mod walk;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use diagram::{StateMachine, states_page};
pub use failure_type::FailureType;
pub use rooms::{
    AdaptiveState, ClusterPhase, DispatcherJob, HeldSlotState, JobContact, JobLeader, MasterStanding, RootCauseState,
    SlotPhase, TaskPhase, TrackedWorker, WorkerRegistration,
};
pub use walk::Walk;

macro_rules! states {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal => [$($next:ident),*]),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $text)] $variant,)+
        }

        impl $name {
            /// All states, in Flink's order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Flink's name of the state, as REST prints it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }

            /// The states that may follow this one.
            pub const fn successors(self) -> &'static [Self] {
                match self {
                    $(Self::$variant => &[$(Self::$next,)*],)+
                }
            }

            /// Whether `next` may follow this state.
            pub fn may_become(self, next: Self) -> bool {
                self.successors().contains(&next)
            }
        }

        impl StateMachine for $name {
            const NAME: &'static str = stringify!($name);
            const STATES: &'static [Self] = Self::ALL;

            fn text(self) -> &'static str {
                self.as_str()
            }

            fn next(self) -> &'static [Self] {
                self.successors()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = UnknownState;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL
                    .iter()
                    .copied()
                    .find(|state| state.as_str() == text)
                    .ok_or_else(|| UnknownState { kind: stringify!($name), value: text.to_owned() })
            }
        }
    };
}

mod rooms;

/// A name that no state has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{value}' is no {kind}")]
pub struct UnknownState {
    kind: &'static str,
    value: String,
}

states! {
    /// The state of a job (Flink 1.20 `JobStatus`).
    JobStatus {
        /// The JobMaster is starting; there is no ExecutionGraph yet.
        Initializing = "INITIALIZING" => [Created, Failed, Cancelling, Suspended],
        /// The ExecutionGraph is there, nothing runs yet.
        Created = "CREATED" => [Running, Cancelling, Failing, Suspended],
        /// Tasks are scheduled or run.
        Running = "RUNNING" => [Finished, Failing, Cancelling, Restarting, Suspended],
        /// A failure ends the job as soon as all tasks have ended.
        Failing = "FAILING" => [Failed, Cancelling, Suspended],
        /// Ended by a failure.
        Failed = "FAILED" => [],
        /// Cancelled by a user; tasks are ending.
        Cancelling = "CANCELLING" => [Canceled, Failed, Failing, Suspended],
        /// Ended by a user.
        Canceled = "CANCELED" => [],
        /// Ended with all results in place.
        Finished = "FINISHED" => [],
        /// Tasks are being restarted after a failure, or the job is being rescaled.
        Restarting = "RESTARTING" => [Running, Created, Cancelling, Failing, Suspended],
        /// Leadership was lost; another master goes on with it.
        Suspended = "SUSPENDED" => [],
        /// Kept for Flink's clients; not entered.
        Reconciling = "RECONCILING" => [],
    }
}

impl JobStatus {
    /// Whether the job has ended for good, on every master.
    pub const fn is_globally_terminal(self) -> bool {
        matches!(self, Self::Failed | Self::Canceled | Self::Finished)
    }
}

states! {
    /// The state of an execution attempt (Flink 1.20 `ExecutionState`).
    ExecutionState {
        /// Known, not yet scheduled.
        Created = "CREATED" => [Scheduled, Canceled, Failed, Reconciling],
        /// Waits for a slot.
        Scheduled = "SCHEDULED" => [Deploying, Canceled, Failed],
        /// Its description is on the way to the TaskManager.
        Deploying = "DEPLOYING" => [Initializing, Running, Canceling, Failed, Finished],
        /// Runs.
        Running = "RUNNING" => [Finished, Canceling, Failed],
        /// Ended with all its output delivered.
        Finished = "FINISHED" => [],
        /// Told to end.
        Canceling = "CANCELING" => [Canceled, Failed],
        /// Ended on demand.
        Canceled = "CANCELED" => [],
        /// Ended by a failure of its own.
        Failed = "FAILED" => [],
        /// Kept for Flink's clients; not entered.
        Reconciling = "RECONCILING" => [Running, Finished, Canceled, Failed],
        /// Restores its state.
        Initializing = "INITIALIZING" => [Running, Canceling, Failed, Finished],
    }
}

impl ExecutionState {
    /// Whether the attempt has ended.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Finished | Self::Canceled | Self::Failed)
    }
}

/// What YARN and the client are told at the end (Flink 1.20 `ApplicationStatus`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ApplicationStatus {
    /// All jobs FINISHED.
    Succeeded,
    /// A job FAILED.
    Failed,
    /// A job was CANCELED.
    Canceled,
    /// It ended without a known result.
    Unknown,
}

impl ApplicationStatus {
    /// The exit code of the ApplicationMaster: Flink's, cut to the eight bits that the system keeps.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Succeeded | Self::Canceled => 0,
            Self::Failed => 163,
            Self::Unknown => 165,
        }
    }
}

impl From<JobStatus> for ApplicationStatus {
    fn from(status: JobStatus) -> Self {
        match status {
            JobStatus::Finished => Self::Succeeded,
            JobStatus::Failed => Self::Failed,
            JobStatus::Canceled => Self::Canceled,
            _ => Self::Unknown,
        }
    }
}
