//! Which ended jobs are kept. Pure.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use selvedge_core::JobId;
use tokio::time::Instant;

use super::JobSummary;

#[derive(Debug)]
pub(super) struct Retention {
    expiration: Duration,
    capacity: usize,
    jobs: BTreeMap<JobId, JobSummary>,
    /// In order of their ends, with the time until which each is kept.
    order: VecDeque<(Instant, JobId)>,
}

impl Retention {
    pub(super) const fn new(expiration: Duration, capacity: usize) -> Self {
        Self {
            expiration,
            capacity,
            jobs: BTreeMap::new(),
            order: VecDeque::new(),
        }
    }

    /// Takes a job in; the jobs that have to go for it.
    pub(super) fn insert(&mut self, job: JobId, summary: JobSummary, now: Instant) -> Vec<JobId> {
        if self.jobs.insert(job, summary).is_some() {
            self.order.retain(|(_, other)| *other != job);
        }
        self.order.push_back((now + self.expiration, job));
        let surplus = self.order.len().saturating_sub(self.capacity);
        let dropped: Vec<_> = self.order.drain(..surplus).map(|(_, job)| job).collect();
        self.drop_these(dropped)
    }

    /// The jobs whose time has passed.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<JobId> {
        let passed = self.order.partition_point(|(until, _)| *until <= now);
        let dropped: Vec<_> = self.order.drain(..passed).map(|(_, job)| job).collect();
        self.drop_these(dropped)
    }

    /// When the next one's has.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.order.front().map(|(until, _)| *until)
    }

    pub(super) fn get(&self, job: &JobId) -> Option<&JobSummary> {
        self.jobs.get(job)
    }

    pub(super) fn summaries(&self) -> impl Iterator<Item = &JobSummary> {
        self.jobs.values()
    }

    fn drop_these(&mut self, jobs: Vec<JobId>) -> Vec<JobId> {
        for job in &jobs {
            self.jobs.remove(job);
        }
        jobs
    }
}
