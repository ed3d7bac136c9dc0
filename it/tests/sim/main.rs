//! The simulation as a test: seeds hold, a seed has one history in every process, and what is planted is found.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::process::{Command, Output};

use selvedge_it::sim::{self, Planted, Seeds, replay_command};

/// Enough for a change; `cargo xtask sim` runs more.
const SEEDS: u64 = 200;

fn sim_command(arguments: &[&str]) -> Output {
    let binary = env!("CARGO_BIN_EXE_selvedge-sim");
    Command::new(binary).args(arguments).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn a_job_finishes_on_a_cluster_that_nothing_disturbs() {
    let run = sim::run_undisturbed(1);
    assert!(run.violations.is_empty(), "{:#?}\n{}", run.violations, run.log);
    for line in [
        "slot given",
        "state=RUNNING",
        "FINISHED",
        "the cluster has ended (Graceful): Succeeded",
    ] {
        assert!(run.log.contains(line), "no '{line}' in\n{}", run.log);
    }
}

#[test]
fn seeds_hold_whatever_goes_wrong() {
    let outcome = Seeds::run(0..SEEDS, Planted::Nothing);
    assert!(outcome.failed().is_empty(), "{outcome}");
}

#[test]
fn a_seed_has_the_same_log_to_the_byte_in_two_processes_and_another_seed_has_another() {
    let log = |from: &str| stdout(&sim_command(&["--from", from, "--seeds", "8", "--log"]));
    let (first, second) = (log("13"), log("13"));
    let differs = first
        .lines()
        .zip(second.lines())
        .find(|(first, second)| first != second);
    assert_eq!(differs, None);
    assert_eq!(first, second);
    for drawn in [
        "is_highly_available: true",
        "is_disorderly: true",
        "is_disorderly: false",
    ] {
        assert!(first.contains(drawn), "other seeds are needed: none has {drawn}");
    }
    let fingerprints: Vec<_> = first.lines().filter_map(|line| line.split_once(": log ")).collect();
    let distinct: std::collections::BTreeSet<_> = fingerprints.iter().map(|(_, log)| log).collect();
    assert_eq!(distinct.len(), 8, "{fingerprints:?}");
}

#[test]
fn a_planted_fault_fails_its_seed_and_the_command_that_is_printed_replays_it() {
    let found = sim_command(&["--from", "5", "--seeds", "1", "--plant"]);
    let shown = stdout(&found);
    assert!(!found.status.success(), "{shown}");
    assert!(
        shown.contains("seed 5 fails:") && shown.contains("YARN still holds 1 containers"),
        "{shown}"
    );
    let command = replay_command(5, Planted::DeafScheduler);
    assert!(shown.contains(&command), "{shown}");
    let arguments: Vec<_> = command.split(' ').skip(3).collect();
    let replays = [sim_command(&arguments), sim_command(&arguments)].map(|replay| stdout(&replay));
    assert_eq!(replays[0], replays[1]);
    assert!(
        replays[0].contains("seed 5 fails: YARN still holds 1 containers"),
        "{}",
        replays[0]
    );
}
