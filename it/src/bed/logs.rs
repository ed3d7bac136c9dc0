//! What daemons and containers have written.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::description::NodeManager;

/// One file that a container wrote into its log directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ContainerLog {
    /// `container_…`
    pub container: String,
    /// `stdout`, `jobmanager.log` and so on.
    pub file: String,
    /// Which NodeManager ran the container, counted from 0.
    pub node_manager: usize,
    pub path: PathBuf,
}

impl ContainerLog {
    /// The text; bytes that are no UTF-8 are replaced.
    pub fn text(&self) -> io::Result<String> {
        fs::read(&self.path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// All files in the log directories of an application, sorted by container and file.
pub(super) fn container_logs(nodes: &[NodeManager], application: &str) -> io::Result<Vec<ContainerLog>> {
    let mut logs = Vec::new();
    for (node_manager, node) in nodes.iter().enumerate() {
        for container in entries(&node.log_dir.join(application))? {
            for path in entries(&container)? {
                logs.push(ContainerLog {
                    container: name(&container),
                    file: name(&path),
                    node_manager,
                    path,
                });
            }
        }
    }
    logs.sort();
    Ok(logs)
}

/// A container that has a process: its pid is the session's and the process group's, too.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ContainerProcess {
    /// `container_…`
    pub container: String,
    /// Which NodeManager runs it, counted from 0.
    pub node_manager: usize,
    pub pid: i32,
}

/// The containers of an application whose processes live. The NodeManagers' pid files name them.
pub(super) fn container_processes(nodes: &[NodeManager], application: &str) -> io::Result<Vec<ContainerProcess>> {
    let mut processes = Vec::new();
    for (node_manager, node) in nodes.iter().enumerate() {
        for folder in entries(&node.local_dir.join("nmPrivate").join(application))? {
            let container = name(&folder);
            let Ok(text) = fs::read_to_string(folder.join(format!("{container}.pid"))) else {
                continue;
            };
            let Ok(pid) = text.trim().parse() else { continue };
            if is_alive(pid) {
                processes.push(ContainerProcess {
                    container,
                    node_manager,
                    pid,
                });
            }
        }
    }
    processes.sort();
    Ok(processes)
}

/// Whether a process lives; a zombie does not.
#[must_use]
pub fn is_alive(pid: i32) -> bool {
    procfs::process::Process::new(pid)
        .and_then(|process| process.stat())
        .is_ok_and(|stat| !matches!(stat.state, 'Z' | 'X'))
}

/// A folder's entries, none if it is not there (yet, or any more).
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| entry.map(|entry| entry.path())).collect(),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

pub(super) fn last_lines(text: &str, count: usize) -> String {
    let mut lines = VecDeque::with_capacity(count + 1);
    for line in text.lines() {
        lines.push_back(line);
        if lines.len() > count {
            lines.pop_front();
        }
    }
    Vec::from(lines).join("\n")
}

pub(super) fn tail(log: &Path, count: usize) -> String {
    match fs::read(log) {
        Ok(bytes) => last_lines(&String::from_utf8_lossy(&bytes), count),
        Err(error) => format!("(cannot be read: {error})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_the_last_lines() {
        assert_eq!(last_lines("a\nb\nc\n", 2), "b\nc");
        assert_eq!(last_lines("a", 2), "a");
        assert_eq!(last_lines("", 2), "");
    }

    #[test]
    fn this_process_is_alive() {
        assert!(is_alive(std::process::id().try_into().unwrap()));
    }
}
