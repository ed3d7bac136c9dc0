//! What goes wrong, or changes, while a job that has run is to start again.

use std::sync::Arc;
use std::time::Duration;

use selvedge_core::JobGraph;
use selvedge_core::resource::ProfileSpec;
use selvedge_core::status::{AdaptiveState, ExecutionState, JobStatus};

use super::AdaptiveSettings;
use super::tests::{
    COOLDOWN, PAUSE, SETTINGS, STABLE, adaptive_state, both, deployed, enumerated, job, job_with, report_all,
    running_with_one, streaming,
};
use crate::jobmaster::error::JobMasterError;
use crate::jobmaster::restart_strategy::RestartSettings;
use crate::jobmaster::root_cause::FailureKind;
use crate::jobmaster::scheduler::SchedulerKind;
use crate::jobmaster::state::{Action, JobState, Now};
use crate::jobmaster::tests::{id, job_under, later, now, offer, report, worker};

/// A job that grows from one slot to four, as soon as its sources are ready: the actions ask for that.
fn growing() -> (JobState, Vec<Action>, Now) {
    let (mut state, start) = running_with_one(now());
    (1..4).for_each(|number| drop(offer(&mut state, number, start)));
    state.adapt(start);
    let cooled = later(start, COOLDOWN);
    state.adapt(cooled);
    let actions = report_all(&mut state, ExecutionState::Canceled, cooled);
    (state, actions, cooled)
}

/// The sources cannot be made ready for what is to be created; the actions that follow.
fn not_enumerated(state: &mut JobState, actions: &[Action], now: Now) -> Vec<Action> {
    let [Action::Enumerate { number, .. }] = actions else {
        panic!("{actions:?}")
    };
    state.enumerated(*number, Err("the NameNode is away".to_owned()), now)
}

#[test]
fn a_job_that_has_run_is_started_again_when_its_sources_could_not_be_made_ready() {
    let (mut state, actions, cooled) = growing();
    assert_eq!(not_enumerated(&mut state, &actions, cooled), []);
    assert_eq!(
        (adaptive_state(&state), state.graph.status()),
        (AdaptiveState::WaitingForResources, JobStatus::Created)
    );
    let over = later(cooled, PAUSE);
    assert_eq!(
        (state.adapt(cooled), state.deadline()),
        (Vec::new(), Some(over.monotonic))
    );
    let actions = state.adapt(over);
    assert_eq!(deployed(&enumerated(&mut state, &actions, over)), 8);
    assert_eq!((state.graph.status(), state.graph.restarts), (JobStatus::Running, 2));
    assert_eq!(state.graph.past_failures[0].failure.cause, "the NameNode is away");
    assert_eq!(state.graph.root_cause, None);
}

#[test]
fn sources_that_can_never_be_made_ready_fail_the_job_when_the_strategy_gives_up() {
    let (mut state, mut actions, mut time) = growing();
    for _ in 0..2 {
        assert_eq!(not_enumerated(&mut state, &actions, time), []);
        time = later(time, PAUSE);
        actions = state.adapt(time);
    }
    assert_eq!(not_enumerated(&mut state, &actions, time), [Action::Abort]);
    assert_eq!(state.aborted(None, time), [Action::End]);
    assert_eq!(
        (adaptive_state(&state), state.graph.status()),
        (AdaptiveState::Finished, JobStatus::Failed)
    );
    let cause = state.graph.root_cause.clone().unwrap().cause;
    assert!(
        cause.contains("the NameNode is away") && cause.contains("restart-strategy.fixed-delay.attempts is 2"),
        "{cause}"
    );
}

#[test]
fn after_such_a_pause_a_job_waits_for_slots_as_in_the_beginning() {
    let (mut state, actions, cooled) = growing();
    not_enumerated(&mut state, &actions, cooled);
    for number in 0..4 {
        state.worker_lost(&worker(number), "killed", FailureKind::Cause, cooled);
    }
    let over = later(cooled, PAUSE);
    assert_eq!(state.adapt(over), []);
    let waited = later(over, Duration::from_secs(300));
    assert_eq!(state.deadline(), Some(waited.monotonic));
    assert_eq!(state.adapt(waited), [Action::Abort]);
}

#[test]
fn requirements_that_shrink_while_the_sources_are_made_ready_are_what_is_declared() {
    let (mut state, actions, cooled) = growing();
    let graph = state.with_requirements(both(1, 2)).unwrap();
    state.require(Arc::new(graph));
    assert_eq!(state.pool.required(), 2);
    assert_eq!(deployed(&enumerated(&mut state, &actions, cooled)), 8, "as planned");
    assert_eq!(state.pool.required(), 2, "no more than that is asked for");
    report_all(&mut state, ExecutionState::Running, cooled);
    let again = later(cooled, COOLDOWN);
    state.adapt(cooled);
    state.adapt(again);
    let actions = report_all(&mut state, ExecutionState::Canceled, again);
    assert_eq!(deployed(&enumerated(&mut state, &actions, again)), 4);
    assert_eq!(state.pool.required(), 2);
    assert_eq!(state.return_idle_slots(later(again, Duration::from_secs(50))).len(), 2);
}

#[test]
fn a_source_that_fails_while_no_task_reads_it_does_not_fail_the_job() {
    let (mut state, start) = running_with_one(now());
    report(&mut state, id("source", 0), ExecutionState::Failed, "no", start);
    report_all(&mut state, ExecutionState::Canceled, start);
    let over = later(start, PAUSE);
    state.tick(over);
    assert_eq!(adaptive_state(&state), AdaptiveState::WaitingForResources);
    assert_eq!(state.source_failed("too late".to_owned(), over), []);
    assert_eq!(
        (state.graph.status(), state.graph.restarts, state.has_failed()),
        (JobStatus::Created, 1, false)
    );
    state.adapt(over);
    let stable = later(over, STABLE);
    let actions = state.adapt(stable);
    assert_eq!(state.source_failed("too late".to_owned(), stable), []);
    assert_eq!(deployed(&enumerated(&mut state, &actions, stable)), 2);
    state.source_failed("now it matters".to_owned(), stable);
    assert_eq!((state.graph.status(), state.graph.restarts), (JobStatus::Restarting, 2));
}

#[test]
fn sources_that_were_ready_and_have_failed_are_made_ready_again() {
    let now = now();
    let mut state = job(now);
    state.prepared(Ok(()), now);
    assert_eq!(state.source_failed("broken".to_owned(), now), []);
    (0..4).for_each(|number| drop(offer(&mut state, number, now)));
    let actions = state.adapt(now);
    assert_eq!(deployed(&enumerated(&mut state, &actions, now)), 8);
}

/// A job of parallelism 1 that may grow to 8, in slots of a stated profile.
fn stated(settings: AdaptiveSettings, now: Now) -> JobState {
    let mut graph = stated_graph(1);
    if !settings.reactive {
        graph.resource_requirements = both(1, 8);
    }
    let scheduler = SchedulerKind::Adaptive(settings);
    job_under(scheduler, Arc::new(graph), RestartSettings::None, now)
}

fn stated_graph(parallelism: u32) -> JobGraph {
    let mut graph = streaming(parallelism);
    graph.slot_sharing_groups = serde_json::from_value(serde_json::json!({
        "default": {"cpu_cores": 1.0, "task_heap": "1m"}
    }))
    .unwrap();
    graph
}

/// What is declared for a job that runs with a fixed parallelism.
fn fixed(parallelism: u32, now: Now) -> Vec<(ProfileSpec, u32)> {
    let graph = Arc::new(stated_graph(parallelism));
    let state = job_under(SchedulerKind::Default, graph, RestartSettings::None, now);
    state.pool.requirements()
}

#[test]
fn slots_of_a_stated_profile_have_room_for_the_channels_of_the_most_subtasks() {
    let now = now();
    assert_eq!(stated(SETTINGS, now).pool.requirements(), fixed(8, now));
    let reactive = AdaptiveSettings {
        reactive: true,
        ..SETTINGS
    };
    assert_eq!(stated(reactive, now).pool.requirements(), fixed(128, now));
}

#[test]
fn more_subtasks_than_slots_of_a_stated_profile_are_made_for_are_refused() {
    let now = now();
    let state = stated(SETTINGS, now);
    let expected = JobMasterError::SlotTooSmall {
        vertex: "source".into(),
        upper: 9,
        most: 8,
    };
    assert_eq!(state.with_requirements(both(1, 9)), Err(expected));
    assert!(state.with_requirements(both(1, 8)).is_ok());
    let unstated = job_with(SETTINGS, now);
    assert!(
        unstated.with_requirements(both(1, 9)).is_ok(),
        "its slots have no profile"
    );
}

#[test]
fn slots_of_a_stated_profile_stay_as_they_are_when_requirements_change() {
    let now = now();
    let mut state = stated(SETTINGS, now);
    let before = state.pool.requirements();
    state.require(Arc::new(state.with_requirements(both(1, 2)).unwrap()));
    state.prepared(Ok(()), now);
    let smaller = state.pool.requirements();
    assert_eq!((&smaller[0].0, smaller[0].1), (&before[0].0, 2));
    state.require(Arc::new(state.with_requirements(both(1, 8)).unwrap()));
    assert_eq!(state.pool.requirements(), before);
}
