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

mod binary;

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use selvedge_core::Configuration;
use selvedge_core::config::options::yarn;
use selvedge_runtime::artifact::ArtifactFile;
use selvedge_runtime::deployment::{ShippedFile, Visibility};
use selvedge_runtime::fs::{
    CreateOptions, FileStatus, FileSystem, FileSystems, FileWriter, FsError, FsErrorKind, Location,
};

pub(super) use self::binary::Staged;
use super::YarnError;
use super::archive;

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

    async fn create(&self, target: &Location, options: CreateOptions) -> Result<Box<dyn FileWriter>, FsError> {
        let options = CreateOptions {
            replication: self.replication,
            ..options
        };
        self.file_system.create(target, options).await
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

#[cfg(test)]
mod tests;
