//! Sums short times into a counter of milliseconds without losing or inventing any.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What has not made a whole millisecond yet.
#[derive(Debug, Default)]
pub(crate) struct Elapsed(Duration);

impl Elapsed {
    /// Adds to the counter.
    pub(crate) fn add(&mut self, passed: Duration, millis: &AtomicU64) {
        self.0 += passed;
        let whole = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        if whole > 0 {
            millis.fetch_add(whole, Ordering::Relaxed);
            self.0 -= Duration::from_millis(whole);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_times_add_up() {
        let (mut elapsed, millis) = (Elapsed::default(), AtomicU64::new(0));
        for _ in 0..25 {
            elapsed.add(Duration::from_micros(300), &millis);
        }
        assert_eq!(millis.into_inner(), 7);
    }
}
