//! The output of a job becomes visible once, and exactly where the job is FINISHED: otherwise it is taken back, whatever
//! was published before. A job that runs again under another master begins with taking back what the last one has left.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::history::{CommitStep, Happening};
use super::Facts;

/// What a job did with its output between two times that it took it back.
#[derive(Debug, Default)]
struct Try {
    steps: Vec<CommitStep>,
    /// The master was gone meanwhile.
    is_interrupted: bool,
}

pub(super) fn check(happenings: &[(Duration, Happening)], facts: &Facts) -> Vec<String> {
    let mut outputs = BTreeMap::<&str, Vec<Try>>::new();
    for (_, happening) in happenings {
        match happening {
            Happening::Commit { job, step } => {
                let tries = outputs.entry(job).or_insert_with(|| vec![Try::default()]);
                match (step, tries.last_mut()) {
                    (CommitStep::Aborted, _) | (_, None) => tries.push(Try::default()),
                    (step, Some(last)) => last.steps.push(*step),
                }
            }
            Happening::MasterGone { .. } => {
                let present = outputs.values_mut().filter_map(|tries| tries.last_mut());
                present.for_each(|last| last.is_interrupted = true);
            }
            _ => {}
        }
    }
    let broken = outputs
        .iter()
        .filter(|(job, tries)| !holds(facts.jobs.get(**job), tries));
    broken
        .map(|(job, tries)| {
            format!(
                "the output of job {job} went through {tries:?}: {:?}",
                facts.jobs.get(*job)
            )
        })
        .collect()
}

fn holds(status: Option<&String>, tries: &[Try]) -> bool {
    use CommitStep::{Finished, NotPrepared, Prepared, Published};
    let Some((last, earlier)) = tries.split_last() else {
        return true;
    };
    // Only who knows nothing of the end takes back what was visible for good.
    let is_taken_back_well = |one: &Try| one.is_interrupted || !one.steps.contains(&Finished);
    let ends_well = match status.map(String::as_str) {
        Some("FINISHED") => last.steps == [Prepared, Published, Finished],
        Some("CANCELED" | "FAILED") => match last.steps[..] {
            [] => !earlier.is_empty(),
            [NotPrepared] => true,
            _ => false,
        },
        // Not ended: that is told by another invariant.
        _ => true,
    };
    ends_well && earlier.iter().all(is_taken_back_well)
}

#[cfg(test)]
mod tests {
    use super::super::tests::at;
    use super::*;

    fn violations(status: &str, steps: &[Option<CommitStep>]) -> usize {
        let happening = |step: &Option<CommitStep>| {
            let job = "a".to_owned();
            let happening = match step {
                Some(step) => Happening::Commit { job, step: *step },
                None => Happening::MasterGone { attempt: 1 },
            };
            at(1, happening)
        };
        let history: Vec<_> = steps.iter().map(happening).collect();
        let facts = Facts {
            jobs: BTreeMap::from([("a".to_owned(), status.to_owned())]),
            ..Facts::default()
        };
        check(&history, &facts).len()
    }

    #[test]
    fn output_is_published_once_for_a_finished_job_and_taken_back_for_others() {
        use CommitStep::{Aborted, Finished, NotPrepared, NotPublished, Prepared, Published};
        for (status, steps, broken) in [
            ("FINISHED", &[Prepared, Published, Finished][..], 0),
            ("FINISHED", &[Prepared, Published, Published, Finished], 1),
            ("FINISHED", &[Prepared, Published], 1),
            ("FINISHED", &[Prepared, Published, Finished, Aborted], 1),
            ("CANCELED", &[Prepared, Aborted], 0),
            ("FAILED", &[NotPrepared], 0),
            ("FAILED", &[Prepared, NotPublished, Aborted], 0),
            ("FAILED", &[Prepared, Published, Finished, Aborted], 1),
            ("CANCELED", &[Prepared], 1),
        ] {
            let steps: Vec<_> = steps.iter().copied().map(Some).collect();
            assert_eq!(violations(status, &steps), broken, "{status} {steps:?}");
        }
    }

    #[test]
    fn another_master_takes_back_what_the_last_one_left_and_publishes_it_again() {
        use CommitStep::{Aborted, Finished, Prepared, Published};
        let [prepared, published, finished, aborted] = [Prepared, Published, Finished, Aborted].map(Some);
        let whole = [prepared, published, finished];
        let again = [&whole[..], &[None, aborted], &whole].concat();
        assert_eq!(violations("FINISHED", &again), 0);
        assert_eq!(violations("CANCELED", &[&again[..], &[aborted]].concat()), 1);
        let untouched = [&whole[..], &[aborted], &whole].concat();
        assert_eq!(violations("FINISHED", &untouched), 1, "no master was gone");
        let twice = [&whole[..], &[None], &whole].concat();
        assert_eq!(violations("FINISHED", &twice), 1, "it was visible twice");
    }
}
