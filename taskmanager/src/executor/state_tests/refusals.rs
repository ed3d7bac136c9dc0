//! Calls that the worker does not take.

use super::*;

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
