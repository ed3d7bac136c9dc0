//! Bringing files to where containers find them.
//!
//! ```text
//! <yarn.staging-directory, else /user/<user>>/.selvedge/    0755
//!   archives/                                               0755
//!     selvedge-<sha256>.tar.gz                              0644   once for each binary
//!   application_…/                                          0700   deleted at the end
//!     config.yaml  hadoop-site.xml  job-graph.json          0600
//!     application.json  program-NAME                        0600   of an application whose program the master runs
//!     artifact-<n>                                          0600   what the job brings along from the client's disk
//!     ship-<n>                                              0600   what the user sends along from there
//! ```

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use selvedge_core::Configuration;
use selvedge_core::config::options::yarn;
use selvedge_runtime::artifact::ArtifactFile;
use selvedge_runtime::deployment::{DIST_DIRECTORY, ShippedFile, Visibility};
use selvedge_runtime::fs::{
    CreateOptions, FileStatus, FileSystem, FileSystems, FileWriter, FsError, FsErrorKind, Location,
};

use super::YarnError;
use super::archive::{self, ArchiveIdentity};
use super::safe_place;

const CHUNK: usize = 1 << 20;
const OPEN_DIRECTORY: u32 = 0o755;
const OPEN_FILE: u32 = 0o644;
const CLOSED_DIRECTORY: u32 = 0o700;
const CLOSED_FILE: u32 = 0o600;

/// The user's place on the cluster's file system.
#[derive(Debug, Clone)]
pub(super) struct Staging {
    file_system: Arc<dyn FileSystem>,
    home: Location,
    replication: Option<u16>,
    user: String,
    /// The group of HDFS's superusers.
    superusers: String,
    cache: Option<PathBuf>,
}

/// A directory in which an administrator may have put the archive: on the cluster's file system, or on a disk that is the
/// same on every node.
#[derive(Debug, Clone)]
pub(super) struct Provided {
    pub(super) file_system: Arc<dyn FileSystem>,
    pub(super) directory: Location,
}

/// The archive with this binary that an earlier deployment has staged, and the directories above it, the nearest first.
#[derive(Debug)]
pub(super) struct Staged {
    identity: ArchiveIdentity,
    archive: FileStatus,
    parents: Vec<FileStatus>,
}

impl Staging {
    pub(super) fn new(
        configuration: &Configuration,
        file_systems: &FileSystems,
        user: &str,
        superusers: &str,
    ) -> Result<Self, YarnError> {
        let home = match configuration.find(&yarn::STAGING_DIRECTORY)? {
            Some(directory) => file_systems.resolve(&directory)?,
            None => file_systems.default_root().join(&format!("user/{user}")),
        };
        if home.scheme() == "file" {
            return Err(YarnError::LocalStaging { found: home });
        }
        let file_system = file_systems.of(&home).map_err(stage("the application's files"))?;
        Ok(Self {
            file_system: Arc::clone(file_system),
            home,
            replication: u16::try_from(configuration.get(&yarn::FILE_REPLICATION)?)
                .ok()
                .filter(|replication| *replication > 0),
            user: user.to_owned(),
            superusers: superusers.to_owned(),
            cache: archive::cache_directory(),
        })
    }

    /// The user's directory, below which everything is staged.
    pub(super) const fn home(&self) -> &Location {
        &self.home
    }

    fn base(&self) -> Location {
        self.home.join(".selvedge")
    }

    fn archives(&self) -> Location {
        self.base().join("archives")
    }

    /// The directory of one application.
    pub(super) fn application_directory(&self, application: &str) -> Location {
        self.base().join(application)
    }

    /// Looks for what an earlier deployment has staged, and writes nothing. `None` where anything is missing or cannot be
    /// looked at: whoever goes on to make it finds out why.
    pub(super) async fn look(&self, binary: &Path) -> Option<Staged> {
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
    pub(super) async fn archive(
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

    /// Makes the user's directories where they are missing, open to everybody's eyes so that nodes can share the archive.
    /// Must come before anything else is staged.
    pub(super) async fn prepare(&self, staged: Option<&Staged>) -> Result<(), YarnError> {
        for directory in [self.base(), self.archives()] {
            let mut parents = staged.iter().flat_map(|staged| &staged.parents);
            let made;
            let status = match parents.find(|parent| parent.location == directory) {
                Some(status) => status,
                None => {
                    made = self.open_directory(&directory).await?;
                    &made
                }
            };
            if let Some(owner) = status.owner.as_ref().filter(|owner| **owner != self.user) {
                return Err(YarnError::Unsafe(format!(
                    "{directory} belongs to {owner}, not to {}: whoever owns it could plant a binary; set \
                     yarn.staging-directory to a directory of your own",
                    self.user
                )));
            }
        }
        Ok(())
    }

    async fn open_directory(&self, directory: &Location) -> Result<FileStatus, YarnError> {
        let make = async {
            self.file_system.mkdirs(directory, mode(OPEN_DIRECTORY)).await?;
            self.file_system.status(directory).await
        };
        make.await.map_err(stage("the application's files"))
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

    async fn create(&self, target: &Location, options: CreateOptions) -> Result<Box<dyn FileWriter>, FsError> {
        let options = CreateOptions {
            replication: self.replication,
            ..options
        };
        self.file_system.create(target, options).await
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

    /// Makes the directory of an application; nobody else may look into it.
    pub(super) async fn make_application_directory(&self, directory: &Location) -> Result<(), YarnError> {
        self.file_system
            .mkdirs(directory, mode(CLOSED_DIRECTORY))
            .await
            .map_err(stage("the application's directory"))
    }

    /// Writes a small file into the directory of an application.
    pub(super) async fn write(
        &self,
        directory: &Location,
        name: &str,
        content: String,
    ) -> Result<ShippedFile, YarnError> {
        let target = directory.join(name);
        let write = async {
            let mut writer = self.create(&target, mode(CLOSED_FILE)).await?;
            writer.write(Bytes::from(content)).await?;
            writer.close().await?;
            self.file_system.status(&target).await
        };
        let status = write.await.map_err(stage(name))?;
        Ok(shipped(name, &status, false, Visibility::Application))
    }

    /// Copies a file that the job brings along; what is there when this returns is what the graph says of it.
    pub(super) async fn copy_artifact(
        &self,
        name: &str,
        file: &ArtifactFile<'_>,
        target: &Location,
    ) -> Result<(), YarnError> {
        let what = format!("the artifact '{name}'");
        let failed = stage(&what);
        let mut content = file.content();
        let mut writer = self.create(target, mode(CLOSED_FILE)).await.map_err(&failed)?;
        while let Some(piece) = content.next().await? {
            writer.write(piece).await.map_err(&failed)?;
        }
        writer.close().await.map_err(&failed)
    }

    /// Copies a file that the user sends along.
    pub(super) async fn copy_file(
        &self,
        name: &str,
        source_system: &dyn FileSystem,
        source: &Location,
        target: &Location,
    ) -> Result<FileStatus, YarnError> {
        let what = format!("'{name}', which is sent along");
        let failed = stage(&what);
        let mut writer = self.create(target, mode(CLOSED_FILE)).await.map_err(&failed)?;
        let mut at = 0;
        loop {
            let piece = source_system.read(source, at..at + CHUNK as u64).await;
            let piece = piece.map_err(&failed)?;
            if piece.is_empty() {
                break;
            }
            at += piece.len() as u64;
            writer.write(piece).await.map_err(&failed)?;
        }
        writer.close().await.map_err(&failed)?;
        self.file_system.status(target).await.map_err(&failed)
    }

    /// The directories of the user's applications, and what else is beside them.
    pub(super) async fn application_directories(&self) -> Result<Vec<FileStatus>, FsError> {
        self.file_system.list(&self.base()).await
    }

    /// Deletes the directory of an application.
    pub(super) async fn delete(&self, directory: &Location) -> Result<(), YarnError> {
        self.file_system
            .delete(directory)
            .await
            .map(|_| ())
            .map_err(stage("nothing more: the application's directory cannot be deleted"))
    }

    async fn delete_quietly(&self, location: &Location) {
        if let Err(error) = self.file_system.delete(location).await {
            tracing::warn!(%error, "a temporary file is left behind");
        }
    }
}

pub(super) fn shipped(key: &str, status: &FileStatus, archive: bool, visibility: Visibility) -> ShippedFile {
    ShippedFile {
        key: key.to_owned(),
        url: status.location.to_string(),
        size: status.len,
        modification_time: i64::try_from(status.modified.millis()).unwrap_or(i64::MAX),
        archive,
        visibility,
    }
}

const fn mode(mode: u32) -> CreateOptions {
    CreateOptions {
        mode: Some(mode),
        replication: None,
    }
}

fn stage(what: &str) -> impl Fn(FsError) -> YarnError {
    move |cause| {
        let (what, cause) = (what.to_owned(), Box::new(cause));
        match cause.kind {
            FsErrorKind::PermissionDenied(_) => YarnError::Denied { what, cause },
            _ => YarnError::Stage { what, cause },
        }
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

#[cfg(test)]
mod tests;
