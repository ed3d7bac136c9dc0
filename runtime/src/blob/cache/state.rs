//! How long the blobs of a job are kept: as long as somebody uses them, and a while longer. Pure.
//!
//! ```text
//! unknown ──begin──► used by n ──the last one ends──► kept until then ──due──► unknown
//!                        ▲                                  │ begin
//!                        └──────────────────────────────────┘
//! ```

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use selvedge_core::JobId;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    By(usize),
    /// By nobody; `None` where that time never comes.
    Until(Option<Instant>),
}

/// Who uses the blobs of which jobs.
#[derive(Debug)]
pub(super) struct Uses {
    jobs: BTreeMap<JobId, Use>,
    keep: Duration,
}

impl Uses {
    pub(super) const fn new(keep: Duration) -> Self {
        Self {
            jobs: BTreeMap::new(),
            keep,
        }
    }

    /// One more uses them; whether it is the first.
    pub(super) fn begin(&mut self, job: JobId) -> bool {
        let used = self.jobs.entry(job).or_insert(Use::By(0));
        let before = match *used {
            Use::By(count) => count,
            Use::Until(_) => 0,
        };
        *used = Use::By(before + 1);
        before == 0
    }

    /// One less does; whether it was the last.
    pub(super) fn end(&mut self, job: JobId, now: Instant) -> bool {
        let Some(used) = self.jobs.get_mut(&job) else {
            return false;
        };
        match *used {
            Use::By(count) if count > 1 => {
                *used = Use::By(count - 1);
                false
            }
            Use::By(_) => {
                *used = Use::Until(now.checked_add(self.keep));
                true
            }
            Use::Until(_) => false,
        }
    }

    /// The jobs whose blobs are to be deleted now; they are not known any more.
    pub(super) fn due(&mut self, now: Instant) -> Vec<JobId> {
        let is_due = |used: &Use| matches!(used, Use::Until(Some(until)) if *until <= now);
        let due: Vec<_> = self
            .jobs
            .iter()
            .filter(|(_, used)| is_due(used))
            .map(|(job, _)| *job)
            .collect();
        for job in &due {
            self.jobs.remove(job);
        }
        due
    }

    /// When blobs are to be deleted next.
    pub(super) fn next(&self) -> Option<Instant> {
        let until = self.jobs.values().filter_map(|used| match used {
            Use::Until(until) => *until,
            Use::By(_) => None,
        });
        until.min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, SystemClock};

    const JOB: JobId = JobId::from_bytes([1; 16]);
    const KEEP: Duration = Duration::from_secs(10);

    fn now() -> Instant {
        SystemClock.monotonic().into_std()
    }

    #[test]
    fn blobs_are_kept_while_used_and_a_while_after() {
        let (mut uses, start) = (Uses::new(KEEP), now());
        assert!(uses.begin(JOB));
        assert!(!uses.begin(JOB));
        assert!(!uses.end(JOB, start));
        assert_eq!((uses.next(), uses.due(start + 2 * KEEP)), (None, vec![]));
        assert!(uses.end(JOB, start));
        assert_eq!(uses.next(), Some(start + KEEP));
        assert_eq!(uses.due(start + KEEP - Duration::from_nanos(1)), []);
        assert_eq!(uses.due(start + KEEP), [JOB]);
        assert_eq!((uses.next(), uses.due(start + KEEP)), (None, vec![]));
    }

    #[test]
    fn blobs_that_are_used_again_in_time_stay() {
        let (mut uses, start) = (Uses::new(KEEP), now());
        uses.begin(JOB);
        uses.end(JOB, start);
        assert!(uses.begin(JOB), "what was not used is looked at again");
        assert_eq!(uses.due(start + 2 * KEEP), []);
        uses.end(JOB, start + KEEP);
        assert_eq!(uses.due(start + KEEP), []);
        assert_eq!(uses.due(start + 2 * KEEP), [JOB]);
    }

    #[test]
    fn jobs_do_not_count_for_each_other() {
        let (mut uses, start) = (Uses::new(Duration::ZERO), now());
        let other = JobId::from_bytes([2; 16]);
        uses.begin(JOB);
        uses.begin(other);
        assert!(uses.end(other, start));
        assert!(!uses.end(other, start), "it is over already");
        assert_eq!(uses.due(start), [other]);
    }
}
