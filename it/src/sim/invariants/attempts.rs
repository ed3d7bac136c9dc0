//! No execution attempt is deployed twice. The JobMaster of a job that runs again under another master counts anew.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::history::Happening;

/// The state in which a task begins.
const BEGUN: &str = "INITIALIZING";

pub(super) fn check(happenings: &[(Duration, Happening)]) -> Vec<String> {
    let mut begun = BTreeMap::<(&str, &str), &str>::new();
    let mut violations = Vec::new();
    for (at, happening) in happenings {
        if let Happening::Task {
            worker,
            job,
            master,
            attempt,
            state,
        } = happening
            && state == BEGUN
            && let Some(first) = begun.insert((master, attempt), worker)
        {
            violations.push(format!(
                "attempt {attempt} of job {job} was deployed to {first}, and again to {worker} at {at:?}"
            ));
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::super::tests::at;
    use super::*;

    fn begun(seconds: u64, attempt: &str) -> (Duration, Happening) {
        let happening = Happening::Task {
            worker: format!("worker-{seconds}"),
            job: "a".to_owned(),
            master: "m".to_owned(),
            attempt: attempt.to_owned(),
            state: BEGUN.to_owned(),
        };
        at(seconds, happening)
    }

    #[test]
    fn an_attempt_that_begins_twice_is_told_with_both_workers() {
        let [violation] = &check(&[begun(1, "v/0#0"), begun(2, "v/0#1"), begun(3, "v/0#0")])[..] else {
            panic!("one violation");
        };
        assert!(
            violation.contains("deployed to worker-1, and again to worker-3"),
            "{violation}"
        );
    }
}
