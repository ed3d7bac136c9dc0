//! How large the cluster is, and how idle.

use super::*;

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
