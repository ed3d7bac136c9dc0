//! What can go wrong with the bed: which step, which value, and what to do.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

use super::version::HadoopVersion;
use crate::wait::NotInTime;

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BedError {
    #[error("{step}: {source}")]
    Io { step: String, source: io::Error },
    #[error("no {tool} found: {remedy}")]
    MissingTool { tool: &'static str, remedy: &'static str },
    #[error("Maven could not fetch Hadoop's jars ({status}), is the network reachable? Its last lines:\n{output}")]
    Maven { status: ExitStatus, output: String },
    #[error("{from} to {to} hold no {count} consecutive free ports; `selvedge-bed down` ends a bed left up")]
    NoPorts { from: u16, to: u16, count: u16 },
    #[error("{step} ended early, {status}; last lines of {}:\n{tail}", log.display())]
    Ended {
        step: String,
        status: String,
        log: PathBuf,
        tail: String,
    },
    #[error("{source}; last lines of {}:\n{tail}", log.display())]
    NotReady {
        source: NotInTime,
        log: PathBuf,
        tail: String,
    },
    #[error("{step}: {source}")]
    Http { step: String, source: reqwest::Error },
    #[error("{step} was answered {status}: {body}")]
    Status {
        step: String,
        status: reqwest::StatusCode,
        body: String,
    },
    #[error("{step}: unexpected answer {body}")]
    Answer { step: String, body: String },
    #[error("the bed's supervisor: {message} (its logs: {})", logs.display())]
    Supervisor { message: String, logs: PathBuf },
    #[error("jobs must not be submitted as {user}, the OS user of the daemons: choose another BedOptions::user")]
    SameUser { user: String },
    #[error("a bed has one ResourceManager or two, not {count}: change BedOptions::resource_managers")]
    ResourceManagers { count: usize },
    #[error("HttpFS is to be had for Hadoop 3.4.3 only, not {version}: change BedOptions::httpfs")]
    HttpFs { version: HadoopVersion },
    #[error("no ResourceManager is active: {seen}")]
    NoneActive { seen: String },
    #[error("{daemon} is not running")]
    NotRunning { daemon: String },
    #[error("no bed is up; `selvedge-bed up` starts one")]
    NotUp,
}

/// Names the step of an I/O error.
pub(super) trait Step<T> {
    fn step(self, step: impl FnOnce() -> String) -> Result<T, BedError>;
}

impl<T> Step<T> for io::Result<T> {
    fn step(self, step: impl FnOnce() -> String) -> Result<T, BedError> {
        self.map_err(|source| BedError::Io { step: step(), source })
    }
}

impl<T> Step<T> for rustix::io::Result<T> {
    fn step(self, step: impl FnOnce() -> String) -> Result<T, BedError> {
        self.map_err(|source| BedError::Io {
            step: step(),
            source: source.into(),
        })
    }
}

impl<T> Step<T> for reqwest::Result<T> {
    fn step(self, step: impl FnOnce() -> String) -> Result<T, BedError> {
        // The address is in the step already.
        self.map_err(|source| BedError::Http {
            step: step(),
            source: source.without_url(),
        })
    }
}
