//! No slot is given to two jobs at a time.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::history::Happening;

pub(super) fn check(happenings: &[(Duration, Happening)]) -> Vec<String> {
    let mut given = BTreeMap::<(&str, &str), &str>::new();
    let mut violations = Vec::new();
    for (at, happening) in happenings {
        match happening {
            Happening::SlotGiven { worker, slot, job, .. } => {
                let other = given.insert((worker, slot), job).filter(|other| other != job);
                if let Some(other) = other {
                    violations.push(format!(
                        "slot {slot} of {worker} was given to job {job} at {at:?} while job {other} had it"
                    ));
                }
            }
            Happening::SlotFree { worker, slot } => {
                given.remove(&(worker.as_str(), slot.as_str()));
            }
            Happening::WorkerGone { worker } => given.retain(|(held, _), _| held != worker),
            _ => {}
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::super::tests::at;
    use super::*;

    fn given(seconds: u64, job: &str) -> (Duration, Happening) {
        let (worker, slot) = ("worker-2".to_owned(), "0".to_owned());
        let (job, allocation) = (job.to_owned(), String::new());
        at(
            seconds,
            Happening::SlotGiven {
                worker,
                slot,
                job,
                allocation,
            },
        )
    }

    #[test]
    fn a_slot_that_two_jobs_have_is_told_with_both() {
        let [violation] = &check(&[given(1, "a"), given(2, "b")])[..] else {
            panic!("one violation");
        };
        assert!(violation.contains("job b at 2s while job a"), "{violation}");
    }

    #[test]
    fn a_slot_may_be_given_again_when_it_is_free_or_its_worker_is_gone() {
        let (worker, slot) = ("worker-2".to_owned(), "0".to_owned());
        let free = Happening::SlotFree {
            worker: worker.clone(),
            slot,
        };
        for end in [free, Happening::WorkerGone { worker }] {
            assert!(check(&[given(1, "a"), at(2, end), given(3, "b")]).is_empty());
        }
    }
}
