//! When changes are acted upon, pure: the first one at once, those that follow it gathered for a while.

use std::time::Duration;

use tokio::time::Instant;

/// Gathers changes.
#[derive(Debug)]
pub(super) struct Gathering {
    delay: Duration,
    acted: Option<Instant>,
    due: Option<Instant>,
}

impl Gathering {
    pub(super) const fn new(delay: Duration) -> Self {
        Self {
            delay,
            acted: None,
            due: None,
        }
    }

    /// Something changed.
    pub(super) fn note(&mut self, now: Instant) {
        let at = self.acted.map_or(now, |acted| now.max(acted + self.delay));
        self.due.get_or_insert(at);
    }

    /// Something changed that cannot wait.
    pub(super) fn hurry(&mut self, now: Instant) {
        self.due = Some(now);
    }

    /// When to act.
    pub(super) const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Whether to act now; if so, what changes from now on waits.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        if self.due.is_none_or(|due| due > now) {
            return false;
        }
        self.due = None;
        self.acted = Some(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_change_is_acted_upon_at_once_and_the_next_ones_together() {
        let delay = Duration::from_millis(50);
        let (start, mut changes) = (Instant::now(), Gathering::new(delay));
        assert!(!changes.take(start), "nothing changed");
        changes.note(start);
        assert!(changes.take(start));
        let soon = start + Duration::from_millis(10);
        changes.note(soon);
        changes.note(soon + Duration::from_millis(5));
        assert!(!changes.take(soon));
        assert_eq!(changes.due(), Some(start + delay));
        assert!(changes.take(start + delay));
        assert_eq!(changes.due(), None);
        let later = start + 10 * delay;
        changes.note(later);
        assert_eq!(changes.due(), Some(later), "enough time has passed");
        changes.take(later);
        changes.note(later);
        changes.hurry(later);
        assert!(changes.take(later));
    }
}
