//! When the next heartbeat is due.

use std::time::Duration;

use tokio::time::Instant;

/// The first ask waits only so long, so that those made in the same breath travel with it.
const GATHER: Duration = Duration::from_millis(2);
/// A container that was granted waits for the next heartbeat: for no more than this part of the time since it was asked for.
const PART: u32 = 16;
/// No pause is shorter while containers are outstanding, but for a shorter setting.
const SHORTEST: Duration = Duration::from_millis(5);

/// Paces heartbeats: slow while nothing is wanted, at once for the first ask, then the faster the less time has passed since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pacing {
    idle: Duration,
    asking: Duration,
    last: Instant,
    due: Instant,
    /// When containers were wanted where none had been outstanding.
    asked: Instant,
    /// Until then someone waits for news.
    hurried_until: Instant,
}

impl Pacing {
    /// Pauses of `idle`, and of `asking` at most while containers are outstanding; the first heartbeat is due at once, since any
    /// call tells what is new.
    pub(super) const fn new(idle: Duration, asking: Duration, now: Instant) -> Self {
        Self {
            idle,
            asking,
            last: now,
            due: now,
            asked: now,
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
        self.due = now
            + match outstanding {
                0 if now < self.hurried_until => self.asking,
                0 => self.idle,
                _ => self.while_outstanding(now),
            };
    }

    fn while_outstanding(&self, now: Instant) -> Duration {
        let waited = now.saturating_duration_since(self.asked);
        (waited / PART).max(SHORTEST).min(self.asking)
    }

    /// Containers are wanted where none were outstanding.
    pub(super) fn first_ask(&mut self, now: Instant) {
        self.asked = now;
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
    fn heartbeats_are_slow_while_nothing_is_wanted() {
        let (pacing, now) = answered(0);
        assert_eq!(pacing.due(), now + IDLE);
    }

    #[test]
    fn what_is_asked_for_is_looked_for_soon_at_first_and_then_ever_more_seldom() {
        let (mut pacing, start) = answered(0);
        pacing.first_ask(start);
        let millis = Duration::from_millis;
        for (waited, pause) in [(0, 5), (80, 5), (400, 25), (2_000, 125), (8_000, 500), (3_600_000, 500)] {
            let now = start + millis(waited);
            pacing.answered(now, 3);
            assert_eq!(pacing.due(), now + millis(pause), "{waited} ms after the ask");
        }
        let again = start + millis(3_700_000);
        pacing.first_ask(again);
        pacing.answered(again, 1);
        assert_eq!(pacing.due(), again + SHORTEST, "a new ask begins anew");
    }

    #[test]
    fn a_shorter_setting_counts() {
        let (start, short) = (Instant::now(), Duration::from_millis(2));
        let mut pacing = Pacing::new(IDLE, short, start);
        pacing.first_ask(start);
        let now = start + Duration::from_secs(9);
        pacing.answered(now, 1);
        assert_eq!(pacing.due(), now + short);
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
