//! When the next heartbeat is due.

use std::time::Duration;

use tokio::time::Instant;

/// The first ask waits only so long, so that those made in the same breath travel with it.
const GATHER: Duration = Duration::from_millis(2);

/// Paces heartbeats: slow while nothing is wanted, faster while containers are outstanding, at once for the first ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pacing {
    idle: Duration,
    asking: Duration,
    last: Instant,
    due: Instant,
    /// Until then someone waits for news.
    hurried_until: Instant,
}

impl Pacing {
    /// Pauses of `idle` and `asking`; the first heartbeat is due at once, since any call tells what is new.
    pub(super) const fn new(idle: Duration, asking: Duration, now: Instant) -> Self {
        Self {
            idle,
            asking,
            last: now,
            due: now,
            hurried_until: now,
        }
    }

    /// When the next heartbeat is due.
    pub(super) const fn due(&self) -> Instant {
        self.due
    }

    /// A heartbeat was answered; `outstanding` containers are still wanted.
    pub(super) fn answered(&mut self, now: Instant, outstanding: u32) {
        self.last = now;
        let is_fast = outstanding > 0 || now < self.hurried_until;
        self.due = now + if is_fast { self.asking } else { self.idle };
    }

    /// Containers are wanted where none were outstanding.
    pub(super) fn first_ask(&mut self, now: Instant) {
        self.due = self.due.min(now + GATHER);
    }

    /// Something else is to be told: not at once, so that a flood of news is not a flood of heartbeats.
    pub(super) fn news(&mut self, now: Instant) {
        self.due = self.due.min((self.last + self.asking).max(now));
    }

    /// Someone waits for news that YARN may have soon: the end of a worker takes a moment to get there.
    pub(super) fn hurry(&mut self, now: Instant) {
        self.hurried_until = now + self.idle;
        self.news(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_secs(5);
    const ASKING: Duration = Duration::from_millis(500);

    fn answered(outstanding: u32) -> (Pacing, Instant) {
        let now = Instant::now();
        let mut pacing = Pacing::new(IDLE, ASKING, now);
        assert_eq!(pacing.due(), now);
        pacing.answered(now, outstanding);
        (pacing, now)
    }

    #[test]
    fn heartbeats_are_slow_while_nothing_is_wanted_and_faster_while_containers_are_outstanding() {
        for (outstanding, pause) in [(0, IDLE), (3, ASKING)] {
            let (pacing, now) = answered(outstanding);
            assert_eq!(pacing.due(), now + pause);
        }
    }

    #[test]
    fn the_first_ask_does_not_wait_for_a_sleeping_heartbeat() {
        let (mut pacing, now) = answered(0);
        let later = now + Duration::from_millis(1);
        pacing.first_ask(later);
        assert_eq!(pacing.due(), later + GATHER);
    }

    #[test]
    fn other_news_wait_for_the_faster_pause_since_the_last_heartbeat() {
        let (mut pacing, now) = answered(0);
        pacing.news(now + Duration::from_millis(100));
        assert_eq!(pacing.due(), now + ASKING);
        let (mut pacing, now) = answered(0);
        pacing.news(now + Duration::from_secs(2));
        assert_eq!(pacing.due(), now + Duration::from_secs(2));
    }

    #[test]
    fn news_never_postpone_a_heartbeat() {
        let (mut pacing, now) = answered(0);
        pacing.first_ask(now);
        pacing.news(now);
        assert_eq!(pacing.due(), now + GATHER);
    }

    #[test]
    fn who_waits_for_news_gets_them_soon_for_a_while() {
        let (mut pacing, now) = answered(0);
        let later = now + Duration::from_secs(2);
        pacing.hurry(later);
        assert_eq!(pacing.due(), later);
        pacing.answered(later, 0);
        assert_eq!(pacing.due(), later + ASKING);
        pacing.answered(later + IDLE, 0);
        assert_eq!(pacing.due(), later + IDLE + IDLE);
    }
}
