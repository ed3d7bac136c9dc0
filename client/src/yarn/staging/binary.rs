//! The binary on the cluster's file system: looked for where it may be, and brought there once.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use bytes::Bytes;
use selvedge_core::config::options::yarn;
use selvedge_runtime::deployment::{DIST_DIRECTORY, ShippedFile};
use selvedge_runtime::fs::{FileStatus, FsErrorKind, Location};

use super::{CHUNK, OPEN_FILE, Provided, Staging, mode, shipped, stage};
use crate::yarn::YarnError;
use crate::yarn::archive::{self, ArchiveIdentity};
use crate::yarn::safe_place;

/// The archive with this binary that an earlier deployment has staged, and the directories above it, the nearest first.
#[derive(Debug)]
pub(in crate::yarn) struct Staged {
    identity: ArchiveIdentity,
    pub(super) archive: FileStatus,
    pub(super) parents: Vec<FileStatus>,
}

impl Staging {
    /// Looks for what an earlier deployment has staged, and writes nothing. `None` where anything is missing or cannot be
    /// looked at: whoever goes on to make it finds out why.
    pub(in crate::yarn) async fn look(&self, binary: &Path) -> Option<Staged> {
        let identity = archive::known(binary, self.cache.as_deref()?)?;
        let target = self.archives().join(&identity.file_name());
        let (archive, parents) = tokio::try_join!(
            self.file_system.status(&target),
            safe_place::parents(&*self.file_system, &target)
        )
        .ok()?;
        Some(Staged {
            identity,
            archive,
            parents,
        })
    }

    /// The archive with this binary: one that is provided, one that was staged before, or a new one.
    pub(in crate::yarn) async fn archive(
        &self,
        binary: &Path,
        provided: &[Provided],
        staged: Option<Staged>,
        note: &mut (dyn FnMut(&str) + Send),
    ) -> Result<ShippedFile, YarnError> {
        let (identity, packed) = match &staged {
            Some(staged) => (staged.identity.clone(), None),
            None => self.identify(binary).await?,
        };
        for place in provided {
            if let Some(shipped) = self.provided(place, &identity, note).await? {
                return Ok(shipped);
            }
        }
        let target = self.archives().join(&identity.file_name());
        let (found, parents) = match staged {
            Some(staged) => (Some(staged.archive), staged.parents),
            None => self.survey(&target).await?,
        };
        let status = match found {
            Some(status) => self.own(status, &identity)?,
            None => match safe_place::plantable(&parents, &self.superusers) {
                Some(reason) => return Err(YarnError::Unsafe(reason)),
                None => self.upload_archive(binary, packed, &identity, &target, note).await?,
            },
        };
        self.shipped_archive(&status, &parents, note)
    }

    async fn identify(&self, binary: &Path) -> Result<(ArchiveIdentity, Option<File>), YarnError> {
        let (path, cache) = (binary.to_owned(), self.cache.clone());
        blocking(binary, move || archive::identify(&path, cache.as_deref())).await
    }

    async fn provided(
        &self,
        Provided { file_system, directory }: &Provided,
        identity: &ArchiveIdentity,
        note: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Option<ShippedFile>, YarnError> {
        let file = directory.join(&identity.file_name());
        match file_system.status(&file).await {
            Ok(status) if status.len == identity.size => {
                let parents = safe_place::parents(&**file_system, &file)
                    .await
                    .map_err(stage("the binary"))?;
                self.shipped_archive(&status, &parents, note).map(Some)
            }
            Ok(status) => Err(YarnError::Unsafe(format!(
                "{file} has {} bytes instead of {}: it was not copied whole, or is not what its name says; remove it",
                status.len, identity.size
            ))),
            Err(error) if matches!(error.kind, FsErrorKind::NotFound) => {
                note(&format!(
                    "{directory} ({}) has no {}: the binary is staged below {}",
                    yarn::PROVIDED_LIB_DIRS.key(),
                    identity.file_name(),
                    self.base()
                ));
                Ok(None)
            }
            Err(error) => Err(stage("the binary")(error)),
        }
    }

    /// What is at an archive's place, and the directories above it.
    async fn survey(&self, target: &Location) -> Result<(Option<FileStatus>, Vec<FileStatus>), YarnError> {
        let found = async {
            match self.file_system.status(target).await {
                Ok(status) => Ok(Some(status)),
                Err(error) if matches!(error.kind, FsErrorKind::NotFound) => Ok(None),
                Err(error) => Err(error),
            }
        };
        tokio::try_join!(found, safe_place::parents(&*self.file_system, target)).map_err(stage("the binary"))
    }

    /// The archive where it is whole and the user's own.
    fn own(&self, status: FileStatus, identity: &ArchiveIdentity) -> Result<FileStatus, YarnError> {
        let is_own = status.owner.as_deref().is_none_or(|owner| owner == self.user);
        if !is_own || status.len != identity.size {
            return Err(YarnError::Unsafe(format!(
                "{} has {} bytes and belongs to {}; expected are {} bytes of {}: it is not what its name says, remove it",
                status.location,
                status.len,
                status.owner.unwrap_or_default(),
                identity.size,
                self.user
            )));
        }
        Ok(status)
    }

    async fn upload_archive(
        &self,
        binary: &Path,
        packed: Option<File>,
        identity: &ArchiveIdentity,
        target: &Location,
        note: &mut (dyn FnMut(&str) + Send),
    ) -> Result<FileStatus, YarnError> {
        note(&format!(
            "staging the binary at {target} ({} bytes), once for this version",
            identity.size
        ));
        let packed = match packed {
            Some(packed) => packed,
            None => repack(binary, identity).await?,
        };
        let temporary = target.with_path(&format!("{}.{:016x}.tmp", target.path(), rand::random::<u64>()));
        let failed = stage("the binary");
        let copied = self.copy(binary, packed, &temporary).await;
        if let Err(error) = copied {
            self.delete_quietly(&temporary).await;
            return Err(error);
        }
        match self.file_system.rename(&temporary, target).await {
            Ok(()) => {}
            // Another client of the same user was faster: its file has the same content.
            Err(error) if matches!(error.kind, FsErrorKind::AlreadyExists) => self.delete_quietly(&temporary).await,
            Err(error) => {
                self.delete_quietly(&temporary).await;
                return Err(failed(error));
            }
        }
        match self.file_system.status(target).await {
            Ok(status) => self.own(status, identity),
            Err(error) if matches!(error.kind, FsErrorKind::NotFound) => Err(YarnError::Unsafe(format!(
                "{target} was gone as soon as it was written: is something cleaning up there?"
            ))),
            Err(error) => Err(failed(error)),
        }
    }

    async fn copy(&self, binary: &Path, mut file: File, target: &Location) -> Result<(), YarnError> {
        let failed = stage("the binary");
        let mut writer = self.create(target, mode(OPEN_FILE)).await.map_err(&failed)?;
        loop {
            let (back, chunk) = blocking(binary, move || read_chunk(file)).await?;
            if chunk.is_empty() {
                break;
            }
            file = back;
            writer.write(chunk).await.map_err(&failed)?;
        }
        writer.close().await.map_err(&failed)
    }

    fn shipped_archive(
        &self,
        status: &FileStatus,
        parents: &[FileStatus],
        note: &mut (dyn FnMut(&str) + Send),
    ) -> Result<ShippedFile, YarnError> {
        let superusers = &self.superusers;
        let unsafe_for = safe_place::plantable(parents, superusers)
            .or_else(|| safe_place::tampered(status, parents, &self.user, superusers));
        if let Some(reason) = unsafe_for {
            return Err(YarnError::Unsafe(reason));
        }
        let (visibility, reason) = safe_place::visibility(status, parents, superusers);
        if let Some(reason) = reason {
            note(&format!(
                "the binary is PRIVATE to your applications on each node: {reason}"
            ));
        }
        Ok(shipped(DIST_DIRECTORY, status, true, visibility))
    }
}

async fn repack(binary: &Path, identity: &ArchiveIdentity) -> Result<File, YarnError> {
    let path = binary.to_owned();
    let (packed, file) = blocking(binary, move || archive::pack(&path)).await?;
    if packed != *identity {
        return Err(YarnError::Unsafe(format!(
            "{} is being changed while it is staged: try again",
            binary.display()
        )));
    }
    Ok(file)
}

/// The next piece of a file; empty at its end.
fn read_chunk(mut file: File) -> io::Result<(File, Bytes)> {
    let mut chunk = Vec::with_capacity(CHUNK);
    file.by_ref().take(CHUNK as u64).read_to_end(&mut chunk)?;
    Ok((file, Bytes::from(chunk)))
}

/// Runs disk work off the runtime's threads.
async fn blocking<T: Send + 'static>(
    binary: &Path,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, YarnError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|panic| Err(io::Error::other(panic)))
        .map_err(|cause| YarnError::Pack {
            path: binary.display().to_string(),
            cause,
        })
}
