//! A directory on the local disk that is one store's alone: it goes with the store, and that of a process that was killed goes
//! when the next store is made beside it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::locked_directory;

const PREFIX: &str = "blobStore-";

/// The directory; dropping it deletes it with all that it holds.
#[derive(Debug)]
pub(super) struct OwnDirectory {
    path: PathBuf,
    _lock: File,
}

impl OwnDirectory {
    /// Makes one below `parent`, which is made too where it is missing.
    pub(super) fn below(parent: &Path) -> io::Result<Self> {
        fs::create_dir_all(parent)?;
        locked_directory::sweep(parent, |name| name.starts_with(PREFIX));
        let (path, _lock) = locked_directory::make(parent, &format!("{PREFIX}{:016x}", rand::random::<u64>()))?;
        Ok(Self { path, _lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Deletes it, if it is there.
    pub(super) fn delete(&self) {
        if let Err(error) = fs::remove_dir_all(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!("{} with blobs is left behind: {error}", self.path.display());
        }
    }
}

impl Drop for OwnDirectory {
    fn drop(&mut self) {
        self.delete();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn what_a_killed_process_has_left_goes_and_what_one_uses_stays() {
        let parent = tempfile::tempdir().unwrap();
        let left = parent.path().join("blobStore-0123456789abcdef/job");
        fs::create_dir_all(&left).unwrap();
        fs::create_dir(parent.path().join("blobs-of-somebody")).unwrap();
        let first = OwnDirectory::below(parent.path()).unwrap();
        assert!(!left.exists());
        let second = OwnDirectory::below(parent.path()).unwrap();
        assert!(first.path().exists() && second.path().exists() && first.path() != second.path());
        drop((first, second));
        assert_eq!(names(parent.path()), ["blobs-of-somebody"]);
    }
}
