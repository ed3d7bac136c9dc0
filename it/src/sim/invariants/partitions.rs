//! What is released is not in use: no attempt runs on a worker whose partitions that worker was told to forget.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::history::Happening;

/// The state in which a task has opened its channels.
const RUNS: &str = "RUNNING";

pub(super) fn check(happenings: &[(Duration, Happening)]) -> Vec<String> {
    let mut running = BTreeSet::<(&str, &str, &str)>::new();
    let mut released = BTreeSet::<(&str, &str, &str)>::new();
    let mut violations = Vec::new();
    for (at, happening) in happenings {
        match happening {
            Happening::Task {
                worker,
                master,
                attempt,
                state,
                ..
            } => {
                let task = (worker.as_str(), master.as_str(), attempt.as_str());
                if state != RUNS {
                    running.remove(&task);
                    continue;
                }
                running.insert(task);
                if released.contains(&task) {
                    violations.push(format!(
                        "attempt {attempt} runs on {worker} at {at:?}, which has forgotten its partitions"
                    ));
                }
            }
            Happening::Released {
                worker,
                master,
                attempts,
            } => {
                for attempt in attempts {
                    let task = (worker.as_str(), master.as_str(), attempt.as_str());
                    released.insert(task);
                    if running.contains(&task) {
                        violations.push(format!(
                            "{worker} has forgotten the partitions of {attempt} at {at:?}, which runs there"
                        ));
                    }
                }
            }
            Happening::WorkerGone { worker } => running.retain(|(of, ..)| of != worker),
            _ => {}
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::super::tests::at;
    use super::*;

    fn task(seconds: u64, state: &str) -> (Duration, Happening) {
        let happening = Happening::Task {
            worker: "worker-1".to_owned(),
            job: "a".to_owned(),
            master: "m".to_owned(),
            attempt: "v_0_0".to_owned(),
            state: state.to_owned(),
        };
        at(seconds, happening)
    }

    fn released(seconds: u64) -> (Duration, Happening) {
        let happening = Happening::Released {
            worker: "worker-1".to_owned(),
            master: "m".to_owned(),
            attempts: ["edge", "0:", "v_0_0"].map(str::to_owned).to_vec(),
        };
        at(seconds, happening)
    }

    #[test]
    fn partitions_that_are_forgotten_while_their_producer_runs_or_before_are_told() {
        assert_eq!(check(&[task(1, RUNS), task(2, "CANCELED"), released(3)]), [""; 0]);
        for history in [[task(1, RUNS), released(2)], [released(1), task(2, RUNS)]] {
            let [violation] = &check(&history)[..] else {
                panic!("one violation");
            };
            assert!(
                violation.contains("v_0_0") && violation.contains("worker-1"),
                "{violation}"
            );
        }
    }
}
