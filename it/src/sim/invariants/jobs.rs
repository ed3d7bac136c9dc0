//! Every job reaches exactly one terminal state, and it is the right one: FINISHED, or CANCELED where someone cancelled it.
//! Only a job that needs more than there is, or cannot publish its output, may fail: restarts are not limited, and for the
//! others there is room. A job without an end runs with all of its tasks once nothing is done to the cluster any more; it is
//! cancelled only then.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::history::Happening;
use super::Facts;

pub(in super::super) fn is_terminal(status: &str) -> bool {
    matches!(status, "FINISHED" | "CANCELED" | "FAILED")
}

pub(super) fn check(happenings: &[(Duration, Happening)], facts: &Facts) -> Vec<String> {
    let mut ended = BTreeMap::<&str, &str>::new();
    let mut violations = Vec::new();
    for (at, happening) in happenings {
        let Happening::Job { job, status } = happening else {
            continue;
        };
        if let Some(first) = ended.get(job.as_str()) {
            violations.push(format!("job {job} was {first}, and is {status} at {at:?}"));
        }
        if is_terminal(status) {
            ended.insert(job, status);
        }
    }
    let still = facts.endless.iter();
    let still = still.filter(|(job, has_run)| !**has_run && !facts.may_fail.contains(job));
    violations.extend(still.map(|(job, _)| format!("not all tasks of job {job} ran in the end")));
    for (job, status) in &facts.jobs {
        if !is_terminal(status) {
            let shown = if status.is_empty() {
                "nowhere to be seen"
            } else {
                status
            };
            violations.push(format!("job {job} has not ended: it is {shown}"));
        }
        let may_fail = facts.too_large.contains_key(job) || facts.may_fail.contains(job);
        if (status == "FAILED" && !may_fail) || (status == "CANCELED" && !facts.cancelled.contains(job)) {
            violations.push(format!("job {job} is {status} without a reason"));
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::super::tests::at;
    use super::*;

    fn facts(status: &str) -> Facts {
        Facts {
            jobs: BTreeMap::from([("a".to_owned(), status.to_owned())]),
            ..Facts::default()
        }
    }

    #[test]
    fn a_job_that_goes_on_after_its_end_is_told() {
        let seen = |seconds, status: &str| {
            let (job, status) = ("a".to_owned(), status.to_owned());
            at(seconds, Happening::Job { job, status })
        };
        let history = [seen(1, "RUNNING 2/2"), seen(2, "FINISHED"), seen(3, "RUNNING 2/2")];
        let violations = check(&history, &facts("FINISHED"));
        assert_eq!(violations, ["job a was FINISHED, and is RUNNING 2/2 at 3s"]);
        assert!(check(&history[..2], &facts("FINISHED")).is_empty());
    }

    #[test]
    fn a_job_that_does_not_end_or_ends_for_no_reason_is_told() {
        for (status, words) in [
            ("", "nowhere to be seen"),
            ("RUNNING 1/2", "has not ended"),
            ("FAILED", "FAILED without a reason"),
            ("CANCELED", "CANCELED without a reason"),
        ] {
            let violations = check(&[], &facts(status));
            assert!(violations[0].contains(words), "{violations:?}");
        }
        let too_large = Facts {
            too_large: BTreeMap::from([("a".to_owned(), true)]),
            ..facts("FAILED")
        };
        assert!(check(&[], &too_large).is_empty());
    }

    #[test]
    fn a_job_without_an_end_that_does_not_run_in_the_end_is_told() {
        let mut facts = Facts {
            endless: BTreeMap::from([("a".to_owned(), false)]),
            ..Facts::default()
        };
        assert_eq!(check(&[], &facts), ["not all tasks of job a ran in the end"]);
        facts.endless.insert("a".to_owned(), true);
        assert!(check(&[], &facts).is_empty());
    }
}
