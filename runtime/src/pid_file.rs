//! Files that name the processes that people have started, for scripts that end them: Flink's form, a line for each process.

use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// A process's line in its file; it goes when this is dropped.
#[derive(Debug)]
pub struct PidFile {
    path: PathBuf,
    pid: u32,
}

impl PidFile {
    /// Adds this process to `<directory>/selvedge-<user>-<daemon>.pid`, which is made where it is not there.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write(directory: &Path, user: &str, daemon: &str) -> io::Result<Self> {
        Self::write_as(directory, user, daemon, std::process::id())
    }

    fn write_as(directory: &Path, user: &str, daemon: &str, pid: u32) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        let path = directory.join(format!("selvedge-{user}-{daemon}.pid"));
        let mut file = File::options().create(true).append(true).open(&path)?;
        file.lock()?;
        writeln!(file, "{pid}")?;
        Ok(Self { path, pid })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn remove(&self) -> io::Result<()> {
        let mut file = File::options().read(true).write(true).open(&self.path)?;
        file.lock()?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        let own = self.pid.to_string();
        let others: String = text
            .lines()
            .filter(|line| *line != own)
            .map(|line| format!("{line}\n"))
            .collect();
        if others.is_empty() {
            return fs::remove_file(&self.path);
        }
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(others.as_bytes())
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        if let Err(error) = self.remove() {
            tracing::debug!("{} still names this process: {error}", self.path.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_of_a_kind_share_a_file_that_goes_with_the_last_one() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("run");
        let write = |pid| PidFile::write_as(&directory, "alice", "taskexecutor", pid).unwrap();
        let (first, second) = (write(41), write(7));
        let path = first.path().to_owned();
        assert!(path.ends_with("run/selvedge-alice-taskexecutor.pid"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "41\n7\n");
        drop(first);
        assert_eq!(fs::read_to_string(&path).unwrap(), "7\n");
        drop(second);
        assert!(!path.exists());
    }
}
