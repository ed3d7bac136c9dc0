//! The steps of `cargo xtask test`, in the order in which they run: what fails cheaply comes early.
//!
//! None of them names a package: features are then resolved once, for the whole workspace, and nothing is compiled
//! twice. Only the binary for old clusters is: for another target.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::deny;
use crate::pypi::Unavailable;
use crate::release::{self, Profile};

#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    work: Work,
}

#[derive(Debug)]
enum Work {
    /// A command of cargo.
    Cargo {
        arguments: &'static [&'static str],
        environment: &'static [(&'static str, &'static str)],
    },
    /// Licences, versions and known holes of what is in the lock file.
    Deny,
    /// The binary for old clusters and the archive around it: that both can be made.
    Release,
    /// The tests in containers, which run that binary.
    Docker,
}

pub(crate) const STEPS: &[Step] = &[
    step("fmt", &["fmt", "--all", "--check"]),
    Step {
        name: "deny",
        work: Work::Deny,
    },
    // Whether the crates that are published can be: all that crates.io looks at, without compiling them once more.
    step(
        "publish",
        &["publish", "--workspace", "--dry-run", "--no-verify", "--allow-dirty"],
    ),
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
        work: Work::Cargo {
            arguments: &["doc", "--workspace", "--no-deps"],
            environment: &[("RUSTDOCFLAGS", "-D warnings")],
        },
    },
    // Whole clusters on a simulated network, without daemons.
    step("sim", &["test", "--workspace", "--test", "sim"]),
    Step {
        name: "release",
        work: Work::Release,
    },
    // A cluster whose hosts are containers: apart, since it needs the machine for itself, and not every machine can.
    Step {
        name: "docker",
        work: Work::Docker,
    },
    // Against real daemons; last, so that its summary is what a reader finds at the end.
    step(
        "integration",
        &["test", "--workspace", "--test", "it", "--", "--skip", "docker::"],
    ),
];

const DOCKER: [&str; 6] = ["test", "--workspace", "--test", "it", "--", "docker::"];

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
        work: Work::Cargo {
            arguments,
            environment: &[],
        },
    }
}

impl Step {
    /// What runs, as a person would type it.
    pub(crate) fn shown(&self) -> String {
        match self.work {
            Work::Cargo { arguments, environment } => {
                let environment = environment.iter().map(|(name, value)| format!("{name}='{value}' "));
                format!("{}cargo {}", environment.collect::<String>(), arguments.join(" "))
            }
            Work::Deny => "licences, versions and known holes of what is in Cargo.lock".to_owned(),
            Work::Release => "a binary for old clusters, and the archive of a release".to_owned(),
            Work::Docker => format!("cargo {}, with that binary", DOCKER.join(" ")),
        }
    }

    /// An error if it failed.
    #[expect(
        clippy::disallowed_methods,
        reason = "the wall time of a build step, never simulated"
    )]
    pub(crate) fn run(&self) -> Result<Done, String> {
        let start = Instant::now();
        let skipped = self.work.run();
        let took = start.elapsed();
        let seconds = took.as_secs_f64();
        skipped
            .map(|skipped| Done { took, skipped })
            .map_err(|error| format!("{} failed after {seconds:.1} s: {error}", self.name))
    }
}

impl Work {
    /// What could not be run here.
    fn run(&self) -> Result<Vec<String>, String> {
        match self {
            Self::Cargo { arguments, environment } => tests(cargo().args(*arguments).envs(environment.iter().copied())),
            Self::Deny => unless_unavailable("deny", deny::check()),
            Self::Release => unless_unavailable("release", release::archive(Profile::Compat).map(|()| Vec::new())),
            Self::Docker => match release::binary(Profile::Compat) {
                Ok(binary) => tests(cargo().args(DOCKER).env(release::BINARY, binary)),
                // They run the binary of the other tests then.
                Err(Unavailable::NoTool(_)) => tests(cargo().args(DOCKER)),
                Err(Unavailable::Failed(error)) => Err(error),
            },
        }
    }
}

/// A step for which this machine has no tool is skipped, and says so.
fn unless_unavailable(step: &str, done: Result<Vec<String>, Unavailable>) -> Result<Vec<String>, String> {
    match done {
        Ok(skipped) => Ok(skipped),
        Err(Unavailable::NoTool(error)) => Ok(vec![format!("{step}: {error}")]),
        Err(Unavailable::Failed(error)) => Err(error),
    }
}

/// A test of this program that cannot be on this machine: as the integration tests say it.
#[cfg(test)]
pub(crate) fn tell_skipped(test: &str, reason: &str) {
    use std::io::Write;
    if let Some(path) = std::env::var_os(SKIPPED) {
        let mut file = fs::File::options().append(true).create(true).open(path).unwrap();
        writeln!(file, "{test}: {reason}").unwrap();
    }
}

/// Runs cargo; what its tests could not run on this machine they write into a file.
fn tests(command: &mut Command) -> Result<Vec<String>, String> {
    let told = std::env::temp_dir().join(format!("selvedge-skipped-{}", std::process::id()));
    let success = super::status(command.env(SKIPPED, &told))?;
    let lines = fs::read_to_string(&told).unwrap_or_default();
    fs::remove_file(&told).ok();
    if success {
        Ok(lines.lines().map(str::to_owned).collect())
    } else {
        let arguments = command.get_args().map(|argument| argument.to_string_lossy());
        Err(format!("cargo {}", arguments.collect::<Vec<_>>().join(" ")))
    }
}

/// The cargo that runs this program.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}
