//! What workers run, against what the job has there.

use super::*;

#[test]
fn an_attempt_that_its_worker_does_not_know_fails_after_three_heartbeats() {
    let now = now();
    let mut state = deployed(now);
    report_all(&mut state, ExecutionState::Running, now);
    let figures = TaskMetrics {
        records_in: 3,
        ..TaskMetrics::default()
    };
    for _ in 0..2 {
        let metrics = vec![(id("sink", 0), figures.clone())];
        assert_eq!(state.heartbeat(&worker(0), &[id("sink", 0)], metrics, now), []);
    }
    assert_eq!(state.graph.execution(&id("sink", 0)).unwrap().metrics.records_in, 3);
    let actions = state.heartbeat(&worker(0), &[id("sink", 0)], Vec::new(), now);
    assert!(!actions.is_empty());
    assert_eq!(state.graph.status(), JobStatus::Failing);
}

#[test]
fn a_worker_that_runs_what_it_should_not_is_told_to_cancel_that() {
    let now = now();
    let mut state = deployed(now);
    report(&mut state, id("sink", 0), ExecutionState::Finished, "", now);
    let former = ExecutionAttemptId {
        attempt: 7,
        ..id("source", 0)
    };
    let running = [id("source", 0), id("sink", 0), former.clone()];
    let actions = state.heartbeat(&worker(0), &running, Vec::new(), now);
    let expected = Action::CancelTasks {
        resource_id: worker(0),
        attempts: vec![id("sink", 0), former],
    };
    assert_eq!(actions, [expected]);
}

#[test]
fn an_attempt_that_is_still_being_deployed_is_neither_missed_nor_unknown() {
    let now = now();
    let mut state = deployed(now);
    for _ in 0..5 {
        assert_eq!(state.heartbeat(&worker(0), &[], Vec::new(), now), []);
        assert_eq!(state.heartbeat(&worker(1), &[id("sink", 1)], Vec::new(), now), []);
    }
    assert!(state.graph.all_in(ExecutionState::Deploying));
}

#[test]
fn late_and_stale_reports_change_nothing() {
    let now = now();
    let mut state = deployed(now);
    report(&mut state, id("sink", 0), ExecutionState::Finished, "", now);
    report(&mut state, id("sink", 0), ExecutionState::Failed, "too late", now);
    let stale = ExecutionAttemptId {
        attempt: 4,
        ..id("sink", 1)
    };
    report(&mut state, stale, ExecutionState::Failed, "another attempt", now);
    assert_eq!(state.graph.status(), JobStatus::Running);
}
