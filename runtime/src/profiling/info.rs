//! A profile as REST shows it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ProfilingError;
use crate::clock::Timestamp;

/// What decides when a sample is taken. Both are the same here: every 10 ms of CPU time that the process uses, by the timer
/// `ITIMER_PROF`. In Flink, CPU counts by the kernel's performance events, which containers seldom may use, and shows the
/// kernel's own functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum ProfilingMode {
    /// By CPU time.
    Cpu,
    /// By CPU time, by a timer of the process.
    Itimer,
}

impl FromStr for ProfilingMode {
    type Err = ProfilingError;

    fn from_str(text: &str) -> Result<Self, ProfilingError> {
        match text {
            "CPU" => Ok(Self::Cpu),
            "ITIMER" => Ok(Self::Itimer),
            other => Err(ProfilingError::Mode(other.to_owned())),
        }
    }
}

impl fmt::Display for ProfilingMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cpu => "CPU",
            Self::Itimer => "ITIMER",
        })
    }
}

/// How far a profile is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum ProfilingStatus {
    /// Being recorded.
    Running,
    /// Its file is there.
    Finished,
    /// There is none; `message` says why.
    Failed,
}

/// A profile, in Flink's JSON: fields that say nothing yet are `null`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ProfilingInfo {
    /// How far it is.
    pub status: ProfilingStatus,
    /// What it samples by.
    pub mode: ProfilingMode,
    /// When it was asked for.
    pub trigger_time: Timestamp,
    /// When it ended.
    pub finished_time: Option<Timestamp>,
    /// For how long the process is sampled, in seconds.
    pub duration: u64,
    /// How it ended.
    pub message: Option<String>,
    /// The name of its file.
    pub output_file: Option<String>,
}
