use std::fmt;
use std::str::FromStr;

use super::parse::{Kind, serde_as_text};
use super::{ApplicationAttemptId, ParseIdError};

const KIND: Kind = Kind {
    name: "an application id",
    form: "application_<cluster timestamp>_<number>",
};

/// One application of a cluster: when its ResourceManager started, and a sequence number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApplicationId {
    cluster_timestamp: u64,
    sequence: u32,
}

impl ApplicationId {
    /// The application `sequence` of the ResourceManager that started at `cluster_timestamp` (milliseconds).
    pub const fn new(cluster_timestamp: u64, sequence: u32) -> Self {
        Self {
            cluster_timestamp,
            sequence,
        }
    }

    /// When the ResourceManager that gave the id started, in milliseconds since the epoch.
    pub const fn cluster_timestamp(self) -> u64 {
        self.cluster_timestamp
    }

    /// The number of the application, from 1.
    pub const fn sequence(self) -> u32 {
        self.sequence
    }

    /// The `attempt`-th attempt (from 1) of this application.
    pub const fn attempt(self, attempt: u32) -> ApplicationAttemptId {
        ApplicationAttemptId::new(self, attempt)
    }
}

impl fmt::Display for ApplicationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "application_{}_{:04}", self.cluster_timestamp, self.sequence)
    }
}

impl FromStr for ApplicationId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = KIND.parts(text, "application")?;
        let [timestamp, sequence] = parts[..] else {
            return Err(KIND.error(text, "it has not two numbers"));
        };
        Ok(Self::new(
            KIND.long(text, timestamp, "cluster timestamp")?,
            KIND.int(text, sequence, "application number")?,
        ))
    }
}

serde_as_text!(ApplicationId);
