//! The worker's own files and its profiles, as REST shows them.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use futures::{StreamExt, TryStreamExt};
use selvedge_runtime::gateway::proto::read_file_request::Kind;
use selvedge_runtime::gateway::proto::{ReadFileRequest, StartProfilingRequest, StartedProfiling};
use selvedge_runtime::gateway::{FileContent, GatewayError, GatewayResult};
use selvedge_runtime::profiling::{Profiler, ProfilingError};
use serde_json::json;
use tokio::fs::File;
use tokio::io::AsyncReadExt;
use tokio_util::io::ReaderStream;

/// Pieces in which a file is sent.
const CHUNK_BYTES: usize = 1 << 20;

/// Log and standard output, where they are files, and profiles.
#[derive(Debug)]
pub(super) struct WorkerFiles {
    pub(super) log: Option<PathBuf>,
    pub(super) stdout: Option<PathBuf>,
    pub(super) profiler: Profiler,
}

impl WorkerFiles {
    /// The file as it is now: what is appended meanwhile is not part of it.
    pub(super) async fn read(&self, request: &ReadFileRequest) -> GatewayResult<FileContent> {
        let of_file = |path: &Option<PathBuf>, name: &str| {
            let nowhere = || GatewayError::Rejected(format!("the worker's {name} does not go to a file"));
            path.clone().ok_or_else(nowhere)
        };
        match request.kind() {
            Kind::Log => send(of_file(&self.log, "log")?, "log").await,
            Kind::Stdout => send(of_file(&self.stdout, "standard output")?, "standard output").await,
            Kind::Named => send(self.named(&request.name)?, "file").await,
            Kind::LogList => self.list().await,
            Kind::ProfileList => Ok(content(json!({ "profilingList": self.profiler.list() }).to_string())),
            Kind::Profile => send(self.profile(&request.name)?, "profile").await,
            Kind::ThreadDump => Err(GatewayError::Rejected("a thread dump is no file".to_owned())),
        }
    }

    /// Has the worker's process sampled.
    pub(super) fn profile_for(&self, request: &StartProfilingRequest) -> GatewayResult<StartedProfiling> {
        let rejected = |error: ProfilingError| GatewayError::Rejected(error.to_string());
        let mode = request.mode.parse().map_err(rejected)?;
        let duration = Duration::from_secs(request.duration_seconds.into());
        let info = self.profiler.start(mode, duration).map_err(rejected)?;
        Ok(StartedProfiling {
            info: json!(info).to_string().into(),
        })
    }

    /// A profile of this worker: whatever else is in its directory is not shown.
    fn profile(&self, name: &str) -> GatewayResult<PathBuf> {
        let file = self.profiler.file(name);
        file.map_err(|error| GatewayError::Rejected(error.to_string()))
    }

    /// A file of the directory of logs: none of another is shown.
    fn named(&self, name: &str) -> GatewayResult<PathBuf> {
        let mut parts = Path::new(name).components();
        match (parts.next(), parts.next()) {
            (Some(Component::Normal(_)), None) => Ok(self.directory()?.join(name)),
            _ => Err(GatewayError::Rejected(format!("'{name}' is no name of a log file"))),
        }
    }

    fn directory(&self) -> GatewayResult<&Path> {
        let directory = self.log.as_ref().and_then(|log| log.parent());
        directory.ok_or_else(|| GatewayError::Rejected("the worker's log does not go to a file".to_owned()))
    }

    /// Names, sizes and times in order of names, in Flink's JSON.
    async fn list(&self) -> GatewayResult<FileContent> {
        let directory = self.directory()?;
        let failed = |error: std::io::Error| {
            GatewayError::Rejected(format!(
                "the worker's logs in {} cannot be listed: {error}",
                directory.display()
            ))
        };
        let mut entries = tokio::fs::read_dir(directory).await.map_err(failed)?;
        let mut logs = BTreeMap::new();
        while let Some(entry) = entries.next_entry().await.map_err(failed)? {
            // One that was rolled away meanwhile is not there any more.
            if let Ok(metadata) = entry.metadata().await
                && metadata.is_file()
            {
                let name = entry.file_name().to_string_lossy().into_owned();
                let modified = metadata
                    .modified()
                    .ok()
                    .and_then(|at| at.duration_since(UNIX_EPOCH).ok());
                let mtime = modified.unwrap_or_default().as_millis() as u64;
                let log = json!({"name": name, "size": metadata.len(), "mtime": mtime});
                logs.insert(name, log);
            }
        }
        let logs: Vec<_> = logs.into_values().collect();
        let text = json!({ "logs": logs }).to_string();
        Ok(content(text))
    }
}

/// A text that is no file.
pub(super) fn content(text: String) -> FileContent {
    FileContent {
        length: text.len() as u64,
        chunks: futures::stream::iter([Ok(text.into())]).boxed(),
    }
}

async fn send(path: PathBuf, name: &str) -> GatewayResult<FileContent> {
    let failed = |step: &str, error: std::io::Error| {
        let path = path.display();
        GatewayError::Rejected(format!("the worker's {name} {path} cannot be {step}: {error}"))
    };
    let file = File::open(&path).await.map_err(|error| failed("opened", error))?;
    let length = file.metadata().await.map_err(|error| failed("read", error))?.len();
    let chunks = ReaderStream::with_capacity(file.take(length), CHUNK_BYTES);
    let chunks = chunks
        .map_err(|error| GatewayError::Internal(format!("the file cannot be read on: {error}")))
        .boxed();
    Ok(FileContent { length, chunks })
}
