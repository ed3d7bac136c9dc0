//! Makes the files of a sink visible, all of them or none. Each method may run again after a crash.
//!
//! ```text
//! prepare ─► publish: files get their names, what they replace is set aside ─► finish: that is deleted
//!      └────────┴──► abort: the job's files are deleted, what was set aside comes back
//! ```

use std::sync::Arc;

use async_trait::async_trait;
use selvedge_core::OperatorId;
use selvedge_runtime::connector::{Committable, ConnectorError, JobCommitter};
use selvedge_runtime::fs::{CreateOptions, FileStatus, FileSystem, FsError, FsErrorKind, Location};

use super::output::{OutputDirectory, PartFile};

#[derive(Debug)]
pub(super) struct FileCommitter {
    pub(super) operator: OperatorId,
    pub(super) file_system: Arc<dyn FileSystem>,
    pub(super) directory: OutputDirectory,
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
            return Err(ConnectorError::new(format!(
                "the output path {root} is a file: name a directory"
            )));
        }
        if self.overwrite || self.status(&self.directory.temporary).await?.is_some() {
            return Ok(true);
        }
        Err(ConnectorError::new(format!(
            "the output directory {root} exists already: delete it, name another one, or set \"overwrite\": true in the sink"
        )))
    }

    /// Fails where this sink and another one of the job write to one directory, however its path is written, or where one
    /// replaces a directory that holds the other's: what is published there would be taken for old, and go.
    pub(super) fn refuse_shared(&self, other: &Self) -> Result<(), ConnectorError> {
        let (own, others) = (&self.directory.root, &other.directory.root);
        let (inner, outer) = match (own.is_below(others), others.is_below(own)) {
            _ if own == others => {
                return Err(ConnectorError::new(format!(
                    "operator '{}' writes to {own}, too: give each file-sink a directory of its own",
                    other.operator
                )));
            }
            (true, _) if other.overwrite => (own, others),
            (_, true) if self.overwrite => (others, own),
            _ => return Ok(()),
        };
        Err(ConnectorError::new(format!(
            "its output and that of operator '{}' are nested: {inner} lies within {outer}, which is to be replaced; name \
             directories side by side",
            other.operator
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
    async fn give_final_name(&self, part: &PartFile) -> Result<(), ConnectorError> {
        let Err(error) = self.file_system.rename(&part.temporary, &part.r#final).await else {
            return Ok(());
        };
        let moved = self.status(&part.temporary).await?.is_none() && self.status(&part.r#final).await?.is_some();
        if moved { Ok(()) } else { Err(failed(error)) }
    }

    /// Moves what was in the directory before the job out of sight, from where an abort can bring it back. Two sinks of a job
    /// may write to one directory: what another of them has published is not old.
    async fn set_aside(&self) -> Result<(), ConnectorError> {
        let replaced = self.directory.replaced();
        for child in self.list(&self.directory.root).await? {
            if child.location != self.directory.temporary && !self.is_ours(&child) {
                let made = self.file_system.mkdirs(&replaced, CreateOptions::default()).await;
                made.map_err(failed)?;
                self.rename(&child.location, &replaced.join(child.location.name()))
                    .await?;
            }
        }
        Ok(())
    }

    async fn bring_back(&self) -> Result<(), ConnectorError> {
        for child in self.list(&self.directory.replaced()).await? {
            self.rename(&child.location, &self.directory.root.join(child.location.name()))
                .await?;
        }
        Ok(())
    }

    /// What the job has published here, with any of its sinks.
    async fn own_files(&self) -> Result<Vec<FileStatus>, ConnectorError> {
        let mut children = self.list(&self.directory.root).await?;
        children.retain(|child| self.is_ours(child));
        Ok(children)
    }

    fn is_ours(&self, child: &FileStatus) -> bool {
        child.location.name().starts_with(&self.directory.job_prefix())
    }

    async fn rename(&self, from: &Location, to: &Location) -> Result<(), ConnectorError> {
        let renamed = self.file_system.rename(from, to).await;
        renamed.map_err(failed)
    }

    async fn status(&self, location: &Location) -> Result<Option<FileStatus>, ConnectorError> {
        match self.file_system.status(location).await {
            Ok(status) => Ok(Some(status)),
            Err(error) if matches!(error.kind, FsErrorKind::NotFound) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    /// The children of a directory; none where it does not exist.
    async fn list(&self, directory: &Location) -> Result<Vec<FileStatus>, ConnectorError> {
        match self.file_system.list(directory).await {
            Ok(children) => Ok(children),
            Err(error) if matches!(error.kind, FsErrorKind::NotFound) => Ok(Vec::new()),
            Err(error) => Err(failed(error)),
        }
    }

    async fn delete(&self, location: &Location) -> Result<(), ConnectorError> {
        let deleted = self.file_system.delete(location).await;
        deleted.map(|_| ()).map_err(failed)
    }
}

fn failed(error: FsError) -> ConnectorError {
    ConnectorError::new(error.to_string())
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
        Err(ConnectorError::new(format!(
            "no room can be made for the output in {}: {error}; the job's user must be able to write there{left_behind}",
            self.directory.root
        )))
    }

    /// The job has been here where its temporary directory is, or where its files are without that: then it had finished,
    /// and its result got lost with its master. What it has made is not in its own way.
    async fn prepare_again(&self) -> Result<(), ConnectorError> {
        let begun = self.status(&self.directory.temporary).await?.is_some();
        if !begun && self.own_files().await?.is_empty() {
            return self.prepare().await;
        }
        self.abort().await?;
        for file in self.own_files().await? {
            self.delete(&file.location).await?;
        }
        let exists = self.status(&self.directory.root).await?.is_some();
        self.make_room(exists).await.map_err(failed)
    }

    async fn publish(&self, committables: &[Committable]) -> Result<(), ConnectorError> {
        for committable in committables {
            let part = PartFile::from_committable(committable, &self.directory.root)?;
            self.give_final_name(&part).await?;
        }
        // Without the temporary directory an earlier run has come to the end, and what came later is not ours to replace.
        if self.overwrite && self.status(&self.directory.temporary).await?.is_some() {
            self.set_aside().await?;
        }
        Ok(())
    }

    async fn finish(&self) -> Result<(), ConnectorError> {
        self.delete(&self.directory.temporary).await
    }

    async fn abort(&self) -> Result<(), ConnectorError> {
        if self.status(&self.directory.temporary).await?.is_none() {
            // Nothing was begun, or all is finished, or another sink of the job has aborted in this directory.
            return Ok(());
        }
        let made = self.status(&self.directory.made_marker()).await?.is_some();
        // A commit that failed half-way has left these, of this sink or of another one in the same directory.
        for file in self.own_files().await? {
            self.delete(&file.location).await?;
        }
        self.bring_back().await?;
        let rest = self.list(&self.directory.root).await?;
        let foreign = rest.iter().any(|child| child.location != self.directory.temporary);
        if made && !foreign {
            return self.delete(&self.directory.root).await;
        }
        self.delete(&self.directory.temporary).await
    }
}
