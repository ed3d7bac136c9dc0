//! What jobs bring along: in the BlobStore as long as the job is known, with a copy for the next master where graphs outlive
//! this one.

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use selvedge_core::job_graph::Artifact;
use selvedge_core::{JobGraph, JobId};
use selvedge_runtime::artifact::{ArtifactError, ArtifactFile, check_uploaded, key_of};
use selvedge_runtime::blob::{BlobError, BlobKey, BlobStore, BlobWriter, StoredBlob};
use selvedge_runtime::fs::FileSystems;
use thiserror::Error;

use super::StoreError;
use super::directory::StoreDirectory;
use crate::dispatcher::JobResource;

/// What came with a submission, by the names of the artifacts.
pub(crate) type Uploads = BTreeMap<String, Bytes>;

const JOB_PREFIX: &str = "job_";

/// Why a job with its artifacts is not taken.
#[derive(Debug, Error)]
pub(crate) enum TakeError {
    /// One of them cannot be brought along.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// One of them cannot be kept for the next master.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The artifacts of all jobs that are known.
#[derive(Debug)]
pub(crate) struct ArtifactStore {
    blobs: BlobStore,
    file_systems: FileSystems,
    copies: Option<StoreDirectory>,
    jobs: Mutex<BTreeMap<JobId, Vec<StoredBlob>>>,
}

impl ArtifactStore {
    pub(super) fn new(blobs: BlobStore, file_systems: FileSystems, copies: Option<StoreDirectory>) -> Self {
        Self {
            blobs,
            file_systems,
            copies,
            jobs: Mutex::default(),
        }
    }

    /// Takes what a submitted graph names, from what came with it or from its path. The graph then says what each is.
    pub(crate) async fn take(&self, job: JobId, graph: &mut JobGraph, uploads: &Uploads) -> Result<(), TakeError> {
        let is_named = |name: &String| graph.artifacts.iter().any(|artifact| artifact.name == *name);
        if let Some(name) = uploads.keys().find(|name| !is_named(name)) {
            let name = name.clone();
            return Err(ArtifactError::Unnamed { name }.into());
        }
        let mut kept = Vec::new();
        for artifact in &mut graph.artifacts {
            let writer = match uploads.get(&artifact.name) {
                Some(content) => self.uploaded(artifact, content).await?,
                None => self.read(artifact).await?,
            };
            artifact.size = Some(writer.size());
            let blob = self.blobs.keep(writer).await.map_err(not_kept(&artifact.name))?;
            artifact.sha256 = Some(blob.key().to_string());
            self.copy(job, blob.key()).await?;
            tracing::info!(%job, "the artifact '{}' is taken as blob {}", artifact.name, blob.key());
            kept.push(blob);
        }
        self.hold(job, kept);
        Ok(())
    }

    /// Takes what an earlier master has kept of a job.
    pub(crate) async fn recover(&self, job: JobId, graph: &JobGraph) -> Result<(), StoreError> {
        let Some(copies) = self.copies.as_ref().filter(|_| !graph.artifacts.is_empty()) else {
            return Ok(());
        };
        let directory = copies.child(&directory_name(job));
        let mut kept = Vec::new();
        for artifact in &graph.artifacts {
            let unsaid = || directory.corrupt(&artifact.name, &"the graph does not say what it is");
            let key = key_of(artifact).ok().flatten().ok_or_else(unsaid)?;
            let name = key.file_name();
            let lost = |error: BlobError| directory.corrupt(&name, &error);
            let mut writer = self.blobs.writer().await.map_err(lost)?;
            directory.read_into(&name, &mut writer).await?;
            if writer.key() != key {
                return Err(directory.corrupt(&name, &format!("it is the content of {}", writer.key())));
            }
            kept.push(self.blobs.keep(writer).await.map_err(lost)?);
        }
        self.hold(job, kept);
        Ok(())
    }

    /// Begins under the leadership. Removes the copies of jobs that are not among these: whoever took them was killed before it could keep their graphs, or
    /// after it had removed them.
    pub(crate) async fn remove_others(&self, known: &[JobId]) -> Result<(), StoreError> {
        let Some(copies) = &self.copies else {
            return Ok(());
        };
        copies.take_over().await?;
        for name in copies.directories().await? {
            let job: Option<JobId> = name.strip_prefix(JOB_PREFIX).and_then(|id| id.parse().ok());
            if job.is_some_and(|job| !known.contains(&job)) {
                copies.delete(&name).await?;
            }
        }
        Ok(())
    }

    /// The job needs them no more. May be repeated.
    pub(crate) async fn remove(&self, job: JobId) -> Result<(), StoreError> {
        self.jobs.lock().remove(&job);
        match &self.copies {
            Some(copies) => copies.delete(&directory_name(job)).await,
            None => Ok(()),
        }
    }

    fn hold(&self, job: JobId, kept: Vec<StoredBlob>) {
        if !kept.is_empty() {
            self.jobs.lock().insert(job, kept);
        }
    }

    async fn uploaded(&self, artifact: &Artifact, content: &Bytes) -> Result<BlobWriter, ArtifactError> {
        check_uploaded(artifact, content)?;
        let failed = not_kept(&artifact.name);
        let mut writer = self.blobs.writer().await.map_err(&failed)?;
        writer.write(content.clone()).await.map_err(&failed)?;
        Ok(writer)
    }

    async fn read(&self, artifact: &Artifact) -> Result<BlobWriter, ArtifactError> {
        let failed = not_kept(&artifact.name);
        let file = ArtifactFile::find(&self.file_systems, artifact).await?;
        let mut content = file.content();
        let mut writer = self.blobs.writer().await.map_err(&failed)?;
        while let Some(piece) = content.next().await? {
            writer.write(piece).await.map_err(&failed)?;
        }
        Ok(writer)
    }

    async fn copy(&self, job: JobId, key: BlobKey) -> Result<(), StoreError> {
        let Some(copies) = &self.copies else {
            return Ok(());
        };
        let (directory, name) = (copies.child(&directory_name(job)), key.file_name());
        let gone = |error| directory.corrupt(&name, &error);
        let (file, _) = self.blobs.open(key).await.map_err(gone)?;
        directory.write_file(&name, file).await
    }
}

#[async_trait]
impl JobResource for ArtifactStore {
    fn name(&self) -> &'static str {
        "what the job has brought along"
    }

    async fn clean_up(&self, job: JobId) -> Result<(), StoreError> {
        self.remove(job).await
    }
}

fn directory_name(job: JobId) -> String {
    format!("{JOB_PREFIX}{job}")
}

fn not_kept(name: &str) -> impl Fn(BlobError) -> ArtifactError {
    move |cause| ArtifactError::NotKept {
        name: name.to_owned(),
        cause,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use selvedge_runtime::connector::report;

    use super::*;
    use crate::stores::settings::Place;
    use crate::testing::word_count;

    const JOB: JobId = JobId::from_bytes([1; 16]);

    struct Bed {
        scratch: tempfile::TempDir,
        storage: tempfile::TempDir,
    }

    impl Bed {
        fn new() -> Self {
            Self {
                scratch: tempfile::tempdir().unwrap(),
                storage: tempfile::tempdir().unwrap(),
            }
        }

        /// That of a master; the next one finds the copies.
        fn store(&self) -> ArtifactStore {
            let place = Place {
                key: "high-availability.storageDir",
                path: self.storage.path().display().to_string(),
                below: "cluster/blob".to_owned(),
                public: false,
            };
            let file_systems = FileSystems::local_only();
            let copies = StoreDirectory::open(&place, &file_systems).unwrap();
            let blobs = BlobStore::create(self.scratch.path()).unwrap();
            ArtifactStore::new(blobs, file_systems, Some(copies))
        }

        fn copies(&self) -> usize {
            let jobs = std::fs::read_dir(self.storage.path().join("cluster/blob"));
            jobs.map_or(0, |jobs| jobs.count())
        }
    }

    fn job(path: &Path) -> JobGraph {
        let mut graph = word_count(1);
        graph.artifacts.push(Artifact {
            name: "words.txt".to_owned(),
            path: path.display().to_string(),
            sha256: None,
            size: None,
        });
        graph
    }

    async fn is_there(store: &ArtifactStore, content: &[u8]) -> bool {
        store.blobs.open(BlobKey::of(content)).await.is_ok()
    }

    #[tokio::test]
    async fn an_artifact_is_read_at_its_path_and_the_graph_says_what_it_is() {
        let bed = Bed::new();
        let path = bed.scratch.path().join("words");
        std::fs::write(&path, "to be").unwrap();
        let (store, mut graph) = (bed.store(), job(&path));
        store.take(JOB, &mut graph, &Uploads::new()).await.unwrap();
        assert_eq!(graph.artifacts[0].size, Some(5));
        assert_eq!(graph.artifacts[0].sha256, Some(BlobKey::of(b"to be").to_string()));
        assert!(is_there(&store, b"to be").await);
        assert_eq!(bed.copies(), 1);
        for _ in 0..2 {
            store.clean_up(JOB).await.unwrap();
            assert!(!is_there(&store, b"to be").await);
            assert_eq!(bed.copies(), 0);
        }
    }

    #[tokio::test]
    async fn what_came_with_the_submission_goes_before_what_is_at_the_path() {
        let bed = Bed::new();
        let (store, mut graph) = (bed.store(), job(Path::new("/on/the/clients/disk")));
        let uploads = Uploads::from([("words.txt".to_owned(), Bytes::from_static(b"or not"))]);
        store.take(JOB, &mut graph, &uploads).await.unwrap();
        assert!(is_there(&store, b"or not").await);
    }

    #[tokio::test]
    async fn what_is_not_there_not_named_or_another_one_is_refused_by_its_name() {
        let bed = Bed::new();
        let store = bed.store();
        let with_size = |size| {
            let mut graph = job(Path::new("/nowhere"));
            graph.artifacts[0].size = Some(size);
            graph
        };
        let sent = |name: &str| Uploads::from([(name.to_owned(), Bytes::from_static(b"words"))]);
        for (mut graph, uploads, expected) in [
            (with_size(5), Uploads::new(), "file:///nowhere"),
            (with_size(6), sent("words.txt"), "5 bytes instead of 6"),
            (with_size(5), sent("other"), "'other', which the job does not name"),
        ] {
            let error = store.take(JOB, &mut graph, &uploads).await.unwrap_err();
            let message = report(&error);
            assert!(message.contains(expected), "{message} / {expected}");
            store.remove(JOB).await.unwrap();
        }
        assert_eq!(bed.copies(), 0);
    }

    #[tokio::test]
    async fn the_next_master_finds_the_copies_and_is_told_what_it_cannot_use() {
        let bed = Bed::new();
        let mut graph = job(Path::new("/on/the/clients/disk"));
        let uploads = Uploads::from([("words.txt".to_owned(), Bytes::from_static(b"words"))]);
        bed.store().take(JOB, &mut graph, &uploads).await.unwrap();
        let next = bed.store();
        next.recover(JOB, &graph).await.unwrap();
        assert!(is_there(&next, b"words").await);
        let name = format!("cluster/blob/job_{JOB}/{}", BlobKey::of(b"words").file_name());
        std::fs::write(bed.storage.path().join(name), "WORDS").unwrap();
        let error = bed.store().recover(JOB, &graph).await.unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
        next.remove_others(&[JOB]).await.unwrap();
        assert_eq!(bed.copies(), 1);
        next.remove_others(&[]).await.unwrap();
        assert_eq!(bed.copies(), 0, "nobody knows the job");
    }
}
