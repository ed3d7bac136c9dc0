//! Which form of a graph counts when a step of replacing it fails.

use std::ops::Range;
use std::sync::Mutex;

use bytes::Bytes;
use selvedge_runtime::fs::{
    CreateOptions, FileStatus, FileSystem, FileSystems, FileWriter, FsError, FsErrorKind, LocalFileSystem, Location,
};

use super::*;
use crate::stores::settings::Place;
use crate::testing::word_count;

const JOB: JobId = JobId::from_bytes([1; 16]);

/// A local file system of which steps fail, by what is done and the name of the file.
#[derive(Debug, Default)]
struct FailingFileSystem(Mutex<Vec<(&'static str, String)>>);

impl FailingFileSystem {
    fn fail(&self, steps: &[(&'static str, &str)]) {
        let steps = steps.iter().map(|(operation, name)| (*operation, (*name).to_owned()));
        *self.0.lock().unwrap() = steps.collect();
    }

    fn step(&self, operation: &'static str, location: &Location) -> Result<(), FsError> {
        let fails = self.0.lock().unwrap();
        match fails.contains(&(operation, location.name().to_owned())) {
            false => Ok(()),
            true => Err(FsError {
                operation,
                location: location.clone(),
                kind: FsErrorKind::Other("the name node is in safe mode".to_owned()),
            }),
        }
    }
}

#[async_trait]
impl FileSystem for FailingFileSystem {
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
        LocalFileSystem.rename(from, to).await
    }

    async fn delete(&self, location: &Location) -> Result<bool, FsError> {
        self.step("delete", location)?;
        LocalFileSystem.delete(location).await
    }

    async fn mkdirs(&self, directory: &Location, options: CreateOptions) -> Result<(), FsError> {
        LocalFileSystem.mkdirs(directory, options).await
    }

    async fn sync_directory(&self, directory: &Location) -> Result<(), FsError> {
        self.step("sync", directory)?;
        LocalFileSystem.sync_directory(directory).await
    }
}

/// A directory in which the graph of a job of parallelism 1 is kept.
struct Bed {
    root: tempfile::TempDir,
    disk: Arc<FailingFileSystem>,
    store: FileJobGraphStore,
}

impl Bed {
    async fn new() -> Self {
        let (root, disk) = (tempfile::tempdir().unwrap(), Arc::new(FailingFileSystem::default()));
        let store = open(&root, disk.clone());
        store.put(JOB, &word_count(1)).await.unwrap();
        Self { root, disk, store }
    }

    /// The parallelism with which the next master would run the job.
    async fn kept(&self) -> u32 {
        let mut recovered = open(&self.root, Arc::new(LocalFileSystem)).recover().await.unwrap();
        assert_eq!(recovered.len(), 1);
        recovered.remove(0).graph.unwrap().vertices[0].parallelism
    }

    async fn assert_nothing_stays_of_it(self) {
        self.disk.fail(&[]);
        self.store.remove(JOB).await.unwrap();
        assert_eq!(std::fs::read_dir(self.root.path().join("graphs")).unwrap().count(), 0);
    }
}

fn open(root: &tempfile::TempDir, disk: Arc<dyn FileSystem>) -> FileJobGraphStore {
    let place = Place {
        key: "high-availability.storageDir",
        path: root.path().display().to_string(),
        below: "graphs".to_owned(),
        public: false,
    };
    let local = FileSystems::local_only().default_root().clone();
    let file_systems = FileSystems::new(disk, None, local);
    FileJobGraphStore::new(StoreDirectory::open(&place, &file_systems).unwrap())
}

#[tokio::test]
async fn a_form_that_was_written_counts_also_where_the_one_before_cannot_be_deleted() {
    let bed = Bed::new().await;
    bed.disk.fail(&[("delete", &format!("{JOB}.json"))]);
    bed.store.replace(JOB, &word_count(2)).await.unwrap();
    assert_eq!(bed.kept().await, 2);
    bed.store.replace(JOB, &word_count(3)).await.unwrap();
    assert_eq!(bed.kept().await, 3);
    bed.assert_nothing_stays_of_it().await;
}

#[tokio::test]
async fn a_form_that_could_not_be_kept_for_good_is_taken_back() {
    let bed = Bed::new().await;
    bed.disk.fail(&[("sync", "graphs")]);
    let refused = bed.store.replace(JOB, &word_count(2)).await;
    assert!(matches!(refused, Err(ReplaceError::Kept(_))), "{refused:?}");
    assert_eq!(bed.kept().await, 1);
    bed.disk.fail(&[]);
    bed.store.replace(JOB, &word_count(3)).await.unwrap();
    assert_eq!(bed.kept().await, 3);
    bed.assert_nothing_stays_of_it().await;
}

#[tokio::test]
async fn a_form_that_cannot_be_taken_back_is_told_as_unknown() {
    let bed = Bed::new().await;
    bed.disk
        .fail(&[("sync", "graphs"), ("delete", &format!("{JOB}.1.json"))]);
    let refused = bed.store.replace(JOB, &word_count(2)).await;
    assert!(matches!(refused, Err(ReplaceError::Unknown(_))), "{refused:?}");
    assert_eq!(bed.kept().await, 2, "the next master does go by it");
    bed.disk.fail(&[]);
    bed.store.replace(JOB, &word_count(3)).await.unwrap();
    assert_eq!(bed.kept().await, 3);
    bed.assert_nothing_stays_of_it().await;
}
