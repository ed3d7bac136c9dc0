//! The tables of states, pair by pair.

use super::*;

/// Every pair of states against what this table says may follow.
fn check<S: StateMachine + fmt::Display>(expected: &[(&str, &str)]) {
    assert_eq!(expected.len(), S::STATES.len(), "a row for each state of {}", S::NAME);
    for (from, legal) in expected {
        let state = *S::STATES.iter().find(|state| state.text() == *from).unwrap();
        for next in S::STATES {
            let is_legal = legal.split_whitespace().any(|name| name == next.text());
            assert_eq!(state.next().contains(next), is_legal, "{state} to {next}");
        }
        assert!(!state.next().contains(&state), "{state} does not follow itself");
    }
}

#[test]
fn a_job_moves_only_as_flink_lets_it() {
    check::<JobStatus>(&[
        ("INITIALIZING", "CREATED FAILED CANCELLING SUSPENDED"),
        ("CREATED", "RUNNING CANCELLING FAILING SUSPENDED"),
        ("RUNNING", "FINISHED FAILING CANCELLING RESTARTING SUSPENDED"),
        ("RESTARTING", "RUNNING CREATED CANCELLING FAILING SUSPENDED"),
        ("FAILING", "FAILED CANCELLING SUSPENDED"),
        ("CANCELLING", "CANCELED FAILED FAILING SUSPENDED"),
        ("FAILED", ""),
        ("CANCELED", ""),
        ("FINISHED", ""),
        ("SUSPENDED", ""),
        ("RECONCILING", ""),
    ]);
}

#[test]
fn an_attempt_moves_only_as_flink_lets_it() {
    check::<ExecutionState>(&[
        ("CREATED", "SCHEDULED CANCELED FAILED RECONCILING"),
        ("SCHEDULED", "DEPLOYING CANCELED FAILED"),
        ("DEPLOYING", "INITIALIZING RUNNING CANCELING FAILED FINISHED"),
        ("INITIALIZING", "RUNNING CANCELING FAILED FINISHED"),
        ("RUNNING", "FINISHED CANCELING FAILED"),
        ("CANCELING", "CANCELED FAILED"),
        ("RECONCILING", "RUNNING FINISHED CANCELED FAILED"),
        ("FINISHED", ""),
        ("CANCELED", ""),
        ("FAILED", ""),
    ]);
}

#[test]
fn exactly_the_states_without_a_successor_end_something() {
    for state in JobStatus::ALL {
        let ends = state.is_globally_terminal() || matches!(state, JobStatus::Suspended | JobStatus::Reconciling);
        assert_eq!(state.successors().is_empty(), ends, "{state}");
    }
    for state in ExecutionState::ALL {
        assert_eq!(state.successors().is_empty(), state.is_terminal(), "{state}");
    }
}

#[test]
fn names_read_back() {
    for state in JobStatus::ALL {
        assert_eq!(state.as_str().parse(), Ok(*state));
    }
    assert_eq!(
        "SLEEPING".parse::<ExecutionState>().unwrap_err().to_string(),
        "'SLEEPING' is no ExecutionState"
    );
}
