//! Partitions that are read no more, by examples: which workers are told to forget which.

use selvedge_core::ResourceId;
use selvedge_core::status::ExecutionState;

use super::failover::Scope;
use super::failover_tests::{restart, running, two_regions};
use super::root_cause::FailureKind;
use super::state::{Action, JobState, Now};
use super::tests::{id, now, report, worker};
use crate::testing::word_count;

/// The workers that are told to forget, and of each edge its vertex, the subtasks and their attempts.
type Told = (Vec<ResourceId>, Vec<(u32, String, Vec<u32>, Vec<u32>)>);

fn told(actions: &[Action]) -> Vec<Told> {
    let told = actions.iter().filter_map(|action| match action {
        Action::ReleasePartitions { workers, partitions } => {
            let partitions = partitions.iter().cloned();
            let each = partitions.map(|edge| (edge.edge, edge.vertex, edge.subtasks, edge.attempts));
            Some((workers.clone(), each.collect()))
        }
        _ => None,
    });
    told.collect()
}

/// Both tasks of a region have FINISHED, in this attempt.
fn finish(state: &mut JobState, subtask: u32, attempt: u32, now: Now) -> Vec<Action> {
    let finish = |vertex| {
        let attempt = selvedge_core::ExecutionAttemptId {
            attempt,
            ..id(vertex, subtask)
        };
        report(state, attempt, ExecutionState::Finished, "", now)
    };
    ["source", "sink"].into_iter().flat_map(finish).collect()
}

fn of_source(subtasks: &[u32], attempt: u32) -> Vec<(u32, String, Vec<u32>, Vec<u32>)> {
    let attempts = vec![attempt; subtasks.len()];
    vec![(0, "source".to_owned(), subtasks.to_vec(), attempts)]
}

#[test]
fn what_a_region_has_sent_is_forgotten_before_its_next_attempts_are_deployed() {
    let now = now();
    let mut state = running(word_count(2), 2, now);
    report(&mut state, id("source", 0), ExecutionState::Failed, "not UTF-8", now);
    let actions = restart(&mut state, now);
    assert_eq!(told(&actions), [(vec![worker(0), worker(1)], of_source(&[0, 1], 0))]);
    assert!(
        matches!(
            actions.as_slice(),
            [Action::ReleasePartitions { .. }, Action::Deploy(_)]
        ),
        "{actions:?}"
    );
}

#[test]
fn a_worker_that_is_lost_is_told_nothing_and_the_others_forget_what_it_has_sent() {
    let now = now();
    let mut state = running(word_count(2), 1, now);
    state.worker_lost(&worker(1), "killed", FailureKind::Cause, now);
    let actions = restart(&mut state, now);
    assert_eq!(told(&actions), [(vec![worker(0)], of_source(&[0, 1], 0))]);
}

#[test]
fn what_a_region_has_sent_is_forgotten_when_all_of_it_has_finished_and_the_job_goes_on() {
    let now = now();
    let mut state = running(two_regions(), 2, now);
    assert_eq!(
        told(&finish(&mut state, 0, 0, now)),
        [(vec![worker(0)], of_source(&[0], 0))]
    );
    report(&mut state, id("sink", 1), ExecutionState::Failed, "a full disk", now);
    let actions = restart(&mut state, now);
    assert_eq!(told(&actions), [(vec![worker(1)], of_source(&[1], 0))], "each once");
    // All of it once more.
    let failure = state.job_failure("the source broke".to_owned(), FailureKind::Cause, now);
    state.fail_or_restart(failure, Vec::new(), Scope::Job, now);
    let actions = restart(&mut state, now);
    let both = vec![worker(0), worker(1)];
    assert_eq!(
        told(&actions),
        [(both, of_source(&[1], 1))],
        "the other is forgotten already"
    );
    assert_eq!(
        told(&finish(&mut state, 0, 1, now)),
        [(vec![worker(0)], of_source(&[0], 1))]
    );
    let actions = finish(&mut state, 1, 2, now);
    assert!(
        matches!(actions.as_slice(), [Action::Commit(_)]),
        "with the job ends all of it: {actions:?}"
    );
}
