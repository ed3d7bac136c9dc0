//! Time, in one place, so that the simulation rules it: nothing else calls `now()` of the standard library.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Wall-clock time in milliseconds since the epoch, as REST prints it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(u64);

impl Timestamp {
    /// So many milliseconds since the epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// The time since `earlier`, zero where the clock went back.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)),
        )
    }
}

impl Sub for Timestamp {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.since(earlier)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = std::time::UNIX_EPOCH + Duration::from_millis(self.0);
        write!(f, "{}", humantime::format_rfc3339_millis(time))
    }
}

/// Where a component reads the time.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The time of day: what users see.
    fn wall(&self) -> Timestamp;

    /// Time that never goes back: what intervals and time-outs are measured by. Follows tokio's paused time in tests.
    fn monotonic(&self) -> tokio::time::Instant {
        tokio::time::Instant::now()
    }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the machine's time of day is read"
    )]
    fn wall(&self) -> Timestamp {
        let since_epoch = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
    }
}

/// Monotonic time for code outside tokio, such as task threads: the machine's, unless the thread has entered a runtime
/// whose time is paused, which is then followed.
pub fn thread_now() -> std::time::Instant {
    tokio::time::Instant::now().into_std()
}

/// What has passed since a reading of [`thread_now`].
pub fn thread_elapsed(since: std::time::Instant) -> Duration {
    thread_now().saturating_duration_since(since)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_went_back_gives_no_time() {
        assert_eq!(Timestamp::from_millis(5) - Timestamp::from_millis(9), Duration::ZERO);
        assert_eq!(
            Timestamp::from_millis(5) + Duration::from_secs(1),
            Timestamp::from_millis(1005)
        );
    }

    #[test]
    fn a_timestamp_prints_as_a_date() {
        assert_eq!(Timestamp::from_millis(0).to_string(), "1970-01-01T00:00:00.000Z");
    }
}
