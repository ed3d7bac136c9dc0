//! The files that jobs bring along, where a submission finds them: looked at, read to the end and held against what the graph
//! says of them. The client does so before anything is started, the master when it takes the job.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use selvedge_core::JobGraph;
use selvedge_core::job_graph::Artifact;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::blob::{BlobError, BlobKey, ParseBlobKeyError};
use crate::fs::{FileSystem, FileSystems, FsError, Location, ParseLocationError};

/// How much is read at once.
const PIECE_BYTES: u64 = 4 << 20;

/// An artifact that cannot be brought along.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ArtifactError {
    /// Its path is none.
    #[error("the artifact '{name}' has no usable path")]
    Path {
        /// Its name.
        name: String,
        /// Why.
        #[source]
        cause: ParseLocationError,
    },
    /// Its hash is none.
    #[error("the artifact '{name}' has no usable hash")]
    Hash {
        /// Its name.
        name: String,
        /// Why.
        #[source]
        cause: ParseBlobKeyError,
    },
    /// It is not there or cannot be read.
    #[error("the artifact '{name}' cannot be read")]
    Unreadable {
        /// Its name.
        name: String,
        /// Why, with its place.
        #[source]
        cause: Box<FsError>,
    },
    /// It is a directory.
    #[error("the artifact '{name}' is a directory, {location}: name a file, such as an archive of it")]
    Directory {
        /// Its name.
        name: String,
        /// Where it is.
        location: Location,
    },
    /// It is another one than the graph says.
    #[error(
        "the artifact '{name}', {location}, has {found} instead of {expected}: it was changed; submit the job again"
    )]
    Changed {
        /// Its name.
        name: String,
        /// Where it is.
        location: String,
        /// What it is by now.
        found: String,
        /// What it was, or was said to be.
        expected: String,
    },
    /// It came with a job that does not name it.
    #[error("the submission brings the artifact '{name}', which the job does not name: add it to its \"artifacts\"")]
    Unnamed {
        /// Its name.
        name: String,
    },
    /// It cannot be kept.
    #[error("the artifact '{name}' cannot be kept")]
    NotKept {
        /// Its name.
        name: String,
        /// Why.
        #[source]
        cause: BlobError,
    },
}

/// What is found at the path of an artifact.
#[derive(Debug)]
pub struct ArtifactFile<'a> {
    artifact: &'a Artifact,
    location: Location,
    file_system: Arc<dyn FileSystem>,
    size: u64,
}

impl<'a> ArtifactFile<'a> {
    /// Looks whether it is a file, has the size that is said of it, and can be read.
    ///
    /// # Errors
    /// [`ArtifactError`].
    pub async fn find(file_systems: &FileSystems, artifact: &'a Artifact) -> Result<Self, ArtifactError> {
        let name = &artifact.name;
        let location = file_systems
            .resolve(&artifact.path)
            .map_err(|cause| ArtifactError::Path {
                name: name.clone(),
                cause,
            })?;
        let file_system = file_systems.of(&location).map_err(unreadable(name))?.clone();
        let status = file_system.status(&location).await.map_err(unreadable(name))?;
        if status.is_dir {
            let name = name.clone();
            return Err(ArtifactError::Directory { name, location });
        }
        let file = Self {
            artifact,
            location,
            file_system,
            size: status.len,
        };
        file.check_size(artifact.size.unwrap_or(status.len))?;
        if file.size > 0 {
            let first = file.file_system.read(&file.location, 0..1).await;
            first.map_err(unreadable(name))?;
        }
        Ok(file)
    }

    /// Where it is.
    pub const fn location(&self) -> &Location {
        &self.location
    }

    /// Its content from the beginning.
    pub fn content(&self) -> ArtifactContent<'_> {
        ArtifactContent {
            file: self,
            at: 0,
            hash: Sha256::new(),
        }
    }

    fn check_size(&self, expected: u64) -> Result<(), ArtifactError> {
        let bytes = |size| format!("{size} bytes");
        match self.size == expected {
            true => Ok(()),
            false => Err(self.changed(bytes(self.size), bytes(expected))),
        }
    }

    fn changed(&self, found: String, expected: String) -> ArtifactError {
        ArtifactError::Changed {
            name: self.artifact.name.clone(),
            location: self.location.to_string(),
            found,
            expected,
        }
    }
}

/// The content of an artifact as it is read.
#[derive(Debug)]
pub struct ArtifactContent<'a> {
    file: &'a ArtifactFile<'a>,
    at: u64,
    hash: Sha256,
}

impl ArtifactContent<'_> {
    /// The next piece; `None` at the end, when all that was read is what the graph says.
    ///
    /// # Errors
    /// [`ArtifactError`].
    pub async fn next(&mut self) -> Result<Option<Bytes>, ArtifactError> {
        let ArtifactFile { size, location, .. } = self.file;
        // At the end one byte more: the file may have grown.
        let until = size.saturating_add(1).min(self.at + PIECE_BYTES);
        let piece = self.file.file_system.read(location, self.at..until).await;
        let piece = piece.map_err(unreadable(&self.file.artifact.name))?;
        self.at += piece.len() as u64;
        if self.at > *size || (piece.is_empty() && self.at < *size) {
            let found = if self.at > *size { "more" } else { "less" };
            return Err(self.file.changed(format!("{found} content"), format!("{size} bytes")));
        }
        self.hash.update(&piece);
        match piece.is_empty() {
            true => self.check_hash().map(|()| None),
            false => Ok(Some(piece)),
        }
    }

    /// The hash of what was read.
    pub fn key(&self) -> BlobKey {
        BlobKey::of_hash(self.hash.clone())
    }

    fn check_hash(&self) -> Result<(), ArtifactError> {
        let Some(expected) = key_of(self.file.artifact)? else {
            return Ok(());
        };
        match self.key() {
            own if own == expected => Ok(()),
            own => Err(self.file.changed(format!("the SHA-256 {own}"), expected.to_string())),
        }
    }
}

/// Whether a content that came with the submission is what the graph says.
///
/// # Errors
/// [`ArtifactError::Changed`].
pub fn check_uploaded(artifact: &Artifact, content: &[u8]) -> Result<(), ArtifactError> {
    let changed = |found: String, expected: String| ArtifactError::Changed {
        name: artifact.name.clone(),
        location: "as it was sent".to_owned(),
        found,
        expected,
    };
    let size = content.len() as u64;
    if let Some(expected) = artifact.size.filter(|expected| *expected != size) {
        return Err(changed(format!("{size} bytes"), expected.to_string()));
    }
    match (key_of(artifact)?, BlobKey::of(content)) {
        (Some(expected), own) if own != expected => Err(changed(format!("the SHA-256 {own}"), expected.to_string())),
        _ => Ok(()),
    }
}

/// The name of its content, where the graph states it.
///
/// # Errors
/// [`ArtifactError::Hash`].
pub fn key_of(artifact: &Artifact) -> Result<Option<BlobKey>, ArtifactError> {
    let parsed = artifact.sha256.as_ref().map(|text| text.parse()).transpose();
    parsed.map_err(|cause| ArtifactError::Hash {
        name: artifact.name.clone(),
        cause,
    })
}

/// Reads all artifacts that are on the local disk and notes in the graph what they are: whoever reads them next sees whether
/// they have changed. The others are looked at.
///
/// # Errors
/// [`ArtifactError`], of the first that cannot be brought along.
pub async fn seal(file_systems: &FileSystems, graph: &mut JobGraph) -> Result<(), ArtifactError> {
    for artifact in &mut graph.artifacts {
        let file = ArtifactFile::find(file_systems, artifact).await?;
        if file.location.scheme() != "file" {
            continue;
        }
        let mut content = file.content();
        while content.next().await?.is_some() {}
        let (key, size) = (content.key(), file.size);
        artifact.sha256 = Some(key.to_string());
        artifact.size = Some(size);
    }
    Ok(())
}

/// The contents of those that are on the local disk, by name, to be sent with the submission. The others are left to who takes
/// the job.
///
/// # Errors
/// [`ArtifactError`], of the first that cannot be brought along.
pub async fn load_local(
    file_systems: &FileSystems,
    graph: &JobGraph,
) -> Result<BTreeMap<String, Bytes>, ArtifactError> {
    let mut contents = BTreeMap::new();
    for artifact in &graph.artifacts {
        let location = file_systems.resolve(&artifact.path);
        if location.is_ok_and(|location| location.scheme() != "file") {
            continue;
        }
        let file = ArtifactFile::find(file_systems, artifact).await?;
        let (mut content, mut whole) = (file.content(), BytesMut::new());
        while let Some(piece) = content.next().await? {
            whole.extend_from_slice(&piece);
        }
        contents.insert(artifact.name.clone(), whole.freeze());
    }
    Ok(contents)
}

fn unreadable(name: &str) -> impl Fn(FsError) -> ArtifactError {
    move |cause| ArtifactError::Unreadable {
        name: name.to_owned(),
        cause: Box::new(cause),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::report;

    fn artifact(path: &std::path::Path) -> Artifact {
        Artifact {
            name: "words.txt".to_owned(),
            path: path.display().to_string(),
            sha256: None,
            size: None,
        }
    }

    async fn sealed(artifact: Artifact) -> Result<Artifact, String> {
        let mut graph: JobGraph = serde_json::from_str(r#"{"name": "j", "vertices": []}"#).unwrap();
        graph.artifacts.push(artifact);
        let done = seal(&FileSystems::local_only(), &mut graph).await;
        done.map(|()| graph.artifacts.remove(0)).map_err(|error| report(&error))
    }

    #[tokio::test]
    async fn what_was_noted_of_a_file_is_held_against_it_when_it_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("words.txt");
        // More than a piece.
        let content = vec![b'x'; (PIECE_BYTES as usize) * 2 + 7];
        std::fs::write(&path, &content).unwrap();
        let noted = sealed(artifact(&path)).await.unwrap();
        assert_eq!(noted.size, Some(content.len() as u64));
        assert_eq!(noted.sha256, Some(BlobKey::of(&content).to_string()));
        assert_eq!(sealed(noted.clone()).await.unwrap(), noted);
        for (changed, expected) in [
            (vec![b'y'; content.len()], "the SHA-256"),
            (vec![b'x'; 5], "5 bytes instead of"),
        ] {
            std::fs::write(&path, changed).unwrap();
            let message = sealed(noted.clone()).await.unwrap_err();
            assert!(
                message.contains("'words.txt'") && message.contains(expected) && message.contains("it was changed"),
                "{message}"
            );
        }
    }

    #[tokio::test]
    async fn a_file_that_changes_its_size_while_it_is_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("words.txt");
        for (later, expected) in [("longer than before", "more content"), ("", "less content")] {
            std::fs::write(&path, "before").unwrap();
            let (artifact, file_systems) = (artifact(&path), FileSystems::local_only());
            let file = ArtifactFile::find(&file_systems, &artifact).await.unwrap();
            std::fs::write(&path, later).unwrap();
            let error = file.content().next().await.unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains("6 bytes"), "{error}");
        }
    }

    #[tokio::test]
    async fn each_fault_names_the_artifact_and_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing");
        for (path, expected) in [
            (missing.as_path(), "missing: no such file"),
            (folder.path(), "is a directory"),
        ] {
            let message = sealed(artifact(path)).await.unwrap_err();
            assert!(
                message.contains("'words.txt'") && message.contains(expected),
                "{message}"
            );
        }
    }

    #[tokio::test]
    async fn an_empty_file_is_an_artifact_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("empty");
        std::fs::write(&path, "").unwrap();
        assert_eq!(sealed(artifact(&path)).await.unwrap().size, Some(0));
    }
}
