//! The SlotManager, by examples.

use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use selvedge_core::MemorySize;
use selvedge_core::resource::{ProfileSpec, Quantity, ResourceProfile, WorkerResourceSpec};
use selvedge_core::status::{HeldSlotState, Walk};
use selvedge_core::{AllocationId, JobId};
use tokio::time::Instant;

use super::plan::SlotPlan;
use super::*;

mod bounds;
mod reports;

pub(super) const IDLE: Duration = Duration::from_secs(30);

/// So many slots of one core and 100 bytes.
pub(super) fn size(slots: u64) -> ResourceProfile {
    ResourceProfile {
        cpu_cores: Quantity::from_whole(slots),
        managed: MemorySize::from_bytes(100 * slots),
        ..ResourceProfile::ZERO
    }
}

pub(super) fn resources(slots: u32) -> WorkerResources {
    WorkerResources {
        total: size(slots.into()),
        default_slot: size(1),
        number_of_slots: slots,
        node: "node".to_owned(),
    }
}

pub(super) fn job(byte: u8) -> JobId {
    JobId::from_bytes([byte; 16])
}

pub(super) fn settings(settings: &[(&str, &str)]) -> SlotManagerSettings {
    SlotManagerSettings::read(&settings.iter().copied().collect()).unwrap()
}

/// A SlotManager whose workers have two slots, and what it is called with.
pub(super) struct Bed {
    pub(super) slots: SlotManager,
    pub(super) now: Instant,
    rng: StdRng,
}

impl Bed {
    pub(super) fn with(given: &[(&str, &str)]) -> Self {
        let worker = WorkerResourceSpec {
            total: size(2),
            number_of_slots: 2,
        };
        Self {
            slots: SlotManager::new(settings(given), Some(worker), true),
            now: Instant::now(),
            rng: StdRng::seed_from_u64(1),
        }
    }

    fn standalone() -> Self {
        Self {
            slots: SlotManager::new(settings(&[]), None, false),
            ..Self::with(&[])
        }
    }

    fn add(&mut self, worker: &str) {
        let added = self.slots.add_worker(worker.into(), resources(2), &[], self.now);
        assert_eq!(added, Ok(Vec::new()));
    }

    fn declare(&mut self, number: u8, needs: impl IntoIterator<Item = Need>) {
        self.slots.declare(job(number), needs);
    }

    pub(super) fn plan(&mut self) -> SlotPlan {
        self.slots.plan(self.now, &mut self.rng)
    }

    /// Plans, and every worker takes what it is asked for.
    fn settle(&mut self) -> SlotPlan {
        let plan = self.plan();
        for allocation in &plan.allocations {
            self.slots.answered(allocation, true, self.now);
        }
        plan
    }
}

fn open(count: u32) -> Need {
    (ProfileSpec::Unknown, count)
}

fn exactly(slots: u64, count: u32) -> Need {
    (size(slots).into(), count)
}

fn places(plan: &SlotPlan) -> Vec<(&str, Option<u32>)> {
    let allocations = plan.allocations.iter();
    allocations
        .map(|allocation| (allocation.resource_id.as_str(), allocation.slot_index))
        .collect()
}

#[test]
fn free_slots_go_to_jobs_and_the_rest_waits_for_workers() {
    let mut bed = Bed::with(&[]);
    bed.add("a");
    bed.declare(1, [open(5)]);
    let plan = bed.plan();
    assert_eq!(places(&plan), [("a", Some(0)), ("a", Some(1))]);
    assert_eq!((plan.pending_slots, plan.workers), (3, 2));
    let again = bed.plan();
    assert_eq!(
        (again.allocations.len(), again.workers),
        (0, 2),
        "nothing is given twice"
    );
    assert_eq!(
        again.to_string(),
        "0 slots are given, 3 wait for 2 workers",
        "a plan can be read"
    );
    bed.add("b");
    let plan = bed.plan();
    assert_eq!((plan.allocations.len(), plan.workers), (2, 1));
    assert_eq!(bed.slots.usage().pending_slots, 1);
}

#[test]
fn jobs_get_slots_in_the_order_in_which_they_asked() {
    let mut bed = Bed::with(&[]);
    bed.declare(9, [open(2)]);
    bed.declare(1, [open(2)]);
    bed.add("a");
    let plan = bed.plan();
    assert!(plan.allocations.iter().all(|given| given.job_id == job(9)), "{plan}");
}

#[test]
fn a_profile_that_is_stated_gets_a_slot_of_that_size_from_what_is_free() {
    let half = ResourceProfile {
        cpu_cores: "0.5".parse().unwrap(),
        managed: MemorySize::from_bytes(50),
        ..ResourceProfile::ZERO
    };
    let mut bed = Bed::with(&[]);
    bed.add("a");
    bed.declare(1, [(half.clone().into(), 3), open(2)]);
    let plan = bed.settle();
    assert_eq!(
        places(&plan),
        [("a", None), ("a", None), ("a", None)],
        "what is left is no default slot"
    );
    assert_eq!((plan.pending_slots, plan.workers), (2, 1));
    let used = bed.slots.slots_of(&"a".into());
    assert_eq!((used.total, used.free, used.free_resource), (2, 0, half.clone()));
    bed.declare(1, [(half.into(), 4)]);
    assert_eq!(places(&bed.settle()), [("a", None)]);
    assert_eq!(bed.slots.slots_of(&"a".into()).free_resource, ResourceProfile::ZERO);
}

#[test]
fn spread_slots_go_to_the_least_utilised_worker_and_others_fill_one_worker_first() {
    for (mode, expected) in [("SLOTS", ["a", "b", "a"]), ("NONE", ["a", "a", "b"])] {
        let mut bed = Bed::with(&[("taskmanager.load-balance.mode", mode)]);
        bed.add("a");
        bed.add("b");
        bed.declare(1, [open(3)]);
        let plan = bed.plan();
        let workers: Vec<_> = places(&plan).into_iter().map(|(worker, _)| worker).collect();
        assert_eq!(workers, expected, "{mode}");
    }
}

#[test]
fn a_refused_slot_is_tried_again_after_a_pause_and_no_worker_is_asked_for_meanwhile() {
    let mut bed = Bed::with(&[]);
    bed.add("a");
    bed.declare(1, [open(2)]);
    let plan = bed.plan();
    for allocation in &plan.allocations {
        bed.slots.answered(allocation, false, bed.now);
    }
    let paused = bed.plan();
    assert_eq!((paused.allocations.len(), paused.workers), (0, 0));
    let deadline = bed.slots.deadline(bed.now).unwrap();
    assert_eq!(deadline, bed.now + Duration::from_secs(1));
    bed.now = deadline;
    assert_eq!(bed.plan().allocations.len(), 2);
}

#[test]
fn what_fits_no_worker_is_told_once() {
    let mut bed = Bed::with(&[]);
    bed.add("a");
    bed.declare(1, [open(1), exactly(3, 2)]);
    let plan = bed.plan();
    assert_eq!(plan.workers, 0);
    let [told] = &plan.unfulfillable[..] else {
        panic!("{plan}")
    };
    assert_eq!(
        told.shortage.to_string(),
        "a slot needs 3 cores and 0 MiB, and a whole worker has 2 cores and 0 MiB"
    );
    assert!(!told.shortage.may_pass());
    assert_eq!(
        (&told.required[..], &told.acquired[..]),
        (&[open(1), exactly(3, 2)][..], &[size(1)][..])
    );
    assert!(bed.plan().unfulfillable.is_empty());
    bed.declare(1, [(ProfileSpec::Infinite, 1)]);
    assert_eq!(bed.plan().unfulfillable.len(), 1, "a new declaration is told of anew");
}

#[test]
fn a_standalone_cluster_tells_jobs_what_it_cannot_give_only_when_it_is_set_up() {
    let mut bed = Bed::standalone();
    bed.add("a");
    bed.declare(1, [open(3)]);
    let plan = bed.settle();
    assert_eq!((plan.workers, plan.pending_slots, plan.unfulfillable.len()), (0, 1, 0));
    bed.slots.set_fail_unfulfillable_request(true);
    assert_eq!(bed.plan().unfulfillable[0].shortage, Shortage::NoWorkersOnDemand);
    assert!(bed.slots.releasable(bed.now + IDLE).is_empty());
    bed.slots.remove_job(&job(1));
    bed.declare(2, [open(2)]);
    assert!(
        bed.plan().unfulfillable.is_empty(),
        "slots of the job that ended come back"
    );
    bed.declare(2, [open(3)]);
    assert_eq!(bed.plan().unfulfillable.len(), 1);
}

#[test]
fn a_blocked_node_gives_no_slots_until_its_time_has_passed() {
    let mut bed = Bed::with(&[]);
    bed.add("a");
    let until = bed.now + IDLE;
    assert!(bed.slots.block_node("node".to_owned(), until));
    assert!(
        !bed.slots.block_node("node".to_owned(), bed.now),
        "the later time counts"
    );
    bed.declare(1, [open(1)]);
    let plan = bed.plan();
    assert_eq!((plan.allocations.len(), plan.workers), (0, 1));
    let usage = bed.slots.usage();
    assert_eq!((usage.blocked_workers, usage.blocked_free_slots), (1, 2));
    assert_eq!(bed.slots.deadline(bed.now), Some(until));
    assert!(bed.slots.unblock_nodes(bed.now).is_empty());
    bed.now = until;
    assert_eq!(bed.slots.unblock_nodes(bed.now), ["node"]);
    assert_eq!(bed.plan().allocations.len(), 1);
}

#[test]
fn a_slot_larger_than_the_usual_worker_gets_one_of_its_own_where_there_can_be_such() {
    let mut bed = Bed::with(&[("slotmanager.number-of-slots.max", "7")]);
    let sizes: Arc<OwnSizes> = Arc::new(|worker| match worker.total.managed.bytes() {
        0..=400 => Ok(()),
        _ => Err(Some("the largest container has 400 bytes".to_owned())),
    });
    bed.slots = bed.slots.with_own_sizes(sizes);
    bed.declare(1, [open(3), exactly(4, 2), exactly(3, 1)]);
    bed.declare(2, [exactly(5, 1)]);
    bed.declare(3, [exactly(4, 1)]);
    let plan = bed.plan();
    assert_eq!(plan.workers, 2);
    let alone: Vec<_> = plan
        .alone
        .iter()
        .map(|(worker, count)| (worker.clone(), *count))
        .collect();
    let of = |slots| WorkerResourceSpec {
        total: size(slots),
        number_of_slots: 1,
    };
    assert_eq!(alone, [(of(4), 2), (of(3), 1)]);
    let told: Vec<_> = plan
        .unfulfillable
        .iter()
        .map(|told| (told.job_id, told.shortage.to_string()))
        .collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0].0 == job(2)
            && told[0]
                .1
                .contains("no worker of that size can be had: the largest container has 400 bytes"),
        "{told:?}"
    );
    assert!(
        told[1].0 == job(3) && told[1].1.contains("slotmanager.number-of-slots.max (7)"),
        "{told:?}"
    );
    let large = WorkerResources {
        total: size(4),
        default_slot: size(4),
        number_of_slots: 1,
        node: "node".to_owned(),
    };
    bed.slots.add_worker("large".into(), large, &[], bed.now).unwrap();
    let plan = bed.plan();
    assert!(places(&plan).contains(&("large", Some(0))), "{plan}");
    assert_eq!(
        plan.alone
            .iter()
            .find(|(worker, _)| *worker == of(4))
            .map(|(_, count)| *count),
        Some(1)
    );
}
