//! Flink's own classes, run by a JVM: what ours are compared with.
//!
//! The programs are in `it/flink`, beside the golden files that they wrote. `cargo xtask flink-golden` writes those anew.

mod distribution;
mod golden;
mod jars;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

pub use distribution::Flink;
pub use golden::{OPTIONS_FILE, read_memory_cases, write_memory_cases, write_options};

use crate::bed::BedError;
use crate::bed::distribution::java_home;

/// A program that did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum FlinkError {
    /// Java or a cache folder is not to be had.
    #[error(transparent)]
    Tools(#[from] BedError),
    /// A file or a program cannot be used.
    #[error("{step}: {source}")]
    Io {
        /// What was tried.
        step: String,
        /// Why it failed.
        source: io::Error,
    },
    /// A program failed.
    #[error("{program} failed ({status}):\n{said}")]
    Failed {
        /// Which.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// What it said.
        said: String,
    },
}

/// The folder of the programs and their golden files.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("flink")
}

/// Runs `MemoryCases` on Flink's jars, which Maven fetches once for a machine: one JSON object a line.
///
/// # Errors
/// No Java, no jars, or a program that fails.
pub fn memory_cases(seed: u64, count: usize) -> Result<String, FlinkError> {
    let numbers = [seed.to_string(), count.to_string()];
    run_java("MemoryCases.java", &jars::fetch()?, numbers.map(Into::into))
}

/// Compiles and runs a program of [`folder`] with the jars of a folder.
fn run_java<const N: usize>(program: &str, jars: &Path, arguments: [PathBuf; N]) -> Result<String, FlinkError> {
    let mut command = Command::new(java_home()?.join("bin/java"));
    command
        .args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp"])
        .arg(jars.join("*"))
        .arg(folder().join(program))
        .args(arguments);
    output_of(program, &mut command)
}

/// What a program wrote to standard output.
fn output_of(program: &str, command: &mut Command) -> Result<String, FlinkError> {
    let output = command.output().map_err(|source| FlinkError::Io {
        step: format!("starting {program}"),
        source,
    })?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    match output.status.success() {
        true => Ok(text),
        false => Err(FlinkError::Failed {
            program: program.to_owned(),
            status: output.status,
            said: text + &String::from_utf8_lossy(&output.stderr),
        }),
    }
}

/// The one file or folder of `folder` whose name begins so.
fn file_starting(folder: &Path, prefix: &str) -> Result<PathBuf, FlinkError> {
    let reading = || format!("looking for {prefix}* in {}", folder.display());
    let entries = fs::read_dir(folder).step(reading)?;
    let found = entries
        .filter_map(Result::ok)
        .find(|entry| entry.file_name().to_string_lossy().starts_with(prefix));
    let missing = || io::Error::from(io::ErrorKind::NotFound);
    found.map(|entry| entry.path()).ok_or_else(missing).step(reading)
}

trait Step<T> {
    fn step(self, step: impl FnOnce() -> String) -> Result<T, FlinkError>;
}

impl<T> Step<T> for io::Result<T> {
    fn step(self, step: impl FnOnce() -> String) -> Result<T, FlinkError> {
        self.map_err(|source| FlinkError::Io { step: step(), source })
    }
}
