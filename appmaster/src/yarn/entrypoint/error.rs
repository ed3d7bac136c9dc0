//! Why the ApplicationMaster did not come up.

use std::path::PathBuf;

use selvedge_core::config::ConfigError;
use selvedge_runtime::container::ContainerError;
use selvedge_runtime::deployment::DeploymentError;
use selvedge_runtime::fs::FsError;
use selvedge_runtime::logging::LoggingError;
use thiserror::Error;
use yarn_common::container_env::ContainerEnvError;

use crate::dispatcher::DispatcherError;
use crate::entrypoint::StartError;
use crate::yarn::settings::YarnSettingsError;

/// A step of the start that failed.
#[derive(Debug, Error)]
pub(super) enum MasterError {
    /// The container is not one of ours.
    #[error(transparent)]
    Container(#[from] ContainerError),
    /// The container is not that of an ApplicationMaster.
    #[error(transparent)]
    Role(#[from] ContainerEnvError),
    /// The client's variables are missing or wrong.
    #[error(transparent)]
    Deployment(#[from] DeploymentError),
    /// A setting cannot be used.
    #[error(transparent)]
    Setting(#[from] ConfigError),
    /// YARN cannot be spoken to as configured.
    #[error(transparent)]
    Yarn(#[from] YarnSettingsError),
    /// There is no log.
    #[error(transparent)]
    Logging(#[from] LoggingError),
    /// The threads or the signals of the process.
    #[error("preparing the process: {0}")]
    Process(#[source] std::io::Error),
    /// The credentials hold no AMRM token.
    #[error(
        "the container's credentials hold no AMRM token: this process was not started by YARN as an ApplicationMaster"
    )]
    NoToken,
    /// The file systems cannot be reached as configured.
    #[error(transparent)]
    FileSystem(#[from] FsError),
    /// The job's file cannot be read.
    #[error("reading the job from {}: {source}", path.display())]
    JobFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The job's file holds no job.
    #[error("reading the job from {}: {source}", path.display())]
    Job {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A component of the master.
    #[error(transparent)]
    Cluster(#[from] StartError),
    /// The job was refused.
    #[error(transparent)]
    Refused(DispatcherError),
}
