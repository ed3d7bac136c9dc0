//! When all jobs have ended, everything is as it was: YARN holds nothing for the application and was told that it succeeded,
//! every task has ended, every slot is free; and nothing is kept for a next master.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::history::Happening;
use super::{Facts, jobs};

/// YARN's `APP_SUCCEEDED`.
const SUCCEEDED: i32 = 1;

pub(super) fn check(happenings: &[(Duration, Happening)], facts: &Facts) -> Vec<String> {
    let mut violations = Vec::new();
    let (containers, asked, processes) = facts.held;
    if (containers, asked, processes) != (0, 0, 0) {
        violations.push(format!(
            "YARN still holds {containers} containers with {processes} processes, and {asked} are asked for"
        ));
    }
    if facts.final_status != Some(SUCCEEDED) {
        violations.push(format!(
            "YARN was told that the application ended with {:?}",
            facts.final_status
        ));
    }
    let left = facts.left_behind.iter();
    violations.extend(left.map(|left| format!("{left} is kept for a next master")));
    let (mut tasks, mut slots) = (BTreeSet::new(), BTreeSet::new());
    for (_, happening) in happenings {
        match happening {
            Happening::Task {
                worker,
                job,
                master,
                attempt,
                state,
            } => {
                let task = (worker, job, master, attempt);
                let has_ended = jobs::is_terminal(state);
                if has_ended {
                    tasks.remove(&task)
                } else {
                    tasks.insert(task)
                };
            }
            Happening::SlotGiven { worker, slot, .. } => {
                slots.insert((worker, slot));
            }
            Happening::SlotFree { worker, slot } => {
                slots.remove(&(worker, slot));
            }
            Happening::WorkerGone { worker } => {
                tasks.retain(|(held, ..)| *held != worker);
                slots.retain(|(held, _)| *held != worker);
            }
            _ => {}
        }
    }
    violations.extend(tasks.iter().map(|task| format!("task {task:?} has not ended")));
    violations.extend(slots.iter().map(|slot| format!("slot {slot:?} is not free")));
    violations
}

#[cfg(test)]
mod tests {
    use super::super::tests::at;
    use super::*;

    #[test]
    fn what_is_left_is_told() {
        let worker = "worker-2".to_owned();
        let task = Happening::Task {
            worker: worker.clone(),
            job: "a".to_owned(),
            master: "m".to_owned(),
            attempt: "v/0#0".to_owned(),
            state: "RUNNING".to_owned(),
        };
        let slot = Happening::SlotGiven {
            worker: worker.clone(),
            slot: "0".to_owned(),
            job: "a".to_owned(),
            allocation: String::new(),
        };
        let facts = Facts {
            held: (1, 0, 0),
            left_behind: vec!["/ha/jobgraphs/a.json".to_owned()],
            ..Facts::default()
        };
        let left = [at(1, task), at(2, slot)];
        assert_eq!(check(&left, &facts).len(), 5);
        let gone = [&left[..], &[at(3, Happening::WorkerGone { worker })]].concat();
        let told = Facts {
            final_status: Some(SUCCEEDED),
            ..Facts::default()
        };
        assert!(check(&gone, &told).is_empty());
    }
}
