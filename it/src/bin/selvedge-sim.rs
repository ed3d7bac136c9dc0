//! `cargo xtask sim`: runs seeds of the simulation, and tells which fail and how to run them again.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use selvedge_it::sim::{self, Planted, Seeds};

/// Runs a whole cluster on a simulated network and clock, once for each seed.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask sim")]
struct Options {
    /// How many seeds.
    #[arg(long, default_value_t = 200)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Prints the log of each seed, and the hash of it, instead of a summary.
    #[arg(long)]
    log: bool,
    /// Plants a fault into the simulated YARN, to see that it is found.
    #[arg(long)]
    plant: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let planted = if options.plant {
        Planted::DeafScheduler
    } else {
        Planted::Nothing
    };
    let seeds = options.from..options.from.saturating_add(options.seeds);
    let hold = if options.log {
        // One after the other: the logs are read.
        seeds
            .map(|seed| log(seed, planted))
            .fold(true, |all, holds| all & holds)
    } else {
        let outcome = Seeds::run(seeds, planted);
        show(&format!("{outcome}\n"));
        outcome.failed().is_empty()
    };
    if hold { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn log(seed: u64, planted: Planted) -> bool {
    let run = sim::run(seed, planted);
    show(&format!("{}seed {seed}: log {}\n", run.log, run.fingerprint));
    for violation in &run.violations {
        show(&format!("seed {seed} fails: {violation}\n"));
    }
    run.violations.is_empty()
}

/// A reader who has seen enough may close the pipe.
fn show(text: &str) {
    let _ = io::stdout().lock().write_all(text.as_bytes());
}
