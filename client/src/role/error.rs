//! Why a worker did not come up or broke down.

use selvedge_core::config::ConfigError;
use selvedge_core::memory::MemoryError;
use selvedge_runtime::container::ContainerError;
use selvedge_runtime::fs::FsError;
use selvedge_runtime::ha::HaError;
use selvedge_runtime::logging::LoggingError;
use selvedge_runtime::working_directory::WorkingDirectoryError;
use selvedge_taskmanager::executor::TaskExecutorError;

/// A step of the worker's life that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkerError {
    /// The container is not one of ours.
    #[error(transparent)]
    Container(#[from] ContainerError),
    /// A setting cannot be used.
    #[error(transparent)]
    Setting(#[from] ConfigError),
    /// Who leads cannot be told.
    #[error(transparent)]
    HighAvailability(#[from] HaError),
    /// The memory cannot be divided.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// There is no log.
    #[error(transparent)]
    Logging(#[from] LoggingError),
    /// The file systems cannot be reached as configured.
    #[error(transparent)]
    FileSystem(#[from] FsError),
    /// The threads or the signals of the process.
    #[error("preparing the process: {0}")]
    Process(#[source] std::io::Error),
    /// The directory in which it works.
    #[error(transparent)]
    WorkingDirectory(#[from] WorkingDirectoryError),
    /// The worker itself.
    #[error(transparent)]
    TaskExecutor(#[from] TaskExecutorError),
}

impl WorkerError {
    /// Flink's exit code: 31 for a worker that failed, 1 for a process that did not get so far.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::TaskExecutor(_) | Self::WorkingDirectory(WorkingDirectoryError::Scratch(_)) => 31,
            _ => 1,
        }
    }
}
