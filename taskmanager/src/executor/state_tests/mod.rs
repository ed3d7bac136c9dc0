//! The worker's decisions by tables, without a clock.

use std::time::{Duration, Instant};

use selvedge_core::resource::ResourceProfile;
use selvedge_core::status::ExecutionState;
use selvedge_core::{AllocationId, ExecutionAttemptId, JobId, LeaderSessionId, MemorySize};
use selvedge_runtime::clock::thread_now;
use selvedge_runtime::gateway::GatewayError;

use super::TaskExecutorTimeouts;
use super::event::{SlotDemand, WantedSlot};
use super::state::{Action, State};
use crate::exchange::JobKey;
use crate::exchange::testing::{attempt, job};
use crate::slot::SlotTable;

mod reconciliation;
mod refusals;
mod tables;

const HEARTBEAT: Duration = Duration::from_secs(50);

fn leader() -> LeaderSessionId {
    LeaderSessionId::from_bytes([9; 16])
}

fn allocation(byte: u8) -> AllocationId {
    AllocationId::from_bytes([byte; 16])
}

fn demand(job: JobKey, slot_index: u32, to: AllocationId) -> SlotDemand {
    SlotDemand {
        resource_manager: leader(),
        slot: WantedSlot::Fixed(slot_index),
        job,
        allocation: to,
        job_master_address: "master:1".to_owned(),
    }
}

fn of_bytes(bytes: u64) -> ResourceProfile {
    ResourceProfile {
        managed: MemorySize::from_bytes(bytes),
        ..ResourceProfile::ZERO
    }
}

/// A registered worker with two slots of a byte each.
fn worker(now: Instant) -> State {
    let timeouts = TaskExecutorTimeouts::default();
    let slots = SlotTable::new(2, of_bytes(1), of_bytes(2), timeouts.slot);
    let mut state = State::new(slots, timeouts, now);
    state.registered(leader(), HEARTBEAT, now);
    state
}

/// The same with the job's first slot taken and a task in it.
fn with_task(now: Instant) -> State {
    let mut state = worker(now);
    let (actions, result) = state.request_slot(&demand(job(1), 0, allocation(1)), now);
    let address = "master:1".to_owned();
    assert_eq!(actions, [Action::Connect { job: job(1), address }]);
    result.unwrap();
    let offer = Action::Offer {
        job: job(1),
        slots: vec![(allocation(1), 0)],
    };
    assert_eq!(state.job_registered(job(1), HEARTBEAT, now), [offer]);
    assert!(
        state
            .slots_answered(job(1), &[allocation(1)], &[allocation(1)], 1, now)
            .is_empty()
    );
    let tasks = [(attempt("v", 0), allocation(1))];
    state.check_submission(job(1), &tasks).unwrap();
    state.accept_submission(job(1), &tasks);
    state
}

#[test]
fn an_attempt_that_has_ended_is_not_deployed_by_a_call_that_arrives_once_more() {
    let now = thread_now();
    let mut state = with_task(now);
    state.task_changed(job(1), &attempt("v", 0), ExecutionState::Failed);
    state.delivered(job(1), &[attempt("v", 0)]);
    let again = [(attempt("v", 0), allocation(1))];
    let refused = state.check_submission(job(1), &again).unwrap_err();
    assert!(refused.to_string().contains("deployed already"), "{refused}");
    let next = ExecutionAttemptId {
        attempt: 1,
        ..attempt("v", 0)
    };
    state.check_submission(job(1), &[(next, allocation(1))]).unwrap();
}

fn stop(cause: Option<&str>) -> Action {
    Action::Stop {
        job: job(1),
        attempts: vec![attempt("v", 0)],
        cause: cause.map(str::to_owned),
    }
}

fn free() -> Action {
    Action::SlotFree {
        index: 0,
        allocation: allocation(1),
    }
}

#[test]
fn a_second_slot_is_offered_when_the_first_offer_is_answered() {
    let now = thread_now();
    let mut state = worker(now);
    state.request_slot(&demand(job(1), 0, allocation(1)), now).1.unwrap();
    state.job_registered(job(1), HEARTBEAT, now);
    let (actions, result) = state.request_slot(&demand(job(1), 1, allocation(2)), now);
    assert!(actions.is_empty() && result.is_ok(), "an offer is on its way");
    let answered = state.slots_answered(job(1), &[allocation(1)], &[allocation(1)], 1, now);
    let offer = Action::Offer {
        job: job(1),
        slots: vec![(allocation(2), 1)],
    };
    assert_eq!(answered, [offer]);
}

#[test]
fn a_slot_accepted_after_it_was_given_up_is_told_lost() {
    let now = thread_now();
    let mut state = worker(now);
    for (index, slot) in [(0, allocation(1)), (1, allocation(2))] {
        state.request_slot(&demand(job(1), index, slot), now).1.unwrap();
    }
    state.job_registered(job(1), HEARTBEAT, now);
    assert_eq!(
        state.free_slot(job(1), allocation(1), String::new(), now),
        Ok(vec![free()])
    );
    let both = [allocation(1), allocation(2)];
    let actions = state.slots_answered(job(1), &both, &both, 2, now);
    assert!(
        matches!(&actions[..], [Action::FailSlot { allocation: lost, .. }] if *lost == allocation(1)),
        "{actions:?}"
    );
}

#[test]
fn what_a_job_has_not_taken_is_freed_at_its_end_and_what_it_has_taken_stays() {
    let now = thread_now();
    let mut state = with_task(now);
    state.request_slot(&demand(job(1), 1, allocation(2)), now).1.unwrap();
    let other = LeaderSessionId::from_bytes([77; 16]);
    let stale = state.free_inactive_slots(other, job(1).job_id, now);
    assert!(matches!(stale, Err(GatewayError::Fenced(_))), "{stale:?}");
    let unknown = state.free_inactive_slots(leader(), JobId::from_bytes([77; 16]), now);
    assert!(matches!(unknown, Err(GatewayError::Fenced(_))), "{unknown:?}");
    let owned = |state: &State| {
        let held = state.slots.of_job(job(1).job_id).into_iter();
        held.map(|(own, ..)| own).collect::<Vec<_>>()
    };
    assert_eq!(
        owned(&state),
        [allocation(1), allocation(2)],
        "a refused call changes nothing"
    );
    let freed = Action::SlotFree {
        index: 1,
        allocation: allocation(2),
    };
    let freed_by = |state: &mut State| state.free_inactive_slots(leader(), job(1).job_id, now);
    assert_eq!(freed_by(&mut state), Ok(vec![freed]));
    assert_eq!(owned(&state), [allocation(1)]);
    assert_eq!(freed_by(&mut state), Ok(Vec::new()), "a second call finds nothing");
}

#[test]
fn a_job_that_has_taken_nothing_is_forgotten_with_its_slots() {
    let now = thread_now();
    let mut state = worker(now);
    state.request_slot(&demand(job(1), 0, allocation(1)), now).1.unwrap();
    let actions = state.free_inactive_slots(leader(), job(1).job_id, now);
    assert_eq!(actions, Ok(vec![free(), Action::Forget(job(1))]));
    assert_eq!(state.can_be_released(leader()), Ok(true));
}

#[test]
fn a_worker_can_be_released_when_no_job_has_anything_there_and_only_its_leader_is_told() {
    let now = thread_now();
    assert_eq!(worker(now).can_be_released(leader()), Ok(true));
    let state = with_task(now);
    assert_eq!(state.can_be_released(leader()), Ok(false));
    let other = LeaderSessionId::from_bytes([77; 16]);
    let refused = state.can_be_released(other);
    assert!(matches!(refused, Err(GatewayError::Fenced(_))), "{refused:?}");
}

#[test]
fn a_task_stays_in_the_heartbeat_until_its_end_is_delivered() {
    let now = thread_now();
    let mut state = with_task(now);
    let (told, actions) = state.task_changed(job(1), &attempt("v", 0), ExecutionState::Finished);
    assert!(told && actions.is_empty());
    assert_eq!(state.job_heartbeat(job(1), now).unwrap().tasks.len(), 1);
    assert!(
        state.delivered(job(1), &[attempt("v", 0)]).is_empty(),
        "the job keeps its slot"
    );
    assert!(state.job_heartbeat(job(1), now).unwrap().tasks.is_empty());
    let freed = state.free_slot(job(1), allocation(1), String::new(), now);
    assert_eq!(freed, Ok(vec![free(), Action::Forget(job(1))]));
}

#[test]
fn a_freed_slot_is_free_when_its_task_has_ended() {
    let now = thread_now();
    let mut state = with_task(now);
    let actions = state.free_slot(job(1), allocation(1), "gone".to_owned(), now);
    assert_eq!(actions, Ok(vec![stop(Some("gone"))]));
    let (told, actions) = state.task_changed(job(1), &attempt("v", 0), ExecutionState::Failed);
    assert!(told);
    assert_eq!(actions, [free()]);
    assert_eq!(state.delivered(job(1), &[attempt("v", 0)]), [Action::Forget(job(1))]);
}

#[test]
fn a_silent_job_master_loses_its_job_here() {
    let now = thread_now();
    let mut state = with_task(now);
    assert_eq!(state.next_deadline(), now + HEARTBEAT);
    let later = now + HEARTBEAT;
    state.resource_manager_heartbeat(leader(), later).unwrap();
    assert_eq!(state.tick(later), [Action::Disconnect(job(1)), stop(None)]);
    assert!(matches!(
        state.job_heartbeat(job(1), later),
        Err(GatewayError::Fenced(_))
    ));
    let (told, actions) = state.task_changed(job(1), &attempt("v", 0), ExecutionState::Canceled);
    assert!(!told, "nobody is there to be told");
    assert_eq!(actions, [free(), Action::Forget(job(1))]);
}

#[test]
fn a_new_leader_waits_for_the_tasks_of_the_old_one() {
    let now = thread_now();
    let mut state = with_task(now);
    let (actions, result) = state.request_slot(&demand(job(2), 1, allocation(2)), now);
    assert_eq!(actions, [Action::Disconnect(job(1)), stop(None)]);
    assert!(result.unwrap_err().retryable());
    state.task_changed(job(1), &attempt("v", 0), ExecutionState::Canceled);
    let (actions, result) = state.request_slot(&demand(job(2), 1, allocation(2)), now);
    assert!(
        matches!(&actions[..], [Action::Connect { job: new, .. }] if *new == job(2)),
        "{actions:?}"
    );
    result.unwrap();
    assert!(state.check_job(job(1)).is_err());
}

#[test]
fn a_task_that_does_not_end_and_a_missing_resource_manager_end_the_worker() {
    let now = thread_now();
    let timeouts = TaskExecutorTimeouts::default();
    let mut state = with_task(now);
    assert_eq!(state.cancel(job(1), &[attempt("v", 0)], now).unwrap(), [stop(None)]);
    assert!(
        state.cancel(job(1), &[attempt("v", 0)], now).unwrap().is_empty(),
        "told once"
    );
    let stuck = state.tick(now + timeouts.cancellation);
    let end = Action::EndStuck {
        job: job(1),
        attempt: attempt("v", 0),
    };
    assert!(stuck.contains(&end), "{stuck:?}");
    let mut state = worker(now);
    assert_eq!(state.tick(now + HEARTBEAT), [Action::Register]);
    let end = now + HEARTBEAT + timeouts.registration;
    assert_eq!(state.next_deadline(), end);
    assert_eq!(state.tick(end), [Action::EndUnregistered]);
}

#[test]
fn a_task_that_does_not_end_is_told_again_at_each_interval() {
    let now = thread_now();
    let mut state = with_task(now);
    let interval = state.timeouts.cancellation_interval;
    assert_eq!(state.cancel(job(1), &[attempt("v", 0)], now).unwrap(), [stop(None)]);
    let remind = Action::Remind {
        job: job(1),
        attempts: vec![attempt("v", 0)],
    };
    for times in 1..=2 {
        let due = now + interval * times;
        state.resource_manager_heartbeat(leader(), due).unwrap();
        state.job_heartbeat(job(1), due).unwrap();
        assert_eq!(state.next_deadline(), due);
        assert_eq!(state.tick(due), std::slice::from_ref(&remind));
        assert!(state.tick(due).is_empty());
    }
    state.task_changed(job(1), &attempt("v", 0), ExecutionState::Canceled);
    assert!(state.tick(now + interval * 3).is_empty(), "it has ended");
}

#[test]
fn zero_switches_the_watch_over_cancelled_tasks_off() {
    let now = thread_now();
    let mut state = with_task(now);
    state.timeouts.cancellation = Duration::ZERO;
    state.timeouts.cancellation_interval = Duration::ZERO;
    state.cancel(job(1), &[attempt("v", 0)], now).unwrap();
    assert_eq!(state.next_deadline(), now + HEARTBEAT);
}

#[test]
fn a_slot_is_made_in_the_size_that_is_asked_and_ends_when_it_is_freed() {
    let now = thread_now();
    let mut state = worker(now);
    let mut wanted = demand(job(1), 0, allocation(1));
    wanted.slot = WantedSlot::Made(of_bytes(2));
    let (actions, result) = state.request_slot(&wanted, now);
    result.unwrap();
    let divide = Action::Divide {
        allocation: allocation(1),
        profile: of_bytes(2),
    };
    assert_eq!(actions[0], divide);
    let offer = Action::Offer {
        job: job(1),
        slots: vec![(allocation(1), 2)],
    };
    assert_eq!(state.job_registered(job(1), HEARTBEAT, now), [offer]);
    // Nothing is left for a slot of the default size.
    let error = state
        .request_slot(&demand(job(1), 0, allocation(2)), now)
        .1
        .unwrap_err();
    assert!(matches!(error, GatewayError::Rejected(_)), "{error}");
    let freed = state.free_slot(job(1), allocation(1), String::new(), now).unwrap();
    let free = Action::SlotFree {
        index: 2,
        allocation: allocation(1),
    };
    assert_eq!(freed, [free, Action::Forget(job(1))]);
    state.request_slot(&demand(job(1), 0, allocation(2)), now).1.unwrap();
}
