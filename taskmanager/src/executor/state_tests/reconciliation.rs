//! Slots as the JobMaster says that it has them, against those that the worker has.

use super::super::event::HeldSlots;
use super::*;

fn said(version: u64, allocations: &[u8]) -> HeldSlots {
    HeldSlots {
        version,
        allocations: allocations.iter().map(|number| allocation(*number)).collect(),
    }
}

fn failed(number: u8) -> Action {
    Action::FailSlot {
        job: job(1),
        allocation: allocation(number),
        cause: "the worker has no such slot of the job any more".to_owned(),
    }
}

#[test]
fn what_the_job_master_does_not_have_is_freed_and_what_the_worker_does_not_have_is_failed() {
    let now = thread_now();
    let given_up = || stop(Some("the JobMaster does not have its slot any more"));
    // Slot 1 was taken under version 1 and runs a task; slot 2 is offered, and the answer is on its way.
    let rows: &[(&str, HeldSlots, Vec<Action>)] = &[
        ("both see the same", said(1, &[1]), vec![]),
        ("the answer is on its way", said(2, &[1, 2]), vec![]),
        ("so it may yet be", said(9, &[1]), vec![]),
        ("the JobMaster has lost the slot", said(1, &[]), vec![given_up()]),
        ("the heartbeat is older than the slot", said(0, &[]), vec![]),
        ("the worker has lost a slot", said(3, &[1, 7]), vec![failed(7)]),
        ("each has lost one", said(3, &[7]), vec![failed(7), given_up()]),
    ];
    for (case, said, expected) in rows {
        let mut state = with_task(now);
        state.request_slot(&demand(job(1), 1, allocation(2)), now).1.unwrap();
        assert_eq!(&state.reconcile_slots(job(1), said, now), expected, "{case}");
    }
}

#[test]
fn a_slot_that_is_freed_is_the_workers_again_when_its_task_has_ended_and_only_once() {
    let now = thread_now();
    let mut state = with_task(now);
    assert_eq!(state.reconcile_slots(job(1), &said(1, &[]), now).len(), 1);
    assert_eq!(
        state.reconcile_slots(job(1), &said(1, &[]), now),
        [],
        "it is being freed"
    );
    let (told, actions) = state.task_changed(job(1), &attempt("v", 0), ExecutionState::Failed);
    assert_eq!((told, actions), (true, vec![free()]));
    assert_eq!(state.reconcile_slots(job(1), &said(1, &[1]), now), [failed(1)]);
}

#[test]
fn a_job_without_another_slot_is_forgotten_and_one_that_is_not_here_changes_nothing() {
    let now = thread_now();
    let mut state = worker(now);
    state.request_slot(&demand(job(1), 0, allocation(1)), now).1.unwrap();
    state.job_registered(job(1), HEARTBEAT, now);
    state.slots_answered(job(1), &[allocation(1)], &[allocation(1)], 4, now);
    assert_eq!(
        state.reconcile_slots(job(2), &said(9, &[]), now),
        [],
        "another JobMaster"
    );
    assert_eq!(state.reconcile_slots(job(1), &said(3, &[]), now), [], "it is older");
    let freed = [free(), Action::Forget(job(1))];
    assert_eq!(state.reconcile_slots(job(1), &said(4, &[]), now), freed);
    assert_eq!(
        state.reconcile_slots(job(1), &said(5, &[1]), now),
        [],
        "the job is not here"
    );
}
