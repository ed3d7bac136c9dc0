//! The JobMasters that lead the jobs, pure: who may declare what a job needs, and how long a job without one keeps its slots.
//! Who leads, the election says; a JobMaster that comes before it is told of waits.
//!
//! ```text
//!   comes ──► awaited ──the election names it──► led ──it has ended, or the election names another, or none──► awaited
//!                │                                └── disconnects ──► forgotten
//!                └── resourcemanager.job.timeout, disconnects ──► forgotten
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use selvedge_core::{JobId, LeaderSessionId};
use tokio::time::Instant;

use super::ResourceManagerError;

#[derive(Debug, Clone, Copy)]
struct Job {
    /// Who leads, as the election says.
    leader: Option<LeaderSessionId>,
    /// Who registered last. What it has declared holds until another one comes.
    job_master: Option<LeaderSessionId>,
    /// Nobody who leads is registered: until when one is waited for.
    awaited_until: Option<Instant>,
}

/// What becomes of a JobMaster that comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim {
    /// It leads.
    Holds,
    /// The election has not named it yet.
    Waits,
}

/// The leaders by job.
#[derive(Debug)]
pub(super) struct JobLeaders {
    timeout: Duration,
    jobs: BTreeMap<JobId, Job>,
}

impl JobLeaders {
    pub(super) const fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            jobs: BTreeMap::new(),
        }
    }

    /// A JobMaster of the job has come, for the first time.
    pub(super) fn follow(&mut self, job: JobId, now: Instant) {
        self.jobs.entry(job).or_insert(Job {
            leader: None,
            job_master: None,
            awaited_until: Some(now + self.timeout),
        });
    }

    /// The election says who leads the job. The JobMaster that thereby leads no more.
    pub(super) fn leader_is(
        &mut self,
        job: JobId,
        leader: Option<LeaderSessionId>,
        now: Instant,
    ) -> Option<LeaderSessionId> {
        let known = self.jobs.get_mut(&job)?;
        known.leader = leader;
        let lost = known.job_master.filter(|job_master| Some(*job_master) != leader);
        if lost.is_none() || known.awaited_until.is_some() {
            return None;
        }
        known.awaited_until = Some(now + self.timeout);
        lost
    }

    /// A JobMaster says that it leads the job: again, for the first time, or in place of another one. Where the election
    /// names somebody who is not here, what it says may be old.
    pub(super) fn claim(&mut self, job: JobId, job_master_id: LeaderSessionId) -> Result<Claim, ResourceManagerError> {
        let known = self.jobs.get_mut(&job).ok_or(ResourceManagerError::UnknownJob(job))?;
        if known.leader == Some(job_master_id) {
            known.job_master = Some(job_master_id);
            known.awaited_until = None;
            return Ok(Claim::Holds);
        }
        match known.job_master {
            Some(leads) if known.awaited_until.is_none() => Err(stale(job, leads, job_master_id)),
            _ => Ok(Claim::Waits),
        }
    }

    /// The one place where stale calls of JobMasters are dropped.
    pub(super) fn check(&self, job: JobId, job_master_id: LeaderSessionId) -> Result<(), ResourceManagerError> {
        self.check_last(job, job_master_id)?;
        match self.jobs.get(&job).and_then(|known| known.awaited_until) {
            None => Ok(()),
            Some(_) => Err(ResourceManagerError::NotLeading {
                job,
                job_master: job_master_id,
            }),
        }
    }

    /// The same for the last word of a JobMaster: the election may have dropped it before.
    pub(super) fn check_last(&self, job: JobId, job_master_id: LeaderSessionId) -> Result<(), ResourceManagerError> {
        match self.jobs.get(&job).and_then(|known| known.job_master) {
            Some(job_master) if job_master == job_master_id => Ok(()),
            Some(job_master) => Err(stale(job, job_master, job_master_id)),
            None => Err(ResourceManagerError::UnknownJob(job)),
        }
    }

    /// Whether a JobMaster of the job has ever been registered.
    pub(super) fn had_job_master(&self, job: &JobId) -> bool {
        self.jobs.get(job).is_some_and(|known| known.job_master.is_some())
    }

    /// A JobMaster has ended without a word. `false` where it led nothing.
    pub(super) fn ended(&mut self, job: JobId, job_master_id: LeaderSessionId, now: Instant) -> bool {
        match self.jobs.get_mut(&job) {
            Some(known) if known.job_master == Some(job_master_id) && known.awaited_until.is_none() => {
                known.awaited_until = Some(now + self.timeout);
                true
            }
            _ => false,
        }
    }

    pub(super) fn forget(&mut self, job: &JobId) {
        self.jobs.remove(job);
    }

    /// Jobs for which no JobMaster came in time; they are forgotten.
    pub(super) fn expired(&mut self, now: Instant) -> Vec<JobId> {
        let is_over = |_: &JobId, known: &mut Job| known.awaited_until.is_some_and(|until| until <= now);
        self.jobs.extract_if(.., is_over).map(|(job, _)| job).collect()
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.jobs.values().filter_map(|known| known.awaited_until).min()
    }
}

fn stale(job: JobId, known: LeaderSessionId, given: LeaderSessionId) -> ResourceManagerError {
    let error = ResourceManagerError::StaleJobMaster { job, known, given };
    tracing::warn!("dropped a stale call: {error}");
    error
}

#[cfg(test)]
#[path = "job_leaders_tests.rs"]
mod tests;
