//! A directory on the local disk that is one store's alone: it goes with the store, and that of a process that was killed goes
//! when the next store is made beside it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

const PREFIX: &str = "blobStore-";
/// Until a new directory is locked, nobody takes it for one that was left behind.
const NEW_PREFIX: &str = ".new-";

/// The directory; dropping it deletes it with all that it holds.
#[derive(Debug)]
pub(super) struct OwnDirectory {
    path: PathBuf,
    /// The system gives the lock back when the process ends, however it does.
    _lock: File,
}

impl OwnDirectory {
    /// Makes one below `parent`, which is made too where it is missing.
    pub(super) fn below(parent: &Path) -> io::Result<Self> {
        fs::create_dir_all(parent)?;
        sweep(parent);
        let name = format!("{PREFIX}{:016x}", rand::random::<u64>());
        let new = parent.join(format!("{NEW_PREFIX}{name}"));
        fs::create_dir(&new)?;
        let path = parent.join(name);
        let locked = File::open(&new).and_then(|lock| {
            lock.lock()?;
            fs::rename(&new, &path)?;
            Ok(lock)
        });
        match locked {
            Ok(_lock) => Ok(Self { path, _lock }),
            Err(error) => {
                // The first error says more.
                let _ = fs::remove_dir(&new);
                Err(error)
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for OwnDirectory {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!("{} with blobs is left behind: {error}", self.path.display());
        }
    }
}

/// Deletes the directories of processes that were killed.
fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else {
        return;
    };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(PREFIX) {
            delete_unlocked(&entry.path());
        }
    }
}

fn delete_unlocked(directory: &Path) {
    let Ok(lock) = File::open(directory) else {
        return;
    };
    if lock.try_lock().is_err() {
        return;
    }
    match fs::remove_dir_all(directory) {
        Ok(()) => tracing::info!("{} of a process that was killed is deleted", directory.display()),
        // Another process is faster, or another user's it was.
        Err(error) => tracing::debug!("{} stays: {error}", directory.display()),
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
