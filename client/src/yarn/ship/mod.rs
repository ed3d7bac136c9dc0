//! What a user sends along into every container, besides what Selvedge itself needs there.
//!
//! | setting | in the working directory of master and workers |
//! | --- | --- |
//! | `yarn.ship-files` | a file under its name, a directory with all that it holds |
//! | `yarn.ship-archives` | a directory of the archive's name, with what is in it |
//! | `yarn.provided.usrlib.dir`, else `usrlib` beside the installation's `bin` | `usrlib/` |
//!
//! What is on this disk is copied into the application's directory, what is on the cluster's file system is used from there.

mod error;
mod plan;

use futures::{StreamExt, TryStreamExt};
use selvedge_runtime::deployment::{ShippedFile, Visibility};
use selvedge_runtime::fs::{FileSystems, Location};

use super::YarnError;
use super::staging::{Staging, shipped};

pub use error::ShipError;
pub(super) use plan::ShipPlan;
use plan::{Item, archive_extension};

/// How many files are copied at a time: each waits for the NameNode most of the time.
const AT_ONCE: usize = 4;

impl ShipPlan {
    /// Copies into the application's directory what is on this disk.
    pub(super) async fn stage(
        self,
        file_systems: &FileSystems,
        staging: &Staging,
        directory: &Location,
    ) -> Result<Vec<ShippedFile>, YarnError> {
        let staged = self.into_items().enumerate().map(|(number, item)| async move {
            let Item { key, status, archive } = item;
            if status.location.scheme() != "file" {
                return Ok(shipped(&key, &status, archive, Visibility::Application));
            }
            // Names of files in HDFS may hold less than those on a disk; how an archive is unpacked goes by its extension.
            let extension = archive.then(|| archive_extension(&key)).flatten().unwrap_or_default();
            let target = directory.join(&format!("ship-{number}{extension}"));
            let source = file_systems.of(&status.location)?;
            let copied = staging.copy_file(&key, &**source, &status.location, &target).await?;
            Ok::<_, YarnError>(shipped(&key, &copied, archive, Visibility::Application))
        });
        futures::stream::iter(staged).buffered(AT_ONCE).try_collect().await
    }
}

#[cfg(test)]
mod tests;
