//! `rest.profiling.*`.

use std::path::PathBuf;
use std::time::Duration;

use selvedge_core::Configuration;
use selvedge_core::config::ConfigError;
use selvedge_core::config::options::rest;

use super::ProfilingError;

/// How profiles are made and kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfilingSettings {
    /// `rest.profiling.enabled`: whether there are paths for it.
    pub enabled: bool,
    /// `rest.profiling.duration-max`.
    pub max_duration: Duration,
    /// `rest.profiling.history-size`: how many are kept.
    pub history_size: usize,
    /// `rest.profiling.dir`: where their files are.
    pub directory: PathBuf,
}

impl ProfilingSettings {
    /// Reads the settings.
    ///
    /// # Errors
    /// A value that cannot be used; the error names its key.
    pub fn read(configuration: &Configuration) -> Result<Self, ConfigError> {
        let history_size = configuration.get(&rest::PROFILING_HISTORY_SIZE)?;
        Ok(Self {
            enabled: configuration.get(&rest::PROFILING_ENABLED)?,
            max_duration: configuration.get(&rest::PROFILING_DURATION_MAX)?,
            history_size: usize::try_from(history_size).unwrap_or(usize::MAX),
            directory: configuration.get(&rest::PROFILING_DIR)?.into(),
        })
    }

    /// Whether a process may be sampled for so long.
    ///
    /// # Errors
    /// It may not; the error tells the bounds.
    pub fn check(&self, asked: Duration) -> Result<(), ProfilingError> {
        // Flink compares whole seconds.
        let most = Duration::from_secs(self.max_duration.as_secs());
        match asked {
            Duration::ZERO => Err(ProfilingError::Duration { asked, most }),
            asked if asked > most => Err(ProfilingError::Duration { asked, most }),
            _ => Ok(()),
        }
    }
}
