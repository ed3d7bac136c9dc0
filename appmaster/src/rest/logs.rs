//! The master's own log files, as streams: no file is ever in memory as a whole.

use std::io;
use std::path::{Path as FilePath, PathBuf};
use std::time::UNIX_EPOCH;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_LENGTH;
use axum::response::Response;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio_util::io::ReaderStream;

use super::cluster::text;
use super::{Answer, RestContext, RestError};

/// How much of a file is read at once.
const PIECE: usize = 64 << 10;

pub(super) async fn log(State(context): State<RestContext>) -> Result<Response, RestError> {
    let file = log_file(&context)?;
    stream(file).await
}

/// Standard output, which YARN has redirected to a file beside the log.
pub(super) async fn stdout(State(context): State<RestContext>) -> Result<Response, RestError> {
    stream(&log_file(&context)?.with_extension("out")).await
}

pub(super) async fn list(State(context): State<RestContext>) -> Answer {
    let directory = log_directory(&context)?;
    let listed = entries(directory).await.map_err(|error| missing(directory, &error))?;
    Ok(json!({ "logs": listed }).into())
}

pub(super) async fn file(State(context): State<RestContext>, Path(name): Path<String>) -> Result<Response, RestError> {
    let directory = log_directory(&context)?;
    // A name, and nothing that leads out of the directory.
    let is_name = FilePath::new(&name)
        .file_name()
        .is_some_and(|only| only == name.as_str());
    if !is_name {
        let error = io::Error::new(io::ErrorKind::InvalidInput, "it is no file name");
        return Err(missing(FilePath::new(&name), &error));
    }
    stream(&directory.join(name)).await
}

async fn entries(directory: &FilePath) -> io::Result<Vec<Value>> {
    let mut listed = Vec::new();
    let mut entries = tokio::fs::read_dir(directory).await?;
    while let Some(entry) = entries.next_entry().await? {
        // One may go while the others are looked at: logs are rolled.
        let Ok(metadata) = entry.metadata().await else {
            continue;
        };
        if metadata.is_file() {
            let modified = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
            let name = entry.file_name().to_string_lossy().into_owned();
            listed.push((name, metadata.len(), modified.as_millis()));
        }
    }
    listed.sort();
    let listed = listed
        .into_iter()
        .map(|(name, size, modified)| json!({"name": name, "size": size, "mtime": modified as u64}));
    Ok(listed.collect())
}

/// A file from its start to where it ends now: one that is being written does not grow under the length that was told.
pub(super) async fn stream(path: &FilePath) -> Result<Response, RestError> {
    let open = async {
        let file = tokio::fs::File::open(path).await?;
        let metadata = file.metadata().await?;
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no file"));
        }
        Ok((file, metadata.len()))
    };
    let (file, length) = open.await.map_err(|error| missing(path, &error))?;
    let pieces = ReaderStream::with_capacity(file.take(length), PIECE);
    let mut answer = text(Body::from_stream(pieces));
    // YARN's proxy hands the length on.
    answer.headers_mut().insert(CONTENT_LENGTH, length.into());
    Ok(answer)
}

fn log_directory(context: &RestContext) -> Result<&FilePath, RestError> {
    let file = log_file(context)?;
    Ok(file.parent().unwrap_or(file))
}

fn log_file(context: &RestContext) -> Result<&PathBuf, RestError> {
    context.log_file.as_ref().ok_or_else(|| {
        let message = "there is no log file: the log goes to standard error";
        RestError::new(StatusCode::NOT_FOUND, message)
    })
}

fn missing(path: &FilePath, error: &io::Error) -> RestError {
    let message = format!("there is no such file: {}: {error}", path.display());
    RestError::new(StatusCode::NOT_FOUND, message)
}
