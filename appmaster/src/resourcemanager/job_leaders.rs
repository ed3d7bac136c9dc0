//! The JobMasters that lead the jobs, pure: who may declare what a job needs, and how long a job without one keeps its slots.
//!
//! ```text
//!   registers ──► led ──JobMaster has ended──► lost ──resourcemanager.job.timeout──► forgotten
//!                  │ ▲                          │ registers, also another JobMaster
//!                  │ └──────────────────────────┘
//!                  └── disconnects ──► forgotten
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use selvedge_core::{JobId, LeaderSessionId};
use tokio::time::Instant;

use super::ResourceManagerError;

#[derive(Debug, Clone, Copy)]
struct Leader {
    job_master_id: LeaderSessionId,
    /// Its JobMaster has ended: until when another one is waited for.
    lost_until: Option<Instant>,
}

/// The leaders by job.
#[derive(Debug)]
pub(super) struct JobLeaders {
    timeout: Duration,
    jobs: BTreeMap<JobId, Leader>,
}

impl JobLeaders {
    pub(super) const fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            jobs: BTreeMap::new(),
        }
    }

    /// A JobMaster says that it leads the job: again, for the first time, or after another one was lost.
    pub(super) fn register(&mut self, job: JobId, job_master_id: LeaderSessionId) -> Result<(), ResourceManagerError> {
        if let Some(leader) = self.jobs.get(&job)
            && leader.lost_until.is_none()
            && leader.job_master_id != job_master_id
        {
            return Err(stale(job, leader.job_master_id, job_master_id));
        }
        let leader = Leader {
            job_master_id,
            lost_until: None,
        };
        self.jobs.insert(job, leader);
        Ok(())
    }

    /// The one place where stale calls of JobMasters are dropped.
    pub(super) fn check(&self, job: JobId, job_master_id: LeaderSessionId) -> Result<(), ResourceManagerError> {
        match self.jobs.get(&job) {
            Some(leader) if leader.job_master_id == job_master_id => Ok(()),
            Some(leader) => Err(stale(job, leader.job_master_id, job_master_id)),
            None => Err(ResourceManagerError::UnknownJob(job)),
        }
    }

    /// A JobMaster has ended without a word. `false` where it led nothing.
    pub(super) fn lost(&mut self, job: JobId, job_master_id: LeaderSessionId, now: Instant) -> bool {
        match self.jobs.get_mut(&job) {
            Some(leader) if leader.job_master_id == job_master_id => {
                leader.lost_until = Some(now + self.timeout);
                true
            }
            _ => false,
        }
    }

    pub(super) fn forget(&mut self, job: &JobId) {
        self.jobs.remove(job);
    }

    /// Jobs for which no other JobMaster came in time; they are forgotten.
    pub(super) fn expired(&mut self, now: Instant) -> Vec<JobId> {
        let is_over = |_: &JobId, leader: &mut Leader| leader.lost_until.is_some_and(|until| until <= now);
        self.jobs.extract_if(.., is_over).map(|(job, _)| job).collect()
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.jobs.values().filter_map(|leader| leader.lost_until).min()
    }
}

fn stale(job: JobId, known: LeaderSessionId, given: LeaderSessionId) -> ResourceManagerError {
    let error = ResourceManagerError::StaleJobMaster { job, known, given };
    tracing::warn!("dropped a stale call: {error}");
    error
}

#[cfg(test)]
mod tests {
    use selvedge_core::status::{JobLeader, Walk};

    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(300);

    fn job(byte: u8) -> JobId {
        JobId::from_bytes([byte; 16])
    }

    fn master(byte: u8) -> LeaderSessionId {
        LeaderSessionId::from_bytes([byte; 16])
    }

    #[test]
    fn a_second_job_master_is_refused_while_the_first_leads_and_taken_when_it_is_lost() {
        let (now, mut leaders) = (Instant::now(), JobLeaders::new(TIMEOUT));
        leaders.register(job(1), master(1)).unwrap();
        leaders.register(job(1), master(1)).unwrap();
        let stale = ResourceManagerError::StaleJobMaster {
            job: job(1),
            known: master(1),
            given: master(2),
        };
        assert_eq!(leaders.register(job(1), master(2)), Err(stale.clone()));
        assert_eq!(leaders.check(job(1), master(2)), Err(stale));
        assert_eq!(
            leaders.check(job(2), master(1)),
            Err(ResourceManagerError::UnknownJob(job(2)))
        );
        assert!(!leaders.lost(job(1), master(2), now), "it does not lead the job");
        assert!(leaders.lost(job(1), master(1), now));
        leaders.register(job(1), master(2)).unwrap();
        assert_eq!(leaders.deadline(), None);
    }

    #[test]
    fn the_leader_of_a_job_changes_only_as_the_table_says() {
        use JobLeader::{Led, Lost, Unknown};
        type Event = fn(&mut JobLeaders, Instant);
        let events: [Event; 7] = [
            |leaders, _| drop(leaders.register(job(1), master(1))),
            |leaders, _| drop(leaders.register(job(1), master(2))),
            |leaders, now| {
                leaders.lost(job(1), master(1), now);
            },
            |leaders, now| {
                leaders.lost(job(1), master(2), now);
            },
            |leaders, now| drop(leaders.expired(now)),
            |leaders, now| drop(leaders.expired(now + TIMEOUT)),
            |leaders, _| leaders.forget(&job(1)),
        ];
        let kind = |leaders: &JobLeaders| match leaders.jobs.get(&job(1)) {
            None => Unknown,
            Some(leader) if leader.lost_until.is_some() => Lost,
            Some(_) => Led,
        };
        let now = Instant::now();
        let mut walk = Walk::new();
        let rows: &[(JobLeader, &[JobLeader])] = &[
            (Unknown, &[Led, Led, Unknown, Unknown, Unknown, Unknown, Unknown]),
            (Led, &[Led, Led, Lost, Led, Led, Led, Unknown]),
            (Lost, &[Led, Led, Lost, Lost, Lost, Unknown, Unknown]),
        ];
        walk.rows(&events, rows, |from, event| {
            let mut leaders = JobLeaders::new(TIMEOUT);
            if from != Unknown {
                leaders.register(job(1), master(1)).unwrap();
            }
            if from == Lost {
                leaders.lost(job(1), master(1), now);
            }
            event(&mut leaders, now);
            kind(&leaders)
        });
        walk.finish();
    }

    #[test]
    fn a_job_whose_job_master_is_lost_is_forgotten_after_the_timeout() {
        let (now, mut leaders) = (Instant::now(), JobLeaders::new(TIMEOUT));
        leaders.register(job(1), master(1)).unwrap();
        leaders.register(job(2), master(2)).unwrap();
        leaders.lost(job(1), master(1), now);
        assert_eq!(leaders.deadline(), Some(now + TIMEOUT));
        assert!(leaders.expired(now).is_empty());
        assert_eq!(leaders.expired(now + TIMEOUT), [job(1)]);
        assert_eq!(leaders.deadline(), None);
        leaders.forget(&job(2));
        assert!(leaders.check(job(2), master(2)).is_err());
    }
}
