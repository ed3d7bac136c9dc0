//! A directory of small files, each written whole or not at all: under a temporary name first, synced, then renamed.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use selvedge_runtime::fs::{CreateOptions, FileSystem, FileSystems, FsError, FsErrorKind, Location};

use super::StoreError;
use super::error::DirectoryError;
use super::settings::Place;

/// Begins the names of files that are being written; readers of such directories pass over a leading dot.
const TEMPORARY_PREFIX: &str = ".";
const TEMPORARY_SUFFIX: &str = ".tmp";
/// What is in a job is its owner's affair.
const PRIVATE: u32 = 0o600;

/// A directory of a store.
#[derive(Debug, Clone)]
pub(super) struct StoreDirectory {
    file_system: Arc<dyn FileSystem>,
    location: Location,
    options: CreateOptions,
}

impl StoreDirectory {
    /// The directory that a setting names; it is made with the first file.
    pub(super) fn open(place: &Place, file_systems: &FileSystems) -> Result<Self, StoreError> {
        let located = || {
            let location = file_systems.resolve(&place.path)?.join(&place.below);
            let file_system = file_systems.of(&location).map_err(Box::new)?;
            Ok((file_system.clone(), location))
        };
        let (file_system, location) =
            located().map_err(|cause: DirectoryError| StoreError::Directory { key: place.key, cause })?;
        let options = CreateOptions {
            mode: (!place.public).then_some(PRIVATE),
            ..CreateOptions::default()
        };
        Ok(Self {
            file_system,
            location,
            options,
        })
    }

    /// Writes a file, in place of one that is there.
    pub(super) async fn write(&self, name: &str, content: Vec<u8>) -> Result<(), StoreError> {
        let content = Bytes::from(content);
        let (temporary, target) = (self.temporary(name), self.location.join(name));
        let write = async {
            let made = self.file_system.mkdirs(&self.location, CreateOptions::default());
            made.await?;
            // Of a write that was interrupted.
            self.file_system.delete(&temporary).await?;
            let mut file = self.file_system.create(&temporary, self.options).await?;
            file.write(content.clone()).await?;
            file.close().await?;
            self.put_in_place(&temporary, &target, &content).await?;
            self.file_system.sync_directory(&self.location).await
        };
        write.await.map_err(|cause| self.failed(format!("write {name}"), cause))
    }

    /// A rename does not overwrite. What is there may be what an earlier try has written without hearing of it: then it
    /// stays, as nothing else makes sure that there is a whole file at every moment.
    async fn put_in_place(&self, from: &Location, to: &Location, content: &Bytes) -> Result<(), FsError> {
        match self.file_system.rename(from, to).await {
            Err(error) if matches!(error.kind, FsErrorKind::AlreadyExists) => {}
            renamed => return renamed,
        }
        let length = content.len() as u64;
        if self.file_system.read(to, 0..length + 1).await? == *content {
            return self.file_system.delete(from).await.map(drop);
        }
        self.file_system.delete(to).await?;
        self.file_system.rename(from, to).await
    }

    /// Renames a file; whether it was there, under either name: a step that is repeated finds it done.
    pub(super) async fn rename(&self, from: &str, to: &str) -> Result<bool, StoreError> {
        let (source, target) = (self.location.join(from), self.location.join(to));
        let rename = async {
            match self.file_system.rename(&source, &target).await {
                Ok(()) => self.file_system.sync_directory(&self.location).await.map(|()| true),
                Err(error) if matches!(error.kind, FsErrorKind::NotFound) => Ok(self.exists(&target).await?),
                Err(error) if matches!(error.kind, FsErrorKind::AlreadyExists) => {
                    self.file_system.delete(&source).await
                }
                Err(error) => Err(error),
            }
        };
        rename
            .await
            .map_err(|cause| self.failed(format!("rename {from} to {to}"), cause))
    }

    /// Deletes a file, if it is there.
    pub(super) async fn delete(&self, name: &str) -> Result<(), StoreError> {
        let deleted = self.file_system.delete(&self.location.join(name)).await;
        deleted
            .map(drop)
            .map_err(|cause| self.failed(format!("delete {name}"), cause))
    }

    /// The names of all files, in order, without those that were never written to their end: these are deleted. None where
    /// the directory is not there.
    pub(super) async fn names(&self) -> Result<Vec<String>, StoreError> {
        let failed = |cause| self.failed("see what is there".to_owned(), cause);
        let children = match self.file_system.list(&self.location).await {
            Ok(children) => children,
            Err(error) if matches!(error.kind, FsErrorKind::NotFound) => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut names = Vec::new();
        for child in children.iter().filter(|child| !child.is_dir) {
            let name = child.location.name();
            if name.starts_with(TEMPORARY_PREFIX) && name.ends_with(TEMPORARY_SUFFIX) {
                self.file_system.delete(&child.location).await.map_err(failed)?;
            } else {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    /// The content of a file.
    pub(super) async fn read(&self, name: &str) -> Result<Bytes, StoreError> {
        let file = self.location.join(name);
        let read = async {
            let length = self.file_system.status(&file).await?.len;
            self.file_system.read(&file, 0..length).await
        };
        read.await.map_err(|cause| self.failed(format!("read {name}"), cause))
    }

    /// What is wrong with the content of a file.
    pub(super) fn corrupt(&self, name: &str, reason: &dyn fmt::Display) -> StoreError {
        StoreError::Corrupt {
            file: self.location.join(name).to_string(),
            reason: reason.to_string(),
        }
    }

    fn temporary(&self, name: &str) -> Location {
        self.location
            .join(&format!("{TEMPORARY_PREFIX}{name}{TEMPORARY_SUFFIX}"))
    }

    async fn exists(&self, file: &Location) -> Result<bool, FsError> {
        match self.file_system.status(file).await {
            Ok(_) => Ok(true),
            Err(error) if matches!(error.kind, FsErrorKind::NotFound) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn failed(&self, step: String, cause: FsError) -> StoreError {
        StoreError::Step {
            step,
            directory: self.location.to_string(),
            cause: Box::new(cause),
        }
    }
}

impl fmt::Display for StoreDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.location.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(root: &std::path::Path) -> StoreDirectory {
        let place = Place {
            key: "high-availability.storageDir",
            path: root.display().to_string(),
            below: "a/b".to_owned(),
            public: false,
        };
        StoreDirectory::open(&place, &FileSystems::local_only()).unwrap()
    }

    #[tokio::test]
    async fn a_file_is_there_whole_and_what_was_never_finished_is_cleared_away() {
        let root = tempfile::tempdir().unwrap();
        let store = store(root.path());
        assert_eq!(store.names().await.unwrap(), [""; 0], "nothing was written yet");
        store.write("one.json", b"1".to_vec()).await.unwrap();
        let half = root.path().join("a/b/.two.json.tmp");
        std::fs::write(&half, "hal").unwrap();
        assert_eq!(store.names().await.unwrap(), ["one.json"]);
        assert!(!half.exists());
        std::fs::write(&half, "hal").unwrap();
        store.write("two.json", b"2".to_vec()).await.unwrap();
        store.write("one.json", b"one".to_vec()).await.unwrap();
        assert_eq!(store.read("one.json").await.unwrap(), "one");
        assert_eq!(store.names().await.unwrap(), ["one.json", "two.json"]);
    }

    #[tokio::test]
    async fn a_rename_and_a_deletion_may_be_repeated() {
        let root = tempfile::tempdir().unwrap();
        let store = store(root.path());
        store.write("a", b"1".to_vec()).await.unwrap();
        assert!(store.rename("a", "b").await.unwrap());
        assert!(store.rename("a", "b").await.unwrap(), "it was done");
        assert!(!store.rename("c", "d").await.unwrap(), "there is nothing");
        store.delete("b").await.unwrap();
        store.delete("b").await.unwrap();
        assert_eq!(store.names().await.unwrap(), [""; 0]);
    }

    #[tokio::test]
    async fn a_place_that_cannot_be_used_is_told_with_its_setting() {
        let place = Place {
            key: "high-availability.storageDir",
            path: "s3://bucket/ha".to_owned(),
            below: String::new(),
            public: false,
        };
        let error = StoreDirectory::open(&place, &FileSystems::local_only()).unwrap_err();
        let told = selvedge_runtime::connector::report(&error);
        assert!(
            told.contains("high-availability.storageDir") && told.contains("'s3'"),
            "{told}"
        );
    }
}
