//! Where the two ends of a channel find each other, whichever comes first: pure. `P` is the producing end, `C` the
//! consuming one.

use std::collections::{BTreeMap, VecDeque};

use selvedge_core::{JobId, LeaderSessionId};

use super::channel::{ChannelId, JobKey};
use super::release::ReleasedPartitions;

/// How many ended jobs are remembered, to refuse their late streams.
const ENDED_JOBS: usize = 1024;

/// The channels of a worker whose ends have not met, and which jobs may use it.
#[derive(Debug)]
pub(super) struct Rendezvous<P, C> {
    waiting: BTreeMap<(JobKey, ChannelId), Waiting<P, C>>,
    current: BTreeMap<JobId, LeaderSessionId>,
    ended: VecDeque<JobKey>,
    /// By job and edge, the last attempt of each producing subtask whose partition is released.
    released: BTreeMap<(JobKey, u32), BTreeMap<u32, u32>>,
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
    /// Nobody, and nobody ever will: nothing has changed.
    Released,
}

impl<P: Clone, C> Rendezvous<P, C> {
    pub(super) const fn new() -> Self {
        Self {
            waiting: BTreeMap::new(),
            current: BTreeMap::new(),
            ended: VecDeque::new(),
            released: BTreeMap::new(),
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
        self.released.retain(|(key, _), _| *key != job);
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
        if self.is_released(job, &channel) {
            return Met::Released;
        }
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
        if self.is_released(job, &channel) {
            return Met::Released;
        }
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

    /// Whether nobody reads the channel's partition any more.
    pub(super) fn is_released(&self, job: JobKey, channel: &ChannelId) -> bool {
        let last = self
            .released
            .get(&(job, channel.edge))
            .and_then(|of_edge| of_edge.get(&channel.producer.subtask));
        last.is_some_and(|last| channel.producer.attempt <= *last)
    }

    /// Nobody reads these partitions any more: what waits of their channels goes, and nobody is let in later. Those come back
    /// who wait to consume. Nothing happens for a job that is not, or no longer, one of the worker's.
    pub(super) fn release(&mut self, job: JobKey, partitions: &ReleasedPartitions) -> Vec<(ChannelId, C)> {
        if self.current.get(&job.job_id) != Some(&job.job_master_id) {
            return Vec::new();
        }
        let of_edge = self.released.entry((job, partitions.edge)).or_default();
        for (subtask, attempt) in &partitions.attempts {
            let last = of_edge.entry(*subtask).or_insert(*attempt);
            *last = (*last).max(*attempt);
        }
        let is_meant =
            |(of, channel): &(JobKey, ChannelId), _: &mut Waiting<P, C>| *of == job && partitions.cover(channel);
        let gone = self.waiting.extract_if(.., is_meant);
        let consumers = gone.filter_map(|((_, channel), waiting)| match waiting {
            Waiting::Consumer(consumer) => Some((channel, consumer)),
            Waiting::Producer(_) | Waiting::Lost(_) => None,
        });
        consumers.collect()
    }

    /// How many ends wait for another.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
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
    fn of_what_is_released_nothing_waits_and_nobody_comes_late() {
        let of = |subtask: u32, attempt: u32| {
            let mut channel = channel(subtask);
            channel.producer.attempt = attempt;
            channel
        };
        let released = |attempts: &[(u32, u32)]| ReleasedPartitions {
            edge: 0,
            vertex: "a".into(),
            attempts: attempts.iter().copied().collect(),
        };
        let mut table = Rendezvous::<&str, &str>::new();
        assert_eq!(
            table.release(job(1), &released(&[(0, 0)])),
            [],
            "no job of the worker's"
        );
        table.begin_job(job(1));
        table.offer_consumer(job(1), of(0, 1), "waits");
        table.offer_producer(job(1), of(1, 0), "waits");
        table.offer_producer(job(1), of(2, 0), "lost");
        table.lose_producer(job(1), &of(2, 0));
        table.offer_consumer(job(1), of(0, 2), "next");
        let told = table.release(job(1), &released(&[(0, 1), (1, 0), (2, 0)]));
        assert_eq!(told, [(of(0, 1), "waits")]);
        assert_eq!(table.waiting(), 1, "the next attempt is not meant");
        for channel in [of(0, 0), of(0, 1), of(1, 0), of(2, 0)] {
            assert_eq!(table.offer_producer(job(1), channel.clone(), "late"), Met::Released);
            assert_eq!(table.offer_consumer(job(1), channel, "late"), Met::Released);
        }
        // One that was overtaken on its way takes nothing back.
        assert_eq!(table.release(job(1), &released(&[(0, 0)])), []);
        assert!(table.is_released(job(1), &of(0, 1)));
        assert_eq!(table.offer_producer(job(1), of(0, 2), "p"), Met::Other("next"));
        table.end_job(job(1));
        assert!(table.released.is_empty());
    }

    #[test]
    fn a_consumer_that_goes_leaves_nothing() {
        let mut table = Rendezvous::<&str, &str>::new();
        table.offer_consumer(job(1), channel(0), "c");
        table.withdraw_consumer(job(1), &channel(0));
        assert_eq!(table.offer_producer(job(1), channel(0), "p"), Met::Nobody);
    }
}
