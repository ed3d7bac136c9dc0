//! The SlotManager in random histories: messages are late, workers refuse, die and register again, jobs come and go. Each
//! history comes from one seed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IteratorRandom;
use rand::{RngExt, SeedableRng};
use selvedge_core::resource::ProfileSpec;
use selvedge_core::{AllocationId, JobId, ResourceId};

use super::plan::SlotPlan;
use super::requirements::compare;
use super::tests::{Bed, IDLE, job, resources, size};
use super::*;

const JOBS: u8 = 4;
const SLOTS: u32 = 2;

/// What a worker really has.
type Truth = BTreeMap<AllocationId, ReportedSlot>;

/// On its way.
#[derive(Debug)]
enum Message {
    Request(Allocation),
    Answer(Allocation, bool),
    Freed(ResourceId, AllocationId),
    Report(ResourceId, Vec<ReportedSlot>, Instant),
}

struct World {
    bed: Bed,
    rng: StdRng,
    workers: BTreeMap<ResourceId, Truth>,
    next_worker: u32,
    /// Workers that are on their way by the last plan.
    coming: u32,
    messages: Vec<Message>,
    needs: BTreeMap<JobId, Vec<Need>>,
    told: BTreeSet<JobId>,
    given: BTreeSet<AllocationId>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let mode = ["NONE", "SLOTS"][rng.random_range(0..2)];
        let settings = [
            ("taskmanager.load-balance.mode", mode),
            (
                "slotmanager.redundant-taskmanager-num",
                ["0", "1"][rng.random_range(0..2)],
            ),
            ("slotmanager.number-of-slots.max", ["6", "100"][rng.random_range(0..2)]),
        ];
        Self {
            bed: Bed::with(&settings),
            rng,
            workers: BTreeMap::new(),
            next_worker: 0,
            coming: 0,
            messages: Vec::new(),
            needs: BTreeMap::new(),
            told: BTreeSet::new(),
            given: BTreeSet::new(),
        }
    }

    fn step(&mut self) {
        self.bed.now += Duration::from_millis(self.rng.random_range(0..200));
        match self.rng.random_range(0..20) {
            0..3 => self.declare(),
            3 => {
                let number = self.rng.random_range(0..JOBS);
                self.end_job(job(number));
            }
            4..7 => self.worker_comes(),
            7 => self.worker_dies(),
            8 => self.worker_registers_again(),
            9..11 => self.worker_frees(),
            11..13 => self.worker_reports(),
            _ => self.deliver(),
        }
        self.plan();
    }

    fn declare(&mut self) {
        let job_id = job(self.rng.random_range(0..JOBS));
        let profiles = [ProfileSpec::Unknown, size(1).into(), size(2).into(), size(3).into()];
        let kinds = self.rng.random_range(1..3);
        let needs: Vec<Need> = (0..kinds)
            .map(|_| {
                let profile = profiles.iter().choose(&mut self.rng).unwrap().clone();
                (profile, self.rng.random_range(1..4))
            })
            .collect();
        self.bed.slots.declare(job_id, needs.clone());
        self.told.remove(&job_id);
        self.needs.insert(job_id, needs);
    }

    /// The job is over: sooner or later its workers notice.
    fn end_job(&mut self, job_id: JobId) {
        self.bed.slots.remove_job(&job_id);
        self.needs.remove(&job_id);
    }

    fn worker_comes(&mut self) {
        if self.coming == 0 {
            return;
        }
        self.coming -= 1;
        self.next_worker += 1;
        let worker: ResourceId = format!("worker-{}", self.next_worker).into();
        let added = self
            .bed
            .slots
            .add_worker(worker.clone(), resources(SLOTS), &[], self.bed.now);
        assert_eq!(added, Ok(vec![]), "what was asked for is within the bounds");
        self.workers.insert(worker, Truth::new());
    }

    fn any_worker(&mut self) -> Option<ResourceId> {
        self.workers.keys().choose(&mut self.rng).cloned()
    }

    fn worker_dies(&mut self) {
        if let Some(worker) = self.any_worker() {
            self.workers.remove(&worker);
            self.bed.slots.remove_worker(&worker);
        }
    }

    fn worker_registers_again(&mut self) {
        let Some(worker) = self.any_worker() else { return };
        let slots: Vec<_> = self.workers[&worker].values().cloned().collect();
        let now = self.bed.now;
        self.bed
            .slots
            .add_worker(worker, resources(SLOTS), &slots, now)
            .unwrap();
    }

    /// A slot whose job does not need it any more, or any slot: its tasks have failed.
    fn worker_frees(&mut self) {
        let Some(worker) = self.any_worker() else { return };
        let held = self.workers[&worker].keys().copied().choose(&mut self.rng);
        if let Some(allocation_id) = held {
            self.workers.get_mut(&worker).unwrap().remove(&allocation_id);
            self.messages.push(Message::Freed(worker, allocation_id));
        }
    }

    fn worker_reports(&mut self) {
        let Some(worker) = self.any_worker() else { return };
        let slots = self.workers[&worker].values().cloned().collect();
        self.messages.push(Message::Report(worker, slots, self.bed.now));
    }

    fn deliver(&mut self) {
        if self.messages.is_empty() {
            return;
        }
        let index = self.rng.random_range(0..self.messages.len());
        match self.messages.swap_remove(index) {
            Message::Request(allocation) => {
                let taken = self.take(&allocation);
                self.messages.push(Message::Answer(allocation, taken));
            }
            Message::Answer(allocation, taken) => self.bed.slots.answered(&allocation, taken, self.bed.now),
            Message::Freed(worker, allocation_id) => {
                // A late one is refused, and changes nothing.
                let _ = self.bed.slots.freed(&worker, &allocation_id, self.bed.now);
            }
            Message::Report(worker, slots, asked) => {
                let _ = self.bed.slots.report(&worker, &slots, Some(asked), self.bed.now);
            }
        }
    }

    /// The worker's own decision: what it has not, it does not give.
    fn take(&mut self, allocation: &Allocation) -> bool {
        let is_moody = self.rng.random_bool(0.1);
        let Some(truth) = self.workers.get_mut(&allocation.resource_id) else {
            return false;
        };
        let mut left = Some(resources(SLOTS).total);
        for slot in truth.values() {
            left = left.and_then(|left| left.checked_sub(&slot.profile));
        }
        let fits = left.is_some_and(|left| left.covers(&allocation.profile));
        let taken: BTreeSet<_> = truth.values().map(|slot| slot.index).collect();
        let index = match allocation.slot_index {
            Some(index) => (!taken.contains(&index)).then_some(index),
            None => (SLOTS..).find(|index| !taken.contains(index)),
        };
        let Some(index) = index.filter(|_| fits && !is_moody) else {
            return false;
        };
        let slot = ReportedSlot {
            index,
            profile: allocation.profile.clone(),
            job_id: allocation.job_id,
            allocation_id: allocation.allocation_id,
        };
        truth.insert(allocation.allocation_id, slot);
        true
    }

    fn plan(&mut self) {
        let plan = self.bed.plan();
        self.coming = plan.workers;
        self.told.extend(plan.unfulfillable.iter().map(|job| job.job_id));
        for allocation in plan.allocations {
            assert!(
                self.given.insert(allocation.allocation_id),
                "{allocation:?} is given twice"
            );
            assert!(
                self.needs.contains_key(&allocation.job_id),
                "nobody asked for {allocation:?}"
            );
            self.messages.push(Message::Request(allocation));
        }
        for (id, worker) in &self.bed.slots.workers {
            let profiles = worker.held().map(|(_, slot)| &slot.profile);
            let sum = profiles.fold(worker.free().clone(), |sum, profile| sum.checked_add(profile).unwrap());
            // A worker that took what its refusal had seemed to leave free may have more than it is thought to have.
            assert!(sum.covers(&worker.resources.total), "{id} has lost a part of itself");
        }
    }

    /// No fault any more: messages arrive, workers come, what is not needed is freed.
    fn quiesce(&mut self) {
        for _ in 0..60 {
            self.bed.now += Duration::from_secs(2);
            while !self.messages.is_empty() {
                self.deliver();
            }
            for _ in 0..self.coming {
                self.worker_comes();
            }
            self.free_surplus();
            for worker in self.workers.keys().cloned().collect::<Vec<_>>() {
                let slots: Vec<_> = self.workers[&worker].values().cloned().collect();
                let now = self.bed.now;
                self.bed.slots.report(&worker, &slots, Some(now), now).unwrap();
            }
            self.plan();
        }
    }

    /// JobMasters give back what they do not need.
    fn free_surplus(&mut self) {
        let nothing = Vec::new();
        let mut kept: BTreeMap<JobId, Vec<_>> = BTreeMap::new();
        for truth in self.workers.values_mut() {
            truth.retain(|_, slot| {
                let held = kept.entry(slot.job_id).or_default();
                let needs = self.needs.get(&slot.job_id).unwrap_or(&nothing);
                let with_it: Vec<_> = held.iter().chain([&slot.profile]).cloned().collect();
                let is_needed = compare(needs, &with_it).1.is_empty();
                if is_needed {
                    held.push(slot.profile.clone());
                }
                is_needed
            });
        }
    }

    fn check_outcome(&mut self, seed: u64) {
        for (id, truth) in &self.workers {
            let seen = self.bed.slots.workers[id].held();
            let seen: BTreeMap<_, _> = seen
                .map(|(allocation_id, slot)| (*allocation_id, slot.job_id))
                .collect();
            let truth = truth.values().map(|slot| (slot.allocation_id, slot.job_id)).collect();
            assert_eq!(seen, truth, "seed {seed}: what {id} has");
        }
        for (job_id, needs) in &self.needs {
            let slots = self.workers.values().flat_map(BTreeMap::values);
            let held: Vec<_> = slots
                .filter(|slot| slot.job_id == *job_id)
                .map(|slot| &slot.profile)
                .collect();
            let (missing, surplus) = compare(needs, held);
            assert!(
                missing.is_empty() || self.told.contains(job_id),
                "seed {seed}: {job_id} needs {missing:?} and was not told"
            );
            assert!(surplus.is_empty(), "seed {seed}: {job_id} has {surplus:?}");
        }
        for job_id in self.needs.keys().copied().collect::<Vec<_>>() {
            self.end_job(job_id);
        }
        self.quiesce();
        self.bed.now += IDLE;
        for worker in self.bed.slots.releasable(self.bed.now) {
            self.workers.remove(&worker);
            self.bed.slots.remove_worker(&worker);
        }
        assert!(
            self.workers.is_empty(),
            "seed {seed}: {:?} are kept",
            self.workers.keys()
        );
        let usage = self.bed.slots.usage();
        assert_eq!(usage, ClusterUse::default(), "seed {seed}");
        assert_eq!(self.bed.plan(), SlotPlan::default(), "seed {seed}");
    }
}

#[test]
fn every_need_is_met_or_told_and_no_slot_or_worker_is_kept_for_nobody() {
    for seed in 0..300 {
        let mut world = World::new(seed);
        for _ in 0..150 {
            world.step();
        }
        world.quiesce();
        world.check_outcome(seed);
    }
}
