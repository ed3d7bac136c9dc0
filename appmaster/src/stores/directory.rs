//! A directory of small files, each written whole or not at all: under a temporary name first, synced, then renamed.

use std::fmt;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use selvedge_runtime::blob::BlobWriter;
use selvedge_runtime::fs::{CreateOptions, FileSystem, FileSystems, FsError, FsErrorKind, Location};

use tokio::io::AsyncReadExt;

use super::StoreError;
use super::error::DirectoryError;
use super::settings::Place;
use crate::lease::Lease;

/// Begins the names of what is being written; readers of such directories pass over a leading dot.
const HIDDEN_PREFIX: &str = ".";
/// How much of a large file is in memory.
const PIECE_BYTES: usize = 4 << 20;
const TEMPORARY_SUFFIX: &str = ".tmp";
const OLD_SUFFIX: &str = ".old.tmp";
/// What is in a job is its owner's affair.
const PRIVATE: u32 = 0o600;

/// A directory of a store.
#[derive(Debug, Clone)]
pub(super) struct StoreDirectory {
    file_system: Arc<dyn FileSystem>,
    location: Location,
    options: CreateOptions,
    /// Under which leadership is written, where others may lead after it.
    term: Option<Term>,
}

/// A leadership, as the directory knows it.
#[derive(Debug, Clone)]
struct Term {
    lease: Lease,
    /// Where it writes files before they get their names.
    stage: Location,
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
            term: None,
        })
    }

    /// The same under a leadership: what it writes goes through a directory of its own, which the next leader takes away.
    pub(super) fn under(&self, lease: &Lease) -> Self {
        Self {
            term: Some(Term {
                stage: self.location.join(&format!("{HIDDEN_PREFIX}{}", lease.session())),
                lease: lease.clone(),
            }),
            ..self.clone()
        }
    }

    /// Begins to write under the leadership: from now on, nothing that an earlier one has begun comes to its end. What it had
    /// brought to an end is there.
    pub(super) async fn take_over(&self) -> Result<(), StoreError> {
        let Some(term) = &self.term else {
            return Ok(());
        };
        self.check(term)?;
        let take_over = async {
            // That it is no directory is told as such.
            self.stages_of_others(term).await?;
            let made = self.file_system.mkdirs(&term.stage, CreateOptions::default());
            made.await?;
            for other in self.stages_of_others(term).await? {
                // At once, and not file by file: no step of its owner falls in between.
                let taken = term.stage.join(&format!("{}{TEMPORARY_SUFFIX}", other.name()));
                match self.file_system.rename(&other, &taken).await {
                    // Its owner has left, or this leader is deposed itself.
                    Err(error) if matches!(error.kind, FsErrorKind::NotFound) => {
                        self.file_system.status(&term.stage).await?;
                    }
                    moved => moved?,
                }
                self.file_system.delete(&taken).await?;
            }
            Ok(())
        };
        self.outcome(take_over.await, || "take the place of earlier masters".to_owned())
            .await
    }

    async fn stages_of_others(&self, term: &Term) -> Result<Vec<Location>, FsError> {
        let children = match self.file_system.list(&self.location).await {
            Err(error) if matches!(error.kind, FsErrorKind::NotFound) => Vec::new(),
            children => children?,
        };
        let stages = children
            .into_iter()
            .filter(|child| child.is_dir)
            .map(|child| child.location);
        Ok(stages
            .filter(|stage| stage.name().starts_with(HIDDEN_PREFIX) && *stage != term.stage)
            .collect())
    }

    /// Nothing more is written under the leadership, and nobody comes after it.
    pub(super) async fn leave(&self) -> Result<(), StoreError> {
        let Some(term) = &self.term else {
            return Ok(());
        };
        let left = self.file_system.delete(&term.stage).await.map(drop);
        self.outcome(left, || "clear up".to_owned()).await
    }

    /// A directory in it, written under the same leadership.
    pub(super) fn child(&self, name: &str) -> Self {
        Self {
            location: self.location.join(name),
            ..self.clone()
        }
    }

    /// Writes a file whose name says what it holds: one that is there is left as it is.
    pub(super) async fn write_file(&self, name: &str, mut content: tokio::fs::File) -> Result<(), StoreError> {
        // The same content may be written for another job at this moment.
        let own = format!("{}-{name}", self.location.name());
        let (temporary, target) = (self.temporary(&own)?, self.location.join(name));
        let broken = |error: std::io::Error| FsError {
            operation: "read what is to be written to",
            location: target.clone(),
            kind: FsErrorKind::Other(error.to_string()),
        };
        let write = async {
            let mkdirs = || self.file_system.mkdirs(&self.location, CreateOptions::default());
            if self.term.is_none() {
                mkdirs().await?;
            }
            // Of a write that was interrupted.
            self.file_system.delete(&temporary).await?;
            let mut file = self.file_system.create(&temporary, self.options).await?;
            loop {
                let mut piece = BytesMut::with_capacity(PIECE_BYTES);
                if content.read_buf(&mut piece).await.map_err(&broken)? == 0 {
                    break;
                }
                file.write(piece.freeze()).await?;
            }
            file.close().await?;
            // A leader that was deposed does not come here.
            mkdirs().await?;
            match self.file_system.rename(&temporary, &target).await {
                Err(error) if matches!(error.kind, FsErrorKind::AlreadyExists) => {
                    self.file_system.delete(&temporary).await?;
                }
                renamed => renamed?,
            }
            self.file_system.sync_directory(&self.location).await
        };
        self.outcome(write.await, || format!("write {name}")).await
    }

    /// Passes on the content of a file.
    pub(super) async fn read_into(&self, name: &str, writer: &mut BlobWriter) -> Result<(), StoreError> {
        let file = self.location.join(name);
        let failed = |cause| self.failed(format!("read {name}"), cause);
        let length = match self.file_system.status(&file).await {
            Ok(status) => status.len,
            Err(error) if matches!(error.kind, FsErrorKind::NotFound) => {
                return Err(self.corrupt(name, &"it is not there"));
            }
            Err(error) => return Err(failed(error)),
        };
        let mut at = 0;
        while at < length {
            let until = length.min(at + PIECE_BYTES as u64);
            let piece = self.file_system.read(&file, at..until).await.map_err(failed)?;
            if piece.is_empty() {
                return Err(self.corrupt(name, &format!("it ends after {at} of {length} bytes")));
            }
            at += piece.len() as u64;
            let written = writer.write(piece).await;
            written.map_err(|error| self.corrupt(name, &error))?;
        }
        Ok(())
    }

    /// The names of the directories in it; none where it is not there.
    pub(super) async fn directories(&self) -> Result<Vec<String>, StoreError> {
        match self.file_system.list(&self.location).await {
            Ok(children) => {
                let directories = children.iter().filter(|child| child.is_dir);
                Ok(directories.map(|child| child.location.name().to_owned()).collect())
            }
            Err(error) if matches!(error.kind, FsErrorKind::NotFound) => Ok(Vec::new()),
            Err(error) => Err(self.failed("see what is there".to_owned(), error)),
        }
    }

    /// Writes a file, in place of one that is there.
    pub(super) async fn write(&self, name: &str, content: Vec<u8>) -> Result<(), StoreError> {
        let content = Bytes::from(content);
        let (temporary, target) = (self.temporary(name)?, self.location.join(name));
        let write = async {
            if self.term.is_none() {
                let made = self.file_system.mkdirs(&self.location, CreateOptions::default());
                made.await?;
            }
            // Of a write that was interrupted.
            self.file_system.delete(&temporary).await?;
            let mut file = self.file_system.create(&temporary, self.options).await?;
            file.write(content.clone()).await?;
            file.close().await?;
            self.put_in_place(name, &temporary, &target, &content).await?;
            self.file_system.sync_directory(&self.location).await
        };
        self.outcome(write.await, || format!("write {name}")).await
    }

    /// A rename does not overwrite. What is there may be what an earlier try has written without hearing of it: then it
    /// stays, as nothing else makes sure that there is a whole file at every moment.
    async fn put_in_place(&self, name: &str, from: &Location, to: &Location, content: &Bytes) -> Result<(), FsError> {
        match self.file_system.rename(from, to).await {
            Err(error) if matches!(error.kind, FsErrorKind::AlreadyExists) => {}
            renamed => return renamed,
        }
        let length = content.len() as u64;
        if self.file_system.read(to, 0..length + 1).await? == *content {
            return self.file_system.delete(from).await.map(drop);
        }
        self.take_away(name).await?;
        self.file_system.rename(from, to).await
    }

    /// Deletes a file, or a directory with all that it holds, if it is there.
    pub(super) async fn delete(&self, name: &str) -> Result<(), StoreError> {
        if let Some(term) = &self.term {
            self.check(term)?;
        }
        let deleted = match self.take_away(name).await {
            // There is nothing to delete; or this leader has nowhere to put it, which is told.
            Err(error) if matches!(error.kind, FsErrorKind::NotFound) => match &self.term {
                Some(term) => self.file_system.status(&term.stage).await.map(drop),
                None => Ok(()),
            },
            deleted => deleted,
        };
        self.outcome(deleted, || format!("delete {name}")).await
    }

    /// A file is moved out of the way before it is deleted: a leader that was deposed cannot do so.
    async fn take_away(&self, name: &str) -> Result<(), FsError> {
        let file = self.location.join(name);
        let Some(term) = &self.term else {
            return self.file_system.delete(&file).await.map(drop);
        };
        let old = term.stage.join(&format!("{name}{OLD_SUFFIX}"));
        self.file_system.delete(&old).await?;
        self.file_system.rename(&file, &old).await?;
        self.file_system.delete(&old).await.map(drop)
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
            if name.starts_with(HIDDEN_PREFIX) && name.ends_with(TEMPORARY_SUFFIX) {
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

    /// The same, where the file is there.
    pub(super) async fn find(&self, name: &str) -> Result<Option<Bytes>, StoreError> {
        match self.read(name).await {
            Ok(content) => Ok(Some(content)),
            Err(StoreError::Step { cause, .. }) if matches!(cause.kind, FsErrorKind::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What is wrong with the content of a file.
    pub(super) fn corrupt(&self, name: &str, reason: &dyn fmt::Display) -> StoreError {
        StoreError::Corrupt {
            file: self.location.join(name).to_string(),
            reason: reason.to_string(),
        }
    }

    /// Where a file is written before it gets its name.
    fn temporary(&self, name: &str) -> Result<Location, StoreError> {
        let Some(term) = &self.term else {
            let hidden = format!("{HIDDEN_PREFIX}{name}{TEMPORARY_SUFFIX}");
            return Ok(self.location.join(&hidden));
        };
        self.check(term)?;
        Ok(term.stage.join(&format!("{name}{TEMPORARY_SUFFIX}")))
    }

    /// Spares a leader that knows that it is deposed the way.
    fn check(&self, term: &Term) -> Result<(), StoreError> {
        match term.lease.holds() {
            true => Ok(()),
            false => Err(self.deposed()),
        }
    }

    fn deposed(&self) -> StoreError {
        StoreError::Deposed {
            directory: self.location.to_string(),
        }
    }

    /// A step that failed because the next leader has taken this one's directory away is told as that.
    async fn outcome(&self, outcome: Result<(), FsError>, step: impl FnOnce() -> String) -> Result<(), StoreError> {
        let Err(cause) = outcome else {
            return Ok(());
        };
        if let Some(term) = &self.term
            && let Err(gone) = self.file_system.status(&term.stage).await
            && matches!(
                (&cause.kind, &gone.kind),
                (FsErrorKind::NotFound, FsErrorKind::NotFound)
            )
        {
            return Err(self.deposed());
        }
        Err(self.failed(step(), cause))
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
#[path = "directory_tests.rs"]
mod tests;
