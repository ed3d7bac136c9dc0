//! Processes that the NodeManager starts again by itself.

use std::collections::BTreeSet;
use std::time::Duration;

use super::LaunchError;

/// Hadoop's NodeManagers wait at least so long between two starts.
pub const MIN_RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// When and how often the NodeManager starts a process again, in the same container and the same directory, before it
/// reports the container as ended. REST cannot carry it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryContext {
    when: RetryWhen,
    max_retries: Option<u32>,
    interval: Duration,
    failures_validity_interval: Option<Duration>,
}

/// After which ends a process is started again.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RetryWhen {
    /// Any exit code but 0.
    AnyError,
    /// These exit codes.
    ExitCodes(BTreeSet<i32>),
}

impl RetryContext {
    /// Starts a process again, one second after it has ended; `None` for ever.
    ///
    /// # Errors
    /// [`LaunchError::Retry`] for an empty set of exit codes, one that holds 0 (the process ended well), or more
    /// retries than Hadoop counts.
    pub fn new(when: RetryWhen, max_retries: Option<u32>) -> Result<Self, LaunchError> {
        if let RetryWhen::ExitCodes(codes) = &when {
            if codes.is_empty() {
                return Err(LaunchError::Retry("no exit code is named".to_owned()));
            }
            if codes.contains(&0) {
                return Err(LaunchError::Retry("exit code 0 is no failure".to_owned()));
            }
        }
        match max_retries {
            Some(0) => Err(LaunchError::Retry("0 retries are none: leave it out".to_owned())),
            Some(many) if i32::try_from(many).is_err() => Err(LaunchError::Retry(format!(
                "{many} retries are more than Hadoop counts"
            ))),
            max_retries => Ok(Self {
                when,
                max_retries,
                interval: MIN_RETRY_INTERVAL,
                failures_validity_interval: None,
            }),
        }
    }

    /// Waits for so long before it starts the process again.
    ///
    /// # Errors
    /// [`LaunchError::Retry`] below [`MIN_RETRY_INTERVAL`] or above 24 days.
    pub fn with_interval(mut self, interval: Duration) -> Result<Self, LaunchError> {
        if interval < MIN_RETRY_INTERVAL || i32::try_from(interval.as_millis()).is_err() {
            let text = format!("an interval of {interval:?} is not between {MIN_RETRY_INTERVAL:?} and 24 days");
            return Err(LaunchError::Retry(text));
        }
        self.interval = interval;
        Ok(self)
    }

    /// Counts only the failures within this time.
    ///
    /// # Errors
    /// [`LaunchError::Retry`] for no time, or more than Hadoop counts.
    pub fn with_failures_validity_interval(mut self, interval: Duration) -> Result<Self, LaunchError> {
        if interval.as_millis() == 0 || i64::try_from(interval.as_millis()).is_err() {
            return Err(LaunchError::Retry(format!(
                "failures cannot be counted within {interval:?}"
            )));
        }
        self.failures_validity_interval = Some(interval);
        Ok(self)
    }

    /// After which ends the process is started again.
    pub fn when(&self) -> &RetryWhen {
        &self.when
    }

    /// How often it is started again at most; `None` for ever.
    pub fn max_retries(&self) -> Option<u32> {
        self.max_retries
    }

    /// How long the NodeManager waits before it starts the process again.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Only failures within this time count; all where `None`.
    pub fn failures_validity_interval(&self) -> Option<Duration> {
        self.failures_validity_interval
    }
}
