//! The output of a job becomes visible once, and exactly where the job is FINISHED: otherwise it is taken back, whatever
//! was published before.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::history::{CommitStep, Happening};
use super::Facts;

pub(super) fn check(happenings: &[(Duration, Happening)], facts: &Facts) -> Vec<String> {
    let mut steps = BTreeMap::<&str, Vec<CommitStep>>::new();
    for (_, happening) in happenings {
        if let Happening::Commit { job, step } = happening {
            steps.entry(job).or_default().push(*step);
        }
    }
    let holds = |job: &str, steps: &[CommitStep]| match facts.jobs.get(job).map(String::as_str) {
        Some("FINISHED") => steps == [CommitStep::Prepared, CommitStep::Published, CommitStep::Finished],
        Some("CANCELED" | "FAILED") => {
            steps.first() == Some(&CommitStep::Prepared)
                && steps.last() == Some(&CommitStep::Aborted)
                && !steps.contains(&CommitStep::Finished)
        }
        // Not ended: that is told by another invariant.
        _ => true,
    };
    let broken = steps.iter().filter(|(job, steps)| !holds(job, steps));
    broken
        .map(|(job, steps)| {
            format!(
                "the output of job {job} went through {steps:?}: {:?}",
                facts.jobs.get(*job)
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::at;
    use super::*;

    fn violations(status: &str, steps: &[CommitStep]) -> usize {
        let commit = |step: &CommitStep| {
            let (job, step) = ("a".to_owned(), *step);
            at(1, Happening::Commit { job, step })
        };
        let history: Vec<_> = steps.iter().map(commit).collect();
        let facts = Facts {
            jobs: BTreeMap::from([("a".to_owned(), status.to_owned())]),
            ..Facts::default()
        };
        check(&history, &facts).len()
    }

    #[test]
    fn output_is_published_once_for_a_finished_job_and_taken_back_for_others() {
        use CommitStep::{Aborted, Finished, NotPublished, Prepared, Published};
        for (status, steps, broken) in [
            ("FINISHED", &[Prepared, Published, Finished][..], 0),
            ("FINISHED", &[Prepared, Published, Published, Finished], 1),
            ("FINISHED", &[Prepared, Published], 1),
            ("CANCELED", &[Prepared, Aborted], 0),
            ("FAILED", &[Prepared, NotPublished, Aborted], 0),
            ("FAILED", &[Prepared, Published, Finished, Aborted], 1),
            ("CANCELED", &[Prepared], 1),
        ] {
            assert_eq!(violations(status, steps), broken, "{status} {steps:?}");
        }
    }
}
