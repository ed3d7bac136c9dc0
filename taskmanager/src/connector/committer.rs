//! Makes the files of a sink visible, all of them or none. Each method may run again after a crash.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use selvedge_core::{OperatorId, VertexId};
use selvedge_runtime::connector::{Committable, ConnectorError, JobCommitter};
use selvedge_runtime::fs::{CreateOptions, FileStatus, FileSystem, FsError, FsErrorKind, Location};

use super::output::{OutputDirectory, PartFile};

#[derive(Debug)]
pub(super) struct FileCommitter {
    pub(super) operator: OperatorId,
    pub(super) file_system: Arc<dyn FileSystem>,
    pub(super) directory: OutputDirectory,
    pub(super) vertex: VertexId,
    pub(super) overwrite: bool,
}

impl FileCommitter {
    /// Fails where something stands in the way of the output; whether the directory exists otherwise.
    pub(super) async fn refuse_existing(&self) -> Result<bool, ConnectorError> {
        let root = &self.directory.root;
        let Some(found) = self.status(root).await? else {
            return Ok(false);
        };
        if !found.is_dir {
            return Err(self.fail(format!("the output path {root} is a file: name a directory")));
        }
        if self.overwrite || self.status(&self.directory.temporary).await?.is_some() {
            return Ok(true);
        }
        Err(self.fail(format!(
            "the output directory {root} exists already: delete it, name another one, or set \"overwrite\": true in the sink"
        )))
    }

    async fn make_room(&self, exists: bool) -> Result<(), FsError> {
        let options = CreateOptions::default();
        self.file_system.mkdirs(&self.directory.temporary, options).await?;
        if !exists {
            let marker = self.directory.made_marker();
            match self.file_system.create(&marker, options).await {
                Ok(mut file) => file.close().await?,
                Err(error) if matches!(error.kind, FsErrorKind::AlreadyExists) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Takes back what a failed [`Self::make_room`] made: the marker by which an abort would know may be missing.
    async fn clear_half_made(&self, existed: bool) -> Result<(), ConnectorError> {
        self.delete(&self.directory.temporary).await?;
        if !existed && self.list(&self.directory.root).await?.is_empty() {
            self.delete(&self.directory.root).await?;
        }
        Ok(())
    }

    /// Gives a file its final name, unless a run before has done so.
    async fn publish(&self, part: &PartFile) -> Result<(), ConnectorError> {
        let Err(error) = self.file_system.rename(&part.temporary, &part.r#final).await else {
            return Ok(());
        };
        let moved = self.status(&part.temporary).await?.is_none() && self.status(&part.r#final).await?.is_some();
        if moved { Ok(()) } else { Err(self.failed(&error)) }
    }

    /// Removes what was in the directory before the job.
    async fn remove_old(&self, committed: &BTreeSet<Location>) -> Result<(), ConnectorError> {
        for child in self.list(&self.directory.root).await? {
            if child.location != self.directory.temporary && !committed.contains(&child.location) {
                self.delete(&child.location).await?;
            }
        }
        Ok(())
    }

    async fn status(&self, location: &Location) -> Result<Option<FileStatus>, ConnectorError> {
        match self.file_system.status(location).await {
            Ok(status) => Ok(Some(status)),
            Err(error) if matches!(error.kind, FsErrorKind::NotFound) => Ok(None),
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// The children of a directory; none where it does not exist.
    async fn list(&self, directory: &Location) -> Result<Vec<FileStatus>, ConnectorError> {
        match self.file_system.list(directory).await {
            Ok(children) => Ok(children),
            Err(error) if matches!(error.kind, FsErrorKind::NotFound) => Ok(Vec::new()),
            Err(error) => Err(self.failed(&error)),
        }
    }

    async fn delete(&self, location: &Location) -> Result<(), ConnectorError> {
        let deleted = self.file_system.delete(location).await;
        deleted.map(|_| ()).map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &FsError) -> ConnectorError {
        self.fail(error.to_string())
    }

    fn fail(&self, reason: String) -> ConnectorError {
        ConnectorError::new(format!("operator '{}': {reason}", self.operator))
    }
}

#[async_trait]
impl JobCommitter for FileCommitter {
    async fn prepare(&self) -> Result<(), ConnectorError> {
        let exists = self.refuse_existing().await?;
        let Err(error) = self.make_room(exists).await else {
            return Ok(());
        };
        let left_behind = match self.clear_half_made(exists).await {
            Ok(()) => "",
            Err(_) => "; what was made of it may be left behind",
        };
        Err(self.fail(format!(
            "no room can be made for the output in {}: {error}; its parent must exist or be writable by the job's \
             user{left_behind}",
            self.directory.root
        )))
    }

    async fn commit(&self, committables: &[Committable]) -> Result<(), ConnectorError> {
        let mut committed = BTreeSet::new();
        for committable in committables {
            let part = PartFile::from_committable(committable, &self.directory.root)?;
            self.publish(&part).await?;
            committed.insert(part.r#final);
        }
        // Without the temporary directory an earlier run has come to the end, and what came later is not ours to delete.
        if self.overwrite && self.status(&self.directory.temporary).await?.is_some() {
            self.remove_old(&committed).await?;
        }
        self.delete(&self.directory.temporary).await
    }

    async fn abort(&self) -> Result<(), ConnectorError> {
        let made = self.status(&self.directory.made_marker()).await?.is_some();
        let ours = self.directory.part_prefix(&self.vertex);
        // A commit that failed half-way has left these.
        for child in self.list(&self.directory.root).await? {
            if child.location.name().starts_with(&ours) {
                self.delete(&child.location).await?;
            }
        }
        let rest = self.list(&self.directory.root).await?;
        let foreign = rest.iter().any(|child| child.location != self.directory.temporary);
        if made && !foreign {
            return self.delete(&self.directory.root).await;
        }
        self.delete(&self.directory.temporary).await
    }
}
