//! The steps of `cargo xtask test`, in the order in which they run: what fails cheaply comes early.
//!
//! None of them names a package: features are then resolved once, for the whole workspace, and nothing is compiled
//! twice.

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
    // Against real daemons; last, so that its summary is what a reader finds at the end.
    step("integration", &["test", "--workspace", "--test", "it"]),
];

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

    /// The wall time it took; an error if it failed.
    #[expect(
        clippy::disallowed_methods,
        reason = "the wall time of a build step, never simulated"
    )]
    pub(crate) fn run(&self) -> Result<Duration, String> {
        let start = Instant::now();
        let mut command = cargo();
        command.args(self.arguments).envs(self.environment.iter().copied());
        let success = super::status(&mut command)?;
        let took = start.elapsed();
        if success {
            return Ok(took);
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
