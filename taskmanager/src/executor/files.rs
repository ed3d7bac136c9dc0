//! The worker's own files, as REST shows them.

use std::path::PathBuf;

use futures::{StreamExt, TryStreamExt};
use selvedge_runtime::gateway::proto::read_file_request::Kind;
use selvedge_runtime::gateway::{FileContent, GatewayError, GatewayResult};
use tokio::fs::File;
use tokio::io::AsyncReadExt;
use tokio_util::io::ReaderStream;

/// Pieces in which a file is sent.
const CHUNK_BYTES: usize = 1 << 20;

/// Log and standard output, where they are files.
#[derive(Debug)]
pub(super) struct WorkerFiles {
    pub(super) log: Option<PathBuf>,
    pub(super) stdout: Option<PathBuf>,
}

impl WorkerFiles {
    /// The file as it is now: what is appended meanwhile is not part of it.
    pub(super) async fn read(&self, kind: Kind) -> GatewayResult<FileContent> {
        let (path, name) = match kind {
            Kind::Log => (&self.log, "log"),
            Kind::Stdout => (&self.stdout, "standard output"),
        };
        let path = path
            .as_ref()
            .ok_or_else(|| GatewayError::Rejected(format!("the worker's {name} does not go to a file")))?;
        let failed = |step: &str, error: std::io::Error| {
            GatewayError::Rejected(format!(
                "the worker's {name} {} cannot be {step}: {error}",
                path.display()
            ))
        };
        let file = File::open(path).await.map_err(|error| failed("opened", error))?;
        let length = file.metadata().await.map_err(|error| failed("read", error))?.len();
        let chunks = ReaderStream::with_capacity(file.take(length), CHUNK_BYTES);
        let chunks = chunks
            .map_err(|error| GatewayError::Internal(format!("the file cannot be read on: {error}")))
            .boxed();
        Ok(FileContent { length, chunks })
    }
}
