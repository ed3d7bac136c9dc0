//! The steps of `cargo xtask test`, in the order in which they run: what fails cheaply comes early.
//!
//! None of them names a package: features are then resolved once, for the whole workspace, and nothing is compiled
//! twice.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    arguments: &'static [&'static str],
    environment: &'static [(&'static str, &'static str)],
}

pub(crate) const STEPS: &[Step] = &[
    step("fmt", &["fmt", "--all", "--check"]),
    step(
        "clippy",
        &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"],
    ),
    // The integration tests run the examples, too.
    step("build", &["build", "--workspace", "--bins", "--examples"]),
    step("unit", &["test", "--workspace", "--lib", "--bins", "--test", "suites"]),
    step("fuzz", &["test", "--workspace", "--test", "fuzz", "--test", "zeroed"]),
    step("doctest", &["test", "--workspace", "--doc"]),
    Step {
        name: "doc",
        arguments: &["doc", "--workspace", "--no-deps"],
        environment: &[("RUSTDOCFLAGS", "-D warnings")],
    },
    // Whole clusters on a simulated network, without daemons.
    step("sim", &["test", "--workspace", "--test", "sim"]),
    // A cluster whose hosts are containers: apart, since it needs the machine for itself, and not every machine can.
    step("docker", &["test", "--workspace", "--test", "it", "--", "docker::"]),
    // Against real daemons; last, so that its summary is what a reader finds at the end.
    step(
        "integration",
        &["test", "--workspace", "--test", "it", "--", "--skip", "docker::"],
    ),
];

/// Names the file into which tests that a machine cannot run write a line each.
const SKIPPED: &str = "SELVEDGE_SKIPPED";

/// A step that did not fail.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) took: Duration,
    /// What could not be run here, and why.
    pub(crate) skipped: Vec<String>,
}

const fn step(name: &'static str, arguments: &'static [&'static str]) -> Step {
    Step {
        name,
        arguments,
        environment: &[],
    }
}

impl Step {
    /// What runs, as a person would type it.
    pub(crate) fn shown(&self) -> String {
        let environment = self
            .environment
            .iter()
            .map(|(name, value)| format!("{name}='{value}' "));
        format!("{}cargo {}", environment.collect::<String>(), self.arguments.join(" "))
    }

    /// An error if it failed.
    #[expect(
        clippy::disallowed_methods,
        reason = "the wall time of a build step, never simulated"
    )]
    pub(crate) fn run(&self) -> Result<Done, String> {
        let start = Instant::now();
        let told = std::env::temp_dir().join(format!("selvedge-skipped-{}", std::process::id()));
        let mut command = cargo();
        command
            .args(self.arguments)
            .envs(self.environment.iter().copied())
            .env(SKIPPED, &told);
        let success = super::status(&mut command)?;
        let took = start.elapsed();
        let lines = fs::read_to_string(&told).unwrap_or_default();
        fs::remove_file(&told).ok();
        if success {
            let skipped = lines.lines().map(str::to_owned).collect();
            return Ok(Done { took, skipped });
        }
        Err(format!(
            "{} failed after {:.1} s: {}",
            self.name,
            took.as_secs_f64(),
            self.shown()
        ))
    }
}

/// The cargo that runs this program.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}
