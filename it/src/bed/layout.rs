//! Where everything lies in the scratch folder of a bed.

use std::path::{Path, PathBuf};
use std::{fs, io};

use super::daemon::Daemon;

/// ```text
/// bed.json, options.json      what the bed is, what was asked for
/// control.sock                the supervisor listens here
/// users.lock                  held shared by every process that uses the bed
/// alive.lock                  held by the supervisor as long as it lives
/// turn.lock                   held by a test that needs the whole cluster
/// keep                        there if the logs are to stay
/// conf/{client,cluster,resourcemanager-2,zookeeper,historyserver,httpfs,nodemanager-N}/
/// logs/DAEMON.log             stdout and stderr of each daemon, and of the supervisor
/// run/DAEMON.pid
/// data/                       the state of all daemons but the NodeManagers
/// nodemanager-N/{local,logs,recovery}/
/// ```
#[derive(Clone, Debug)]
pub(super) struct Layout {
    scratch: PathBuf,
}

impl Layout {
    pub(super) fn new(scratch: impl Into<PathBuf>) -> Self {
        Self {
            scratch: scratch.into(),
        }
    }

    pub(super) fn scratch(&self) -> &Path {
        &self.scratch
    }

    pub(super) fn description(&self) -> PathBuf {
        self.scratch.join("bed.json")
    }

    pub(super) fn options(&self) -> PathBuf {
        self.scratch.join("options.json")
    }

    pub(super) fn control_socket(&self) -> PathBuf {
        self.scratch.join("control.sock")
    }

    pub(super) fn users_lock(&self) -> PathBuf {
        self.scratch.join("users.lock")
    }

    pub(super) fn alive_lock(&self) -> PathBuf {
        self.scratch.join("alive.lock")
    }

    pub(super) fn turn_lock(&self) -> PathBuf {
        self.scratch.join("turn.lock")
    }

    pub(super) fn keep(&self) -> PathBuf {
        self.scratch.join("keep")
    }

    pub(super) fn client_conf(&self) -> PathBuf {
        self.scratch.join("conf/client")
    }

    pub(super) fn daemon_conf(&self, daemon: Daemon) -> PathBuf {
        match daemon {
            Daemon::SecondResourceManager
            | Daemon::ZooKeeper
            | Daemon::HistoryServer
            | Daemon::HttpFs
            | Daemon::NodeManager(_) => self.scratch.join("conf").join(daemon.to_string()),
            Daemon::NameNode | Daemon::DataNode | Daemon::ResourceManager => self.scratch.join("conf/cluster"),
        }
    }

    pub(super) fn zoo_cfg(&self) -> PathBuf {
        self.daemon_conf(Daemon::ZooKeeper).join("zoo.cfg")
    }

    pub(super) fn logs(&self) -> PathBuf {
        self.scratch.join("logs")
    }

    pub(super) fn log(&self, name: &str) -> PathBuf {
        self.logs().join(format!("{name}.log"))
    }

    pub(super) fn run(&self) -> PathBuf {
        self.scratch.join("run")
    }

    pub(super) fn pid_file(&self, name: &str) -> PathBuf {
        self.run().join(format!("{name}.pid"))
    }

    pub(super) fn data(&self) -> PathBuf {
        self.scratch.join("data")
    }

    pub(super) fn httpfs_home(&self) -> PathBuf {
        self.data().join("httpfs")
    }

    pub(super) fn node_manager(&self, index: usize) -> PathBuf {
        self.scratch.join(Daemon::NodeManager(index).to_string())
    }

    /// The folders of all NodeManagers that are there.
    pub(super) fn node_managers(&self) -> io::Result<Vec<PathBuf>> {
        let is_node_manager = |path: &PathBuf| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("nodemanager-"))
        };
        let entries = fs::read_dir(&self.scratch)?.collect::<io::Result<Vec<_>>>()?;
        Ok(entries
            .into_iter()
            .map(|entry| entry.path())
            .filter(is_node_manager)
            .collect())
    }
}
