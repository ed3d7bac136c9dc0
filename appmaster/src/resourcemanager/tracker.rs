//! The workers on their way, pure: how many were asked for, which are starting, and when to stop asking.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use selvedge_core::ResourceId;
use tokio::time::Instant;

/// A worker that still starts when thousands of others have ended after it was given up is none that comes back late: a
/// session runs for months, and must not keep the name of each worker that it ever had.
const GONE_KEPT: usize = 4096;
const MINUTE: Duration = Duration::from_secs(60);

/// How starts that fail are limited.
#[derive(Debug, Clone, Copy)]
pub(super) struct StartLimits {
    pub(super) failures_per_minute: f64,
    pub(super) retry_interval: Duration,
    pub(super) registration_timeout: Duration,
    /// For how long workers of earlier attempts count as if they were on their way.
    pub(super) recovery_timeout: Duration,
}

/// A worker that has a container, and has not registered.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Starting {
    since: Instant,
    node: String,
}

/// Workers from the wish to their registration.
#[derive(Debug)]
pub(super) struct WorkerTracker {
    limits: StartLimits,
    requested: u32,
    /// Requests that the driver has been told to take back, and has not said how many it could.
    cancelling: u32,
    starting: BTreeMap<ResourceId, Starting>,
    /// Workers of earlier attempts that have not registered.
    recovered: BTreeMap<ResourceId, Starting>,
    registered: BTreeSet<ResourceId>,
    /// Registered before the driver said that they are started.
    early: BTreeSet<ResourceId>,
    gone: Gone,
    failures: VecDeque<Instant>,
    /// How many starts have ever failed.
    failed_starts: u64,
    cool_until: Option<Instant>,
}

/// The workers that ended or were released last: such a worker may not come back.
#[derive(Debug)]
struct Gone {
    known: BTreeSet<ResourceId>,
    /// The same, in the order of their end.
    order: VecDeque<ResourceId>,
}

impl Gone {
    const fn new() -> Self {
        Self {
            known: BTreeSet::new(),
            order: VecDeque::new(),
        }
    }

    fn insert(&mut self, resource_id: &ResourceId) {
        if !self.known.insert(resource_id.clone()) {
            return;
        }
        self.order.push_back(resource_id.clone());
        if self.order.len() > GONE_KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    fn contains(&self, resource_id: &ResourceId) -> bool {
        self.known.contains(resource_id)
    }
}

/// What is to be done about the number of workers.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct WorkerPlan {
    pub(super) request: u32,
    pub(super) cancel: u32,
    pub(super) release: Vec<ResourceId>,
}

impl WorkerTracker {
    pub(super) const fn new(limits: StartLimits) -> Self {
        Self {
            limits,
            requested: 0,
            cancelling: 0,
            starting: BTreeMap::new(),
            recovered: BTreeMap::new(),
            registered: BTreeSet::new(),
            early: BTreeSet::new(),
            gone: Gone::new(),
            failures: VecDeque::new(),
            failed_starts: 0,
            cool_until: None,
        }
    }

    /// A worker is being started. `false` where it is one that was given up already.
    pub(super) fn started(&mut self, resource_id: &ResourceId, node: &str, now: Instant) -> bool {
        if self.early.remove(resource_id) || self.registered.contains(resource_id) {
            return true;
        }
        self.requested = self.requested.saturating_sub(1);
        if self.gone.contains(resource_id) {
            return false;
        }
        let node = node.to_owned();
        self.starting.insert(resource_id.clone(), Starting { since: now, node });
        true
    }

    /// A worker of an earlier attempt still runs. `false` where it is one that was given up already.
    pub(super) fn recovered(&mut self, resource_id: &ResourceId, node: &str, now: Instant) -> bool {
        if self.gone.contains(resource_id) {
            return false;
        }
        if !self.registered.contains(resource_id) {
            let node = node.to_owned();
            self.recovered
                .insert(resource_id.clone(), Starting { since: now, node });
        }
        true
    }

    /// Whether a worker was given up before: it must end.
    pub(super) fn is_gone(&self, resource_id: &ResourceId) -> bool {
        self.gone.contains(resource_id)
    }

    /// A worker that is not gone registers.
    pub(super) fn registers(&mut self, resource_id: &ResourceId) {
        let known = self.starting.remove(resource_id).is_some() || self.recovered.remove(resource_id).is_some();
        let first = self.registered.insert(resource_id.clone());
        if first && !known && self.requested > 0 {
            self.requested -= 1;
            self.early.insert(resource_id.clone());
        }
    }

    /// A worker has ended or is given up. Its node where it never registered: its start failed.
    pub(super) fn ended(&mut self, resource_id: &ResourceId, now: Instant) -> Option<String> {
        self.gone.insert(resource_id);
        self.registered.remove(resource_id);
        self.early.remove(resource_id);
        self.recovered.remove(resource_id);
        let failed = self.starting.remove(resource_id)?;
        self.note_failure(now);
        Some(failed.node)
    }

    /// A worker is not wanted any more.
    pub(super) fn released(&mut self, resource_id: &ResourceId) {
        self.gone.insert(resource_id);
        self.registered.remove(resource_id);
        self.recovered.remove(resource_id);
        self.starting.remove(resource_id);
        self.early.remove(resource_id);
    }

    /// A worker that was asked for will not come.
    pub(super) fn request_failed(&mut self, now: Instant) {
        self.requested = self.requested.saturating_sub(1);
        self.note_failure(now);
    }

    /// Of so many requests that were to be taken back, so many were.
    pub(super) const fn requests_cancelled(&mut self, asked: u32, cancelled: u32) {
        self.cancelling = self.cancelling.saturating_sub(asked);
        self.requested = self.requested.saturating_sub(cancelled);
    }

    /// Workers that were asked for or are starting.
    pub(super) fn pending(&self) -> u32 {
        self.requested + self.starting.len() as u32
    }

    /// How many starts have failed in the last minute.
    pub(super) fn recent_failures(&self, now: Instant) -> u32 {
        self.failures.iter().filter(|at| **at + MINUTE > now).count() as u32
    }

    /// Whether [`Self::plan`] would do anything.
    pub(super) fn is_settled(&self, needed: u32, now: Instant) -> bool {
        if needed > self.pending() {
            return self.is_cooling(now) || needed <= self.pending() + self.coming_back(now);
        }
        self.surplus(needed) == 0
    }

    /// Workers of earlier attempts that may still register.
    fn coming_back(&self, now: Instant) -> u32 {
        let is_awaited = |recovered: &&Starting| recovered.since + self.limits.recovery_timeout > now;
        self.recovered.values().filter(is_awaited).count() as u32
    }

    fn surplus(&self, needed: u32) -> u32 {
        self.pending().saturating_sub(needed).saturating_sub(self.cancelling)
    }

    fn is_cooling(&self, now: Instant) -> bool {
        self.cool_until.is_some_and(|until| until > now)
    }

    /// How many starts have failed since the beginning.
    pub(super) const fn failed_starts(&self) -> u64 {
        self.failed_starts
    }

    fn note_failure(&mut self, now: Instant) {
        self.failed_starts += 1;
        self.failures.push_back(now);
        while self.failures.front().is_some_and(|first| *first + MINUTE <= now) {
            self.failures.pop_front();
        }
        if self.failures.len() as f64 >= self.limits.failures_per_minute {
            self.cool_until = Some(now + self.limits.retry_interval);
        }
    }

    /// Starting workers, and those of earlier attempts, that did not register in time.
    pub(super) fn overdue(&self, now: Instant) -> Vec<ResourceId> {
        let overdue = |starting: &Starting| starting.since + self.limits.registration_timeout <= now;
        self.starting
            .iter()
            .chain(&self.recovered)
            .filter(|(_, starting)| overdue(starting))
            .map(|(id, _)| id.clone())
            .collect()
    }

    /// Asks for what is missing, and gives up what is too much: first wishes, then workers that have not registered.
    pub(super) fn plan(&mut self, needed: u32, now: Instant) -> WorkerPlan {
        let pending = self.pending();
        if needed > pending {
            if self.is_cooling(now) {
                return WorkerPlan::default();
            }
            // Those that come back in time need not be asked for.
            let request = (needed - pending).saturating_sub(self.coming_back(now));
            self.requested += request;
            return WorkerPlan {
                request,
                ..WorkerPlan::default()
            };
        }
        let surplus = self.surplus(needed);
        let cancel = surplus.min(self.requested.saturating_sub(self.cancelling));
        self.cancelling += cancel;
        let release: Vec<_> = self
            .starting
            .keys()
            .take((surplus - cancel) as usize)
            .cloned()
            .collect();
        for resource_id in &release {
            self.released(resource_id);
        }
        WorkerPlan {
            request: 0,
            cancel,
            release,
        }
    }

    /// When the plan may change by itself.
    pub(super) fn deadline(&self, now: Instant) -> Option<Instant> {
        let limits = &self.limits;
        let unregistered = self.starting.values().chain(self.recovered.values());
        let registration = unregistered.map(|starting| starting.since + limits.registration_timeout);
        let recovery = self
            .recovered
            .values()
            .map(|worker| worker.since + limits.recovery_timeout);
        let to_come = recovery.chain(self.cool_until).filter(|until| *until > now);
        registration.chain(to_come).min()
    }
}

#[cfg(test)]
mod tests {
    use selvedge_core::status::{TrackedWorker, Walk};

    use super::*;

    fn tracker() -> WorkerTracker {
        WorkerTracker::new(StartLimits {
            failures_per_minute: 3.0,
            retry_interval: Duration::from_secs(3),
            registration_timeout: Duration::from_secs(300),
            recovery_timeout: Duration::from_secs(10),
        })
    }

    #[test]
    fn a_worker_of_an_earlier_attempt_is_waited_for_before_another_one_is_asked_for() {
        let (now, mut workers) = (Instant::now(), tracker());
        assert!(workers.recovered(&"old".into(), "node", now));
        assert_eq!(workers.plan(2, now).request, 1, "one comes back");
        assert!(workers.is_settled(2, now));
        let late = now + Duration::from_secs(10);
        assert_eq!(workers.deadline(now), Some(late));
        assert!(!workers.is_settled(2, late));
        assert_eq!(workers.plan(2, late).request, 1, "it did not come in time");
        workers.registers(&"old".into());
        assert_eq!(workers.pending(), 2, "it is none of those that were asked for");
    }

    #[test]
    fn a_worker_of_an_earlier_attempt_that_never_registers_is_overdue_and_no_failed_start() {
        let (now, mut workers) = (Instant::now(), tracker());
        assert!(workers.recovered(&"old".into(), "node", now));
        let late = now + Duration::from_secs(300);
        assert_eq!(workers.overdue(late), ["old".into()]);
        assert_eq!(workers.ended(&"old".into(), late), None);
        assert_eq!((workers.overdue(late).len(), workers.failed_starts()), (0, 0));
        assert!(!workers.recovered(&"old".into(), "node", late), "it was given up");
    }

    #[test]
    fn what_is_missing_is_asked_for_once() {
        let (now, mut workers) = (Instant::now(), tracker());
        assert_eq!(workers.plan(2, now).request, 2);
        assert_eq!(workers.plan(2, now), WorkerPlan::default());
        assert!(workers.started(&"a".into(), "node", now));
        workers.registers(&"a".into());
        assert_eq!(workers.plan(1, now), WorkerPlan::default());
    }

    #[test]
    fn a_worker_may_register_before_its_driver_has_told_of_it() {
        let (now, mut workers) = (Instant::now(), tracker());
        assert_eq!(workers.plan(1, now).request, 1);
        workers.registers(&"a".into());
        assert_eq!(workers.plan(0, now), WorkerPlan::default());
        assert!(workers.started(&"a".into(), "node", now));
        assert_eq!(workers.plan(0, now), WorkerPlan::default());
    }

    #[test]
    fn a_worker_goes_only_where_the_table_says() {
        use TrackedWorker::{Gone, Registered, Starting, Unknown};
        type Event = fn(&mut WorkerTracker, &ResourceId, Instant);
        let events: [Event; 4] = [
            |workers, id, now| {
                workers.started(id, "node", now);
            },
            |workers, id, _| workers.registers(id),
            |workers, id, now| {
                workers.ended(id, now);
            },
            |workers, id, _| workers.released(id),
        ];
        let (now, id) = (Instant::now(), ResourceId::from("a"));
        let kind = |workers: &WorkerTracker| match workers.registered.contains(&id) {
            true => {
                assert!(!workers.starting.contains_key(&id), "it is waited for no longer");
                Registered
            }
            false if workers.starting.contains_key(&id) => Starting,
            false if workers.is_gone(&id) => Gone,
            false => Unknown,
        };
        let mut walk = Walk::new();
        let rows: &[(TrackedWorker, &[TrackedWorker])] = &[
            (Unknown, &[Starting, Registered, Gone, Gone]),
            (Starting, &[Starting, Registered, Gone, Gone]),
            (Registered, &[Registered, Registered, Gone, Gone]),
            (Gone, &[Gone, Registered, Gone, Gone]),
        ];
        walk.rows(&events, rows, |from, event| {
            let mut workers = tracker();
            match from {
                Unknown => {}
                Starting => assert!(workers.started(&id, "node", now)),
                Registered => workers.registers(&id),
                Gone => workers.released(&id),
            }
            event(&mut workers, &id, now);
            kind(&workers)
        });
        walk.finish();
    }

    #[test]
    fn surplus_is_given_up_wishes_first() {
        let (now, mut workers) = (Instant::now(), tracker());
        workers.plan(3, now);
        workers.started(&"a".into(), "node", now);
        let plan = workers.plan(0, now);
        assert_eq!(
            plan,
            WorkerPlan {
                request: 0,
                cancel: 2,
                release: vec!["a".into()]
            }
        );
        assert_eq!(workers.plan(0, now), WorkerPlan::default(), "they are being taken back");
        assert!(workers.is_settled(0, now));
        workers.requests_cancelled(2, 1);
        assert_eq!(
            (workers.pending(), workers.is_settled(0, now)),
            (1, false),
            "one came after all"
        );
        assert!(workers.is_gone(&"a".into()), "a released worker may not come back");
    }

    #[test]
    fn of_the_workers_that_are_gone_only_the_last_are_kept_in_mind() {
        let (now, mut workers) = (Instant::now(), tracker());
        for number in 0..=GONE_KEPT {
            workers.ended(&format!("worker-{number}").into(), now);
            workers.ended(&format!("worker-{number}").into(), now);
        }
        assert_eq!(
            (workers.gone.known.len(), workers.gone.order.len()),
            (GONE_KEPT, GONE_KEPT)
        );
        assert!(workers.is_gone(&"worker-1".into()), "it was given up");
    }

    #[test]
    fn too_many_failed_starts_pause_the_asking() {
        let (now, mut workers) = (Instant::now(), tracker());
        workers.plan(3, now);
        for _ in 0..3 {
            workers.request_failed(now);
        }
        assert_eq!(
            (workers.recent_failures(now), workers.recent_failures(now + MINUTE)),
            (3, 0)
        );
        assert_eq!(workers.failed_starts(), 3);
        assert_eq!(workers.plan(3, now), WorkerPlan::default());
        assert_eq!(workers.deadline(now), Some(now + Duration::from_secs(3)));
        assert_eq!(workers.plan(3, now + Duration::from_secs(3)).request, 3);
    }

    #[test]
    fn a_worker_that_does_not_register_is_overdue() {
        let (now, mut workers) = (Instant::now(), tracker());
        workers.plan(1, now);
        workers.started(&"a".into(), "node", now);
        assert!(workers.overdue(now).is_empty());
        let late = now + Duration::from_secs(300);
        assert_eq!(workers.overdue(late), ["a".into()]);
        assert_eq!(
            workers.ended(&"a".into(), late).as_deref(),
            Some("node"),
            "its start counts as failed"
        );
        assert_eq!(workers.plan(1, late).request, 1);
    }
}
