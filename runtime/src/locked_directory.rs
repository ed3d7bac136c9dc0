//! Directories on the local disk that are one process's alone: locked while it lives, and swept by others when it was killed.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Until a new directory is locked, nobody takes it for one that was left behind.
const NEW_PREFIX: &str = ".new-";

/// Makes a directory of a name that nobody else has. The system gives the lock back when the process ends, however it does.
pub(crate) fn make(parent: &Path, name: &str) -> io::Result<(PathBuf, File)> {
    let new = parent.join(format!("{NEW_PREFIX}{name}"));
    // The name is one process's alone: it was killed here before.
    let _ = fs::remove_dir(&new);
    fs::create_dir(&new)?;
    let path = parent.join(name);
    let locked = File::open(&new).and_then(|lock| {
        lock.lock()?;
        fs::rename(&new, &path)?;
        Ok(lock)
    });
    match locked {
        Ok(lock) => Ok((path, lock)),
        Err(error) => {
            // The first error says more.
            let _ = fs::remove_dir(&new);
            Err(error)
        }
    }
}

/// Deletes the directories with such names whose processes were killed.
pub(crate) fn sweep(parent: &Path, is_one: impl Fn(&str) -> bool) {
    let Ok(entries) = fs::read_dir(parent) else {
        return;
    };
    for entry in entries.flatten() {
        if is_one(&entry.file_name().to_string_lossy()) {
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
