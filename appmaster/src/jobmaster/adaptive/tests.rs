//! A job under the adaptive scheduler, by examples: slots, failures and requirements go in, actions and states come out.

use std::sync::Arc;
use std::time::Duration;

use selvedge_core::JobGraph;
use selvedge_core::job_graph::{JobRequirements, ParallelismBounds, VertexRequirements};
use selvedge_core::resource::ProfileSpec;
use selvedge_core::status::{AdaptiveState, ExecutionState, JobStatus};

use super::AdaptiveSettings;
use crate::jobmaster::error::JobMasterError;
use crate::jobmaster::restart_strategy::RestartSettings;
use crate::jobmaster::root_cause::FailureKind;
use crate::jobmaster::scheduler::SchedulerKind;
use crate::jobmaster::state::{Action, JobState, Now, WorkerAddress};
use crate::jobmaster::tests::{id, job_of, job_under, later, now, offer, report, slot, worker};
use crate::testing::word_count;

pub(super) const STABLE: Duration = Duration::from_secs(10);
pub(super) const COOLDOWN: Duration = Duration::from_secs(30);
pub(super) const PAUSE: Duration = Duration::from_secs(1);
pub(super) const SETTINGS: AdaptiveSettings = AdaptiveSettings {
    reactive: false,
    resource_wait: Some(Duration::from_secs(300)),
    stabilization: STABLE,
    cooldown: COOLDOWN,
    executing_stabilization: Duration::from_secs(60),
    longest_interval: None,
    min_increase: 1,
    few_workers: true,
};

pub(super) fn streaming(parallelism: u32) -> JobGraph {
    let mut graph = word_count(parallelism);
    graph
        .configuration
        .insert("execution.runtime-mode".to_owned(), "STREAMING".to_owned());
    graph
}

/// A job of parallelism 4 with four workers known, which is restarted twice.
pub(super) fn job(now: Now) -> JobState {
    job_with(SETTINGS, now)
}

pub(super) fn job_with(settings: AdaptiveSettings, now: Now) -> JobState {
    let restart = RestartSettings::FixedDelay {
        attempts: 2,
        delay: PAUSE,
    };
    let mut state = job_under(SchedulerKind::Adaptive(settings), Arc::new(streaming(4)), restart, now);
    for number in 0..4 {
        let address = WorkerAddress {
            host: format!("node-{number}"),
            data_address: format!("node-{number}:4000"),
        };
        state.workers.insert(worker(number), address);
    }
    state
}

pub(super) fn adaptive_state(state: &JobState) -> AdaptiveState {
    state.adaptive.as_ref().unwrap().machine.state()
}

/// The sources are ready for what is to be created; the actions that follow.
pub(super) fn enumerated(state: &mut JobState, actions: &[Action], now: Now) -> Vec<Action> {
    let [Action::Enumerate { number, .. }] = actions else {
        panic!("{actions:?}")
    };
    state.enumerated(*number, Ok(()), now)
}

/// How many tasks are deployed.
pub(super) fn deployed(actions: &[Action]) -> usize {
    let [.., Action::Deploy(deployment)] = actions else {
        panic!("{actions:?}")
    };
    deployment.workers.values().map(Vec::len).sum()
}

/// All that has not ended reports this.
pub(super) fn report_all(state: &mut JobState, to: ExecutionState, now: Now) -> Vec<Action> {
    let ids: Vec<_> = state.graph.executions().map(|(id, _)| id).collect();
    ids.into_iter().flat_map(|id| report(state, id, to, "", now)).collect()
}

/// One slot is there, and the job runs with it.
pub(super) fn running_with_one(now: Now) -> (JobState, Now) {
    let mut state = job(now);
    assert_eq!(state.prepared(Ok(()), now), []);
    assert_eq!(offer(&mut state, 0, now), []);
    assert_eq!(state.adapt(now), []);
    let stable = later(now, STABLE);
    assert_eq!(state.deadline(), Some(stable.monotonic));
    let actions = state.adapt(stable);
    assert_eq!(deployed(&enumerated(&mut state, &actions, stable)), 2);
    report_all(&mut state, ExecutionState::Running, stable);
    (state, stable)
}

#[test]
fn a_job_starts_with_the_slot_that_there_is_asks_for_all_and_shows_its_parallelism() {
    let (state, _) = running_with_one(now());
    let parallelism: Vec<_> = state
        .graph
        .vertices()
        .map(|(vertex, runs)| (vertex.parallelism, runs.len()))
        .collect();
    assert_eq!(parallelism, [(1, 1), (1, 1)]);
    assert_eq!(state.pool.requirements(), [(ProfileSpec::Unknown, 4)]);
    assert_eq!(
        (adaptive_state(&state), state.graph.status()),
        (AdaptiveState::Executing, JobStatus::Running)
    );
}

#[test]
fn a_job_with_all_its_slots_starts_at_once_with_the_sources_that_were_prepared() {
    let now = now();
    let mut state = job(now);
    (0..4).for_each(|number| drop(offer(&mut state, number, now)));
    assert_eq!(deployed(&state.prepared(Ok(()), now)), 8);
    assert!(state.graph.all_in(ExecutionState::Deploying));
}

#[test]
fn a_job_grows_when_more_workers_come_and_its_attempts_go_on_counting() {
    let (mut state, start) = running_with_one(now());
    (1..4).for_each(|number| drop(offer(&mut state, number, start)));
    assert_eq!(state.adapt(start), [], "it has just started");
    let cooled = later(start, COOLDOWN);
    assert_eq!(state.deadline(), Some(cooled.monotonic));
    let actions = state.adapt(cooled);
    assert!(
        matches!(&actions[..], [Action::CancelTasks { attempts, .. }] if attempts.len() == 2),
        "{actions:?}"
    );
    assert_eq!((state.graph.status(), state.graph.restarts), (JobStatus::Restarting, 1));
    let actions = report_all(&mut state, ExecutionState::Canceled, cooled);
    assert_eq!(adaptive_state(&state), AdaptiveState::CreatingExecutionGraph);
    let actions = enumerated(&mut state, &actions, cooled);
    assert!(
        matches!(actions[0], Action::ReleasePartitions { .. }),
        "what the former tasks have sent is forgotten first: {actions:?}"
    );
    assert_eq!(deployed(&actions), 8);
    let attempts: Vec<_> = state.graph.executions().map(|(id, _)| id.attempt).collect();
    assert_eq!(attempts, [1, 0, 0, 0, 1, 0, 0, 0]);
    assert_eq!(state.graph.past_failures.len(), 0, "nothing has failed");
    // What the first attempt still says is not heard.
    let late = id("source", 0);
    assert_eq!(report(&mut state, late, ExecutionState::Finished, "", cooled), []);
    assert!(state.graph.all_in(ExecutionState::Deploying));
}

#[test]
fn a_lost_worker_restarts_the_whole_job_with_the_slots_that_are_left() {
    let now = now();
    let mut state = job(now);
    (0..4).for_each(|number| drop(offer(&mut state, number, now)));
    state.prepared(Ok(()), now);
    report_all(&mut state, ExecutionState::Running, now);
    for number in 2..4 {
        state.worker_lost(&worker(number), "killed", FailureKind::Cause, now);
    }
    assert_eq!(
        (adaptive_state(&state), state.graph.status()),
        (AdaptiveState::Restarting, JobStatus::Restarting)
    );
    assert_eq!(
        report_all(&mut state, ExecutionState::Canceled, now),
        [],
        "the pause is not over"
    );
    let over = later(now, PAUSE);
    assert_eq!(state.tick(over), []);
    assert_eq!(
        (adaptive_state(&state), state.graph.status()),
        (AdaptiveState::WaitingForResources, JobStatus::Created)
    );
    assert_eq!(state.adapt(over), [], "more may come");
    let stable = later(over, STABLE);
    let actions = state.adapt(stable);
    assert_eq!(deployed(&enumerated(&mut state, &actions, stable)), 4);
    assert_eq!((state.graph.status(), state.graph.restarts), (JobStatus::Running, 1));
    assert_eq!(state.graph.past_failures[0].failure.cause, "killed");
}

#[test]
fn a_job_whose_least_does_not_come_fails_with_numbers() {
    let now = now();
    let mut state = job(now);
    state.prepared(Ok(()), now);
    let over = later(now, Duration::from_secs(300));
    assert_eq!(state.deadline(), Some(over.monotonic));
    assert_eq!(state.adapt(over), [Action::Abort]);
    assert_eq!(state.aborted(None, over), [Action::End]);
    let cause = state.graph.root_cause.clone().unwrap().cause;
    assert!(
        cause.contains("needs at least 1 slots, and 0 were there after 300 s"),
        "{cause}"
    );
    assert_eq!(
        (adaptive_state(&state), state.deadline()),
        (AdaptiveState::Finished, None)
    );
}

#[test]
fn a_job_is_cancelled_in_each_state() {
    let now = now();
    let created = job(now);
    let mut waiting = job(now);
    waiting.prepared(Ok(()), now);
    let mut creating = job(now);
    creating.prepared(Ok(()), now);
    offer(&mut creating, 0, now);
    creating.adapt(now);
    creating.adapt(later(now, STABLE));
    let (executing, _) = running_with_one(now);
    let (mut restarting, start) = running_with_one(now);
    report(&mut restarting, id("source", 0), ExecutionState::Failed, "no", start);
    let states = [
        (created, AdaptiveState::Created),
        (waiting, AdaptiveState::WaitingForResources),
        (creating, AdaptiveState::CreatingExecutionGraph),
        (executing, AdaptiveState::Executing),
        (restarting, AdaptiveState::Restarting),
    ];
    for (mut state, at) in states {
        assert_eq!(adaptive_state(&state), at);
        let mut actions = state.cancel(start).unwrap();
        assert_eq!(adaptive_state(&state), AdaptiveState::Canceling, "{at}");
        if at == AdaptiveState::Created {
            actions.extend(state.prepared(Ok(()), start));
        }
        // The sources come too late.
        assert_eq!(state.enumerated(1, Ok(()), start), [], "{at}");
        actions.extend(report_all(&mut state, ExecutionState::Canceled, start));
        assert!(actions.contains(&Action::Abort), "{at}: {actions:?}");
        state.aborted(None, start);
        assert_eq!(
            (state.graph.status(), state.deadline()),
            (JobStatus::Canceled, None),
            "{at}"
        );
        assert_eq!(state.adapt(later(start, COOLDOWN)), [], "{at}");
    }
}

#[test]
fn sources_that_cannot_begin_anew_fail_the_job() {
    let now = now();
    let mut state = job(now);
    state.prepared(Ok(()), now);
    offer(&mut state, 0, now);
    state.adapt(now);
    state.adapt(later(now, STABLE));
    let actions = state.enumerated(1, Err("operator 'read': no such file".to_owned()), now);
    assert_eq!(actions, [Action::Abort]);
    assert_eq!(
        (adaptive_state(&state), state.graph.status()),
        (AdaptiveState::Failing, JobStatus::Failing)
    );
}

#[test]
fn a_slot_that_is_lost_before_the_start_is_waited_for() {
    let now = now();
    let mut state = job(now);
    state.prepared(Ok(()), now);
    offer(&mut state, 0, now);
    state.adapt(now);
    let stable = later(now, STABLE);
    let actions = state.adapt(stable);
    state.worker_lost(&worker(0), "killed", FailureKind::Cause, stable);
    assert_eq!(enumerated(&mut state, &actions, stable), []);
    assert_eq!(
        (adaptive_state(&state), state.graph.status()),
        (AdaptiveState::WaitingForResources, JobStatus::Created)
    );
    offer(&mut state, 1, stable);
    state.adapt(stable);
    let actions = state.adapt(later(stable, STABLE));
    assert_eq!(deployed(&actions), 2, "the sources are ready still");
}

pub(super) fn both(lower_bound: u32, upper_bound: u32) -> JobRequirements {
    let parallelism = ParallelismBounds {
        lower_bound,
        upper_bound,
    };
    ["source", "sink"]
        .map(|vertex| (vertex.into(), VertexRequirements { parallelism }))
        .into()
}

#[test]
fn requirements_change_what_is_declared_and_rescale_the_job() {
    let now = now();
    let mut state = job(now);
    (0..4).for_each(|number| drop(offer(&mut state, number, now)));
    state.prepared(Ok(()), now);
    report_all(&mut state, ExecutionState::Running, now);
    assert_eq!(state.requirements().unwrap(), both(1, 4));
    let graph = state.with_requirements(both(1, 2)).unwrap();
    assert_eq!(state.requirements().unwrap(), both(1, 4), "they are not kept yet");
    state.require(Arc::new(graph));
    assert_eq!((state.requirements().unwrap(), state.pool.required()), (both(1, 2), 2));
    assert_eq!(state.adapt(now), []);
    let cooled = later(now, COOLDOWN);
    assert_eq!(state.adapt(cooled).len(), 4, "four workers are told");
    let actions = report_all(&mut state, ExecutionState::Canceled, cooled);
    assert_eq!(deployed(&enumerated(&mut state, &actions, cooled)), 4);
    assert_eq!(state.return_idle_slots(later(cooled, Duration::from_secs(50))).len(), 2);
}

#[test]
fn of_more_slots_than_a_job_uses_it_takes_those_of_as_few_workers_as_possible() {
    for (few_workers, expected) in [(true, vec![worker(1)]), (false, vec![worker(0), worker(1)])] {
        let now = now();
        let settings = AdaptiveSettings {
            few_workers,
            ..SETTINGS
        };
        let mut state = job_with(settings, now);
        offer(&mut state, 0, now);
        for number in 1..4 {
            let mut offered = slot(number);
            offered.slot_index = number;
            let (accepted, _) = state.offer_slots(&worker(1), [offered].into_iter(), now);
            assert_eq!(accepted.len(), 1);
        }
        assert_eq!(deployed(&state.prepared(Ok(()), now)), 8);
        report_all(&mut state, ExecutionState::Running, now);
        let graph = state.with_requirements(both(1, 2)).unwrap();
        state.require(Arc::new(graph));
        let cooled = later(now, COOLDOWN);
        state.adapt(cooled);
        let actions = report_all(&mut state, ExecutionState::Canceled, cooled);
        let actions = enumerated(&mut state, &actions, cooled);
        let [.., Action::Deploy(deployment)] = &actions[..] else {
            panic!("{actions:?}")
        };
        assert_eq!(deployment.workers.keys().cloned().collect::<Vec<_>>(), expected);
        let returned = state.return_idle_slots(later(cooled, Duration::from_secs(50)));
        assert_eq!(returned.len(), 2, "all that is not used goes back");
    }
}

#[test]
fn requirements_that_a_job_cannot_have_are_refused() {
    let now = now();
    let state = job(now);
    let mut missing = both(1, 2);
    missing.pop_first();
    let told = state.with_requirements(missing).unwrap_err().to_string();
    assert!(told.contains("leave out the vertex 'sink'"), "{told}");
    let told = state.with_requirements(both(1, 129)).unwrap_err().to_string();
    assert!(told.contains("129 is above its max_parallelism 128"), "{told}");
    let reactive = AdaptiveSettings {
        reactive: true,
        ..SETTINGS
    };
    let refused = job_with(reactive, now).with_requirements(both(1, 2));
    assert_eq!(refused, Err(JobMasterError::Reactive));
    let fixed = job_of(Arc::new(word_count(2)), RestartSettings::None, now);
    assert!(matches!(fixed.requirements(), Err(JobMasterError::NotAdaptive { .. })));
}

#[test]
fn in_reactive_mode_a_job_takes_every_slot_at_once_and_grows_with_each() {
    let now = now();
    let reactive = AdaptiveSettings {
        reactive: true,
        resource_wait: None,
        stabilization: Duration::ZERO,
        executing_stabilization: Duration::ZERO,
        cooldown: Duration::ZERO,
        ..SETTINGS
    };
    let mut state = job_with(reactive, now);
    assert_eq!((state.prepared(Ok(()), now), state.deadline()), (Vec::new(), None));
    assert_eq!(state.pool.required(), 128, "as many as the job can ever use");
    offer(&mut state, 0, now);
    let actions = state.adapt(now);
    assert_eq!(deployed(&enumerated(&mut state, &actions, now)), 2);
    report_all(&mut state, ExecutionState::Running, now);
    offer(&mut state, 1, now);
    state.adapt(now);
    let actions = report_all(&mut state, ExecutionState::Canceled, now);
    assert_eq!(deployed(&enumerated(&mut state, &actions, now)), 4);
}

#[test]
fn tasks_that_have_finished_keep_their_slots_until_all_have() {
    let (mut state, start) = running_with_one(now());
    report(&mut state, id("source", 0), ExecutionState::Finished, "", start);
    let idle = later(start, Duration::from_secs(100));
    assert_eq!((state.tick(idle), state.adapt(idle)), (Vec::new(), Vec::new()));
    let actions = report(&mut state, id("sink", 0), ExecutionState::Finished, "", idle);
    assert!(matches!(&actions[..], [Action::Commit(_)]), "{actions:?}");
    assert_eq!(state.committed(Ok(None), idle), [Action::End]);
    assert_eq!(adaptive_state(&state), AdaptiveState::Finished);
}

#[test]
fn a_batch_job_runs_as_under_the_default_scheduler() {
    let now = now();
    let kind = SchedulerKind::Adaptive(SETTINGS);
    let mut state = job_under(kind, Arc::new(word_count(2)), RestartSettings::None, now);
    assert_eq!(state.prepared(Ok(()), now), []);
    assert_eq!(offer(&mut state, 0, now), []);
    assert_eq!(state.graph.status(), JobStatus::Running);
    assert_eq!(deployed(&offer(&mut state, 1, now)), 4);
}
