//! What a task's failure says of the next attempt, with the names of Flink's `ThrowableType`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a task's failure says of the next attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum FailureType {
    /// Another attempt may come through.
    #[default]
    #[serde(rename = "RecoverableError")]
    Recoverable,
    /// It would come again, wherever the task runs: the job is not restarted.
    #[serde(rename = "NonRecoverableError")]
    NonRecoverable,
    /// A task that sends or receives the records is gone. Why, is known elsewhere.
    #[serde(rename = "PartitionDataMissingError")]
    PartitionDataMissing,
    /// Something around the task: its worker ends, or cannot run it.
    #[serde(rename = "EnvironmentError")]
    Environment,
}

impl fmt::Display for FailureType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Recoverable => "RecoverableError",
            Self::NonRecoverable => "NonRecoverableError",
            Self::PartitionDataMissing => "PartitionDataMissingError",
            Self::Environment => "EnvironmentError",
        })
    }
}
