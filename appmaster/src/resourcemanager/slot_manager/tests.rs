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
fn the_cluster_grows_no_further_than_its_bounds() {
    for (key, most, workers, limit) in [
        (
            "slotmanager.number-of-slots.max",
            "5",
            1,
            "slotmanager.number-of-slots.max (5)",
        ),
        (
            "slotmanager.max-total-resource.cpu",
            "6",
            2,
            "slotmanager.max-total-resource.cpu (6)",
        ),
        (
            "slotmanager.max-total-resource.memory",
            "400 bytes",
            1,
            "slotmanager.max-total-resource.memory (400 bytes)",
        ),
    ] {
        let mut bed = Bed::with(&[(key, most)]);
        bed.add("a");
        bed.declare(1, [open(9)]);
        let plan = bed.plan();
        assert_eq!(plan.workers, workers, "{key}");
        let shortage = &plan.unfulfillable[0].shortage;
        assert_eq!(shortage.to_string(), format!("the cluster has reached {limit}"));
        assert!(shortage.may_pass(), "slots of other jobs come back");
    }
}

#[test]
fn a_worker_beyond_the_bounds_or_without_slots_is_refused_and_changes_nothing() {
    let mut bed = Bed::with(&[("slotmanager.number-of-slots.max", "2")]);
    bed.add("a");
    bed.add("a");
    let refused = bed.slots.add_worker("b".into(), resources(1), &[], bed.now);
    let limit = "slotmanager.number-of-slots.max (2)".to_owned();
    let worker = "b".into();
    assert_eq!(refused, Err(SlotManagerError::ClusterFull { worker, limit }));
    let refused = bed.slots.add_worker("a".into(), resources(0), &[], bed.now);
    assert_eq!(refused, Err(SlotManagerError::NoSlots("a".into())));
    assert_eq!((bed.slots.usage().workers, bed.slots.usage().slots), (1, 2));
}

#[test]
fn the_least_is_asked_for_without_a_job_and_never_released() {
    let mut bed = Bed::with(&[("slotmanager.number-of-slots.min", "3")]);
    assert_eq!(bed.plan().workers, 2);
    for worker in ["a", "b", "c"] {
        bed.add(worker);
    }
    assert_eq!(bed.plan().workers, 0);
    bed.now += IDLE;
    assert_eq!(bed.slots.releasable(bed.now), ["a".into()], "four slots are left");
    let cores = [("slotmanager.min-total-resource.cpu", "5")];
    assert_eq!(Bed::with(&cores).plan().workers, 3);
}

#[test]
fn workers_that_can_never_make_up_the_least_are_not_asked_for_without_end() {
    let mut bed = Bed::with(&[("slotmanager.min-total-resource.cpu", "5")]);
    bed.slots.on_demand = Some(WorkerResourceSpec {
        total: ResourceProfile::ZERO,
        number_of_slots: 1,
    });
    assert_eq!(bed.plan().workers, 1);
}

#[test]
fn spare_workers_are_kept_while_a_job_has_slots_and_released_when_none_has() {
    let mut bed = Bed::with(&[("slotmanager.redundant-taskmanager-num", "2")]);
    bed.add("a");
    assert_eq!(bed.plan().workers, 0, "without a job nothing is spare");
    bed.declare(1, [open(1)]);
    bed.settle();
    // d = 2 × 2 − 1 free slot.
    assert_eq!(bed.plan().workers, 2, "⌈3 ÷ 2⌉");
    bed.add("b");
    assert_eq!(bed.plan().workers, 1);
    for worker in ["c", "d", "e"] {
        bed.add(worker);
    }
    assert_eq!(bed.plan().workers, 0);
    bed.now += IDLE;
    // d = 2 × 2 − 9 free slots.
    assert_eq!(bed.slots.releasable(bed.now), ["b".into(), "c".into()], "⌊5 ÷ 2⌋");
    bed.slots.remove_job(&job(1));
    let allocation = *bed.slots.workers[&"a".into()].held().next().unwrap().0;
    bed.slots.freed(&"a".into(), &allocation, bed.now).unwrap();
    bed.now += IDLE;
    assert_eq!(bed.slots.releasable(bed.now).len(), 5, "no slot is in use");
}

#[test]
fn an_idle_worker_is_named_from_when_its_last_slot_is_free_and_not_again_for_a_moment() {
    let mut bed = Bed::with(&[]);
    bed.add("a");
    bed.declare(1, [open(1)]);
    let plan = bed.settle();
    bed.now += 2 * IDLE;
    assert!(bed.slots.releasable(bed.now).is_empty());
    bed.slots.remove_job(&job(1));
    bed.slots
        .freed(&"a".into(), &plan.allocations[0].allocation_id, bed.now)
        .unwrap();
    assert_eq!(bed.slots.idle_since(&"a".into()), Some(bed.now));
    assert_eq!(bed.slots.deadline(bed.now), Some(bed.now + IDLE));
    bed.now += IDLE;
    assert_eq!(bed.slots.releasable(bed.now), ["a".into()]);
    assert!(bed.slots.releasable(bed.now).is_empty(), "it is being asked");
    bed.now = bed.slots.deadline(bed.now).unwrap();
    assert_eq!(bed.slots.releasable(bed.now), ["a".into()]);
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
fn a_report_is_right_except_for_what_changed_since_it_was_asked_for() {
    let mut bed = Bed::with(&[]);
    bed.add("a");
    let asked = bed.now;
    bed.now += Duration::from_millis(5);
    bed.declare(1, [open(1)]);
    let plan = bed.settle();
    let allocation_id = plan.allocations[0].allocation_id;
    let (worker, now) = ("a".into(), bed.now);
    assert_eq!(bed.slots.report(&worker, &[], Some(asked), now), Ok(vec![]));
    assert_eq!(bed.slots.slots_of(&worker).free, 1, "the report is older than the slot");
    assert_eq!(
        bed.slots.report(&worker, &[], None, now),
        Ok(vec![]),
        "said at the registration"
    );
    let later = now + Duration::from_secs(1);
    let lost = LostSlot {
        job_id: job(1),
        allocation_id,
    };
    assert_eq!(bed.slots.report(&worker, &[], Some(later), later), Ok(vec![lost]));
    assert_eq!(bed.slots.slots_of(&worker).free, 2);
}

#[test]
fn a_slot_in_the_books_goes_only_where_the_table_says() {
    use HeldSlotState::{Absent, Asked, Taken};
    let (now, id) = (Instant::now(), ResourceId::from("a"));
    let (job, allocation) = (job(1), AllocationId::from_bytes([1; 16]));
    let reported = ReportedSlot {
        index: 0,
        profile: size(1),
        job_id: job,
        allocation_id: allocation,
    };
    let later = now + Duration::from_secs(1);
    type Event<'a> = Box<dyn Fn(&mut Worker) + 'a>;
    let take = |worker: &mut Worker| drop(worker.take(&id, &ProfileSpec::Unknown, job, allocation, now));
    let events: Vec<Event<'_>> = vec![
        Box::new(take),
        Box::new(|worker| worker.answered(&allocation, true, now)),
        Box::new(|worker| worker.answered(&allocation, false, now)),
        Box::new(|worker| {
            worker.freed(&allocation, now);
        }),
        Box::new(|worker| drop(worker.report(std::slice::from_ref(&reported), Some(later), later))),
        Box::new(|worker| drop(worker.report(&[], Some(later), later))),
    ];
    let mut walk = Walk::new();
    let rows: &[(HeldSlotState, &[HeldSlotState])] = &[
        (Absent, &[Asked, Absent, Absent, Absent, Taken, Absent]),
        (Asked, &[Asked, Taken, Absent, Absent, Taken, Asked]),
        (Taken, &[Taken, Taken, Taken, Absent, Taken, Absent]),
    ];
    walk.rows(&events, rows, |from, event| {
        let mut worker = Worker::new(resources(1), &[], now);
        if from != Absent {
            take(&mut worker);
        }
        if from == Taken {
            worker.answered(&allocation, true, now);
        }
        event(&mut worker);
        worker.state_of(&allocation)
    });
    walk.finish();
}

#[test]
fn a_report_that_was_overtaken_takes_no_slot_away() {
    let mut bed = Bed::with(&[]);
    bed.add("a");
    bed.declare(1, [open(1)]);
    let plan = bed.settle();
    let allocation = &plan.allocations[0];
    let reported = ReportedSlot {
        index: 0,
        profile: allocation.profile.clone(),
        job_id: job(1),
        allocation_id: allocation.allocation_id,
    };
    let (worker, asked) = ("a".into(), bed.now + Duration::from_secs(1));
    let beat = bed.slots.report(&worker, &[reported], Some(asked), asked);
    assert_eq!(beat, Ok(vec![]));
    let said_at_the_registration = bed.slots.report(&worker, &[], None, asked);
    assert_eq!(said_at_the_registration, Ok(vec![]));
    let asked_before = bed.slots.report(&worker, &[], Some(bed.now), asked);
    assert_eq!(asked_before, Ok(vec![]));
    assert_eq!(bed.slots.slots_of(&worker).free, 1);
}

#[test]
fn a_slot_that_only_its_worker_knows_is_counted_and_one_that_was_freed_does_not_come_back() {
    let mut bed = Bed::with(&[]);
    bed.add("a");
    let reported = ReportedSlot {
        index: 1,
        profile: size(1),
        job_id: job(1),
        allocation_id: AllocationId::from_bytes([1; 16]),
    };
    let (worker, asked) = ("a".into(), bed.now);
    bed.slots
        .report(&worker, std::slice::from_ref(&reported), Some(asked), asked)
        .unwrap();
    bed.declare(1, [open(2)]);
    assert_eq!(places(&bed.plan()), [("a", Some(0))]);
    bed.slots.freed(&worker, &reported.allocation_id, bed.now).unwrap();
    bed.slots
        .report(&worker, std::slice::from_ref(&reported), Some(asked), bed.now)
        .unwrap();
    assert_eq!(bed.slots.slots_of(&worker).allocated.len(), 1);
    let unknown = SlotManagerError::UnknownAllocation {
        worker: worker.clone(),
        allocation: AllocationId::from_bytes([9; 16]),
    };
    let freed = bed.slots.freed(&worker, &AllocationId::from_bytes([9; 16]), bed.now);
    assert_eq!(freed, Err(unknown));
    assert_eq!(
        bed.slots.freed(&worker, &reported.allocation_id, bed.now),
        Ok(()),
        "said twice"
    );
    let nobody = SlotManagerError::UnknownWorker("z".into());
    assert_eq!(bed.slots.report(&"z".into(), &[], None, bed.now), Err(nobody.clone()));
    assert_eq!(
        bed.slots.freed(&"z".into(), &reported.allocation_id, bed.now),
        Err(nobody)
    );
}

#[test]
fn a_worker_that_registers_again_keeps_what_it_says_and_loses_the_rest() {
    let mut bed = Bed::with(&[]);
    bed.add("a");
    bed.declare(1, [open(2)]);
    let plan = bed.settle();
    let kept = &plan.allocations[0];
    let reported = ReportedSlot {
        index: kept.slot_index.unwrap(),
        profile: kept.profile.clone(),
        job_id: kept.job_id,
        allocation_id: kept.allocation_id,
    };
    let lost = bed.slots.add_worker("a".into(), resources(2), &[reported], bed.now);
    let gone = LostSlot {
        job_id: job(1),
        allocation_id: plan.allocations[1].allocation_id,
    };
    assert_eq!(lost, Ok(vec![gone]));
    assert_eq!(places(&bed.plan()), [("a", Some(1))], "the job gets it anew");
    assert_eq!(bed.slots.remove_worker(&"a".into()).len(), 2);
    assert_eq!(bed.plan().workers, 1);
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
