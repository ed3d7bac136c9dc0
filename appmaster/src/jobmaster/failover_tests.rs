//! Restarts, by examples: what fails, what is cancelled, and what runs again.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use selvedge_core::job_graph::Partitioner;
use selvedge_core::status::{ExecutionState, FailureType, JobStatus};
use selvedge_core::{ExecutionAttemptId, JobGraph};
use selvedge_runtime::connector::Committable;

use super::failover::Scope;
use super::restart_strategy::RestartSettings;
use super::root_cause::FailureKind;
use super::state::{Action, JobState, Now, WorkerAddress};
use super::task_events::TaskReport;
use super::tests::{
    IDLE_TIMEOUT, SLOT_TIMEOUT, deploy, id, job_of, later, now, offer, report, report_all, slot, task, worker,
};
use crate::testing::word_count;

const DELAY: Duration = Duration::from_secs(10);

fn fixed(attempts: u32) -> RestartSettings {
    RestartSettings::FixedDelay { attempts, delay: DELAY }
}

/// A job that runs on two workers, each in one slot, and is restarted so often.
pub(super) fn running(graph: JobGraph, attempts: u32, now: Now) -> JobState {
    let mut state = deploy(job_of(Arc::new(graph), fixed(attempts), now), now);
    report_all(&mut state, ExecutionState::Running, now);
    state
}

/// Each subtask of the source with the same one of the sink: two regions.
pub(super) fn two_regions() -> JobGraph {
    let mut graph = word_count(2);
    graph.edges[0].partitioner = Partitioner::Forward;
    graph
}

fn attempt(vertex: &str, subtask: u32, attempt: u32) -> ExecutionAttemptId {
    ExecutionAttemptId {
        attempt,
        ..id(vertex, subtask)
    }
}

fn cancelled(actions: &[Action]) -> Vec<String> {
    let attempts = actions.iter().filter_map(|action| match action {
        Action::CancelTasks { attempts, .. } => Some(attempts.iter().map(ToString::to_string)),
        _ => None,
    });
    let mut names: Vec<_> = attempts.flatten().collect();
    names.sort();
    names
}

fn deployed(actions: &[Action]) -> Vec<String> {
    let deployments = actions.iter().filter_map(|action| match action {
        Action::Deploy(deployment) => Some(deployment.workers.values().flatten()),
        _ => None,
    });
    let attempts = deployments.flatten().map(|task| {
        let wire = task.attempt.clone().unwrap();
        format!("{}_{}_{}", wire.vertex, wire.subtask, wire.attempt)
    });
    let mut names: Vec<_> = attempts.collect();
    names.sort();
    names
}

/// The number under which splits are to come back, and the attempts that had them.
fn returning(actions: &[Action]) -> (u64, usize) {
    match actions {
        [Action::ReturnSplits { number, attempts }] => (*number, attempts.len()),
        other => panic!("{other:?}"),
    }
}

/// Lets the failed region end, the pause pass and the splits come back.
pub(super) fn restart(state: &mut JobState, now: Now) -> Vec<Action> {
    let open: Vec<_> = state.graph.executions().map(|(id, _)| id).collect();
    for id in open {
        let canceling = state.graph.execution(&id).unwrap().state() == ExecutionState::Canceling;
        if canceling {
            assert_eq!(report(state, id, ExecutionState::Canceled, "", now), []);
        }
    }
    let (number, _) = returning(&state.tick(later(now, DELAY)));
    state.splits_returned(number, later(now, DELAY))
}

#[test]
fn a_failed_region_ends_first_then_the_pause_passes_then_new_attempts_are_deployed() {
    let now = now();
    let mut state = running(word_count(2), 1, now);
    let actions = report(&mut state, id("source", 0), ExecutionState::Failed, "not UTF-8", now);
    assert_eq!(cancelled(&actions), ["sink_0_0", "sink_1_0", "source_1_0"]);
    assert_eq!(state.graph.status(), JobStatus::Restarting);
    assert_eq!(state.deadline(), Some(now.monotonic + DELAY));
    let over = later(now, DELAY);
    assert_eq!(state.tick(over), [], "its tasks have not ended");
    assert_eq!(state.deadline(), None, "only they are waited for");
    for (vertex, subtask) in [("source", 1), ("sink", 0)] {
        assert_eq!(
            report(&mut state, id(vertex, subtask), ExecutionState::Canceled, "", over),
            []
        );
    }
    let (number, splits) = returning(&report(&mut state, id("sink", 1), ExecutionState::Canceled, "", over));
    assert_eq!(splits, 4);
    assert_eq!(state.graph.status(), JobStatus::Restarting);
    let actions = state.splits_returned(number, over);
    assert_eq!(deployed(&actions), ["sink_0_1", "sink_1_1", "source_0_1", "source_1_1"]);
    assert_eq!((state.graph.status(), state.graph.restarts), (JobStatus::Running, 1));
    assert!(state.graph.all_in(ExecutionState::Deploying));
    assert_eq!(state.graph.timestamp(JobStatus::Restarting), Some(now.wall));
}

#[test]
fn a_restart_does_not_come_before_its_pause_is_over() {
    let now = now();
    let mut state = running(word_count(2), 1, now);
    report(&mut state, id("source", 0), ExecutionState::Failed, "not UTF-8", now);
    assert_eq!(report_all(&mut state, ExecutionState::Canceled, now), []);
    assert_eq!(state.deadline(), Some(now.monotonic + DELAY));
    assert_eq!(returning(&state.tick(later(now, DELAY))).1, 4);
}

#[test]
fn a_region_is_restarted_alone_and_the_other_one_runs_on_in_its_slot() {
    let now = now();
    let mut state = running(two_regions(), 1, now);
    let slot_of = |state: &JobState, id: &ExecutionAttemptId| {
        state
            .graph
            .execution(id)
            .unwrap()
            .location
            .clone()
            .unwrap()
            .allocation_id
    };
    let before = slot_of(&state, &id("sink", 1));
    let actions = report(&mut state, id("source", 1), ExecutionState::Failed, "not UTF-8", now);
    assert_eq!(cancelled(&actions), ["sink_1_0"]);
    let actions = restart(&mut state, now);
    assert_eq!(deployed(&actions), ["sink_1_1", "source_1_1"]);
    assert_eq!(
        state.graph.execution(&id("source", 0)).unwrap().state(),
        ExecutionState::Running
    );
    assert_eq!(slot_of(&state, &attempt("sink", 1, 1)), before, "the slot is kept");
}

#[test]
fn regions_that_fail_one_after_the_other_restart_apart_and_each_counts() {
    let now = now();
    let mut state = running(two_regions(), 2, now);
    report(&mut state, id("source", 0), ExecutionState::Failed, "first", now);
    report(&mut state, id("sink", 0), ExecutionState::Canceled, "", now);
    let (first, _) = returning(&state.tick(later(now, DELAY)));
    let second = later(now, DELAY);
    let actions = report(&mut state, id("source", 1), ExecutionState::Failed, "second", second);
    assert_eq!(cancelled(&actions), ["sink_1_0"]);
    let actions = state.splits_returned(first, second);
    assert_eq!(
        deployed(&actions),
        ["sink_0_1", "source_0_1"],
        "it does not wait for the other one"
    );
    assert_eq!(state.graph.status(), JobStatus::Restarting, "another restart is coming");
    let actions = restart(&mut state, second);
    assert_eq!(deployed(&actions), ["sink_1_1", "source_1_1"]);
    assert_eq!((state.graph.status(), state.graph.restarts), (JobStatus::Running, 2));
    let causes: Vec<_> = state
        .graph
        .past_failures
        .iter()
        .map(|past| past.failure.cause.as_str())
        .collect();
    assert_eq!(causes, ["first", "second"]);
    let third = later(second, DELAY);
    report(
        &mut state,
        attempt("source", 0, 1),
        ExecutionState::Failed,
        "third",
        third,
    );
    assert_eq!(state.graph.status(), JobStatus::Failing, "two restarts were allowed");
}

#[test]
fn an_earlier_restart_does_not_act_on_what_a_later_one_has_taken() {
    let now = now();
    let mut state = running(two_regions(), 9, now);
    report(&mut state, id("source", 0), ExecutionState::Failed, "first", now);
    report(&mut state, id("sink", 0), ExecutionState::Canceled, "", now);
    let (first, _) = returning(&state.tick(later(now, DELAY)));
    let second = later(now, DELAY);
    let whole = state.job_failure("the job".to_owned(), FailureKind::Cause, second);
    let actions = state.fail_or_restart(whole, Vec::new(), Scope::Job, second);
    assert_eq!(cancelled(&actions), ["sink_1_0", "source_1_0"]);
    assert_eq!(
        state.splits_returned(first, second),
        [],
        "an answer to the earlier restart"
    );
    assert_eq!(state.graph.run(task(&state, "source", 0)).attempt, 0);
    let actions = restart(&mut state, second);
    assert_eq!(deployed(&actions), ["sink_0_1", "sink_1_1", "source_0_1", "source_1_1"]);
}

#[test]
fn when_no_restart_is_left_the_job_fails_and_says_which_setting_ended_it() {
    let now = now();
    let mut state = running(word_count(2), 1, now);
    report(&mut state, id("source", 0), ExecutionState::Failed, "not UTF-8", now);
    restart(&mut state, now);
    let again = attempt("source", 0, 1);
    report(&mut state, again, ExecutionState::Failed, "not UTF-8 either", now);
    assert_eq!(state.graph.status(), JobStatus::Failing);
    assert_eq!(report_all(&mut state, ExecutionState::Canceled, now), [Action::Abort]);
    assert_eq!(state.aborted(None, now), [Action::End]);
    let cause = state.graph.root_cause.clone().unwrap().to_string();
    let ends = "not UTF-8 either; the job is not restarted again, as restart-strategy.fixed-delay.attempts is 1";
    assert!(cause.ends_with(ends), "{cause}");
    assert_eq!(state.graph.past_failures[0].failure.cause, "not UTF-8");
}

#[test]
fn only_what_the_last_attempts_wrote_is_committed() {
    let now = now();
    let mut state = running(word_count(2), 1, now);
    let finish = |state: &mut JobState, attempt: ExecutionAttemptId, file: &str| {
        let report = TaskReport {
            attempt,
            state: ExecutionState::Finished,
            cause: String::new(),
            failure_type: FailureType::default(),
            metrics: None,
            committables: vec![Committable(Bytes::from(file.to_owned()))],
        };
        state.task_reported(report, now)
    };
    finish(&mut state, id("sink", 0), "old");
    report(&mut state, id("sink", 1), ExecutionState::Failed, "disk full", now);
    restart(&mut state, now);
    report_all(&mut state, ExecutionState::Running, now);
    assert_eq!(finish(&mut state, id("sink", 0), "late"), [], "an attempt that is over");
    for subtask in 0..2 {
        report(
            &mut state,
            attempt("source", subtask, 1),
            ExecutionState::Finished,
            "",
            now,
        );
    }
    finish(&mut state, attempt("sink", 0, 1), "new 0");
    let actions = finish(&mut state, attempt("sink", 1, 1), "new 1");
    let [Action::Commit(output)] = actions.as_slice() else {
        panic!("{actions:?}")
    };
    let files: Vec<_> = output.values().flatten().map(|written| written.0.clone()).collect();
    assert_eq!(files, ["new 0", "new 1"]);
}

#[test]
fn a_lost_workers_slots_are_asked_for_again_and_its_loss_is_one_failure() {
    let now = now();
    let mut state = running(two_regions(), 1, now);
    report(
        &mut state,
        id("sink", 1),
        ExecutionState::Failed,
        "container_1 is gone",
        now,
    );
    state.worker_lost(&worker(1), "container_1 exited with 137", FailureKind::Cause, now);
    assert_eq!(state.graph.status(), JobStatus::Restarting);
    assert_eq!(restart(&mut state, now), [], "a slot is missing");
    let over = later(now, DELAY);
    assert_eq!(state.graph.status(), JobStatus::Running);
    assert_eq!(state.deadline(), Some(over.monotonic + SLOT_TIMEOUT));
    // Before the others in the order of names: what runs keeps its slot all the same.
    let spare = "a-worker".into();
    let address = WorkerAddress {
        host: "node-2".to_owned(),
        data_address: "node-2:4000".to_owned(),
    };
    state.workers.insert(spare, address);
    let (accepted, actions) = state.offer_slots(&"a-worker".into(), [slot(9)].into_iter(), over);
    assert_eq!(
        (accepted.len(), deployed(&actions)),
        (1, vec!["sink_1_1".to_owned(), "source_1_1".to_owned()])
    );
    let on_spare = state.graph.unfinished_on(&"a-worker".into());
    assert_eq!(on_spare, [task(&state, "source", 1), task(&state, "sink", 1)]);
}

#[test]
fn without_slots_for_the_restart_the_next_one_is_tried_and_then_the_job_fails() {
    let now = now();
    let mut state = running(word_count(2), 2, now);
    state.worker_lost(&worker(1), "container_1 exited with 137", FailureKind::Cause, now);
    restart(&mut state, now);
    let late = later(now, DELAY + SLOT_TIMEOUT);
    let (number, _) = {
        assert_eq!(
            state.tick(late),
            [],
            "all SCHEDULED attempts are ended, the pause begins"
        );
        returning(&state.tick(later(late, DELAY)))
    };
    assert_eq!(state.splits_returned(number, later(late, DELAY)), []);
    let actions = state.tick(later(late, DELAY + SLOT_TIMEOUT));
    assert_eq!(actions, [Action::Abort]);
    let cause = state.graph.root_cause.clone().unwrap().cause;
    assert!(cause.contains("needs 2 slots, and 1 were there"), "{cause}");
}

#[test]
fn cancelling_and_failing_for_good_win_over_restarting() {
    let now = now();
    let mut state = running(word_count(2), 9, now);
    report(&mut state, id("source", 0), ExecutionState::Failed, "not UTF-8", now);
    assert_eq!(state.cancel(now).unwrap(), [], "all tasks are cancelled already");
    assert_eq!(report_all(&mut state, ExecutionState::Canceled, now), [Action::Abort]);
    state.aborted(None, now);
    assert_eq!(state.graph.status(), JobStatus::Canceled);

    let mut state = running(word_count(2), 9, now);
    report(&mut state, id("source", 0), ExecutionState::Failed, "not UTF-8", now);
    report_all(&mut state, ExecutionState::Canceled, now);
    let (number, _) = returning(&state.tick(later(now, DELAY)));
    let last = state.job_failure("the cluster ends".to_owned(), FailureKind::Cause, now);
    assert_eq!(state.fail(last, now), [Action::Abort]);
    assert_eq!(state.splits_returned(number, now), [], "nothing is restarted any more");
    assert_eq!(state.graph.status(), JobStatus::Failing);
}

#[test]
fn output_that_cannot_be_committed_is_not_tried_again() {
    let now = now();
    let mut state = running(word_count(2), 9, now);
    report_all(&mut state, ExecutionState::Finished, now);
    assert_eq!(state.committed(Err("disk full".into()), now), [Action::Abort]);
    assert_eq!(state.graph.status(), JobStatus::Failing);
}

#[test]
fn the_history_keeps_the_last_failures_with_what_came_with_them() {
    let now = now();
    let mut state = running(word_count(2), 9, now);
    for number in 0..3 {
        let failed = attempt("source", 0, number);
        report(
            &mut state,
            failed,
            ExecutionState::Failed,
            &format!("failure {number}"),
            now,
        );
        let other = attempt("sink", 1, number);
        report(
            &mut state,
            other,
            ExecutionState::Failed,
            &format!("beside {number}"),
            now,
        );
        restart(&mut state, now);
        report_all(&mut state, ExecutionState::Running, now);
    }
    let kept: Vec<_> = state.graph.past_failures.iter().collect();
    let causes: Vec<_> = kept.iter().map(|past| past.failure.cause.as_str()).collect();
    assert_eq!(causes, ["failure 1", "failure 2"]);
    assert_eq!(kept[1].concurrent[0].cause, "beside 2");
    assert!(state.graph.history_truncated && state.graph.further_failures.is_empty());
    assert_eq!(state.graph.root_cause, None, "it runs");
}

#[test]
fn a_region_is_deployed_when_its_slots_are_there_whatever_the_others_wait_for() {
    let now = now();
    let mut state = job_of(Arc::new(two_regions()), fixed(9), now);
    state.prepared(Ok(()), now);
    assert_eq!(deployed(&offer(&mut state, 1, now)), ["sink_0_0", "source_0_0"]);
    let counts = state.graph.state_counts();
    assert_eq!(counts[&ExecutionState::Scheduled], 2);
    assert_eq!(deployed(&offer(&mut state, 0, now)), ["sink_1_0", "source_1_0"]);
}

#[test]
fn a_region_of_a_batch_job_waits_for_the_slots_of_another_one() {
    let now = now();
    let mut state = job_of(Arc::new(two_regions()), fixed(9), now);
    state.prepared(Ok(()), now);
    offer(&mut state, 0, now);
    let late = later(now, SLOT_TIMEOUT);
    assert_eq!(state.tick(late), [], "the slot of the first region will do");
    report(&mut state, id("source", 0), ExecutionState::Finished, "", late);
    let actions = report(&mut state, id("sink", 0), ExecutionState::Finished, "", late);
    assert_eq!(deployed(&actions), ["sink_1_0", "source_1_0"]);
    assert_eq!(state.pool.required(), 1, "the place of the first region needs none");
}

#[test]
fn a_slot_that_nothing_uses_goes_back_after_its_time() {
    let now = now();
    let mut state = running(two_regions(), 9, now);
    report(&mut state, id("source", 0), ExecutionState::Finished, "", now);
    report(&mut state, id("sink", 0), ExecutionState::Finished, "", now);
    assert_eq!((state.pool.required(), state.pool.len()), (1, 2));
    assert_eq!(state.deadline(), Some(now.monotonic + IDLE_TIMEOUT));
    let actions = state.tick(later(now, IDLE_TIMEOUT));
    let [Action::ReturnSlot(returned)] = actions.as_slice() else {
        panic!("{actions:?}")
    };
    assert_eq!((&returned.resource_id, state.pool.len()), (&worker(0), 1));
    let spare = state.offer_slots(&worker(0), [slot(0)].into_iter(), now).0;
    assert_eq!(spare, [], "it is not needed");
}
