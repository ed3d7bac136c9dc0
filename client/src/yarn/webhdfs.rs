//! HDFS over WebHDFS or HttpFS, for a client to which only HTTP is open (`selvedge.staging: webhdfs`). Paths stay `hdfs://…`: that
//! is how containers read them.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::Stream;
use selvedge_core::Configuration;
use selvedge_core::config::options::yarn;
use selvedge_runtime::clock::Timestamp;
use selvedge_runtime::connector::report;
use selvedge_runtime::fs::{
    CreateOptions, FileStatus, FileSystem, FileSystems, FileWriter, FsError, FsErrorKind, LocalFileSystem, Location,
};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use yarn_common::conf::HadoopConfiguration;
use yarn_rest::auth::Simple;
use yarn_rest::error::{RestError, RestErrorKind};
use yarn_rest::model::FileStatus as RestStatus;
use yarn_rest::transport::{Proxies, Transport};
use yarn_rest::webhdfs::{self, Upload, WebHdfs};

use super::YarnError;
use crate::composition;

const WEBHDFS: &str = "webhdfs";
/// Pieces between a writer and its connection.
const PIECES: usize = 2;

/// The file systems of the cluster as this client reaches them: HDFS by its own protocols or over HTTP. Must be called inside a
/// runtime.
///
/// # Errors
/// [`YarnError`] where `fs.defaultFS` or the address for HTTP cannot be used.
pub fn file_systems(
    configuration: &Configuration,
    hadoop: &HadoopConfiguration,
    user: &str,
) -> Result<FileSystems, YarnError> {
    if !configuration
        .get(&yarn::STAGING_BY)?
        .trim()
        .eq_ignore_ascii_case(WEBHDFS)
    {
        return Ok(composition::hadoop_file_systems(hadoop, user)?);
    }
    let local = Location::root("file", "");
    let default = hadoop.default_fs()?;
    let default = Location::parse(&default, &local)?.with_path("/");
    let transport = Transport::new().authenticator(Simple::new(user)).proxies(Proxies::None);
    let builder = WebHdfs::builder().transport(transport);
    let client = match configuration.find(&yarn::STAGING_ADDRESS)? {
        Some(address) => builder.server(&address, Some(yarn::STAGING_ADDRESS.key()))?,
        None => builder.configuration(hadoop)?,
    };
    let hdfs = WebHdfsFileSystem {
        client: client.build()?,
        default: default.clone(),
    };
    Ok(FileSystems::new(
        Arc::new(LocalFileSystem),
        Some(Arc::new(hdfs)),
        default,
    ))
}

/// One HDFS, that of `fs.defaultFS`.
#[derive(Debug, Clone)]
struct WebHdfsFileSystem {
    client: WebHdfs,
    default: Location,
}

impl WebHdfsFileSystem {
    /// There is one address, so no other file system is reached.
    fn check(&self, operation: &'static str, location: &Location) -> Result<(), FsError> {
        // HDFS' own port is understood.
        let named = |location: &Location| location.authority().trim_end_matches(":8020").to_owned();
        if named(location) == named(&self.default) {
            return Ok(());
        }
        let reason = format!("over WebHDFS only fs.defaultFS is reached, {}", self.default);
        Err(error(operation, location, FsErrorKind::Unreachable(reason)))
    }

    async fn find(&self, location: &Location) -> Result<Option<RestStatus>, FsError> {
        self.check("read the status of", location)?;
        match self.client.status(location.path()).await {
            Ok(status) => Ok(Some(status)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(failed("read the status of", location, &error)),
        }
    }
}

#[async_trait]
impl FileSystem for WebHdfsFileSystem {
    async fn status(&self, location: &Location) -> Result<FileStatus, FsError> {
        let found = self.find(location).await?;
        let found = found.ok_or_else(|| error("read the status of", location, FsErrorKind::NotFound))?;
        Ok(status_of(location.clone(), &found))
    }

    async fn list(&self, directory: &Location) -> Result<Vec<FileStatus>, FsError> {
        self.check("list", directory)?;
        let listed = self.client.list(directory.path()).await;
        let listed = listed.map_err(|error| failed("list", directory, &error))?;
        // HDFS lists a file as itself.
        if listed.iter().any(|child| child.path_suffix.is_empty()) {
            return Err(error("list", directory, FsErrorKind::NotADirectory));
        }
        let mut children: Vec<_> = listed
            .iter()
            .map(|child| status_of(directory.join(&child.path_suffix), child))
            .collect();
        children.sort_by(|left, right| left.location.cmp(&right.location));
        Ok(children)
    }

    async fn read(&self, file: &Location, range: Range<u64>) -> Result<Bytes, FsError> {
        // The server refuses to begin behind the end.
        let end = range.end.min(self.status(file).await?.len);
        let length = end.saturating_sub(range.start);
        if length == 0 {
            return Ok(Bytes::new());
        }
        let read = async {
            let reader = self.client.open(file.path(), range.start, Some(length)).await?;
            reader.read_all(usize::try_from(length).unwrap_or(usize::MAX)).await
        };
        read.await.map_err(|error| failed("read", file, &error))
    }

    async fn create(&self, file: &Location, options: CreateOptions) -> Result<Box<dyn FileWriter>, FsError> {
        if self.find(file).await?.is_some() {
            return Err(error("create", file, FsErrorKind::AlreadyExists));
        }
        let (pieces, body) = mpsc::channel(PIECES);
        let options = webhdfs::CreateOptions {
            mode: options.mode,
            replication: options.replication,
            // An upload that is given up must not make again what is deleted then.
            without_parents: true,
            ..webhdfs::CreateOptions::default()
        };
        let (client, path) = (self.client.clone(), file.path().to_owned());
        let upload = tokio::spawn(async move {
            client
                .create(&path, &options, Upload::stream(until_closed(body)))
                .await?;
            match options.mode {
                // A default ACL of the directory may have narrowed it.
                Some(mode) => client.set_permission(&path, mode).await,
                None => Ok(()),
            }
        });
        Ok(Box::new(WebHdfsWriter {
            file: file.clone(),
            pieces: Some(pieces),
            upload,
        }))
    }

    async fn rename(&self, from: &Location, to: &Location) -> Result<(), FsError> {
        self.check("rename", from)?;
        // HDFS would move it into a directory of that name.
        if self.find(to).await?.is_some() {
            return Err(error("rename to", to, FsErrorKind::AlreadyExists));
        }
        match self.client.rename(from.path(), to.path()).await {
            Ok(true) => Ok(()),
            Ok(false) if self.find(to).await?.is_some() => Err(error("rename to", to, FsErrorKind::AlreadyExists)),
            Ok(false) => Err(error(
                "rename",
                from,
                FsErrorKind::Other(format!("HDFS would not name it {to}")),
            )),
            Err(error) => Err(failed("rename", from, &error)),
        }
    }

    async fn delete(&self, location: &Location) -> Result<bool, FsError> {
        self.check("delete", location)?;
        let deleted = self.client.delete(location.path(), true).await;
        deleted.map_err(|error| failed("delete", location, &error))
    }

    async fn mkdirs(&self, directory: &Location, options: CreateOptions) -> Result<(), FsError> {
        let existed = self.find(directory).await?.is_some();
        let made = async {
            self.client.mkdirs(directory.path(), options.mode).await?;
            match options.mode {
                // One that was there belongs to somebody: its permissions stay.
                Some(mode) if !existed => self.client.set_permission(directory.path(), mode).await,
                _ => Ok(()),
            }
        };
        made.await
            .map_err(|error| failed("make the directory", directory, &error))
    }
}

/// A file on its way. Given up before it is closed, the connection breaks, and nothing of it counts.
#[derive(Debug)]
struct WebHdfsWriter {
    file: Location,
    /// `None` in it is the end of the file.
    pieces: Option<mpsc::Sender<Option<Bytes>>>,
    upload: JoinHandle<Result<(), RestError>>,
}

impl WebHdfsWriter {
    async fn ended(&mut self) -> Result<(), FsError> {
        let ended = (&mut self.upload).await;
        let ended = ended.map_err(|panic| error("write", &self.file, FsErrorKind::Other(panic.to_string())))?;
        ended.map_err(|error| failed("write", &self.file, &error))
    }
}

#[async_trait]
impl FileWriter for WebHdfsWriter {
    async fn write(&mut self, data: Bytes) -> Result<(), FsError> {
        let Some(pieces) = &self.pieces else {
            return Err(error(
                "write",
                &self.file,
                FsErrorKind::Other("it is closed already".to_owned()),
            ));
        };
        if pieces.send(Some(data)).await.is_ok() {
            return Ok(());
        }
        // Nobody takes it: why, the other end knows.
        self.pieces = None;
        self.ended().await?;
        let reason = "the server has ended the file too early".to_owned();
        Err(error("write", &self.file, FsErrorKind::Other(reason)))
    }

    async fn close(&mut self) -> Result<(), FsError> {
        let Some(pieces) = self.pieces.take() else {
            return Ok(());
        };
        // Where nobody takes it, the upload has failed.
        let _ = pieces.send(None).await;
        self.ended().await
    }
}

impl Drop for WebHdfsWriter {
    fn drop(&mut self) {
        self.upload.abort();
    }
}

/// The pieces up to the end of the file. A writer that is given up leaves the request without its own.
fn until_closed(pieces: mpsc::Receiver<Option<Bytes>>) -> impl Stream<Item = Result<Bytes, io::Error>> + Send {
    futures::stream::try_unfold(pieces, |mut pieces| async move {
        match pieces.recv().await {
            Some(piece) => Ok(piece.map(|piece| (piece, pieces))),
            None => Err(io::Error::other("the file is given up")),
        }
    })
}

fn status_of(location: Location, status: &RestStatus) -> FileStatus {
    FileStatus {
        location,
        len: status.length,
        is_dir: status.is_directory(),
        modified: Timestamp::from_millis(status.modification_time.unwrap_or_default()),
        owner: Some(status.owner.clone()),
        group: Some(status.group.clone()),
        // What cannot be read counts as open to all: it is refused, not trusted.
        mode: status.mode().unwrap_or(0o777),
    }
}

fn error(operation: &'static str, location: &Location, kind: FsErrorKind) -> FsError {
    FsError {
        operation,
        location: location.clone(),
        kind,
    }
}

fn failed(operation: &'static str, location: &Location, cause: &RestError) -> FsError {
    error(operation, location, kind_of(cause))
}

fn kind_of(cause: &RestError) -> FsErrorKind {
    let (class, message) = match cause.kind() {
        RestErrorKind::RemoteException { class, message, .. } => (class.as_str(), message.as_str()),
        RestErrorKind::Forbidden { message, .. } => ("", message.as_str()),
        _ => ("", ""),
    };
    let says = |text: &str| message.contains(text);
    if cause.is_not_found() {
        return FsErrorKind::NotFound;
    }
    // A NameNode in safe mode says so by 403, too.
    if says("safe mode") {
        return FsErrorKind::SafeMode;
    }
    if says("already exists") || class.contains("AlreadyExists") {
        return FsErrorKind::AlreadyExists;
    }
    if class.contains("QuotaExceeded") || says("quota") {
        return FsErrorKind::NoSpace(report(cause));
    }
    match cause.kind() {
        RestErrorKind::Forbidden { .. } | RestErrorKind::Unauthorized { .. } => {
            FsErrorKind::PermissionDenied(report(cause))
        }
        RestErrorKind::Connect { .. } | RestErrorKind::Timeout { .. } | RestErrorKind::Interrupted { .. } => {
            FsErrorKind::Unreachable(report(cause))
        }
        _ => FsErrorKind::Other(report(cause)),
    }
}

#[cfg(test)]
mod tests;
