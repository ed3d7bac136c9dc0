//! Masters and workers that are started by hand.

use std::net::UdpSocket;
use std::path::PathBuf;

use selvedge_appmaster::standalone::{StandaloneError, StandaloneMaster, secret};
use selvedge_core::config::ConfigError;
use selvedge_core::config::options::{cluster, taskmanager};
use selvedge_core::{Configuration, JobGraph, ResourceId};
use selvedge_runtime::fs::FileSystems;
use selvedge_runtime::logging::{self, LogFiles, LoggingError};
use selvedge_runtime::pid_file::PidFile;
use selvedge_runtime::process::{raise_nofile_limit, report_file_size_limit};
use selvedge_runtime::working_directory::random_id;
use thiserror::Error;

use super::WorkerError;
use super::taskmanager::{LOG_NAME, Surroundings, failed, master_address, run};
use crate::composition;

const MASTER_LOG_NAME: &str = "jobmanager";
/// Where the way to the master cannot be looked up.
const LOCALHOST: &str = "127.0.0.1";

/// A process that was started by hand and did not come up.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StandaloneRoleError {
    /// A setting.
    #[error(transparent)]
    Setting(#[from] ConfigError),
    /// The log.
    #[error(transparent)]
    Logging(#[from] LoggingError),
    /// The signals of the process.
    #[error("preparing the process: {0}")]
    Process(#[from] std::io::Error),
    /// The master.
    #[error(transparent)]
    Master(#[from] StandaloneError),
}

/// Runs a master until it has ended, and tells its exit code. Must be called inside a tokio runtime.
///
/// # Errors
/// [`StandaloneRoleError`] where it did not start.
pub async fn run_standalone_master(
    configuration: Configuration,
    file_systems: FileSystems,
    job: Option<JobGraph>,
) -> Result<u8, StandaloneRoleError> {
    let log_file = prepare(&configuration, MASTER_LOG_NAME)?;
    let daemon = if job.is_some() {
        "standalonejob"
    } else {
        "standalonesession"
    };
    let _named = name_process(&configuration, daemon)?;
    let composition = composition::of_master(&file_systems);
    let master = StandaloneMaster {
        configuration,
        composition,
        file_systems,
        log_file,
        job,
    };
    Ok(master.serve().await?)
}

/// Runs a worker until it has ended, and tells its exit code. Must be called inside a tokio runtime.
///
/// # Errors
/// [`StandaloneRoleError`] where it was not begun.
pub async fn run_standalone_worker(
    configuration: Configuration,
    file_systems: FileSystems,
) -> Result<u8, StandaloneRoleError> {
    let log_file = prepare(&configuration, LOG_NAME)?;
    let _named = name_process(&configuration, "taskexecutor")?;
    let ended = match surroundings(configuration, file_systems, log_file) {
        Ok(surroundings) => run(surroundings).await,
        Err(error) => Err(error),
    };
    Ok(ended.unwrap_or_else(|error| failed(&error)))
}

/// The log, and what the system allows. Tells the log file, where it is one.
fn prepare(configuration: &Configuration, name: &str) -> Result<Option<PathBuf>, StandaloneRoleError> {
    let level = configuration.get(&cluster::LOG_LEVEL)?;
    let log_file = match configuration.find(&cluster::LOG_DIR)? {
        Some(directory) => {
            let log = logging::init_process(&LogFiles {
                directory: directory.into(),
                base_name: name.to_owned(),
                level,
                max_files: configuration.get(&cluster::LOG_MAX)?,
                max_bytes: configuration.get(&cluster::LOG_MAX_SIZE)?.bytes(),
            })?;
            Some(log.path().to_owned())
        }
        None => {
            logging::init_client(&level, crate::cli::has_colors())?;
            None
        }
    };
    for (key, value) in configuration.iter_masked() {
        tracing::info!("setting {key}: {value}");
    }
    if let Err(error) = raise_nofile_limit() {
        tracing::warn!("{error}");
    }
    report_file_size_limit()?;
    Ok(log_file)
}

/// A process that no file names serves all the same.
fn name_process(configuration: &Configuration, daemon: &str) -> Result<Option<PidFile>, ConfigError> {
    let directory = PathBuf::from(configuration.get(&cluster::PID_DIR)?);
    let user = std::env::var("USER").or_else(|_| whoami::username());
    let user = user.unwrap_or_else(|_| "unknown".to_owned());
    match PidFile::write(&directory, &user, daemon) {
        Ok(file) => Ok(Some(file)),
        Err(error) => {
            tracing::warn!("no file in {} names this process: {error}", directory.display());
            Ok(None)
        }
    }
}

fn surroundings(
    configuration: Configuration,
    file_systems: FileSystems,
    log_file: Option<PathBuf>,
) -> Result<Surroundings, WorkerError> {
    let host = match configuration.find(&taskmanager::HOST)? {
        Some(host) => host,
        None => own_address(&master_address(&configuration)?),
    };
    let id = configuration.find(&taskmanager::RESOURCE_ID)?;
    let bind_host = configuration.find(&taskmanager::BIND_HOST)?;
    Ok(Surroundings {
        resource_id: ResourceId(id.unwrap_or_else(|| format!("{host}-{}", random_id()))),
        bind_host: bind_host.unwrap_or_else(|| host.clone()),
        host,
        secret: secret(&configuration)?,
        file_systems,
        log_file,
        stdout_file: None,
        configuration,
        planner: composition::chain_planner(),
        high_availability: composition::high_availability(),
    })
}

/// The address of this machine on the way to the master: nothing is sent.
fn own_address(master: &str) -> String {
    let found = UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
        socket.connect(master)?;
        socket.local_addr()
    });
    found.map_or_else(|_| LOCALHOST.to_owned(), |address| address.ip().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_reached_where_its_master_would_reach_it() {
        assert_eq!(own_address("127.0.0.1:6123"), "127.0.0.1");
        assert_eq!(own_address("no address"), LOCALHOST);
    }
}
