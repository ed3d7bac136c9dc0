//! What users see as files: sources, sinks and staging go through this narrow trait, over the local disk and HDFS.

mod expand;
mod hdfs;
mod hdfs_error;
mod local;
mod location;
mod unhurried;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use thiserror::Error;

use crate::clock::Timestamp;

pub use expand::{ExpandError, expand};
pub use hdfs::HdfsFileSystem;
pub use local::LocalFileSystem;
pub use location::{Location, ParseLocationError};

/// A failure of a file system, with the operation and the path.
#[derive(Debug, Error)]
#[error("cannot {operation} {location}: {kind}")]
pub struct FsError {
    /// What was tried, as a verb: `open`, `list`, `rename`.
    pub operation: &'static str,
    /// On what.
    pub location: Location,
    /// Why it failed.
    pub kind: FsErrorKind,
}

/// Why a file operation failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FsErrorKind {
    /// Nothing is there.
    #[error("no such file or directory")]
    NotFound,
    /// Something is there already.
    #[error("it exists already")]
    AlreadyExists,
    /// A part of the path is a file, or a file is to be listed.
    #[error("not a directory")]
    NotADirectory,
    /// The user may not do this.
    #[error("permission denied ({0})")]
    PermissionDenied(String),
    /// HDFS takes no writes now.
    #[error(
        "the NameNode is in safe mode and takes no writes; wait until it has left it (hdfs dfsadmin -safemode get)"
    )]
    SafeMode,
    /// The device or the quota is full, or the process may not write larger files.
    #[error("no space left ({0}); make room there, or name a place on another disk")]
    NoSpace(String),
    /// The server cannot be reached.
    #[error("the file system cannot be reached: {0}")]
    Unreachable(String),
    /// No file system serves the scheme.
    #[error("no file system for the scheme '{0}'; known are file:// and, with a Hadoop configuration, hdfs://")]
    UnknownScheme(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// What is known of a file or directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileStatus {
    /// Its full location, with scheme and authority.
    pub location: Location,
    /// Bytes; 0 for a directory.
    pub len: u64,
    /// Whether it is a directory.
    pub is_dir: bool,
    /// Of the last change.
    pub modified: Timestamp,
    /// The owner's name, where the file system knows one.
    pub owner: Option<String>,
    /// The group's name, where the file system knows one.
    pub group: Option<String>,
    /// The permission bits, such as `0o644`.
    pub mode: u32,
}

/// How a file or directory is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CreateOptions {
    /// Permission bits, set explicitly whatever the umask is; the file system's default where `None`.
    pub mode: Option<u32>,
    /// Replicas; the file system's default where `None`.
    pub replication: Option<u16>,
}

/// A file that is being written. Nothing of it counts before `close` has returned.
#[async_trait]
pub trait FileWriter: Send {
    /// Appends bytes.
    async fn write(&mut self, data: Bytes) -> Result<(), FsError>;

    /// Writes everything out, so that it outlives a crash, and closes the file.
    async fn close(&mut self) -> Result<(), FsError>;
}

/// A narrow file system: enough for sources, sinks and staging, and no more.
#[async_trait]
pub trait FileSystem: Send + Sync + fmt::Debug {
    /// What is at this location.
    async fn status(&self, location: &Location) -> Result<FileStatus, FsError>;

    /// The direct children of a directory, sorted by path.
    async fn list(&self, directory: &Location) -> Result<Vec<FileStatus>, FsError>;

    /// The bytes of a range of a file; shorter where the file ends.
    async fn read(&self, file: &Location, range: Range<u64>) -> Result<Bytes, FsError>;

    /// Makes a file that must not exist yet; its parent must exist.
    async fn create(&self, file: &Location, options: CreateOptions) -> Result<Box<dyn FileWriter>, FsError>;

    /// Renames a file or directory; fails with `AlreadyExists` where the target is there.
    async fn rename(&self, from: &Location, to: &Location) -> Result<(), FsError>;

    /// Deletes a file or a directory with all that it holds. Whether something was there.
    async fn delete(&self, location: &Location) -> Result<bool, FsError>;

    /// Has the names in a directory outlive a crash of the machine, after a rename into it. Nothing to do where a rename is
    /// durable by itself.
    async fn sync_directory(&self, _directory: &Location) -> Result<(), FsError> {
        Ok(())
    }

    /// Makes a directory and its parents; one that exists is fine.
    async fn mkdirs(&self, directory: &Location, options: CreateOptions) -> Result<(), FsError>;
}

/// The file systems that this process can reach, by scheme.
#[derive(Debug, Clone)]
pub struct FileSystems {
    local: Arc<dyn FileSystem>,
    hdfs: Option<Arc<dyn FileSystem>>,
    default: Location,
}

impl FileSystems {
    /// File systems whose paths without a scheme belong to the authority of `default` (`fs.defaultFS`).
    pub fn new(local: Arc<dyn FileSystem>, hdfs: Option<Arc<dyn FileSystem>>, default: Location) -> Self {
        Self { local, hdfs, default }
    }

    /// The local disk and nothing else; paths without a scheme are local.
    pub fn local_only() -> Self {
        Self::new(Arc::new(LocalFileSystem), None, Location::root("file", ""))
    }

    /// The local disk and HDFS with a parsed Hadoop configuration, whose `fs.defaultFS` (default `file:///`) decides where
    /// paths without a scheme belong. See [`HdfsFileSystem::new`] for `user`; call it inside a tokio runtime.
    pub fn with_hadoop(
        properties: impl IntoIterator<Item = (String, String)>,
        user: Option<&str>,
    ) -> Result<Self, FsError> {
        let properties: Vec<_> = properties.into_iter().collect();
        let local = Location::root("file", "");
        let default = match properties.iter().rev().find(|(key, _)| key == "fs.defaultFS") {
            None => local,
            Some((_, text)) => Location::parse(text.trim(), &local).map_err(|error| FsError {
                operation: "reach",
                location: local,
                kind: FsErrorKind::Other(format!("fs.defaultFS in core-site.xml: {error}")),
            })?,
        };
        let default = default.with_path("/");
        if !matches!(default.scheme(), "file" | "hdfs") {
            return Err(FsError {
                operation: "reach",
                kind: FsErrorKind::UnknownScheme(default.scheme().to_owned()),
                location: default,
            });
        }
        let hdfs = HdfsFileSystem::new(&default, properties, user)?;
        Ok(Self::new(Arc::new(LocalFileSystem), Some(Arc::new(hdfs)), default))
    }

    /// `fs.defaultFS`: the root that paths without a scheme belong to.
    pub fn default_root(&self) -> &Location {
        &self.default
    }

    /// The full location of a user's text: with the default's scheme and authority where it names none, and below the
    /// current directory where it is a relative local path.
    pub fn resolve(&self, text: &str) -> Result<Location, ParseLocationError> {
        Location::parse(text, &self.default)
    }

    /// The file system that serves a location.
    pub fn of(&self, location: &Location) -> Result<&Arc<dyn FileSystem>, FsError> {
        let unknown = || FsError {
            operation: "reach",
            location: location.clone(),
            kind: FsErrorKind::UnknownScheme(location.scheme().to_owned()),
        };
        match location.scheme() {
            "file" => Ok(&self.local),
            "hdfs" => self.hdfs.as_ref().ok_or_else(unknown),
            _ => Err(unknown()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_default(text: &str) -> Result<FileSystems, FsError> {
        FileSystems::with_hadoop([("fs.defaultFS".to_owned(), text.to_owned())], Some("alice"))
    }

    #[tokio::test]
    async fn the_default_file_system_decides_where_bare_paths_belong() {
        let cluster = with_default("hdfs://nn:8020").unwrap();
        assert_eq!(cluster.resolve("/in").unwrap().to_string(), "hdfs://nn:8020/in");
        assert_eq!(cluster.resolve("file:///in").unwrap().to_string(), "file:///in");
        for local in [
            with_default("file:///").unwrap(),
            FileSystems::with_hadoop([], None).unwrap(),
        ] {
            assert_eq!(local.resolve("/in").unwrap().to_string(), "file:///in");
            let unnamed = local.resolve("hdfs:///in").unwrap();
            let error = local.of(&unnamed).unwrap().status(&unnamed).await.unwrap_err();
            assert!(error.to_string().contains("names no NameNode"), "{error}");
        }
    }

    #[tokio::test]
    async fn schemes_that_nobody_serves_are_refused() {
        let error = with_default("s3a://bucket").unwrap_err();
        assert!(error.to_string().contains("'s3a'"), "{error}");
        let local = FileSystems::local_only();
        let location = local.resolve("hdfs://nn/in").unwrap();
        assert!(local.of(&location).unwrap_err().to_string().contains("'hdfs'"));
    }
}
