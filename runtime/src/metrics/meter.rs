//! Events per second over the last minute.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// How often meters take a sample, as in Flink.
pub(super) const SAMPLE_INTERVAL: Duration = Duration::from_secs(5);
/// Over how long they measure, as in Flink.
const SPAN: Duration = Duration::from_secs(60);

/// Samples of a count that only grows. Pure.
///
/// Flink's meters divide by the whole minute from the first second on, and so tell too little of what has just begun; this one
/// divides by the time that it has seen.
#[derive(Debug, Default)]
pub(super) struct RateWindow(VecDeque<(Instant, u64)>);

impl RateWindow {
    /// Takes a sample, and forgets those from before the span.
    pub(super) fn sample(&mut self, now: Instant, count: u64) {
        self.0.push_back((now, count));
        // The newest sample that is a whole span old is where the span begins.
        while self.0.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= SPAN) {
            self.0.pop_front();
        }
    }

    /// Events per second; 0 before the second sample.
    pub(super) fn rate(&self) -> f64 {
        let (Some((from, first)), Some((to, last))) = (self.0.front(), self.0.back()) else {
            return 0.0;
        };
        let seconds = to.duration_since(*from).as_secs_f64();
        match seconds > 0.0 {
            true => last.saturating_sub(*first) as f64 / seconds,
            false => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(samples: &[(u64, u64)]) -> Vec<f64> {
        let start = Instant::now();
        let mut window = RateWindow::default();
        let rate = |(second, count): &(u64, u64)| {
            window.sample(start + Duration::from_secs(*second), *count);
            window.rate()
        };
        samples.iter().map(rate).collect()
    }

    #[test]
    fn a_rate_is_over_the_time_that_was_seen_and_at_most_the_last_minute() {
        assert_eq!(rates(&[(0, 0), (5, 50), (10, 50)]), [0.0, 10.0, 5.0]);
        assert_eq!(
            rates(&[(0, 0), (30, 3000), (60, 3000), (90, 3000)]),
            [0.0, 100.0, 50.0, 0.0]
        );
        assert_eq!(
            rates(&[(0, 9), (5, 4)]),
            [0.0, 0.0],
            "a count that went back is no rate"
        );
        assert_eq!(rates(&[(0, 0), (0, 7)]), [0.0, 0.0]);
    }

    #[test]
    fn no_more_samples_are_kept_than_the_span_has() {
        let start = Instant::now();
        let mut window = RateWindow::default();
        for tick in 0..1000 {
            window.sample(start + SAMPLE_INTERVAL * tick, u64::from(tick));
        }
        assert_eq!(window.0.len(), 13);
    }
}
