//! The local disk, until one step: there everything halts, and the process waits to be killed.

use std::ops::Range;
use std::str::FromStr;

use async_trait::async_trait;
use bytes::Bytes;
use selvedge_runtime::fs::{CreateOptions, FileStatus, FileSystem, FileWriter, FsError, LocalFileSystem, Location};

/// A step on the file system at which a process halts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Whether the step is still taken.
    pub after: bool,
    /// `rename` or `delete`.
    pub operation: String,
    /// What the path contains; that of the target of a rename.
    pub path: String,
}

/// `before:rename:_DIRTY.json`.
impl FromStr for Place {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.splitn(3, ':');
        let mut part = || parts.next().ok_or_else(|| anyhow::anyhow!("'{text}' is no place"));
        Ok(Self {
            after: part()? == "after",
            operation: part()?.to_owned(),
            path: part()?.to_owned(),
        })
    }
}

/// The local disk, with a place at which `halted` is called and nothing goes on.
#[derive(Debug)]
pub struct HaltingFileSystem {
    place: Place,
    halted: fn(),
}

impl HaltingFileSystem {
    #[must_use]
    pub const fn new(place: Place, halted: fn()) -> Self {
        Self { place, halted }
    }

    async fn pass(&self, after: bool, operation: &str, location: &Location) {
        let place = &self.place;
        if place.after == after && place.operation == operation && location.path().contains(&place.path) {
            (self.halted)();
            std::future::pending::<()>().await;
        }
    }
}

#[async_trait]
impl FileSystem for HaltingFileSystem {
    async fn status(&self, location: &Location) -> Result<FileStatus, FsError> {
        LocalFileSystem.status(location).await
    }

    async fn list(&self, directory: &Location) -> Result<Vec<FileStatus>, FsError> {
        LocalFileSystem.list(directory).await
    }

    async fn read(&self, file: &Location, range: Range<u64>) -> Result<Bytes, FsError> {
        LocalFileSystem.read(file, range).await
    }

    async fn create(&self, file: &Location, options: CreateOptions) -> Result<Box<dyn FileWriter>, FsError> {
        LocalFileSystem.create(file, options).await
    }

    async fn rename(&self, from: &Location, to: &Location) -> Result<(), FsError> {
        self.pass(false, "rename", to).await;
        LocalFileSystem.rename(from, to).await?;
        self.pass(true, "rename", to).await;
        Ok(())
    }

    async fn delete(&self, location: &Location) -> Result<bool, FsError> {
        self.pass(false, "delete", location).await;
        let deleted = LocalFileSystem.delete(location).await?;
        self.pass(true, "delete", location).await;
        Ok(deleted)
    }

    async fn mkdirs(&self, directory: &Location, options: CreateOptions) -> Result<(), FsError> {
        LocalFileSystem.mkdirs(directory, options).await
    }

    async fn sync_directory(&self, directory: &Location) -> Result<(), FsError> {
        LocalFileSystem.sync_directory(directory).await
    }
}
