//! The process that owns a bed's daemons.
//!
//! It starts them, answers the bed's users over a socket, and ends with its owner, however that ends: it sees the end
//! of its standard input, then waits until no other process holds the bed. As subreaper it inherits all that the
//! daemons leave behind, so its last act, killing everything below itself, leaves neither daemon nor container.
//!
//! ```text
//! start ──► ready ──► serve ──┬─ owner gone, stop asked, SIGTERM ─► end all ─► clean
//!   └── failed ───────────────┘
//! ```

pub(super) mod cleanup;
mod processes;
mod readiness;
mod serve;

use std::fs::{self, File};
use std::future::Future;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use super::configuration::{Configuration, ports_needed};
use super::control::StartEvent;
use super::daemon::{Daemon, Launcher};
use super::description::Description;
use super::distribution::{Distribution, java_home};
use super::error::{BedError, Step};
use super::hdfs::Hdfs;
use super::layout::Layout;
use super::options::BedOptions;
use super::ports::Ports;
use crate::wait;
use processes::Processes;
pub(super) use readiness::ActiveResourceManager;
use readiness::Probes;

const FORMAT: &str = "format";

/// A bed being run.
#[derive(Debug)]
struct Supervisor {
    options: BedOptions,
    launcher: Launcher,
    description: Description,
    processes: Arc<Processes>,
    probes: Probes,
    _ports: Ports,
}

/// Runs the bed in `scratch`, whose options lie there, until its owner is gone. `detached`: it has no owner, and runs
/// until it is told to stop. Must run on a current-thread runtime: the daemons die with the thread that starts them.
pub async fn supervise(scratch: PathBuf, detached: bool) -> Result<(), BedError> {
    // A terminal's Ctrl-C is for the owner; this process ends after it. Fails only for a group's leader.
    let _ = rustix::process::setsid();
    let layout = Layout::new(scratch);
    let _alive = lock_as_alive(&layout)?;
    let processes = Arc::new(Processes::new(layout.clone())?);
    let owner = async {
        if detached {
            return std::future::pending().await;
        }
        owner_gone(&layout).await
    };
    // Users are kept out until all is gone: who joined meanwhile would find daemons that are being killed.
    let (outcome, _users) = tokio::select! {
        biased;
        users = owner => (Ok(()), Some(users)),
        ended = asked_to_end() => (ended, None),
        failed = processes.reap() => (failed, None),
        outcome = run(&layout, &processes) => (outcome, None),
    };
    let ended = processes.end_all().await;
    if outcome.is_err() || ended.is_err() {
        fs::write(layout.keep(), "").step(|| "keeping the logs".to_owned())?;
    }
    cleanup::clean(&layout)?;
    outcome.and(ended)
}

/// Starts everything, says so, and serves; returns when asked to stop.
async fn run(layout: &Layout, processes: &Arc<Processes>) -> Result<(), BedError> {
    let started = async {
        let supervisor = Supervisor::new(layout, Arc::clone(processes))?;
        supervisor.start().await?;
        Ok(supervisor)
    };
    let (event, outcome) = match started.await {
        Ok(supervisor) => (
            StartEvent::Ready {
                bed: Box::new(supervisor.description.clone()),
            },
            Ok(supervisor),
        ),
        Err(error) => (
            StartEvent::Failed {
                message: BedError::to_string(&error),
            },
            Err(error),
        ),
    };
    let listener = serve::listen(layout)?;
    // An owner that is gone reads no more; that is seen elsewhere.
    let _ = writeln!(io::stdout(), "{}", serde_json::to_string(&event).expect("plain data"));
    serve::serve(listener, Arc::new(outcome?)).await
}

impl Supervisor {
    fn new(layout: &Layout, processes: Arc<Processes>) -> Result<Self, BedError> {
        let text = fs::read(layout.options()).step(|| format!("reading {}", layout.options().display()))?;
        let options: BedOptions = serde_json::from_slice(&text)
            .map_err(io::Error::from)
            .step(|| format!("parsing {}", layout.options().display()))?;
        if !(1..=2).contains(&options.resource_managers) {
            let count = options.resource_managers;
            return Err(BedError::ResourceManagers { count });
        }
        if options.httpfs && !options.hadoop.has_shell_and_httpfs() {
            let version = options.hadoop;
            return Err(BedError::HttpFs { version });
        }
        let daemon_user = os_user()?;
        if daemon_user == options.user {
            return Err(BedError::SameUser { user: daemon_user });
        }
        let distribution = Distribution::fetch(options.hadoop)?;
        let java_home = java_home()?;
        let mut ports = Ports::reserve(ports_needed(&options))?;
        let configuration = Configuration::new(layout, &options, &daemon_user, &distribution, &mut ports);
        configuration.write()?;
        let description = configuration.description(&java_home);
        let program = std::env::current_exe().step(|| "finding this program".to_owned())?;
        let launcher = Launcher {
            layout: layout.clone(),
            distribution,
            java_home,
            program,
        };
        let probes = Probes::new(&description).step(|| "making an HTTP client".to_owned())?;
        fs::create_dir_all(layout.run()).step(|| format!("making {}", layout.run().display()))?;
        Ok(Self {
            options,
            launcher,
            description,
            processes,
            probes,
            _ports: ports,
        })
    }

    async fn start(&self) -> Result<(), BedError> {
        let since = now_ms();
        // What does not need HDFS starts beside the format; a NodeManager waits for its ResourceManager by itself.
        for daemon in Daemon::all(&self.options).filter(|daemon| *daemon != Daemon::NameNode) {
            self.processes
                .start(&daemon.to_string(), self.launcher.daemon(daemon))?;
        }
        self.processes.start(FORMAT, self.launcher.format_namenode())?;
        if let (status, false) = self.processes.ended(FORMAT).await {
            return Err(self.processes.ended_early(FORMAT, status));
        }
        self.processes
            .start(&Daemon::NameNode.to_string(), self.launcher.daemon(Daemon::NameNode))?;
        for daemon in Daemon::all(&self.options) {
            self.wait_ready(daemon, since).await?;
        }
        self.make_homes().await?;
        let text = serde_json::to_vec_pretty(&self.description).expect("plain data");
        let path = self.launcher.layout.description();
        fs::write(&path, text).step(|| format!("writing {}", path.display()))
    }

    /// As an administrator would: a world-writable `/tmp`, and a private home of the user's.
    async fn make_homes(&self) -> Result<(), BedError> {
        let hdfs = Hdfs::new(&self.description.namenode_web, &self.description.daemon_user)?;
        let user = &self.description.user;
        let home = format!("/user/{user}");
        hdfs.mkdir("/tmp", "1777").await?;
        hdfs.mkdir("/user", "755").await?;
        hdfs.mkdir(&home, "700").await?;
        hdfs.set_owner(&home, user).await
    }

    async fn kill(&self, daemon: Daemon) -> Result<(), BedError> {
        self.processes.kill(&daemon.to_string()).await
    }

    async fn restart(&self, daemon: Daemon) -> Result<(), BedError> {
        let name = daemon.to_string();
        if self.processes.is_running(&name) {
            self.processes.kill(&name).await?;
        }
        let since = now_ms();
        self.processes.start(&name, self.launcher.daemon(daemon))?;
        self.wait_ready(daemon, since).await
    }

    async fn wait_ready(&self, daemon: Daemon, since: u64) -> Result<(), BedError> {
        let name = daemon.to_string();
        let running_nodes = (0..self.options.node_managers)
            .filter(|index| self.processes.is_running(&Daemon::NodeManager(*index).to_string()))
            .count();
        let what = format!("the {daemon} to be ready");
        let ready = wait::until(&what, self.options.ready_within, || {
            self.probes.ready(daemon, since, running_nodes)
        });
        tokio::select! {
            ready = ready => ready.map_err(|source| self.processes.not_ready(&name, source)),
            (status, _) = self.processes.ended(&name) => Err(self.processes.ended_early(&name, status)),
        }
    }

    fn status(&self) -> Vec<(Daemon, String)> {
        let state = |daemon: Daemon| match self.processes.state(&daemon.to_string()) {
            Some(processes::State::Running { pid }) => format!("running, process {pid}"),
            Some(processes::State::Ended { status, .. }) => status,
            None => "not started".to_owned(),
        };
        Daemon::all(&self.options)
            .map(|daemon| (daemon, state(daemon)))
            .collect()
    }
}

/// The lock is held before the file has its name: whoever finds it free knows that the supervisor is dead.
fn lock_as_alive(layout: &Layout) -> Result<File, BedError> {
    let path = layout.alive_lock();
    let unnamed = path.with_extension("new");
    let step = || format!("locking {}", path.display());
    let file = File::create(&unnamed).step(step)?;
    file.lock().step(step)?;
    fs::rename(&unnamed, &path).step(step)?;
    Ok(file)
}

/// Returns when standard input has ended and no other process holds the bed. The lock that it gives keeps new users
/// out while the bed ends.
fn owner_gone(layout: &Layout) -> impl Future<Output = Option<File>> + use<> {
    let (gone, wait) = oneshot::channel();
    let path = layout.users_lock();
    // A thread, since both are calls that block for as long as the bed lives; the end of the process ends it.
    std::thread::spawn(move || {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        let users = File::open(path).and_then(|users| users.lock().map(|()| users));
        let _ = gone.send(users.ok());
    });
    async { wait.await.ok().flatten() }
}

async fn asked_to_end() -> Result<(), BedError> {
    let step = || "listening for signals".to_owned();
    let mut terminate = signal(SignalKind::terminate()).step(step)?;
    let mut interrupt = signal(SignalKind::interrupt()).step(step)?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    }
}

/// The name that Java sees, too: the daemons' user, HDFS's superuser.
fn os_user() -> Result<String, BedError> {
    let output = Command::new("id")
        .arg("-un")
        .output()
        .step(|| "running id -un".to_owned())?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Milliseconds since 1970, to be compared with what Hadoop reports.
#[expect(
    clippy::disallowed_methods,
    reason = "compared with the clock of real daemons, never simulated"
)]
fn now_ms() -> u64 {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    u64::try_from(now.as_millis()).expect("before the year 500 million")
}
