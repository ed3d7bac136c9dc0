//! The steps of `cargo xtask test`, in the order in which they run: what fails cheaply comes early.
//!
//! Most name no package: features are then resolved once, for the whole workspace, and nothing is compiled twice. Two do,
//! for what users get has fewer features: `publish`, and the binary for old clusters, which is for another target anyway.

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
    /// Whether the crates that are published can be: all that crates.io looks at, and that each compiles by itself.
    Publish,
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
    Step {
        name: "publish",
        work: Work::Publish,
    },
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

/// Without cargo's own verification, which would compile all that they depend on in a folder of its own.
const PUBLISH: [&str; 5] = ["publish", "--workspace", "--dry-run", "--no-verify", "--allow-dirty"];
/// In place of it: one package at a time, so that it has the features of its own manifest and no others.
const PUBLISHED_CHECK: [&str; 3] = ["check", "--locked", "--package"];
const PUBLISHED: [&str; 3] = ["yarn-common", "yarn-rest", "yarn-rpc"];
const DOCKER: [&str; 6] = ["test", "--workspace", "--test", "it", "--", "docker::"];

/// Names the file into which tests that a machine cannot run write a line each.
const SKIPPED: &str = "SELVEDGE_SKIPPED";

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
            Work::Publish => {
                let checks = PUBLISHED.map(|package| format!(" && cargo {} {package}", PUBLISHED_CHECK.join(" ")));
                format!("cargo {}{}", PUBLISH.join(" "), checks.concat())
            }
            Work::Deny => "licences, versions and known holes of what is in Cargo.lock".to_owned(),
            Work::Release => "a binary for old clusters, and the archive of a release".to_owned(),
            Work::Docker => format!("cargo {}, with that binary", DOCKER.join(" ")),
        }
    }

    /// How long it took, or an error if it failed. What could not be run here is added to `skipped`, with the reason.
    #[expect(
        clippy::disallowed_methods,
        reason = "the wall time of a build step, never simulated"
    )]
    pub(crate) fn run(&self, skipped: &mut Vec<String>) -> Result<Duration, String> {
        let start = Instant::now();
        let outcome = self.work.run(skipped);
        let took = start.elapsed();
        let seconds = took.as_secs_f64();
        outcome
            .map(|()| took)
            .map_err(|error| format!("{} failed after {seconds:.1} s: {error}", self.name))
    }
}

impl Work {
    /// What could not be run here is added to `skipped`.
    fn run(&self, skipped: &mut Vec<String>) -> Result<(), String> {
        match self {
            Self::Cargo { arguments, environment } => {
                run(cargo().args(*arguments).envs(environment.iter().copied()), skipped)
            }
            Self::Publish => {
                run(cargo().args(PUBLISH), skipped)?;
                for package in PUBLISHED {
                    run(cargo().args(PUBLISHED_CHECK).arg(package), skipped)?;
                }
                Ok(())
            }
            Self::Deny => unless_unavailable("deny", deny::check(), skipped),
            Self::Release => {
                let made = release::archive(Profile::Compat).map(|()| Vec::new());
                unless_unavailable("release", made, skipped)
            }
            Self::Docker => docker(skipped),
        }
    }
}

/// A step for which this machine has no tool is skipped, and says so.
fn unless_unavailable(
    step: &str,
    done: Result<Vec<String>, Unavailable>,
    skipped: &mut Vec<String>,
) -> Result<(), String> {
    match done {
        Ok(unseen) => skipped.extend(unseen),
        Err(Unavailable::NoTool(error)) => skipped.push(format!("{step}: {error}")),
        Err(Unavailable::Failed(error)) => return Err(error),
    }
    Ok(())
}

/// The tests in containers: with the binary for old clusters, or with the other tests' where that cannot be made.
fn docker(skipped: &mut Vec<String>) -> Result<(), String> {
    let mut tests = cargo();
    tests.args(DOCKER);
    match release::binary(Profile::Compat) {
        Ok(binary) => {
            tests.env(release::BINARY, binary);
        }
        Err(Unavailable::NoTool(error)) => {
            let (major, minor) = release::GLIBC;
            skipped.push(format!(
                "docker: the binary for glibc {major}.{minor}, this build's own ran in its place: {error}"
            ));
        }
        Err(Unavailable::Failed(error)) => return Err(error),
    }
    run(&mut tests, skipped)
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

/// Runs cargo. What its tests could not run on this machine they write into a file, whether others fail or not.
fn run(command: &mut Command, skipped: &mut Vec<String>) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| format!("making a temporary folder: {error}"))?;
    let told = folder.path().join("skipped");
    let success = super::status(command.env(SKIPPED, &told))?;
    let lines = fs::read_to_string(&told).unwrap_or_default();
    skipped.extend(lines.lines().map(str::to_owned));
    if success {
        Ok(())
    } else {
        let arguments = command.get_args().map(|argument| argument.to_string_lossy());
        Err(format!("cargo {}", arguments.collect::<Vec<_>>().join(" ")))
    }
}

/// The cargo that runs this program.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_crate_that_is_published_is_compiled_by_itself_and_has_the_licence() {
        let name = |entry: std::io::Result<fs::DirEntry>| {
            let folder = entry.unwrap().path();
            let manifest = fs::read_to_string(folder.join("Cargo.toml")).ok()?;
            let name = folder.file_name().unwrap().to_string_lossy().into_owned();
            manifest.contains("\npublish = true\n").then_some(name)
        };
        let mut published: Vec<String> = fs::read_dir(release::root()).unwrap().filter_map(name).collect();
        published.sort();
        assert_eq!(published, PUBLISHED);
        for package in PUBLISHED {
            assert!(release::root().join(package).join("LICENSE").is_file(), "{package}");
        }
    }
}
