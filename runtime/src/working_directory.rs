//! A process's own directory on the local disk: `<process.working-dir>/<role>_<resource id>`.
//!
//! ```text
//! taken, and cleared ──► in use, locked ──the process ends as it should──► deleted
//!                              └── it breaks or is killed ──► left; the next process of the same id takes it
//! ```
//!
//! An id that no other process will have, such as a random one or that of a container, names nothing that anybody would take
//! over. Such a process leaves something only when it is killed, and the next process beside it deletes that.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use selvedge_core::config::options::io::TMP_DIRS;
use selvedge_core::config::options::process;
use selvedge_core::config::{ConfigError, ConfigOption};
use selvedge_core::{Configuration, ResourceId};
use thiserror::Error;
use yarn_common::id::ContainerId;

use crate::locked_directory;
use crate::scratch::{NoScratch, first_usable, temp_dirs};

/// How many digits a random id has, or ends with.
const RANDOM_DIGITS: usize = 16;
const BLOBS: &str = "blobStorage";

/// A working directory that cannot be had.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WorkingDirectoryError {
    /// A setting.
    #[error(transparent)]
    Setting(#[from] ConfigError),
    /// There is no disk to work on.
    #[error(transparent)]
    Scratch(#[from] NoScratch),
    /// Another process works there.
    #[error(
        "another process works in {}: give each process on this machine a resource id of its own ({key}), or none",
        directory.display()
    )]
    InUse {
        /// The directory.
        directory: PathBuf,
        /// The setting of the id.
        key: &'static str,
    },
    /// It cannot be made or cleared.
    #[error("the working directory {} cannot be used ({key}): {source}", directory.display())]
    Unusable {
        /// The directory.
        directory: PathBuf,
        /// The setting that names its parent.
        key: &'static str,
        /// Why.
        source: io::Error,
    },
}

/// The settings of one role.
#[derive(Debug)]
pub struct WorkingDirectoryOptions {
    /// Begins the directory's name.
    pub role: &'static str,
    /// The parent.
    pub parent: &'static ConfigOption<String>,
    /// The process's id.
    pub resource_id: &'static ConfigOption<String>,
}

/// A process's own directory. It goes with this, unless it is kept.
#[derive(Debug)]
pub struct WorkingDirectory {
    path: PathBuf,
    resource_id: ResourceId,
    /// Whether another process may have the same id.
    comes_again: bool,
    kept: bool,
    _lock: File,
}

impl WorkingDirectory {
    /// Takes the directory of this process, whose id is the configured one or a random one, and clears what an earlier one of
    /// the same id has left.
    ///
    /// # Errors
    /// [`WorkingDirectoryError`]: an id that is no name of a file, another process there, or a disk that cannot be used.
    pub fn take(
        configuration: &Configuration,
        options: &WorkingDirectoryOptions,
    ) -> Result<Self, WorkingDirectoryError> {
        let named = configuration.find(options.resource_id)?;
        Self::take_as(configuration, options, named.unwrap_or_else(random_id).into())
    }

    /// The same for a process that has an id already.
    ///
    /// # Errors
    /// As [`Self::take`].
    pub fn take_as(
        configuration: &Configuration,
        options: &WorkingDirectoryOptions,
        resource_id: ResourceId,
    ) -> Result<Self, WorkingDirectoryError> {
        check_name(&resource_id.0, options.resource_id.key())?;
        let comes_again = !comes_once(&resource_id.0);
        let (parent, key) = parent(configuration, options)?;
        let name = format!("{}_{resource_id}", options.role);
        let path = parent.join(&name);
        let taken = fs::create_dir_all(&parent).and_then(|()| {
            locked_directory::sweep(&parent, |name| is_of_one_process(name, options.role));
            match comes_again {
                true => claim(&path),
                false => locked_directory::make(&parent, &name).map(|(_, lock)| lock),
            }
        });
        let _lock = taken.map_err(|source| match source.kind() {
            io::ErrorKind::WouldBlock => WorkingDirectoryError::InUse {
                directory: path.clone(),
                key: options.resource_id.key(),
            },
            _ => WorkingDirectoryError::Unusable {
                directory: path.clone(),
                key,
                source,
            },
        })?;
        Ok(Self {
            path,
            resource_id,
            comes_again,
            kept: false,
            _lock,
        })
    }

    /// The process's id.
    pub const fn resource_id(&self) -> &ResourceId {
        &self.resource_id
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where blobs are.
    pub fn blob_storage(&self) -> PathBuf {
        self.path.join(BLOBS)
    }

    /// The process breaks: who looks into it finds the directory, where the next process of its id clears it.
    pub fn keep(mut self) {
        self.kept = self.comes_again;
    }
}

impl Drop for WorkingDirectory {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!("the working directory {} is left behind: {error}", self.path.display());
        }
    }
}

/// Below which directory, and which setting says so.
fn parent(
    configuration: &Configuration,
    options: &WorkingDirectoryOptions,
) -> Result<(PathBuf, &'static str), WorkingDirectoryError> {
    for option in [options.parent, &process::WORKING_DIR] {
        if let Some(parent) = configuration.find(option)? {
            return Ok((parent.into(), option.key()));
        }
    }
    Ok((first_usable(temp_dirs(configuration))?, TMP_DIRS.key()))
}

/// An id that no other process will have.
pub fn random_id() -> String {
    format!("{:0RANDOM_DIGITS$x}", rand::random::<u64>())
}

fn check_name(resource_id: &str, key: &str) -> Result<(), ConfigError> {
    if !resource_id.is_empty() && !resource_id.contains(['/', '\0']) {
        return Ok(());
    }
    Err(ConfigError::Invalid {
        key: key.to_owned(),
        reason: format!("'{resource_id}' cannot name a directory; write letters, digits and dashes"),
    })
}

/// Whether a directory is that of a process whose id no other will have.
fn is_of_one_process(name: &str, role: &str) -> bool {
    let id = name.strip_prefix(role).and_then(|name| name.strip_prefix('_'));
    id.is_some_and(comes_once)
}

/// Whether an id is, or ends with, random digits, or is that of a container.
fn comes_once(id: &str) -> bool {
    let random = id.rsplit_once('-').map_or(id, |(_, random)| random);
    let is_random = random.len() == RANDOM_DIGITS && random.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_random || id.parse::<ContainerId>().is_ok()
}

/// Takes the directory of this name, which may be there, and clears it. `WouldBlock` where another process works in it.
fn claim(path: &Path) -> io::Result<File> {
    fs::create_dir_all(path)?;
    let lock = File::open(path)?;
    lock.try_lock().map_err(io::Error::from)?;
    clear(path)?;
    Ok(lock)
}

/// Deletes what is there.
fn clear(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => fs::remove_dir_all(entry.path())?,
            false => fs::remove_file(entry.path())?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use selvedge_core::config::options::jobmanager;

    use super::*;

    const MASTER: WorkingDirectoryOptions = WorkingDirectoryOptions {
        role: "jm",
        parent: &process::JOB_MANAGER_WORKING_DIR,
        resource_id: &jobmanager::RESOURCE_ID,
    };

    fn take(settings: &[(&str, &str)]) -> Result<WorkingDirectory, WorkingDirectoryError> {
        WorkingDirectory::take(&settings.iter().copied().collect(), &MASTER)
    }

    #[test]
    fn it_is_where_flinks_keys_say_and_goes_with_its_process() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name).display().to_string();
        let (own, all, tmp) = (path("own"), path("all"), path("tmp"));
        let id = ("jobmanager.resource-id", "master-1");
        for (settings, expected) in [
            (
                vec![
                    id,
                    ("process.jobmanager.working-dir", &own),
                    ("process.working-dir", &all),
                ],
                path("own/jm_master-1"),
            ),
            (vec![id, ("process.working-dir", &all)], path("all/jm_master-1")),
            (vec![id, ("io.tmp.dirs", &tmp)], path("tmp/jm_master-1")),
        ] {
            let taken = take(&settings).unwrap();
            assert_eq!(taken.path().display().to_string(), expected);
            assert!(taken.path().is_dir());
            drop(taken);
            assert!(!Path::new(&expected).exists(), "{expected}");
        }
    }

    #[test]
    fn what_a_broken_process_leaves_is_cleared_by_the_next_of_its_id_and_nobody_else() {
        let root = tempfile::tempdir().unwrap();
        let parent = root.path().display().to_string();
        let settings = [
            ("process.working-dir", parent.as_str()),
            ("jobmanager.resource-id", "m"),
        ];
        let broken = take(&settings).unwrap();
        let (path, left) = (broken.path().to_owned(), broken.blob_storage().join("blob"));
        fs::create_dir_all(broken.blob_storage()).unwrap();
        fs::write(&left, "blob").unwrap();
        broken.keep();
        assert!(left.exists());
        // One with a random id leaves nothing, even where it breaks.
        let random = take(&settings[..1]).unwrap();
        let random_path = random.path().to_owned();
        random.keep();
        assert!(!random_path.exists() && left.exists());
        let next = take(&settings).unwrap();
        assert!(next.path() == path && !left.exists());
    }

    #[test]
    fn what_a_killed_process_with_a_random_id_leaves_goes_with_the_next_and_others_stay() {
        let root = tempfile::tempdir().unwrap();
        let parent = root.path().display().to_string();
        let settings = [("process.working-dir", parent.as_str())];
        let alive = take(&settings).unwrap();
        let killed = [
            "jm_0123456789abcdef",
            "jm_host-0123456789abcdef",
            "jm_container_1700000000000_0007_01_000002",
        ];
        let of_others = ["jm_a-user-s-own", "tm_0123456789abcdef", "jm_0123456789abcdefgh"];
        for name in killed.iter().chain(&of_others) {
            fs::create_dir_all(root.path().join(name).join("blobStorage")).unwrap();
        }
        let next = take(&settings).unwrap();
        for name in killed {
            assert!(!root.path().join(name).exists(), "{name}");
        }
        for name in of_others {
            assert!(root.path().join(name).exists(), "{name}");
        }
        assert!(alive.path().is_dir() && next.path().is_dir());
    }

    #[test]
    fn a_container_leaves_nothing_behind_where_it_breaks() {
        let root = tempfile::tempdir().unwrap();
        let parent = root.path().display().to_string();
        let settings = [("process.working-dir", parent.as_str())].into_iter().collect();
        let id = "container_1700000000000_0007_01_000002";
        let taken = WorkingDirectory::take_as(&settings, &MASTER, id.into()).unwrap();
        let path = taken.path().to_owned();
        assert_eq!(path, root.path().join(format!("jm_{id}")));
        taken.keep();
        assert!(!path.exists(), "no other container has this id");
    }

    #[test]
    fn two_processes_of_one_id_and_an_id_that_is_no_name_are_refused_by_key() {
        let root = tempfile::tempdir().unwrap();
        let parent = root.path().display().to_string();
        let settings = [
            ("process.working-dir", parent.as_str()),
            ("jobmanager.resource-id", "m"),
        ];
        let first = take(&settings).unwrap();
        fs::write(first.path().join("blob"), "blob").unwrap();
        let refused = take(&settings).unwrap_err().to_string();
        assert!(
            refused.contains("jm_m: give each process") && refused.contains("jobmanager.resource-id"),
            "{refused}"
        );
        assert!(first.path().join("blob").exists(), "what the first has there stays");
        for id in ["", "a/b"] {
            let refused = take(&[settings[0], ("jobmanager.resource-id", id)])
                .unwrap_err()
                .to_string();
            assert!(
                refused.starts_with(&format!("jobmanager.resource-id: '{id}'")),
                "{refused}"
            );
        }
        let file = root.path().join("file");
        fs::write(&file, "").unwrap();
        let below = file.display().to_string();
        let refused = take(&[("process.working-dir", below.as_str())])
            .unwrap_err()
            .to_string();
        assert!(refused.contains("cannot be used (process.working-dir)"), "{refused}");
    }
}
