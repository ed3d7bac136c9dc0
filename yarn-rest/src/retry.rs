//! How often and how fast a request is repeated.

use std::time::Duration;

use backon::ExponentialBuilder;

use crate::builder::BuildError;

/// How often and how fast a request that does no harm twice is repeated. Delays double, with jitter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Repetitions after the first try.
    pub max_retries: usize,
    /// The first delay.
    pub min_delay: Duration,
    /// The longest delay.
    pub max_delay: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_retries: 4,
            min_delay: Duration::from_millis(100),
            max_delay: Duration::from_secs(2),
        }
    }
}

impl RetryPolicy {
    /// Nothing is repeated.
    pub const NONE: Self = Self {
        max_retries: 0,
        min_delay: Duration::from_millis(100),
        max_delay: Duration::from_secs(2),
    };

    pub(crate) fn check(self) -> Result<(), BuildError> {
        let Self {
            min_delay, max_delay, ..
        } = self;
        if min_delay > max_delay {
            return Err(BuildError::BadRetry { min_delay, max_delay });
        }
        Ok(())
    }

    pub(crate) fn backoff(self) -> ExponentialBuilder {
        ExponentialBuilder::new()
            .with_min_delay(self.min_delay)
            .with_max_delay(self.max_delay)
            .with_max_times(self.max_retries)
            .with_jitter()
    }
}
