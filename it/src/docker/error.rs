//! Why there is no cluster of containers: because this machine cannot have one, or because a step failed.

use std::io;
use std::process::ExitStatus;

use crate::bed::BedError;

/// This machine can run no containers. A test says so and is skipped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoEngine {
    #[error("there is no {tool} command here (Debian: apt-get install {package})")]
    MissingTool { tool: &'static str, package: &'static str },
    #[error("no engine answers `docker info`, and only root can start one")]
    NotRoot,
    #[error(
        "the engine here is not this test's own and the user is not root, who alone can make images with debootstrap: \
         name images in HADOOP_IMAGE, HADOOP_VERSION and ZOOKEEPER_IMAGE"
    )]
    NoImages,
    #[error(
        "neither `docker compose` nor docker-compose runs here: install the plugin (Ubuntu: apt-get install \
         docker-compose-v2) or docker-compose (Debian: apt-get install docker-compose)"
    )]
    NoCompose,
    #[error(
        "HADOOP_IMAGE names an image, and no engine answers `docker info` that could have it or pull it: \
         the one that this test can start reaches no registry"
    )]
    NoRegistry,
    #[error("no scratch folder can be made: {source}")]
    NoScratch { source: io::Error },
    #[error("an engine cannot be started here: {reason}; it said:\n{said}")]
    NotStarted { reason: String, said: String },
}

/// A step failed on a machine that can run containers.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DockerError {
    #[error("{step}: {source}")]
    Io { step: String, source: io::Error },
    #[error("{step} ended with {status}; it said:\n{said}")]
    Failed {
        step: String,
        status: ExitStatus,
        said: String,
    },
    #[error(transparent)]
    Bed(#[from] BedError),
}

/// Names the step of an I/O error.
pub(super) trait Step<T> {
    fn step(self, step: impl FnOnce() -> String) -> Result<T, DockerError>;
}

impl<T> Step<T> for io::Result<T> {
    fn step(self, step: impl FnOnce() -> String) -> Result<T, DockerError> {
        self.map_err(|source| DockerError::Io { step: step(), source })
    }
}
