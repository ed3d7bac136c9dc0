//! A local file system that stops for ever when it has taken so many steps: each write of a file has several.

use std::ops::Range;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use selvedge_runtime::fs::{CreateOptions, FileStatus, FileSystem, FileWriter, FsError, LocalFileSystem, Location};
use tokio::sync::Notify;

#[derive(Debug, Clone)]
pub(super) struct StoppingFileSystem(Arc<Steps>);

#[derive(Debug)]
struct Steps {
    left: Mutex<usize>,
    /// The last step that was taken.
    last: Mutex<String>,
    stopped: Notify,
}

impl StoppingFileSystem {
    pub(super) fn new(steps: usize) -> Self {
        Self(Arc::new(Steps {
            left: Mutex::new(steps),
            last: Mutex::new("the start".to_owned()),
            stopped: Notify::new(),
        }))
    }

    /// Waits until a step is asked for that is not taken any more; after which one.
    pub(super) async fn stopped(&self) -> String {
        self.0.stopped.notified().await;
        format!("after {}", self.0.last.lock().unwrap())
    }
}

impl Steps {
    async fn step(&self, operation: &str, location: &Location) {
        let taken = {
            let mut left = self.left.lock().unwrap();
            let taken = *left > 0;
            *left = left.saturating_sub(1);
            taken
        };
        if !taken {
            self.stopped.notify_one();
            return std::future::pending().await;
        }
        let path = location.path();
        let store = ["job-result-store", "cluster"].iter().find_map(|name| path.find(name));
        let shown = store.map_or(path, |at| &path[at..]);
        *self.last.lock().unwrap() = format!("{operation} {shown}");
    }
}

#[async_trait]
impl FileSystem for StoppingFileSystem {
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
        self.0.step("create", file).await;
        Ok(Box::new(StoppingWriter {
            file: file.clone(),
            steps: self.0.clone(),
            writer: LocalFileSystem.create(file, options).await?,
        }))
    }

    async fn rename(&self, from: &Location, to: &Location) -> Result<(), FsError> {
        self.0.step("rename", to).await;
        LocalFileSystem.rename(from, to).await
    }

    async fn delete(&self, location: &Location) -> Result<bool, FsError> {
        self.0.step("delete", location).await;
        LocalFileSystem.delete(location).await
    }

    async fn mkdirs(&self, directory: &Location, options: CreateOptions) -> Result<(), FsError> {
        self.0.step("mkdirs", directory).await;
        LocalFileSystem.mkdirs(directory, options).await
    }

    async fn sync_directory(&self, directory: &Location) -> Result<(), FsError> {
        self.0.step("sync", directory).await;
        LocalFileSystem.sync_directory(directory).await
    }
}

struct StoppingWriter {
    file: Location,
    steps: Arc<Steps>,
    writer: Box<dyn FileWriter>,
}

#[async_trait]
impl FileWriter for StoppingWriter {
    async fn write(&mut self, data: Bytes) -> Result<(), FsError> {
        self.steps.step("write", &self.file).await;
        self.writer.write(data).await
    }

    async fn close(&mut self) -> Result<(), FsError> {
        self.steps.step("close", &self.file).await;
        self.writer.close().await
    }
}
