//! How long a ZooKeeper session is certain to live. Pure.
//!
//! ZooKeeper's client declares a session expired 1.4 time-outs after the last contact, when the servers may have given the
//! leadership to another long ago. The servers count from when they receive a request, which is not before it was sent: one
//! time-out after sending the last request that was answered, no other leader can exist yet.

use std::time::Duration;

use tokio::time::Instant;

/// Renewals in one time-out: one that is lost leaves enough of them.
const RENEWALS: u32 = 6;

/// The time for which a session's leadership holds without asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lease {
    timeout: Duration,
    ends: Instant,
}

impl Lease {
    /// The lease of a session with this time-out, whose last answered request was sent then.
    pub(super) fn new(timeout: Duration, sent: Instant) -> Self {
        Self {
            timeout,
            ends: sent + timeout,
        }
    }

    /// Another request was answered.
    pub(super) fn renew(&mut self, sent: Instant) {
        self.ends = self.ends.max(sent + self.timeout);
    }

    /// Whether no other leader can exist at this time.
    pub(super) fn holds(&self, now: Instant) -> bool {
        now < self.ends
    }

    /// When it ends.
    pub(super) const fn ends(&self) -> Instant {
        self.ends
    }

    /// How often it is to be renewed.
    pub(super) fn interval(&self) -> Duration {
        self.timeout / RENEWALS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(6);

    #[test]
    fn a_lease_holds_for_one_timeout_from_when_its_last_answered_request_was_sent() {
        let start = Instant::now();
        let mut lease = Lease::new(TIMEOUT, start);
        assert!(lease.holds(start + TIMEOUT - Duration::from_millis(1)));
        assert!(
            !lease.holds(start + TIMEOUT),
            "the servers may have expired the session"
        );
        lease.renew(start + Duration::from_secs(2));
        assert_eq!(lease.ends(), start + Duration::from_secs(8));
    }

    #[test]
    fn an_answer_that_comes_out_of_order_takes_nothing_away() {
        let start = Instant::now();
        let mut lease = Lease::new(TIMEOUT, start + Duration::from_secs(3));
        lease.renew(start);
        assert_eq!(lease.ends(), start + Duration::from_secs(9));
    }

    #[test]
    fn an_answer_after_a_long_stop_does_not_bring_a_lease_back() {
        let start = Instant::now();
        let mut lease = Lease::new(TIMEOUT, start);
        // Sent before the process was stopped, read after.
        lease.renew(start + Duration::from_secs(1));
        assert!(!lease.holds(start + Duration::from_secs(60)));
    }
}
