//! The folder of a run: whether the run still lives, and where it has made something, can be seen from it.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::process::geteuid;
use tempfile::TempDir;

const PREFIX: &str = "selvedge-docker-";
/// Locked as long as the run lives.
const LOCK: &str = "lock";
/// Holds the run's process, if it uses an engine of somebody else.
const GUEST: &str = "guest";

/// Removed when it is dropped.
#[derive(Debug)]
pub(super) struct Scratch {
    folder: TempDir,
    _lock: File,
}

impl Scratch {
    /// Of a run with an engine of its own.
    pub(super) fn make() -> io::Result<Self> {
        Self::make_in(&std::env::temp_dir())
    }

    /// Of a run in an engine of somebody else: its project and its image are to be found by its process.
    pub(super) fn make_for_guest() -> io::Result<Self> {
        let scratch = Self::make()?;
        fs::write(scratch.path().join(GUEST), std::process::id().to_string())?;
        Ok(scratch)
    }

    fn make_in(root: &Path) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(root)?;
        // It gets its name when it is locked: a lock that is free was left by a run that has ended.
        let unnamed = folder.path().join("unnamed");
        let lock = File::create(&unnamed)?;
        lock.lock()?;
        fs::rename(&unnamed, folder.path().join(LOCK))?;
        Ok(Self { folder, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// It stays, for a later run to find.
    pub(super) fn keep(&mut self) {
        self.folder.disable_cleanup(true);
    }
}

/// The folder of a run that was killed. As long as this is held, nobody else finds it.
#[derive(Debug)]
pub(super) struct LeftOver {
    folder: PathBuf,
    _lock: File,
}

impl LeftOver {
    /// All of this user.
    pub(super) fn find() -> Vec<Self> {
        Self::find_in(&std::env::temp_dir())
    }

    fn find_in(root: &Path) -> Vec<Self> {
        let entries = fs::read_dir(root).into_iter().flatten().flatten();
        let ours = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX));
        ours.filter_map(|entry| Self::of(entry.path())).collect()
    }

    fn of(folder: PathBuf) -> Option<Self> {
        let found = fs::symlink_metadata(&folder).ok()?;
        if !found.is_dir() || found.uid() != geteuid().as_raw() {
            return None;
        }
        let lock = File::open(folder.join(LOCK)).ok()?;
        lock.try_lock().ok()?;
        Some(Self { folder, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.folder
    }

    /// The process that the run had, if it used an engine of somebody else.
    pub(super) fn guest(&self) -> Option<u32> {
        fs::read_to_string(self.folder.join(GUEST)).ok()?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_of_a_killed_run_is_found_and_no_other() {
        let root = tempfile::tempdir().unwrap();
        let _living = Scratch::make_in(root.path()).unwrap();
        let killed = root.path().join("selvedge-docker-killed");
        let beginning = root.path().join("selvedge-docker-beginning");
        let foreign = root.path().join("foreign");
        for folder in [&killed, &beginning, &foreign] {
            fs::create_dir(folder).unwrap();
        }
        for folder in [&killed, &foreign] {
            fs::write(folder.join(LOCK), "").unwrap();
        }
        fs::write(killed.join(GUEST), "17").unwrap();

        let found = LeftOver::find_in(root.path());
        let seen: Vec<_> = found.iter().map(|left| (left.path(), left.guest())).collect();
        assert_eq!(seen, [(killed.as_path(), Some(17))]);
        assert!(LeftOver::find_in(root.path()).is_empty(), "it is held");
    }
}
