use std::fmt;
use std::str::FromStr;

use super::parse::{Kind, serde_as_text};
use super::{ApplicationId, ContainerId, ParseIdError};

const KIND: Kind = Kind {
    name: "an application attempt id",
    form: "appattempt_<cluster timestamp>_<application number>_<attempt number>",
};

/// One attempt of an application: one ApplicationMaster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApplicationAttemptId {
    application: ApplicationId,
    attempt: u32,
}

impl ApplicationAttemptId {
    /// The `attempt`-th attempt (from 1) of `application`.
    pub const fn new(application: ApplicationId, attempt: u32) -> Self {
        Self { application, attempt }
    }

    /// The application that is attempted.
    pub const fn application(self) -> ApplicationId {
        self.application
    }

    /// The number of the attempt, from 1.
    pub const fn attempt(self) -> u32 {
        self.attempt
    }

    /// The container with Hadoop's packed 64-bit id (`epoch << 40 | sequence`) allocated to this attempt.
    pub const fn container(self, packed: u64) -> ContainerId {
        ContainerId::from_packed(self, packed)
    }
}

impl fmt::Display for ApplicationAttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let application = self.application;
        write!(
            f,
            "appattempt_{}_{:04}_{:06}",
            application.cluster_timestamp(),
            application.sequence(),
            self.attempt
        )
    }
}

impl FromStr for ApplicationAttemptId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = KIND.parts(text, "appattempt")?;
        let [timestamp, sequence, attempt] = parts[..] else {
            return Err(KIND.error(text, "it has not three numbers"));
        };
        let application = ApplicationId::new(
            KIND.long(text, timestamp, "cluster timestamp")?,
            KIND.int(text, sequence, "application number")?,
        );
        Ok(Self::new(application, KIND.int(text, attempt, "attempt number")?))
    }
}

serde_as_text!(ApplicationAttemptId);
