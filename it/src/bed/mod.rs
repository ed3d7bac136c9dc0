//! The test bed: a NameNode, a DataNode, a ResourceManager and NodeManagers, each a process of its own on this
//! machine, from Hadoop's published jars.
//!
//! Used by the integration tests and benchmarks, and by a person through `cargo xtask bed up`. The bed is as strict as
//! a stock cluster: memory and virtual memory of containers are checked, HDFS checks permissions, jobs are submitted
//! by a user who is not the daemons' own, and each NodeManager has a loopback address for itself.
//!
//! ```text
//! a test ──owns──► selvedge-bed supervise ──► NameNode, DataNode, ResourceManager
//!   (a pipe,         (kill, restart, end)  ├─► NodeManager 127.0.0.2, 127.0.0.3 ──► containers
//!    and a lock)                           └─► where asked for: ZooKeeper, a second ResourceManager, a history server, HttpFS
//! ```
//!
//! A bed of one's own may run another version of Hadoop ([`HadoopVersion`]) and differ in what clusters differ in: see
//! the constructors of [`BedOptions`].

mod configuration;
mod control;
mod daemon;
mod description;
pub(crate) mod distribution;
mod error;
mod failure;
mod hdfs;
mod layout;
mod logs;
mod options;
mod owner;
mod person;
mod ports;
mod supervisor;
mod variants;
mod version;
mod zookeeper;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use tokio::sync::OnceCell;

pub use daemon::Daemon;
pub use description::NodeManager;
pub use error::BedError;
pub use hdfs::{Hdfs, HdfsStatus};
pub use logs::{ContainerLog, ContainerProcess, is_alive};
pub use options::{BedOptions, Properties};
pub use person::{down, status, up};
pub use supervisor::supervise;
pub use variants::RpcProtection;
pub use version::HadoopVersion;
pub use zookeeper::ZooKeeper;

use control::{Reply, Request};
use description::Description;
use error::Step;
use layout::Layout;
use owner::Membership;
use supervisor::ActiveResourceManager;

static SHARED: OnceCell<Bed> = OnceCell::const_new();

/// A running bed. Dropping a private one ends it, and blocks until all is gone; its scratch folder is removed unless a
/// test of this process has panicked.
#[derive(Debug)]
pub struct Bed {
    description: Description,
    /// None for a person's bed, which stays without users.
    _membership: Option<Membership>,
}

/// As long as this is held, no other test has the turn.
#[derive(Debug)]
pub struct Turn {
    _lock: File,
}

impl Bed {
    /// The usual bed, shared by all tests of this build, in this process and in others; started by the first. It
    /// ends when the last process that has called this ends. A test that kills a daemon takes a bed of its own.
    pub async fn shared() -> Result<&'static Self, BedError> {
        SHARED
            .get_or_try_init(|| Self::make(|| owner::join_or_launch(&BedOptions::default())))
            .await
    }

    /// A private bed. Takes 7 to 20 seconds, and at the first time on a machine the download of Hadoop (120 MB).
    pub async fn start(options: BedOptions) -> Result<Self, BedError> {
        Self::make(move || owner::launch(&options, false)).await
    }

    async fn make<F>(make: F) -> Result<Self, BedError>
    where
        F: FnOnce() -> Result<(Description, Membership), BedError> + Send + 'static,
    {
        let (description, membership) = tokio::task::spawn_blocking(make)
            .await
            .expect("making a bed does not panic")?;
        failure::keep_logs_on_panic(&description.scratch);
        Ok(Self {
            description,
            _membership: Some(membership),
        })
    }

    fn of_person(description: Description) -> Self {
        Self {
            description,
            _membership: None,
        }
    }

    /// Ends a private bed, as dropping it does, without blocking the runtime.
    pub async fn stop(self) {
        tokio::task::spawn_blocking(|| drop(self))
            .await
            .expect("ending a bed does not panic");
    }

    /// What `HADOOP_CONF_DIR` is set to by the bed's user: core-site, hdfs-site and yarn-site of a client.
    #[must_use]
    pub fn hadoop_conf_dir(&self) -> &Path {
        &self.description.hadoop_conf_dir
    }

    /// `hdfs://localhost:PORT`
    #[must_use]
    pub fn hdfs_uri(&self) -> &str {
        &self.description.hdfs_uri
    }

    /// `http://localhost:PORT`
    #[must_use]
    pub fn namenode_web(&self) -> &str {
        &self.description.namenode_web
    }

    /// `http://localhost:PORT` of the first ResourceManager, which is the only one unless two were asked for.
    #[must_use]
    pub fn rm_web(&self) -> &str {
        &self.description.rm_webs[0]
    }

    /// The ResourceManager that is active now; waits for none to become it.
    pub async fn active_resource_manager(&self) -> Result<Daemon, BedError> {
        let active = ActiveResourceManager::new(&self.description.rm_webs);
        let active = active.step(|| "making an HTTP client".to_owned())?;
        active
            .find()
            .await
            .map(|(daemon, _)| daemon)
            .map_err(|seen| BedError::NoneActive { seen })
    }

    /// `http://localhost:PORT` of the history server, where the bed was asked for one.
    #[must_use]
    pub fn history_web(&self) -> Option<&str> {
        self.description.history_web.as_deref()
    }

    /// `http://localhost:PORT` of HttpFS, where the bed was asked for one.
    #[must_use]
    pub fn httpfs_web(&self) -> Option<&str> {
        self.description.httpfs_web.as_deref()
    }

    #[must_use]
    pub fn hadoop(&self) -> HadoopVersion {
        self.description.hadoop
    }

    /// Who submits jobs; `/user/NAME` in HDFS is theirs alone.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.description.user
    }

    /// The OS user of the daemons, HDFS's superuser.
    #[must_use]
    pub fn daemon_user(&self) -> &str {
        &self.description.daemon_user
    }

    /// In the order of their addresses: the first is [`Daemon::NodeManager`]`(0)`.
    #[must_use]
    pub fn node_managers(&self) -> &[NodeManager] {
        &self.description.node_managers
    }

    /// The bed's folder. Tests may make folders of their own in it; it goes with the bed.
    #[must_use]
    pub fn scratch(&self) -> &Path {
        &self.description.scratch
    }

    /// Hadoop's jars, for a Java program beside the bed; with Hadoop 3.4.3 also those of its distributed shell
    /// and of HttpFS.
    #[must_use]
    pub fn hadoop_jars(&self) -> &Path {
        &self.description.hadoop_jars
    }

    #[must_use]
    pub fn java_home(&self) -> &Path {
        &self.description.java_home
    }

    /// HDFS as the bed's user sees it.
    pub fn hdfs(&self) -> Result<Hdfs, BedError> {
        self.hdfs_as(self.user())
    }

    pub fn hdfs_as(&self, user: &str) -> Result<Hdfs, BedError> {
        Hdfs::new(self.namenode_web(), user)
    }

    /// A program run by the bed's user: with `HADOOP_CONF_DIR` and `HADOOP_USER_NAME`, and no other Hadoop variable.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("HADOOP_")) {
            command.env_remove(name);
        }
        command
            .env("HADOOP_CONF_DIR", self.hadoop_conf_dir())
            .env("HADOOP_USER_NAME", self.user());
        command
    }

    /// The process of a daemon that runs.
    pub fn pid(&self, daemon: Daemon) -> Result<i32, BedError> {
        let path = Layout::new(self.scratch()).pid_file(&daemon.to_string());
        let pid = fs::read_to_string(path).ok().and_then(|text| text.trim().parse().ok());
        pid.ok_or_else(|| BedError::NotRunning {
            daemon: daemon.to_string(),
        })
    }

    /// What a daemon has written to its standard output and error, which is its log.
    pub fn daemon_log(&self, daemon: Daemon) -> Result<String, BedError> {
        let path = Layout::new(self.scratch()).log(&daemon.to_string());
        let bytes = fs::read(&path).step(|| format!("reading {}", path.display()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Kills with SIGKILL, and returns when the process is gone. The containers of a killed NodeManager live on.
    pub async fn kill(&self, daemon: Daemon) -> Result<(), BedError> {
        self.ask(&Request::Kill { daemon }).await
    }

    /// Starts a daemon, after killing it if it runs, and returns when it is ready: a ResourceManager with all running
    /// NodeManagers registered again, a NodeManager registered with the (running) ResourceManager.
    pub async fn restart(&self, daemon: Daemon) -> Result<(), BedError> {
        self.ask(&Request::Restart { daemon }).await
    }

    async fn ask(&self, request: &Request) -> Result<(), BedError> {
        let message = match control::ask(self.scratch(), request).await? {
            Some(Reply::Done) => return Ok(()),
            Some(Reply::Failed { message }) => message,
            other => format!("unexpected answer {other:?} to {request:?}"),
        };
        Err(BedError::Supervisor {
            message,
            logs: Layout::new(self.scratch()).logs(),
        })
    }

    /// The files in the containers' log directories of an application, sorted by container and file. They stay for as
    /// long as the bed.
    pub fn container_logs(&self, application: &str) -> Result<Vec<ContainerLog>, BedError> {
        logs::container_logs(self.node_managers(), application).step(|| format!("listing the logs of {application}"))
    }

    /// The containers of an application that have a living process now. On a node that is slow to start one, it is
    /// there later than YARN says RUNNING.
    pub fn container_processes(&self, application: &str) -> Result<Vec<ContainerProcess>, BedError> {
        logs::container_processes(self.node_managers(), application)
            .step(|| format!("listing the containers of {application}"))
    }

    /// Waits for the turn of a test that needs the whole cluster's memory, or two at a time could each hold half of
    /// what they need for ever. Tests of other processes wait, too.
    pub async fn turn(&self) -> Result<Turn, BedError> {
        let path = Layout::new(self.scratch()).turn_lock();
        let lock = move || {
            let lock = File::create(&path).step(|| format!("making {}", path.display()))?;
            lock.lock().step(|| format!("locking {}", path.display()))?;
            Ok(Turn { _lock: lock })
        };
        tokio::task::spawn_blocking(lock)
            .await
            .expect("locking a file does not panic")
    }

    /// The logs of this bed stay, and the folder is [`Self::scratch`], though no test panics.
    pub fn keep_logs(&self) -> Result<(), BedError> {
        let keep = Layout::new(self.scratch()).keep();
        fs::write(&keep, "").step(|| format!("writing {}", keep.display()))
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        // The hook has run already if this is a panic's unwinding.
        failure::forget(self.scratch());
    }
}
