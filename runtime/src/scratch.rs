//! The directories for temporary files: on YARN one on each of the node's disks. A disk that is full or broken is left out.

use std::fs::{File, create_dir_all, remove_file};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use selvedge_core::Configuration;
use selvedge_core::config::options::io::TMP_DIRS;
use thiserror::Error;

/// What is written to see whether there is room.
const PROBE_BYTES: usize = 4096;

/// No directory for temporary files can be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "none of the directories for temporary files can be written to (io.tmp.dirs; on YARN yarn.nodemanager.local-dirs): \
     {reasons}"
)]
pub struct NoScratch {
    /// Each directory, and why not.
    reasons: String,
}

/// `io.tmp.dirs`, with commas, colons or bars between them as in Flink; where it is not set, the system's directory.
pub fn temp_dirs(configuration: &Configuration) -> Vec<PathBuf> {
    let set = configuration.find(&TMP_DIRS).ok().flatten().unwrap_or_default();
    let named = set
        .split([',', ':', '|'])
        .map(str::trim)
        .filter(|name| !name.is_empty());
    let dirs: Vec<_> = named.map(PathBuf::from).collect();
    if dirs.is_empty() {
        vec![std::env::temp_dir()]
    } else {
        dirs
    }
}

/// Those that can be written to; the others are told in the log. None where none was given.
///
/// # Errors
/// Where some are given and none can be written to: each with its reason.
pub fn usable(dirs: Vec<PathBuf>) -> Result<Vec<PathBuf>, NoScratch> {
    let mut reasons = Vec::new();
    let usable: Vec<_> = dirs
        .into_iter()
        .filter(|dir| match probe(dir) {
            Ok(()) => true,
            Err(error) => {
                reasons.push(unusable(dir, &error));
                false
            }
        })
        .collect();
    if usable.is_empty() && !reasons.is_empty() {
        let reasons = reasons.join(", ");
        return Err(NoScratch { reasons });
    }
    Ok(usable)
}

/// The first that can be written to; those before it are told in the log.
///
/// # Errors
/// Where none can be written to: each with its reason.
pub fn first_usable(dirs: Vec<PathBuf>) -> Result<PathBuf, NoScratch> {
    let mut reasons = Vec::new();
    for dir in dirs {
        match probe(&dir) {
            Ok(()) => return Ok(dir),
            Err(error) => reasons.push(unusable(&dir, &error)),
        }
    }
    let reasons = reasons.join(", ");
    Err(NoScratch { reasons })
}

fn unusable(dir: &Path, error: &io::Error) -> String {
    tracing::warn!("{} is not used for temporary files: {error}", dir.display());
    format!("{} ({error})", dir.display())
}

/// Writes and removes a file; `open` fails where the directory is read-only, `write` where the disk is full.
fn probe(dir: &Path) -> io::Result<()> {
    create_dir_all(dir)?;
    // Several workers may share the directory.
    let path = dir.join(format!(".selvedge-probe-{:016x}", rand::random::<u64>()));
    let written = File::create_new(&path).and_then(|mut file| {
        file.write_all(&[0; PROBE_BYTES])?;
        file.sync_data()
    });
    let removed = remove_file(&path);
    written.and(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_read_as_flink_reads_them() {
        let read = |text| temp_dirs(&Configuration::from_iter([("io.tmp.dirs", text)]));
        let expected: Vec<_> = ["/a", "/b c", "/d", "/e"].map(PathBuf::from).into();
        assert_eq!(read("/a, /b c:/d|/e,"), expected);
        assert_eq!(temp_dirs(&Configuration::new()), [std::env::temp_dir()]);
    }

    #[test]
    fn a_directory_that_cannot_be_written_to_is_left_out() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("file");
        std::fs::write(&file, "not a directory").unwrap();
        let (good, full) = (root.path().join("disk1/not/there/yet"), PathBuf::from("/dev/full"));
        let kept = usable(vec![file.join("below"), good.clone(), full]).unwrap();
        assert_eq!(kept, std::slice::from_ref(&good));
        assert_eq!(first_usable(vec![file.join("below"), good.clone()]).unwrap(), good);
        assert_eq!(std::fs::read_dir(&good).unwrap().count(), 0, "nothing is left there");
        assert_eq!(usable(Vec::new()).unwrap(), Vec::<PathBuf>::new());
    }

    #[test]
    fn a_worker_without_any_directory_is_told_each_reason() {
        let none = || vec!["/dev/null/a".into(), "/dev/full".into()];
        for error in [usable(none()).unwrap_err(), first_usable(none()).unwrap_err()] {
            let error = error.to_string();
            for part in ["/dev/null/a (", "/dev/full (", "io.tmp.dirs"] {
                assert!(error.contains(part), "{error}");
            }
        }
    }
}
