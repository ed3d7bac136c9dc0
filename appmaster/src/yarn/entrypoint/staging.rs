//! The application's directory in the cluster's file system: nobody needs it when the application has ended.

use selvedge_runtime::fs::{FileSystems, FsError, Location, ParseLocationError};
use thiserror::Error;

/// The staging directory is still there.
#[derive(Debug, Error)]
pub(super) enum StagingError {
    /// It has no usable path.
    #[error(transparent)]
    Path(#[from] ParseLocationError),
    /// The path is not that of an application's directory.
    #[error("{0} does not end in the application's id, so that it may not be deleted")]
    Foreign(Location),
    /// It cannot be deleted.
    #[error(transparent)]
    FileSystem(#[from] FsError),
}

/// Deletes the directory; whether there was one.
pub(super) async fn delete(
    file_systems: &FileSystems,
    directory: &str,
    application: &str,
) -> Result<bool, StagingError> {
    let location = file_systems.resolve(directory)?;
    // A wrong variable must not cost a user more than this.
    if location.name() != application {
        return Err(StagingError::Foreign(location));
    }
    Ok(file_systems.of(&location)?.delete(&location).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const APPLICATION: &str = "application_1700000000000_0007";

    #[tokio::test]
    async fn the_applications_directory_goes_with_all_that_it_holds() {
        let home = tempfile::tempdir().unwrap();
        let staging = home.path().join(APPLICATION);
        std::fs::create_dir(&staging).unwrap();
        std::fs::write(staging.join("job-graph.json"), "{}").unwrap();
        let text = staging.display().to_string();
        let file_systems = FileSystems::local_only();
        assert!(delete(&file_systems, &text, APPLICATION).await.unwrap());
        assert!(!staging.exists() && home.path().exists());
        assert!(!delete(&file_systems, &text, APPLICATION).await.unwrap());
    }

    #[tokio::test]
    async fn another_directory_is_left_alone() {
        let home = tempfile::tempdir().unwrap();
        let text = home.path().display().to_string();
        let error = delete(&FileSystems::local_only(), &text, APPLICATION)
            .await
            .unwrap_err();
        assert!(matches!(error, StagingError::Foreign(_)), "{error}");
        assert!(home.path().exists());
    }
}
