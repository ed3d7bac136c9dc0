//! The decisions of a JobMaster, by examples: events go in, actions and states come out.

use std::sync::Arc;
use std::time::Duration;

use selvedge_core::resource::ProfileSpec;
use selvedge_core::status::{ExecutionState, FailureType, JobStatus};
use selvedge_core::{AllocationId, ExecutionAttemptId, JobGraph, JobId, ResourceId};
use selvedge_runtime::clock::Timestamp;
use selvedge_runtime::gateway::proto::TaskMetrics;
use tokio::time::Instant;

use super::execution_graph::TaskIndex;
use super::failover::Failover;
use super::plugins::ActivePlugins;
use super::restart_strategy::RestartSettings;
use super::root_cause::{FailureKind, GRACE};
use super::scheduler::SchedulerKind;
use super::state::{Action, JobState, Now, SlotOffer, WorkerAddress};
use super::task_events::TaskReport;
use crate::resourcemanager::Shortage;
use crate::settings::{FailoverSettings, SchedulingSettings};
use crate::testing::word_count;

mod reconciliation;

pub(super) const SLOT_TIMEOUT: Duration = Duration::from_secs(300);
const PEER_LOST: (ExecutionState, FailureType) = (ExecutionState::Failed, FailureType::PartitionDataMissing);
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_secs(50);

pub(super) fn now() -> Now {
    Now {
        wall: Timestamp::from_millis(1000),
        monotonic: Instant::now(),
    }
}

pub(super) fn later(now: Now, by: Duration) -> Now {
    Now {
        wall: now.wall + by,
        monotonic: now.monotonic + by,
    }
}

pub(super) fn worker(number: u32) -> ResourceId {
    format!("worker-{number}").into()
}

/// A job with parallelism 2 and two registered workers.
fn job(now: Now) -> JobState {
    job_of(Arc::new(word_count(2)), RestartSettings::None, now)
}

/// The same of this graph, with a restart strategy.
pub(super) fn job_of(graph: Arc<JobGraph>, restart: RestartSettings, now: Now) -> JobState {
    job_under(SchedulerKind::Default, graph, restart, now)
}

/// The same under this scheduler.
pub(super) fn job_under(
    scheduler: SchedulerKind,
    graph: Arc<JobGraph>,
    restart: RestartSettings,
    now: Now,
) -> JobState {
    let settings = FailoverSettings {
        restart,
        full: scheduler != SchedulerKind::Default,
        history_size: 2,
        attempts_kept: 2,
    };
    let failover = Failover::new(&graph, settings, 1);
    let scheduling = SchedulingSettings {
        scheduler,
        slot_request_timeout: SLOT_TIMEOUT,
        slot_idle_timeout: IDLE_TIMEOUT,
    };
    let mut state = JobState::new(
        JobId::from_bytes([1; 16]),
        graph,
        scheduling,
        failover,
        ActivePlugins::default(),
        now,
    );
    for number in 0..2 {
        let address = WorkerAddress {
            host: format!("node-{number}"),
            data_address: format!("node-{number}:4000"),
        };
        state.workers.insert(worker(number), address);
    }
    state
}

pub(super) fn offer(state: &mut JobState, number: u32, now: Now) -> Vec<Action> {
    let offer = slot(number);
    let (accepted, actions) = state.offer_slots(&worker(number), [offer.clone()].into_iter(), now);
    assert_eq!(accepted, [offer.allocation_id]);
    actions
}

/// The first slot of a worker, by its number.
pub(super) fn slot(number: u32) -> SlotOffer {
    SlotOffer {
        allocation_id: AllocationId::from_bytes([number as u8; 16]),
        slot_index: 0,
        profile: ProfileSpec::Infinite,
    }
}

/// The task of an attempt.
pub(super) fn task(state: &JobState, vertex: &str, subtask: u32) -> TaskIndex {
    state.graph.layout().task(&vertex.into(), subtask).unwrap()
}

/// The same, deployed.
fn deployed(now: Now) -> JobState {
    deploy(job(now), now)
}

pub(super) fn deploy(mut state: JobState, now: Now) -> JobState {
    state.prepared(Ok(()), now);
    offer(&mut state, 0, now);
    let actions = offer(&mut state, 1, now);
    assert!(matches!(actions.as_slice(), [Action::Deploy(_)]), "{actions:?}");
    state
}

pub(super) fn id(vertex: &str, subtask: u32) -> ExecutionAttemptId {
    ExecutionAttemptId {
        vertex: vertex.into(),
        subtask,
        attempt: 0,
    }
}

pub(super) fn report(
    state: &mut JobState,
    attempt: ExecutionAttemptId,
    to: ExecutionState,
    cause: &str,
    now: Now,
) -> Vec<Action> {
    report_of(state, attempt, (to, FailureType::Recoverable), cause, now)
}

/// The same of a failure of this type.
pub(super) fn report_of(
    state: &mut JobState,
    attempt: ExecutionAttemptId,
    (to, failure_type): (ExecutionState, FailureType),
    cause: &str,
    now: Now,
) -> Vec<Action> {
    let report = TaskReport {
        attempt,
        state: to,
        failure_type,
        cause: cause.to_owned(),
        metrics: None,
        committables: Vec::new(),
    };
    state.task_reported(report, now)
}

pub(super) fn report_all(state: &mut JobState, to: ExecutionState, now: Now) -> Vec<Action> {
    let ids: Vec<_> = state.graph.executions().map(|(id, _)| id).collect();
    ids.into_iter().flat_map(|id| report(state, id, to, "", now)).collect()
}

#[test]
fn tasks_are_deployed_when_all_slots_are_there_and_all_is_prepared() {
    let now = now();
    let mut state = job(now);
    assert_eq!(offer(&mut state, 0, now), []);
    assert_eq!(offer(&mut state, 1, now), [], "the connectors are not ready");
    let actions = state.prepared(Ok(()), now);
    let [Action::Deploy(deployment)] = actions.as_slice() else {
        panic!("{actions:?}")
    };
    assert_eq!(deployment.workers.values().map(Vec::len).collect::<Vec<_>>(), [2, 2]);
    assert!(state.graph.all_in(ExecutionState::Deploying));
}

#[test]
fn a_job_is_finished_only_when_its_output_is_committed() {
    let now = now();
    let mut state = deployed(now);
    report_all(&mut state, ExecutionState::Running, now);
    let actions = report_all(&mut state, ExecutionState::Finished, now);
    assert!(matches!(actions.as_slice(), [Action::Commit(_)]), "{actions:?}");
    assert_eq!(state.graph.status(), JobStatus::Running);
    assert!(state.cancel(now).is_err(), "too late to cancel");
    assert_eq!(state.committed(Ok(None), now), [Action::End]);
    assert_eq!(state.graph.status(), JobStatus::Finished);
}

#[test]
fn every_step_of_a_job_is_told_in_order() {
    let now = now();
    let mut state = deployed(now);
    report_all(&mut state, ExecutionState::Finished, now);
    state.committed(Ok(None), now);
    let steps: Vec<_> = state.status_changes.iter().map(|step| (step.from, step.to)).collect();
    let expected = [
        JobStatus::Initializing,
        JobStatus::Created,
        JobStatus::Running,
        JobStatus::Finished,
    ];
    let expected: Vec<_> = expected.iter().copied().zip(expected.iter().copied().skip(1)).collect();
    assert_eq!(steps, expected);
}

#[test]
fn output_that_cannot_be_committed_fails_the_job() {
    let now = now();
    let mut state = deployed(now);
    report_all(&mut state, ExecutionState::Finished, now);
    assert_eq!(state.committed(Err("disk full".into()), now), [Action::Abort]);
    assert_eq!(state.aborted(None, now), [Action::End]);
    assert_eq!(state.graph.status(), JobStatus::Failed);
    assert_eq!(state.graph.root_cause.clone().unwrap().cause, "disk full");
}

#[test]
fn a_failure_cancels_the_others_and_the_first_cause_is_told() {
    let now = now();
    let mut state = deployed(now);
    report_all(&mut state, ExecutionState::Running, now);
    let actions = report(&mut state, id("source", 0), ExecutionState::Failed, "not UTF-8", now);
    let cancelled: usize = actions
        .iter()
        .map(|action| match action {
            Action::CancelTasks { attempts, .. } => attempts.len(),
            other => panic!("{other:?}"),
        })
        .sum();
    assert_eq!((cancelled, state.graph.status()), (3, JobStatus::Failing));
    report(&mut state, id("sink", 0), ExecutionState::Failed, "later", now);
    let actions = report_all(&mut state, ExecutionState::Canceled, now);
    assert_eq!(actions, [Action::Abort]);
    state.aborted(None, now);
    let cause = state.graph.root_cause.clone().unwrap().to_string();
    assert_eq!(cause, "task 'generate (1/2)' failed on worker-0 (node-0): not UTF-8");
    assert_eq!(state.graph.further_failures.len(), 1);
}

#[test]
fn the_exit_of_a_container_is_told_rather_than_the_exchange_that_broke_with_it() {
    let now = now();
    let mut state = deployed(now);
    report_all(&mut state, ExecutionState::Running, now);
    let broken = "exchange with node-1:4000 failed: broken pipe";
    let actions = report_of(&mut state, id("sink", 0), PEER_LOST, broken, now);
    assert!(actions.contains(&Action::Hurry), "{actions:?}");
    report(&mut state, id("source", 0), ExecutionState::Canceled, "", now);
    let lost = state.worker_lost(
        &worker(1),
        "container_1 exited with status 137",
        FailureKind::Cause,
        now,
    );
    assert_eq!(lost, [Action::Abort]);
    assert_eq!(
        state.graph.root_cause.clone().unwrap().cause,
        "container_1 exited with status 137"
    );
}

#[test]
fn a_broken_exchange_is_told_when_nothing_better_comes() {
    let now = now();
    let mut state = deployed(now);
    report_all(&mut state, ExecutionState::Running, now);
    report_of(&mut state, id("sink", 0), PEER_LOST, "exchange broke", now);
    assert_eq!(
        report_all(&mut state, ExecutionState::Canceled, now),
        [],
        "the cause is not settled"
    );
    assert_eq!(state.deadline(), Some(now.monotonic + GRACE));
    assert_eq!(state.tick(later(now, GRACE)), [Action::Abort]);
}

#[test]
fn tasks_of_a_worker_that_did_not_answer_may_run_and_are_cancelled_there() {
    let now = now();
    let mut state = deployed(now);
    for vertex in ["source", "sink"] {
        report(&mut state, id(vertex, 0), ExecutionState::Running, "", now);
    }
    let actions = state.deployment_unanswered(&worker(1), "cannot be reached: no answer", now);
    let cancelled = |number| {
        let is_it = |action: &&Action| matches!(action, Action::CancelTasks { resource_id, attempts } if *resource_id == worker(number) && attempts.len() == 2);
        actions.iter().filter(is_it).count()
    };
    assert_eq!((cancelled(0), cancelled(1)), (1, 1), "{actions:?}");
    for vertex in ["source", "sink"] {
        report(&mut state, id(vertex, 0), ExecutionState::Canceled, "", now);
    }
    let running = [id("source", 1)];
    assert_eq!(state.tick(later(now, GRACE)), [], "a task may still write");
    assert_eq!(state.tasks_are_gone(&[id("sink", 1)], now), []);
    assert_eq!(state.tasks_are_gone(&running, now), [Action::Abort]);
    let cause = state.graph.root_cause.clone().unwrap().cause;
    assert!(
        cause.contains("could not be deployed to worker-1: cannot be reached"),
        "{cause}"
    );
}

#[test]
fn a_worker_that_refuses_its_tasks_fails_the_job_at_once() {
    let now = now();
    let mut state = deployed(now);
    let actions = state.deployment_refused(&worker(1), "no such slot", now);
    assert!(
        actions
            .iter()
            .all(|action| matches!(action, Action::CancelTasks { resource_id, .. } if *resource_id == worker(0))),
        "{actions:?}"
    );
    assert_eq!(state.graph.status(), JobStatus::Failing);
    let cause = state.graph.root_cause.clone().unwrap().to_string();
    assert!(cause.contains("could not be deployed: no such slot"), "{cause}");
}

#[test]
fn a_worker_that_ends_after_its_tasks_harms_nothing() {
    let now = now();
    let mut state = deployed(now);
    report_all(&mut state, ExecutionState::Running, now);
    for vertex in ["source", "sink"] {
        report(&mut state, id(vertex, 1), ExecutionState::Finished, "", now);
    }
    assert_eq!(state.worker_lost(&worker(1), "released", FailureKind::Cause, now), []);
    assert_eq!(state.graph.status(), JobStatus::Running);
}

#[test]
fn a_lost_worker_ends_a_cancellation_that_waits_for_it() {
    let now = now();
    let mut state = deployed(now);
    report_all(&mut state, ExecutionState::Running, now);
    assert_eq!(state.cancel(now).unwrap().len(), 2);
    for vertex in ["source", "sink"] {
        report(&mut state, id(vertex, 0), ExecutionState::Canceled, "", now);
    }
    assert_eq!(
        state.worker_lost(&worker(1), "killed", FailureKind::Cause, now),
        [Action::Abort]
    );
    state.aborted(None, now);
    assert_eq!(state.graph.status(), JobStatus::Canceled);
}

#[test]
fn a_job_cancelled_while_it_prepares_ends_when_that_is_over() {
    let now = now();
    let mut state = job(now);
    assert_eq!(state.cancel(now).unwrap(), []);
    assert_eq!(state.prepared(Ok(()), now), [Action::Abort]);
    state.aborted(None, now);
    assert_eq!(state.graph.status(), JobStatus::Canceled);
}

#[test]
fn cancelling_wins_over_failing() {
    let now = now();
    let mut state = deployed(now);
    report(&mut state, id("source", 0), ExecutionState::Failed, "not UTF-8", now);
    state.cancel(now).unwrap();
    assert_eq!(report_all(&mut state, ExecutionState::Canceled, now), [Action::Abort]);
    state.aborted(None, now);
    assert_eq!(state.graph.status(), JobStatus::Canceled);
}

#[test]
fn slots_that_do_not_come_fail_the_job_with_numbers() {
    let now = now();
    let mut state = job(now);
    state.prepared(Ok(()), now);
    offer(&mut state, 0, now);
    state.start_failure = Some("the last worker could not start: no memory left".to_owned());
    assert_eq!(state.deadline(), Some(now.monotonic + SLOT_TIMEOUT));
    assert_eq!(state.tick(later(now, SLOT_TIMEOUT)), [Action::Abort]);
    let cause = state.graph.root_cause.clone().unwrap().cause;
    assert!(cause.contains("needs 2 slots, and 1 were there after 300 s"), "{cause}");
    assert!(
        cause.ends_with("the last worker could not start: no memory left"),
        "{cause}"
    );
}

#[test]
fn a_job_that_cannot_have_its_slots_fails_at_once_or_waits_for_what_may_pass() {
    let now = now();
    let mut state = job(now);
    state.prepared(Ok(()), now);
    let full = Shortage::Limit("slotmanager.number-of-slots.max (4)".to_owned());
    assert_eq!(state.not_enough_resources(&full, now), []);
    assert_eq!(state.graph.status(), JobStatus::Running);
    assert!(
        state
            .no_resource_available()
            .ends_with("; the cluster has reached slotmanager.number-of-slots.max (4)")
    );
    let never = Shortage::NoWorkersOnDemand;
    assert_eq!(state.not_enough_resources(&never, now), [Action::Abort]);
    let cause = state.graph.root_cause.clone().unwrap().cause;
    assert!(
        cause.contains("needs 2 slots, and 0 were there: the cluster is a standalone one"),
        "{cause}"
    );
    assert_eq!(
        deployed(now).not_enough_resources(&never, now),
        [],
        "it has what it needs"
    );
}
