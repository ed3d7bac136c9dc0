//! Where the two ends of a channel find each other, whichever comes first: pure. `P` is the producing end, `C` the
//! consuming one.

use std::collections::{BTreeMap, VecDeque};

use selvedge_core::{JobId, LeaderSessionId};

use super::channel::{ChannelId, JobKey};

/// How many ended jobs are remembered, to refuse their late streams.
const ENDED_JOBS: usize = 1024;

/// The channels of a worker whose ends have not met, and which jobs may use it.
#[derive(Debug)]
pub(super) struct Rendezvous<P, C> {
    waiting: BTreeMap<(JobKey, ChannelId), Waiting<P, C>>,
    current: BTreeMap<JobId, LeaderSessionId>,
    ended: VecDeque<JobKey>,
}

#[derive(Debug)]
enum Waiting<P, C> {
    Producer(P),
    Consumer(C),
    /// The producer's worker was lost before the consumer came.
    Lost(P),
}

/// What a newly registered end meets.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Met<T> {
    /// Nobody yet.
    Nobody,
    /// The other end.
    Other(T),
    /// The other end, which is lost already.
    Lost(T),
    /// An end of its own kind: nothing has changed.
    Duplicate,
}

impl<P: Clone, C> Rendezvous<P, C> {
    pub(super) const fn new() -> Self {
        Self {
            waiting: BTreeMap::new(),
            current: BTreeMap::new(),
            ended: VecDeque::new(),
        }
    }

    /// The worker takes part in the job under this leader. An earlier leader's job is over, which is returned.
    pub(super) fn begin_job(&mut self, job: JobKey) -> Option<JobKey> {
        self.ended.retain(|ended| *ended != job);
        let before = self.current.insert(job.job_id, job.job_master_id)?;
        if before == job.job_master_id {
            return None;
        }
        let stale = JobKey {
            job_id: job.job_id,
            job_master_id: before,
        };
        self.remember_ended(stale);
        Some(stale)
    }

    /// The job under this leader is over here.
    pub(super) fn end_job(&mut self, job: JobKey) {
        if self.current.get(&job.job_id) == Some(&job.job_master_id) {
            self.current.remove(&job.job_id);
        }
        self.remember_ended(job);
    }

    fn remember_ended(&mut self, job: JobKey) {
        self.waiting.retain(|(key, _), _| *key != job);
        if !self.ended.contains(&job) {
            self.ended.push_back(job);
        }
        if self.ended.len() > ENDED_JOBS {
            self.ended.pop_front();
        }
    }

    /// Whether a stream for the job is welcome. One that comes before the job is: the deployment may be on its way.
    pub(super) fn admits(&self, job: &JobKey) -> bool {
        let other_leader = self
            .current
            .get(&job.job_id)
            .is_some_and(|leader| *leader != job.job_master_id);
        !other_leader && !self.ended.contains(job)
    }

    /// A producing end comes.
    pub(super) fn offer_producer(&mut self, job: JobKey, channel: ChannelId, producer: P) -> Met<C> {
        let key = (job, channel);
        match self.waiting.remove(&key) {
            None => {
                self.waiting.insert(key, Waiting::Producer(producer));
                Met::Nobody
            }
            Some(Waiting::Consumer(consumer)) => Met::Other(consumer),
            Some(other) => {
                self.waiting.insert(key, other);
                Met::Duplicate
            }
        }
    }

    /// A consuming end comes.
    pub(super) fn offer_consumer(&mut self, job: JobKey, channel: ChannelId, consumer: C) -> Met<P> {
        let key = (job, channel);
        match self.waiting.remove(&key) {
            None => {
                self.waiting.insert(key, Waiting::Consumer(consumer));
                Met::Nobody
            }
            Some(Waiting::Producer(producer)) => Met::Other(producer),
            Some(Waiting::Lost(producer)) => Met::Lost(producer),
            Some(other) => {
                self.waiting.insert(key, other);
                Met::Duplicate
            }
        }
    }

    /// The producer's worker is lost: a consumer that comes later is told.
    pub(super) fn lose_producer(&mut self, job: JobKey, channel: &ChannelId) {
        if let Some(waiting) = self.waiting.get_mut(&(job, channel.clone()))
            && let Waiting::Producer(producer) = waiting
        {
            *waiting = Waiting::Lost(producer.clone());
        }
    }

    /// A consumer goes before its producer came.
    pub(super) fn withdraw_consumer(&mut self, job: JobKey, channel: &ChannelId) {
        let key = (job, channel.clone());
        if matches!(self.waiting.get(&key), Some(Waiting::Consumer(_))) {
            self.waiting.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use selvedge_core::ExecutionAttemptId;

    use super::*;

    fn job(leader: u8) -> JobKey {
        JobKey {
            job_id: JobId::from_bytes([1; 16]),
            job_master_id: LeaderSessionId::from_bytes([leader; 16]),
        }
    }

    fn channel(subtask: u32) -> ChannelId {
        let attempt = |vertex: &str| ExecutionAttemptId {
            vertex: vertex.into(),
            subtask,
            attempt: 0,
        };
        ChannelId {
            edge: 0,
            producer: attempt("a"),
            consumer: attempt("b"),
        }
    }

    #[test]
    fn the_ends_meet_whichever_comes_first() {
        let mut table = Rendezvous::<&str, &str>::new();
        assert_eq!(table.offer_producer(job(1), channel(0), "p"), Met::Nobody);
        assert_eq!(table.offer_producer(job(1), channel(0), "p2"), Met::Duplicate);
        assert_eq!(table.offer_consumer(job(1), channel(0), "c"), Met::Other("p"));
        assert_eq!(table.offer_consumer(job(1), channel(1), "c"), Met::Nobody);
        assert_eq!(table.offer_consumer(job(1), channel(1), "c2"), Met::Duplicate);
        assert_eq!(table.offer_producer(job(1), channel(1), "p"), Met::Other("c"));
    }

    #[test]
    fn a_late_consumer_learns_that_its_producer_is_lost() {
        let mut table = Rendezvous::<&str, &str>::new();
        table.offer_producer(job(1), channel(0), "p");
        table.lose_producer(job(1), &channel(0));
        assert_eq!(table.offer_consumer(job(1), channel(0), "c"), Met::Lost("p"));
    }

    #[test]
    fn an_ended_job_and_an_earlier_leader_are_refused() {
        let mut table = Rendezvous::<&str, &str>::new();
        assert!(table.admits(&job(1)), "its deployment may be on its way");
        table.begin_job(job(1));
        table.offer_producer(job(1), channel(0), "p");
        assert!(!table.admits(&job(2)), "not the leader known here");
        assert_eq!(table.begin_job(job(2)), Some(job(1)));
        assert!(!table.admits(&job(1)));
        assert_eq!(
            table.offer_consumer(job(1), channel(0), "c"),
            Met::Nobody,
            "what waited is gone"
        );
        table.end_job(job(2));
        assert!(!table.admits(&job(2)));
        table.begin_job(job(2));
        assert!(table.admits(&job(2)), "a slot given again begins the job again");
    }

    #[test]
    fn a_consumer_that_goes_leaves_nothing() {
        let mut table = Rendezvous::<&str, &str>::new();
        table.offer_consumer(job(1), channel(0), "c");
        table.withdraw_consumer(job(1), &channel(0));
        assert_eq!(table.offer_producer(job(1), channel(0), "p"), Met::Nobody);
    }
}
