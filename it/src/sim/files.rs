//! The files that masters leave for each other, and for those who come later: a simulated HDFS in memory, which outlives
//! every process. Each step takes a while, so that a process may be killed between any two.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use selvedge_core::JobId;
use selvedge_runtime::clock::Timestamp;
use selvedge_runtime::fs::{
    CreateOptions, FileStatus, FileSystem, FileSystems, FileWriter, FsError, FsErrorKind, LocalFileSystem, Location,
};
use serde_json::Value;
use tokio::time::sleep;

/// How long the NameNode takes for a step.
const STEP: Duration = Duration::from_millis(15);
/// Where everything is.
const ROOT: &str = "hdfs://nn:8020";
/// Of the stores for the next master.
pub(crate) const STORAGE: &str = "hdfs://nn:8020/ha";
/// Of the jobs that have ended.
pub(crate) const ARCHIVE: &str = "hdfs://nn:8020/archive";

/// All files; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Files(Arc<Mutex<Tree>>);

#[derive(Debug, Default)]
struct Tree {
    files: BTreeMap<String, Bytes>,
    directories: BTreeSet<String>,
}

impl Files {
    /// As a process reaches them.
    pub(crate) fn systems(&self) -> FileSystems {
        let root = Location::parse(ROOT, &Location::root("file", "")).expect("the root is a location");
        FileSystems::new(
            Arc::new(LocalFileSystem),
            Some(Arc::new(self.clone())),
            root.with_path("/"),
        )
    }

    /// The state in which a job was archived, as the history server shows it.
    pub(crate) fn archived(&self, job: &JobId) -> Option<String> {
        let path = Location::parse(ARCHIVE, &Location::root("file", ""))
            .ok()?
            .join(&job.to_string());
        let archive: Value = serde_json::from_slice(self.0.lock().files.get(path.path())?).ok()?;
        let page = format!("/jobs/{job}");
        let entry = archive["archive"]
            .as_array()?
            .iter()
            .find(|entry| entry["path"] == page.as_str())?;
        let details: Value = serde_json::from_str(entry["json"].as_str()?).ok()?;
        details["state"].as_str().map(str::to_owned)
    }

    /// What a cluster that has ended left for a next master.
    pub(crate) fn left_behind(&self) -> Vec<String> {
        let storage = Location::parse(STORAGE, &Location::root("file", "")).map(|root| root.path().to_owned());
        let storage = storage.unwrap_or_default();
        let tree = self.0.lock();
        tree.files
            .keys()
            .filter(|path| path.starts_with(&storage))
            .cloned()
            .collect()
    }
}

fn failed(operation: &'static str, location: &Location, kind: FsErrorKind) -> FsError {
    FsError {
        operation,
        location: location.clone(),
        kind,
    }
}

impl Tree {
    fn status(&self, location: &Location) -> Option<FileStatus> {
        let file = self.files.get(location.path());
        if file.is_none() && !self.directories.contains(location.path()) {
            return None;
        }
        Some(FileStatus {
            location: location.clone(),
            len: file.map_or(0, |content| content.len() as u64),
            is_dir: file.is_none(),
            modified: Timestamp::from_millis(0),
            owner: None,
            group: None,
            mode: 0o600,
        })
    }

    /// Whether the directory is there in which it would be.
    fn has_place(&self, location: &Location) -> bool {
        let parent = location.parent();
        parent.is_none_or(|parent| self.directories.contains(parent.path()))
    }

    /// Moves a file, or a directory with all that it holds.
    fn rename(&mut self, from: &str, to: &str) {
        let moved = |path: &str| match path.strip_prefix(from) {
            Some(below) if below.is_empty() || below.starts_with('/') => Some(format!("{to}{below}")),
            _ => None,
        };
        let files = std::mem::take(&mut self.files).into_iter();
        self.files = files
            .map(|(path, content)| (moved(&path).unwrap_or(path), content))
            .collect();
        let directories = std::mem::take(&mut self.directories).into_iter();
        self.directories = directories.map(|path| moved(&path).unwrap_or(path)).collect();
    }

    /// Whether the child is directly in the directory, and then its name.
    fn name_in<'a>(directory: &Location, path: &'a str) -> Option<&'a str> {
        let name = path.strip_prefix(directory.path())?.strip_prefix('/')?;
        (!name.is_empty() && !name.contains('/')).then_some(name)
    }
}

#[async_trait]
impl FileSystem for Files {
    async fn status(&self, location: &Location) -> Result<FileStatus, FsError> {
        sleep(STEP).await;
        let status = self.0.lock().status(location);
        status.ok_or_else(|| failed("read the status of", location, FsErrorKind::NotFound))
    }

    async fn list(&self, directory: &Location) -> Result<Vec<FileStatus>, FsError> {
        sleep(STEP).await;
        let tree = self.0.lock();
        if !tree.directories.contains(directory.path()) {
            return Err(failed("list", directory, FsErrorKind::NotFound));
        }
        let paths = tree.files.keys().chain(&tree.directories);
        let names: BTreeSet<_> = paths.filter_map(|path| Tree::name_in(directory, path)).collect();
        Ok(names
            .into_iter()
            .filter_map(|name| tree.status(&directory.join(name)))
            .collect())
    }

    async fn read(&self, file: &Location, range: Range<u64>) -> Result<Bytes, FsError> {
        sleep(STEP).await;
        let content = self.0.lock().files.get(file.path()).cloned();
        let content = content.ok_or_else(|| failed("read", file, FsErrorKind::NotFound))?;
        let within = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(content.len());
        Ok(content.slice(within(range.start)..within(range.end)))
    }

    async fn create(&self, file: &Location, _: CreateOptions) -> Result<Box<dyn FileWriter>, FsError> {
        sleep(STEP).await;
        let mut tree = self.0.lock();
        if tree.status(file).is_some() {
            return Err(failed("create", file, FsErrorKind::AlreadyExists));
        }
        if !tree.has_place(file) {
            return Err(failed("create", file, FsErrorKind::NotFound));
        }
        tree.files.insert(file.path().to_owned(), Bytes::new());
        Ok(Box::new(Writer {
            files: self.clone(),
            file: file.clone(),
            written: BytesMut::new(),
        }))
    }

    async fn rename(&self, from: &Location, to: &Location) -> Result<(), FsError> {
        sleep(STEP).await;
        let mut tree = self.0.lock();
        if tree.status(to).is_some() {
            return Err(failed("rename", to, FsErrorKind::AlreadyExists));
        }
        if !tree.has_place(to) || tree.status(from).is_none() {
            return Err(failed("rename", from, FsErrorKind::NotFound));
        }
        tree.rename(from.path(), to.path());
        Ok(())
    }

    async fn delete(&self, location: &Location) -> Result<bool, FsError> {
        sleep(STEP).await;
        let mut tree = self.0.lock();
        let was_there = tree.status(location).is_some();
        let below = format!("{}/", location.path());
        let is_kept = |path: &str| path != location.path() && !path.starts_with(&below);
        tree.files.retain(|path, _| is_kept(path));
        tree.directories.retain(|path| is_kept(path));
        Ok(was_there)
    }

    async fn mkdirs(&self, directory: &Location, _: CreateOptions) -> Result<(), FsError> {
        sleep(STEP).await;
        let mut made = Some(directory.clone());
        while let Some(directory) = made {
            self.0.lock().directories.insert(directory.path().to_owned());
            made = directory.parent();
        }
        Ok(())
    }
}

struct Writer {
    files: Files,
    file: Location,
    written: BytesMut,
}

#[async_trait]
impl FileWriter for Writer {
    async fn write(&mut self, data: Bytes) -> Result<(), FsError> {
        sleep(STEP).await;
        self.written.extend_from_slice(&data);
        Ok(())
    }

    async fn close(&mut self) -> Result<(), FsError> {
        sleep(STEP).await;
        let content = self.written.clone().freeze();
        // Whoever has moved or deleted it meanwhile has the last word.
        match self.files.0.lock().files.get_mut(self.file.path()) {
            Some(file) => *file = content,
            None => return Err(failed("close", &self.file, FsErrorKind::NotFound)),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn files_are_as_in_hdfs() {
        let files = Files::default();
        let systems = files.systems();
        let (storage, one, two) = (
            systems.resolve(STORAGE).unwrap(),
            systems.resolve("hdfs://nn:8020/ha/one").unwrap(),
            systems.resolve("hdfs://nn:8020/ha/two").unwrap(),
        );
        let system = systems.of(&one).unwrap();
        assert!(system.list(&storage).await.is_err(), "there is nothing yet");
        system.mkdirs(&storage, CreateOptions::default()).await.unwrap();
        let mut file = system.create(&one, CreateOptions::default()).await.unwrap();
        file.write(Bytes::from_static(b"content")).await.unwrap();
        assert_eq!(
            system.read(&one, 0..9).await.unwrap(),
            "",
            "nothing counts before the file is closed"
        );
        file.close().await.unwrap();
        system.rename(&one, &two).await.unwrap();
        assert_eq!(system.read(&two, 0..4).await.unwrap(), "cont");
        assert_eq!(system.list(&storage).await.unwrap().len(), 1);
        assert_eq!(files.left_behind(), ["/ha/two"]);
        assert!(system.create(&two, CreateOptions::default()).await.is_err());
        let (directory, other) = (storage.join("a"), storage.join("b"));
        let beside = storage.join("a-file");
        for made in [directory.join("c"), directory.clone()] {
            system.mkdirs(&made, CreateOptions::default()).await.unwrap();
        }
        system.rename(&two, &directory.join("c").join("three")).await.unwrap();
        system.create(&beside, CreateOptions::default()).await.unwrap();
        system.rename(&directory, &other).await.unwrap();
        assert_eq!(files.left_behind(), ["/ha/a-file", "/ha/b/c/three"]);
        assert!(system.status(&directory).await.is_err() && system.status(&other.join("c")).await.unwrap().is_dir);
        let nowhere = directory.join("three");
        assert!(
            system.rename(&beside, &nowhere).await.is_err(),
            "there is no such directory"
        );
        system.rename(&other.join("c").join("three"), &two).await.unwrap();
        assert!(system.delete(&storage).await.unwrap());
        assert!(!system.delete(&two).await.unwrap());
    }
}
