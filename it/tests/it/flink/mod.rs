//! Flink's own classes and what they declare, against ours.

mod compare;
mod defaults;
mod memory_command;

use compare::Mismatches;
use selvedge_it::flink;

/// Another seed than that of the golden file.
const LIVE_SEED: u64 = 20;
const LIVE_CASES: usize = 400;

#[test]
fn the_memory_model_is_flinks_on_two_thousand_option_sets() {
    let cases = flink::read_memory_cases().unwrap();
    let seen = Mismatches::of(&cases).assert_none();
    assert!(seen.cases >= 2000 && seen.refused >= 500, "{seen:?}");
}

#[test]
fn the_memory_model_is_that_of_flinks_classes_run_here_and_now() {
    let cases = flink::memory_cases(LIVE_SEED, LIVE_CASES).unwrap();
    let seen = Mismatches::of(&cases).assert_none();
    assert_eq!(seen.cases, LIVE_CASES);
}
