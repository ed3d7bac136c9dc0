//! A directory of small files, each written whole or not at all: under a temporary name first, synced, then renamed.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use selvedge_runtime::fs::{CreateOptions, FileSystem, FileSystems, FsError, FsErrorKind, Location};

use super::StoreError;
use super::error::DirectoryError;
use super::settings::Place;
use crate::lease::Lease;

/// Begins the names of what is being written; readers of such directories pass over a leading dot.
const HIDDEN_PREFIX: &str = ".";
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

    /// Deletes a file, if it is there.
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
mod tests {
    use selvedge_runtime::ha::{HaServices, InMemoryEnsemble, StandaloneHaServices};

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

    /// Each leadership believes that it lasts.
    fn under(store: &StoreDirectory, seed: u64) -> StoreDirectory {
        let election = StandaloneHaServices::leading(seed).election();
        let session = election.leadership().borrow().session().unwrap();
        store.under(&Lease::new(election, session))
    }

    #[tokio::test]
    async fn what_a_leader_writes_is_there_and_a_step_may_be_repeated() {
        let root = tempfile::tempdir().unwrap();
        let store = under(&store(root.path()), 1);
        store.take_over().await.unwrap();
        store.write("a", b"1".to_vec()).await.unwrap();
        store.write("a", b"1".to_vec()).await.unwrap();
        store.write("a", b"2".to_vec()).await.unwrap();
        assert_eq!(store.find("a").await.unwrap().unwrap(), "2");
        store.delete("a").await.unwrap();
        store.delete("a").await.unwrap();
        assert_eq!(
            (store.find("a").await.unwrap(), store.names().await.unwrap()),
            (None, vec![])
        );
        store.leave().await.unwrap();
        assert_eq!(std::fs::read_dir(root.path().join("a/b")).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn what_a_deposed_leader_still_writes_never_appears_and_deletes_nothing() {
        let root = tempfile::tempdir().unwrap();
        let shared = store(root.path());
        let (first, second) = (under(&shared, 1), under(&shared, 2));
        first.take_over().await.unwrap();
        first.write("done", b"1".to_vec()).await.unwrap();
        // A write that has come as far as before its last step.
        let half = first.temporary("late").unwrap();
        std::fs::write(half.path(), "late").unwrap();
        second.take_over().await.unwrap();
        let target = shared.location.join("late");
        let finished = shared.file_system.rename(&half, &target).await.unwrap_err();
        assert!(matches!(finished.kind, FsErrorKind::NotFound), "{finished}");
        second.write("new", b"2".to_vec()).await.unwrap();
        for outcome in [
            first.write("late", b"late".to_vec()).await,
            first.write("new", b"late".to_vec()).await,
            first.delete("done").await,
            first.delete("not there").await,
        ] {
            assert!(matches!(outcome, Err(StoreError::Deposed { .. })), "{outcome:?}");
        }
        assert_eq!(second.names().await.unwrap(), ["done", "new"]);
        assert_eq!(second.read("new").await.unwrap(), "2");
        second.delete("done").await.unwrap();
        assert_eq!(second.names().await.unwrap(), ["new"]);
    }

    #[tokio::test]
    async fn a_leader_that_knows_that_it_is_deposed_writes_nothing_and_takes_nothing_over() {
        let root = tempfile::tempdir().unwrap();
        let ensemble = InMemoryEnsemble::new(1);
        let member = ensemble.join();
        let election = member.election();
        let session = election.leadership().borrow().session().unwrap();
        let store = store(root.path()).under(&Lease::new(election, session));
        store.take_over().await.unwrap();
        ensemble.revoke(&member);
        for outcome in [
            store.write("late", b"late".to_vec()).await,
            store.delete("late").await,
            store.take_over().await,
        ] {
            assert!(matches!(outcome, Err(StoreError::Deposed { .. })), "{outcome:?}");
        }
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
