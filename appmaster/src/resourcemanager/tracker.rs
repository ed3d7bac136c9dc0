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

/// Which of the worker sizes; the usual one is the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct WorkerKind(pub(super) usize);

impl WorkerKind {
    pub(super) const USUAL: Self = Self(0);
}

/// How many workers of each size must be on their way.
pub(super) type Needed = BTreeMap<WorkerKind, u32>;

/// Wishes for workers of one size.
#[derive(Debug, Default)]
struct Requests {
    requested: u32,
    /// Those that the driver has been told to take back, and has not said how many it could.
    cancelling: u32,
}

/// A worker that has a container, and has not registered.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Starting {
    since: Instant,
    node: String,
    kind: WorkerKind,
}

/// Workers from the wish to their registration.
#[derive(Debug)]
pub(super) struct WorkerTracker {
    limits: StartLimits,
    requests: BTreeMap<WorkerKind, Requests>,
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

/// What is to be done about the number of workers of one size.
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
            requests: BTreeMap::new(),
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
    pub(super) fn started(&mut self, resource_id: &ResourceId, node: &str, kind: WorkerKind, now: Instant) -> bool {
        if self.early.remove(resource_id) || self.registered.contains(resource_id) {
            return true;
        }
        self.one_came(kind);
        if self.gone.contains(resource_id) {
            return false;
        }
        let node = node.to_owned();
        let starting = Starting { since: now, node, kind };
        self.starting.insert(resource_id.clone(), starting);
        true
    }

    /// A worker of an earlier attempt still runs. `false` where it is one that was given up already.
    pub(super) fn recovered(&mut self, resource_id: &ResourceId, node: &str, now: Instant) -> bool {
        if self.gone.contains(resource_id) {
            return false;
        }
        if !self.registered.contains(resource_id) {
            let node = node.to_owned();
            let kind = WorkerKind::USUAL;
            let recovered = Starting { since: now, node, kind };
            self.recovered.insert(resource_id.clone(), recovered);
        }
        true
    }

    /// Whether a worker was given up before: it must end.
    pub(super) fn is_gone(&self, resource_id: &ResourceId) -> bool {
        self.gone.contains(resource_id)
    }

    fn one_came(&mut self, kind: WorkerKind) {
        let requests = self.requests.entry(kind).or_default();
        requests.requested = requests.requested.saturating_sub(1);
    }

    /// A worker that is not gone registers; by its size it is one of this kind.
    pub(super) fn registers(&mut self, resource_id: &ResourceId, kind: WorkerKind) {
        let known = self.starting.remove(resource_id).is_some() || self.recovered.remove(resource_id).is_some();
        let first = self.registered.insert(resource_id.clone());
        if first && !known && self.requested(kind) > 0 {
            self.one_came(kind);
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
    pub(super) fn request_failed(&mut self, kind: WorkerKind, now: Instant) {
        self.one_came(kind);
        self.note_failure(now);
    }

    /// Of so many requests that were to be taken back, so many were.
    pub(super) fn requests_cancelled(&mut self, kind: WorkerKind, asked: u32, cancelled: u32) {
        let requests = self.requests.entry(kind).or_default();
        requests.cancelling = requests.cancelling.saturating_sub(asked);
        requests.requested = requests.requested.saturating_sub(cancelled);
    }

    fn requested(&self, kind: WorkerKind) -> u32 {
        self.requests.get(&kind).map_or(0, |requests| requests.requested)
    }

    fn cancelling(&self, kind: WorkerKind) -> u32 {
        self.requests.get(&kind).map_or(0, |requests| requests.cancelling)
    }

    fn starting(&self, kind: WorkerKind) -> impl Iterator<Item = &ResourceId> {
        let of_kind = self.starting.iter().filter(move |(_, starting)| starting.kind == kind);
        of_kind.map(|(resource_id, _)| resource_id)
    }

    fn pending_of(&self, kind: WorkerKind) -> u32 {
        self.requested(kind) + self.starting(kind).count() as u32
    }

    /// All sizes that are needed, asked for or starting.
    fn kinds(&self, needed: &Needed) -> BTreeSet<WorkerKind> {
        let starting = self.starting.values().map(|starting| starting.kind);
        needed
            .keys()
            .chain(self.requests.keys())
            .copied()
            .chain(starting)
            .collect()
    }

    /// Workers that were asked for or are starting.
    pub(super) fn pending(&self) -> u32 {
        let requested: u32 = self.requests.values().map(|requests| requests.requested).sum();
        requested + self.starting.len() as u32
    }

    /// How many starts have failed in the last minute.
    pub(super) fn recent_failures(&self, now: Instant) -> u32 {
        self.failures.iter().filter(|at| **at + MINUTE > now).count() as u32
    }

    /// Whether [`Self::plan`] would do anything.
    pub(super) fn is_settled(&self, needed: &Needed, now: Instant) -> bool {
        let mut kinds = self.kinds(needed).into_iter();
        kinds.all(|kind| self.is_kind_settled(kind, needed.get(&kind).copied().unwrap_or(0), now))
    }

    fn is_kind_settled(&self, kind: WorkerKind, needed: u32, now: Instant) -> bool {
        let pending = self.pending_of(kind);
        if needed > pending {
            return self.is_cooling(now) || needed <= pending + self.coming_back(kind, now);
        }
        self.surplus(kind, needed) == 0
    }

    /// Workers of earlier attempts that may still register; until they do, they count as usual ones.
    fn coming_back(&self, kind: WorkerKind, now: Instant) -> u32 {
        let timeout = self.limits.recovery_timeout;
        let is_awaited = |recovered: &&Starting| recovered.kind == kind && recovered.since + timeout > now;
        self.recovered.values().filter(is_awaited).count() as u32
    }

    fn surplus(&self, kind: WorkerKind, needed: u32) -> u32 {
        let surplus = self.pending_of(kind).saturating_sub(needed);
        surplus.saturating_sub(self.cancelling(kind))
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

    /// Asks for what is missing of each size, and gives up what is too much: first wishes, then workers that have not
    /// registered.
    pub(super) fn plan(&mut self, needed: &Needed, now: Instant) -> Vec<(WorkerKind, WorkerPlan)> {
        let kinds = self.kinds(needed).into_iter();
        let plan = |kind| {
            let needed = needed.get(&kind).copied().unwrap_or(0);
            (kind, self.plan_kind(kind, needed, now))
        };
        kinds.map(plan).collect()
    }

    fn plan_kind(&mut self, kind: WorkerKind, needed: u32, now: Instant) -> WorkerPlan {
        let pending = self.pending_of(kind);
        if needed > pending {
            if self.is_cooling(now) {
                return WorkerPlan::default();
            }
            // Those that come back in time need not be asked for.
            let request = (needed - pending).saturating_sub(self.coming_back(kind, now));
            self.requests.entry(kind).or_default().requested += request;
            return WorkerPlan {
                request,
                ..WorkerPlan::default()
            };
        }
        let surplus = self.surplus(kind, needed);
        let requests = self.requests.entry(kind).or_default();
        let cancel = surplus.min(requests.requested.saturating_sub(requests.cancelling));
        requests.cancelling += cancel;
        let too_many = self.starting(kind).take((surplus - cancel) as usize);
        let release: Vec<_> = too_many.cloned().collect();
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
#[path = "tracker_tests.rs"]
mod tests;
