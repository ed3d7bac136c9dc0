//! Build tasks: `cargo xtask test` runs every check that a change must pass, `cargo xtask fuzz` the decoders for long,
//! `cargo xtask dist` makes a release, `cargo xtask advisories` renews what is known of holes in others' crates,
//! `cargo xtask sim` runs seeds of the simulation, `cargo xtask bed` the test bed, `cargo xtask flink-golden` makes the
//! golden files.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command-line program")]

mod deny;
mod fuzz;
mod linked;
mod links;
mod pypi;
mod release;
mod rustc;
mod steps;

use std::process::{Command, ExitCode};

use steps::{STEPS, Step};

const USAGE: &str = "\
Usage: cargo xtask test [--only STEP]... [--skip STEP]... [--list]
       cargo xtask fuzz [TARGET] [--seconds N]
       cargo xtask dist
       cargo xtask advisories [REPOSITORY]
       cargo xtask sim [--seeds N] [--from SEED] [--log]
       cargo xtask bed up|down|status [OPTIONS]
       cargo xtask flink-golden [memory|options]...

test  runs every check, the cheap ones first, and stops at the first that fails
fuzz  feeds decoders with damaged input, each for N seconds (60), or only those whose name holds TARGET
dist  makes the archive of a release: the binary for old clusters and all that is given away with it
advisories  fetches RustSec's advisories anew, from their repository or a copy of it
sim   runs a whole cluster on a simulated network and clock, once for each seed (200)
bed   real HDFS and YARN daemons on this machine (see `cargo xtask bed up --help`)
flink-golden  writes the golden files of it/flink anew, from Flink's own classes";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["test", options @ ..] => Selection::parse(options).and_then(|selection| test(&selection)),
        ["fuzz", options @ ..] => fuzz::Options::parse(options).and_then(|options| options.run()),
        ["dist"] => release::archive(release::Profile::Dist).map_err(|error| error.to_string()),
        ["advisories"] => deny::refresh(None),
        ["advisories", repository] => deny::refresh(Some(repository)),
        ["sim", options @ ..] => run("selvedge-sim", options),
        ["bed", options @ ..] => run("selvedge-bed", options),
        ["flink-golden", options @ ..] => run("selvedge-flink-golden", options),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(())
        }
        [] => Err(USAGE.to_owned()),
        [other, ..] => Err(format!("no task {other}\n{USAGE}")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Which steps to run.
#[derive(Debug, Default, PartialEq)]
struct Selection {
    only: Vec<String>,
    skip: Vec<String>,
    list: bool,
}

impl Selection {
    fn parse(options: &[&str]) -> Result<Self, String> {
        let mut selection = Self::default();
        let mut rest = options.iter();
        while let Some(option) = rest.next() {
            let mut step = || {
                let name = rest
                    .next()
                    .ok_or_else(|| format!("{option} wants the name of a step"))?;
                if STEPS.iter().any(|step| step.name == *name) {
                    return Ok((*name).to_owned());
                }
                let names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
                Err(format!("no step {name}, there are {}", names.join(", ")))
            };
            match *option {
                "--only" => selection.only.push(step()?),
                "--skip" => selection.skip.push(step()?),
                "--list" => selection.list = true,
                other => return Err(format!("no option {other}\n{USAGE}")),
            }
        }
        Ok(selection)
    }

    fn steps(&self) -> impl Iterator<Item = &'static Step> {
        let is_chosen = |step: &&Step| {
            let is_in = |names: &[String]| names.iter().any(|name| name == step.name);
            (self.only.is_empty() || is_in(&self.only)) && !is_in(&self.skip)
        };
        STEPS.iter().filter(is_chosen)
    }
}

fn test(selection: &Selection) -> Result<(), String> {
    if selection.list {
        selection
            .steps()
            .for_each(|step| println!("{:12} {}", step.name, step.shown()));
        return Ok(());
    }
    let steps: Vec<_> = selection.steps().collect();
    let mut skipped = Vec::new();
    let outcome = run_steps(&steps, &mut skipped);
    for reason in skipped {
        println!("==> skipped {reason}");
    }
    outcome
}

/// Runs them until one fails. What could not be run on this machine is in `skipped`, then too.
fn run_steps(steps: &[&Step], skipped: &mut Vec<String>) -> Result<(), String> {
    for (number, step) in steps.iter().enumerate() {
        println!("==> {}/{} {}: {}", number + 1, steps.len(), step.name, step.shown());
        let before = skipped.len();
        let took = step.run(skipped)?;
        // Nothing after the last step: the test runner's own summary stands last, unless something could not be run.
        if number + 1 < steps.len() {
            let how = if skipped.len() == before {
                "passed in"
            } else {
                "incomplete after"
            };
            println!("==> {} {how} {:.1} s", step.name, took.as_secs_f64());
        }
    }
    Ok(())
}

fn run(binary: &str, options: &[&str]) -> Result<(), String> {
    let mut command = steps::cargo();
    command.args(["run", "--quiet", "--bin", binary, "--"]).args(options);
    let status = status(&mut command)?;
    if status {
        Ok(())
    } else {
        Err(format!("{binary} failed"))
    }
}

/// Whether the command succeeded. It stays in this process's group: a terminal's Ctrl-C ends all of it.
fn status(command: &mut Command) -> Result<bool, String> {
    let status = command
        .status()
        .map_err(|error| format!("cannot start {command:?}: {error}"))?;
    Ok(status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(options: &[&str]) -> Vec<&'static str> {
        Selection::parse(options)
            .unwrap()
            .steps()
            .map(|step| step.name)
            .collect()
    }

    #[test]
    fn without_options_all_steps_run_and_the_integration_tests_are_last() {
        let all = names(&[]);
        assert_eq!(all.len(), STEPS.len());
        assert_eq!((all.first(), all.last()), (Some(&"fmt"), Some(&"integration")));
    }

    #[test]
    fn steps_are_chosen_and_left_out_by_name() {
        assert_eq!(names(&["--only", "unit", "--only", "fmt"]), ["fmt", "unit"]);
        assert!(!names(&["--skip", "integration"]).contains(&"integration"));
    }

    #[test]
    fn an_unknown_step_is_an_error_that_lists_the_known() {
        let error = Selection::parse(&["--only", "units"]).unwrap_err();
        assert!(error.contains("no step units") && error.contains("unit, "), "{error}");
        assert!(Selection::parse(&["--only"]).unwrap_err().contains("wants the name"));
        assert!(Selection::parse(&["-x"]).unwrap_err().contains("no option -x"));
    }
}
