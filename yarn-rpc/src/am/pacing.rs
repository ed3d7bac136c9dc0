//! When the next heartbeat is due.

use std::time::Duration;

use tokio::time::Instant;

/// How often a started [`AmClient`](super::AmClient) beats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The pause while nothing is under way. Default 1 s, Java's. Well below
    /// `yarn.am.liveness-monitor.expiry-interval-ms`.
    pub idle: Duration,
    /// The pause while containers or updates are outstanding. Default 200 ms.
    pub asking: Duration,
    /// No two heartbeats are closer than this, whatever is asked. Default 50 ms.
    pub floor: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(1),
            asking: Duration::from_millis(200),
            floor: Duration::from_millis(50),
        }
    }
}

/// So long is waited for more after the first news, so that what is asked in the same breath travels together.
const GATHER: Duration = Duration::from_millis(1);

/// Paces heartbeats: slow while nothing is wanted, faster while something is under way, at once for news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pacing {
    pace: Pace,
    last: Option<Instant>,
    due: Instant,
}

impl Pacing {
    /// The first heartbeat is due at once.
    pub(super) const fn new(pace: Pace, now: Instant) -> Self {
        Self {
            pace,
            last: None,
            due: now,
        }
    }

    pub(super) const fn due(&self) -> Instant {
        self.due
    }

    /// A heartbeat was answered.
    pub(super) fn answered(&mut self, now: Instant, awaits_news: bool) {
        self.last = Some(now);
        let pause = if awaits_news { self.pace.asking } else { self.pace.idle };
        self.due = now + pause.max(self.pace.floor);
    }

    /// There is something to say: at once, but not sooner than the floor after the last heartbeat.
    pub(super) fn news(&mut self, now: Instant) {
        let earliest = self.last.map_or(now, |last| last + self.pace.floor);
        self.due = self.due.min(earliest.max(now + GATHER));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace {
        idle: Duration::from_secs(5),
        asking: Duration::from_millis(500),
        floor: Duration::from_millis(100),
    };

    #[test]
    fn heartbeats_are_slow_while_nothing_is_under_way_and_faster_while_something_is() {
        let now = Instant::now();
        for (awaits_news, pause) in [(false, PACE.idle), (true, PACE.asking)] {
            let mut pacing = Pacing::new(PACE, now);
            assert_eq!(pacing.due(), now);
            pacing.answered(now, awaits_news);
            assert_eq!(pacing.due(), now + pause);
        }
    }

    #[test]
    fn news_go_at_once_but_never_closer_than_the_floor() {
        let now = Instant::now();
        let mut pacing = Pacing::new(PACE, now);
        pacing.answered(now, false);
        pacing.news(now + Duration::from_millis(10));
        assert_eq!(pacing.due(), now + PACE.floor);
        let mut pacing = Pacing::new(PACE, now);
        pacing.answered(now, false);
        let later = now + Duration::from_secs(2);
        pacing.news(later);
        assert_eq!(pacing.due(), later + GATHER);
    }

    #[test]
    fn news_never_postpone_a_heartbeat() {
        let now = Instant::now();
        let mut pacing = Pacing::new(PACE, now);
        pacing.answered(now, true);
        pacing.news(now + PACE.asking + PACE.floor);
        assert_eq!(pacing.due(), now + PACE.asking);
    }
}
