//! Every requirement is met within the bound, or its user is told that it is not: the phases of a run end in time, since all
//! jobs got their slots or are given up.

use super::Facts;

pub(super) fn check(facts: &Facts) -> Vec<String> {
    let late = facts.late.iter();
    let late = late.map(|phase| format!("the phase {phase} did not come to its end in time: {:?}", facts.jobs));
    let untold = facts.too_large.iter();
    let untold = untold.filter(|(job, is_told)| !**is_told && !facts.may_fail.contains(job));
    let untold = untold.map(|(job, _)| format!("nobody was told that there is no room for job {job}"));
    late.chain(untold).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_that_takes_too_long_is_told() {
        let mut facts = Facts::default();
        assert!(check(&facts).is_empty());
        facts.late("Settling");
        assert!(check(&facts)[0].contains("the phase Settling"));
    }

    #[test]
    fn a_job_without_room_must_be_told_of() {
        let mut facts = Facts {
            too_large: [("a".to_owned(), false)].into(),
            ..Facts::default()
        };
        assert_eq!(check(&facts), ["nobody was told that there is no room for job a"]);
        facts.too_large.insert("a".to_owned(), true);
        assert!(check(&facts).is_empty());
    }
}
