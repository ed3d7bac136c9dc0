//! Why there is no profile.

use std::time::Duration;

use thiserror::Error;

/// What is wrong with a request for a profile, or for its file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProfilingError {
    /// A mode that is none, or one of Flink's that has no meaning without a JVM.
    #[error(
        "there is no profiling mode '{0}': CPU and ITIMER are there; of Flink's others, ALLOC and LOCK look into a Java virtual \
         machine, and WALL samples threads that wait"
    )]
    Mode(String),
    /// A profile of no time, or of too much.
    #[error(
        "a profile of {} s is refused: its `duration` must be in (0s, {}s], see rest.profiling.duration-max",
        .asked.as_secs(), .most.as_secs()
    )]
    Duration {
        /// What was asked for.
        asked: Duration,
        /// `rest.profiling.duration-max`.
        most: Duration,
    },
    /// The process is sampled for another profile.
    #[error("{0} is still under profiling: ask again when that profile is finished")]
    Busy(String),
    /// No such profile is kept.
    #[error("there is no profile '{0}': the list of profiles names the files of those that are finished")]
    UnknownFile(String),
}
