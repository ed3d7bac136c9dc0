//! The worker's decisions by tables, without a clock.

use std::time::{Duration, Instant};

use selvedge_core::resource::ResourceProfile;
use selvedge_core::status::{ExecutionState, JobContact, TaskPhase, Walk, WorkerRegistration};
use selvedge_core::{AllocationId, ExecutionAttemptId, JobId, LeaderSessionId, MemorySize};
use selvedge_runtime::clock::thread_now;
use selvedge_runtime::gateway::GatewayError;

use super::TaskExecutorTimeouts;
use super::event::{SlotDemand, WantedSlot};
use super::job::{Contact, Phase};
use super::state::{Action, State};
use crate::exchange::JobKey;
use crate::exchange::testing::{attempt, job};
use crate::slot::SlotTable;

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

/// What refused calls may not change.
fn seen(state: &State) -> String {
    format!("{:?} {:?} {:?}", state.slots, state.jobs, state.registration)
}

#[test]
fn a_call_of_another_resource_manager_or_job_master_changes_nothing() {
    let now = thread_now();
    let mut state = with_task(now);
    let (before, stranger) = (seen(&state), job(2));
    let mut foreign = demand(job(1), 1, allocation(2));
    foreign.resource_manager = stranger.job_master_id;
    let (actions, by_another_leader) = state.request_slot(&foreign, now);
    assert!(actions.is_empty());
    let later = now + Duration::from_secs(1);
    let tasks = [(attempt("w", 0), allocation(1))];
    let refusals = [
        by_another_leader,
        state.resource_manager_heartbeat(stranger.job_master_id, later),
        state.job_heartbeat(stranger, later).map(drop),
        state.check_submission(stranger, &tasks),
        state.cancel(stranger, &[attempt("v", 0)], later).map(drop),
        state.free_slot(stranger, allocation(1), String::new(), later).map(drop),
        state.check_job(stranger),
    ];
    for refusal in refusals {
        assert!(matches!(refusal, Err(GatewayError::Fenced(_))), "{refusal:?}");
    }
    assert_eq!(seen(&state), before);
}

#[test]
fn a_call_for_what_is_not_here_or_cannot_be_changes_nothing() {
    let now = thread_now();
    let mut state = with_task(now);
    let before = seen(&state);
    let mut too_large = demand(job(1), 0, allocation(3));
    too_large.slot = WantedSlot::Made(of_bytes(9));
    let rejections = [
        (
            state.request_slot(&demand(job(1), 7, allocation(2)), now).1,
            "no slot 7",
        ),
        (
            state.request_slot(&demand(job(1), 0, allocation(2)), now).1,
            "slot 0 is taken",
        ),
        (
            state.request_slot(&demand(job(1), 1, allocation(1)), now).1,
            "has slot 0 for job",
        ),
        (state.request_slot(&too_large, now).1, "not enough"),
        (
            state.check_submission(job(1), &[(attempt("w", 0), allocation(2))]),
            "no slot with allocation",
        ),
        (
            state.check_submission(job(1), &[(attempt("v", 0), allocation(1))]),
            "deployed already",
        ),
        (
            state.cancel(job(1), &[attempt("w", 0)], now).map(drop),
            "the worker has no task w_0_0",
        ),
        (
            state.free_slot(job(1), allocation(2), String::new(), now).map(drop),
            "no slot with allocation",
        ),
    ];
    for (refusal, expected) in rejections {
        match refusal {
            Err(GatewayError::Rejected(message)) => assert!(message.contains(expected), "{message}"),
            other => panic!("{expected}: {other:?}"),
        }
    }
    assert_eq!(seen(&state), before);
}

#[test]
fn a_worker_registers_and_loses_its_resource_manager_as_the_table_says() {
    use WorkerRegistration::{Registered, Registering};
    type Event = fn(&mut State, Instant);
    let other = LeaderSessionId::from_bytes([77; 16]);
    let events: [Event; 4] = [
        |state, now| state.registered(leader(), HEARTBEAT, now),
        |state, now| drop(state.lose_resource_manager(leader(), now)),
        |state, now| drop(state.lose_resource_manager(LeaderSessionId::from_bytes([77; 16]), now)),
        |state, now| drop(state.leader_is(LeaderSessionId::from_bytes([77; 16]), now)),
    ];
    let kind = |state: &State| match state.resource_manager() {
        Some(id) => {
            assert_ne!(id, other);
            Registered
        }
        None => Registering,
    };
    let now = thread_now();
    let mut walk = Walk::new();
    let rows: &[(WorkerRegistration, &[WorkerRegistration])] = &[
        (Registering, &[Registered, Registering, Registering, Registering]),
        (Registered, &[Registered, Registering, Registered, Registering]),
    ];
    walk.rows(&events, rows, |from, event| {
        let mut state = worker(now);
        if from == Registering {
            state.lose_resource_manager(leader(), now);
        }
        event(&mut state, now);
        kind(&state)
    });
    walk.finish();
}

#[test]
fn a_job_and_its_task_on_a_worker_go_only_where_their_tables_say() {
    use JobContact::{Connected, Connecting, Disconnected};
    type Event = fn(&mut State, Instant);
    let now = thread_now();
    let contact = |state: &State| match state.jobs[&job(1).job_id].contact {
        Contact::Connecting => Connecting,
        Contact::Connected { .. } => Connected,
        Contact::Disconnected => Disconnected,
    };
    let events: [Event; 3] = [
        |state, now| drop(state.job_registered(job(1), HEARTBEAT, now)),
        |state, now| drop(state.disconnect(job(1), now)),
        |state, now| drop(state.disconnect(job(2), now)),
    ];
    let mut contacts = Walk::new();
    let rows: &[(JobContact, &[JobContact])] = &[
        (Connecting, &[Connected, Disconnected, Connecting]),
        (Connected, &[Connected, Disconnected, Connected]),
        (Disconnected, &[Disconnected, Disconnected, Disconnected]),
    ];
    contacts.rows(&events, rows, |from, event| {
        let mut state = with_task(now);
        let known = state.jobs.get_mut(&job(1).job_id).unwrap();
        if from == Connecting {
            known.contact = Contact::Connecting;
        }
        if from == Disconnected {
            state.disconnect(job(1), now);
        }
        event(&mut state, now);
        contact(&state)
    });
    contacts.finish();

    let phase = |state: &State| match state.jobs[&job(1).job_id].tasks[&attempt("v", 0)].phase {
        Phase::Running => TaskPhase::Running,
        Phase::Stopping(_) => TaskPhase::Stopping,
        Phase::Ended => TaskPhase::Ended,
    };
    let cancel: Event = |state, now| drop(state.cancel(job(1), &[attempt("v", 0)], now));
    let events: [Event; 4] = [
        cancel,
        |state, now| drop(state.cancel(job(2), &[attempt("v", 0)], now)),
        |state, _| drop(state.task_changed(job(1), &attempt("v", 0), ExecutionState::Running)),
        |state, _| drop(state.task_changed(job(1), &attempt("v", 0), ExecutionState::Finished)),
    ];
    let mut tasks = Walk::new();
    let [running, stopping, ended] = [TaskPhase::Running, TaskPhase::Stopping, TaskPhase::Ended];
    let rows: &[(TaskPhase, &[TaskPhase])] = &[
        (running, &[stopping, running, running, ended]),
        (stopping, &[stopping, stopping, stopping, ended]),
        (ended, &[ended, ended, ended, ended]),
    ];
    tasks.rows(&events, rows, |from, event| {
        let mut state = with_task(now);
        match from {
            TaskPhase::Running => {}
            TaskPhase::Stopping => cancel(&mut state, now),
            TaskPhase::Ended => drop(state.task_changed(job(1), &attempt("v", 0), ExecutionState::Canceled)),
        }
        event(&mut state, now);
        phase(&state)
    });
    tasks.finish();
}
