use std::fmt;
use std::str::FromStr;

use super::ParseIdError;
use super::parse::{Kind, serde_as_text};

const KIND: Kind = Kind {
    name: "the id of a reservation",
    form: "reservation_<cluster timestamp>_<number>",
};

/// A share of a queue for a time to come: when the ResourceManager that gave the id started, and a sequence number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReservationId {
    cluster_timestamp: u64,
    sequence: u64,
}

impl ReservationId {
    /// The reservation `sequence` of the ResourceManager that started at `cluster_timestamp` (milliseconds).
    pub const fn new(cluster_timestamp: u64, sequence: u64) -> Self {
        Self {
            cluster_timestamp,
            sequence,
        }
    }

    /// When the ResourceManager that gave the id started, in milliseconds since the epoch.
    pub const fn cluster_timestamp(self) -> u64 {
        self.cluster_timestamp
    }

    /// The number of the reservation, from 1.
    pub const fn sequence(self) -> u64 {
        self.sequence
    }
}

impl fmt::Display for ReservationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "reservation_{}_{:04}", self.cluster_timestamp, self.sequence)
    }
}

impl FromStr for ReservationId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = KIND.parts(text, "reservation")?;
        let [timestamp, sequence] = parts[..] else {
            return Err(KIND.error(text, "it has not two numbers"));
        };
        Ok(Self::new(
            KIND.long(text, timestamp, "cluster timestamp")?,
            KIND.long(text, sequence, "reservation number")?,
        ))
    }
}

serde_as_text!(ReservationId);
