//! Jobs whose client must show that it is there: a job is cancelled when its client is overdue. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use selvedge_core::JobId;
use selvedge_runtime::clock::Timestamp;

#[derive(Debug)]
pub(super) struct ClientWatch {
    /// How long a client may stay silent at first; `None` where clients are not watched before they have spoken.
    timeout: Option<Duration>,
    expiries: BTreeMap<JobId, Timestamp>,
}

impl ClientWatch {
    pub(super) const fn new(timeout: Option<Duration>) -> Self {
        Self {
            timeout,
            expiries: BTreeMap::new(),
        }
    }

    /// A job runs.
    pub(super) fn begin(&mut self, job: JobId, now: Timestamp) {
        if let Some(timeout) = self.timeout {
            self.expiries.insert(job, now + timeout);
        }
    }

    /// The client of a running job says until when it is sure to be there.
    pub(super) fn heard(&mut self, job: JobId, expiry: Timestamp) {
        self.expiries.insert(job, expiry);
    }

    /// A job has ended.
    pub(super) fn end(&mut self, job: &JobId) {
        self.expiries.remove(job);
    }

    /// The jobs whose clients are overdue; they are not watched any more.
    pub(super) fn overdue(&mut self, now: Timestamp) -> Vec<JobId> {
        let overdue: Vec<_> = self
            .expiries
            .iter()
            .filter(|(_, expiry)| **expiry <= now)
            .map(|(job, _)| *job)
            .collect();
        for job in &overdue {
            self.expiries.remove(job);
        }
        overdue
    }

    /// How long until [`Self::overdue`] is to be called.
    pub(super) fn next(&self, now: Timestamp) -> Option<Duration> {
        self.expiries.values().min().map(|expiry| expiry.since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: JobId = JobId::from_bytes([1; 16]);
    const TIMEOUT: Duration = Duration::from_secs(180);

    const fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn a_client_that_was_heard_has_until_the_time_that_it_named() {
        let mut watch = ClientWatch::new(Some(TIMEOUT));
        watch.begin(JOB, at(0));
        assert_eq!(watch.next(at(30)), Some(Duration::from_secs(150)));
        watch.heard(JOB, at(210));
        assert_eq!(watch.overdue(at(180)), []);
        assert_eq!(watch.overdue(at(210)), [JOB]);
        assert_eq!(
            (watch.overdue(at(999)), watch.next(at(999))),
            (vec![], None),
            "told once"
        );
    }

    #[test]
    fn a_job_that_has_ended_or_whose_client_may_go_is_not_watched() {
        let mut watch = ClientWatch::new(Some(TIMEOUT));
        watch.begin(JOB, at(0));
        watch.end(&JOB);
        assert_eq!(watch.overdue(at(999)), []);
        let mut watch = ClientWatch::new(None);
        watch.begin(JOB, at(0));
        assert_eq!(watch.next(at(0)), None);
    }
}
