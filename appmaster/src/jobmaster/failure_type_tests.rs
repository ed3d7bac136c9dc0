//! What a task's failure says of the next attempt decides whether there is one.

use selvedge_core::status::{ExecutionState, FailureType, JobStatus};

use super::failover_tests::running;
use super::root_cause::{FailureKind, FailureOrigin};
use super::state::Action;
use super::tests::{id, now, report, report_all, report_of, worker};
use crate::testing::word_count;

#[test]
fn a_failure_that_would_come_again_fails_the_job_at_once_even_while_it_restarts() {
    for restarting in [false, true] {
        let now = now();
        let mut state = running(word_count(2), 9, now);
        if restarting {
            report(&mut state, id("source", 0), ExecutionState::Failed, "not UTF-8", now);
            assert_eq!(state.graph.status(), JobStatus::Restarting);
        }
        let failed = (ExecutionState::Failed, FailureType::NonRecoverable);
        report_of(&mut state, id("source", 1), failed, "no column 'price'", now);
        assert_eq!(state.graph.status(), JobStatus::Failing);
        let actions = report_all(&mut state, ExecutionState::Canceled, now);
        assert_eq!(actions, [Action::Abort], "{restarting}");
        let mut causes = vec![state.graph.root_cause.clone().unwrap()];
        causes.extend(state.graph.further_failures.iter().cloned());
        let told = causes
            .iter()
            .find(|failure| failure.cause.contains("no column 'price'"))
            .unwrap();
        assert!(told.cause.contains("is not restarted"), "{}", told.cause);
        assert_eq!(told.origin, FailureOrigin::Task);
    }
}

#[test]
fn other_failures_are_restarted_whatever_is_around_the_task() {
    for failure_type in [FailureType::Environment, FailureType::PartitionDataMissing] {
        let now = now();
        let mut state = running(word_count(2), 9, now);
        let failed = (ExecutionState::Failed, failure_type);
        let actions = report_of(&mut state, id("sink", 0), failed, "worker-1 is shutting down", now);
        assert!(
            actions.contains(&Action::Hurry),
            "{failure_type}: its worker may say why"
        );
        assert_eq!(state.graph.status(), JobStatus::Restarting, "{failure_type}");
        state.worker_lost(&worker(1), "container_1 exited with 137", FailureKind::Cause, now);
        let cause = state.graph.root_cause.as_ref().unwrap();
        assert_eq!(
            (cause.cause.as_str(), cause.origin),
            ("container_1 exited with 137", FailureOrigin::Cluster)
        );
    }
}
