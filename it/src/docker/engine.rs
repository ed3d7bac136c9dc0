//! The container engine: one that is here already, or one of our own that leaves nothing behind.
//!
//! Our own `dockerd` has network, mount and process namespaces for itself. Its bridge, its firewall rules and its
//! mounts are in them, so they end with it; and a network of its own cannot disturb an engine of somebody else. What a
//! killed run leaves on the disk, the next one takes away.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, geteuid, kill_process};

use super::error::NoEngine;
use super::programs::{self, succeeds};
use super::scratch::Scratch;
use super::sweep;
use crate::wait;

/// What starting one takes, each with Debian's package.
const TOOLS: [(&str, &str); 6] = [
    ("dockerd", "docker.io"),
    ("iptables", "iptables"),
    ("ip", "iproute2"),
    ("unshare", "util-linux"),
    ("setpriv", "util-linux"),
    ("nsenter", "util-linux"),
];
/// `$0` is the scratch folder. `/run` is the daemon's alone: its lock files and sockets go with the mount namespace. So is
/// `/etc/docker`, where there is one: the key that Docker 20.10 makes there goes too, and what another engine of this machine
/// is to do is not read. Debian's package brings the folder; without it, the key stays.
const START: &str = "mount -t tmpfs run /run && { [ ! -d /etc/docker ] || mount -t tmpfs docker /etc/docker; } && \
    ip link set lo up && exec dockerd --data-root \"$0/data\" --exec-root \"$0/exec\" --pidfile \"$0/dockerd.pid\" \
    --host \"unix://$0/docker.sock\" --cgroup-parent \"/${0##*/}\"";
const BOUND: Duration = Duration::from_secs(60);

/// Dropping one of our own ends it with all its containers, and blocks until they are gone.
#[derive(Debug)]
pub struct Engine {
    kind: Kind,
    compose: &'static [&'static str],
}

#[derive(Debug)]
enum Kind {
    Own(Own),
    /// Of somebody else. By the folder a later run finds what this one has left in it.
    Foreign(Scratch),
}

impl Engine {
    /// The engine that answers on this machine, else one that is started.
    pub async fn find() -> Result<Self, NoEngine> {
        if let Some(missing) = programs::missing(&[("docker", "docker.io")]) {
            return Err(missing);
        }
        let compose = compose_command()?;
        if succeeds(programs::command("docker").arg("info")) {
            let scratch = Scratch::make_for_guest().map_err(|source| NoEngine::NoScratch { source })?;
            let kind = Kind::Foreign(scratch);
            let engine = Self { kind, compose };
            sweep::guests(&engine);
            return Ok(engine);
        }
        if !geteuid().is_root() {
            return Err(NoEngine::NotRoot);
        }
        if let Some(missing) = programs::missing(&TOOLS) {
            return Err(missing);
        }
        sweep::engines();
        let kind = Kind::Own(Own::start().await?);
        Ok(Self { kind, compose })
    }

    /// Whether it is ours, and goes with all that was made in it.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.own().is_some()
    }

    /// `docker ARGUMENTS` against it.
    #[must_use]
    pub fn docker(&self) -> Command {
        self.told(programs::command("docker"))
    }

    /// `docker compose` or `docker-compose`, whichever is here, against it.
    #[must_use]
    pub fn compose(&self) -> Command {
        let mut command = programs::command(self.compose[0]);
        command.args(&self.compose[1..]);
        self.told(command)
    }

    /// A program where the published ports are at 127.0.0.1: on the host, as the engine sees it.
    #[must_use]
    pub fn on_host(&self, program: &str) -> Command {
        let Some(own) = self.own() else {
            return Command::new(program);
        };
        let mut command = programs::command("nsenter");
        command
            .args(["--target", &own.daemon.to_string(), "--net"])
            .arg(program);
        command
    }

    /// Has a later run take away what this one could not.
    pub(super) fn leave(&mut self) {
        match &mut self.kind {
            Kind::Foreign(scratch) => scratch.keep(),
            // It goes with all that is in it.
            Kind::Own(_) => {}
        }
    }

    fn told(&self, mut command: Command) -> Command {
        if let Some(own) = self.own() {
            command.env("DOCKER_HOST", own.address());
        }
        command
    }

    fn own(&self) -> Option<&Own> {
        match &self.kind {
            Kind::Own(own) => Some(own),
            Kind::Foreign(_) => None,
        }
    }
}

/// A `dockerd` of ours.
#[derive(Debug)]
struct Own {
    /// `unshare`, which ends when the daemon, the first process of its namespace, and all others in it have ended.
    outer: Child,
    daemon: i32,
    scratch: Scratch,
}

impl Own {
    async fn start() -> Result<Self, NoEngine> {
        let scratch = Scratch::make().map_err(|source| NoEngine::NoScratch { source })?;
        let outer = spawn(scratch.path()).map_err(|error| NoEngine::NotStarted {
            reason: format!("unshare: {error}"),
            said: String::new(),
        })?;
        let mut own = Self {
            outer,
            daemon: 0,
            scratch,
        };
        let ready = wait::until("the engine to answer", BOUND, || std::future::ready(own.look())).await;
        match ready.map_err(|late| late.to_string()).and_then(|ended| ended) {
            Ok(daemon) => {
                own.daemon = daemon;
                Ok(own)
            }
            Err(reason) => Err(NoEngine::NotStarted {
                reason,
                said: own.log(),
            }),
        }
    }

    /// The daemon's process, once it answers; or why it never will.
    fn look(&mut self) -> Result<Result<i32, String>, String> {
        if let Ok(Some(status)) = self.outer.try_wait() {
            return Ok(Err(format!("dockerd ended: {status}")));
        }
        let mut info = programs::command("docker");
        info.arg("info").env("DOCKER_HOST", self.address());
        if !succeeds(&mut info) {
            return Err("it does not answer yet".to_owned());
        }
        child_of(self.outer.id()).map(Ok).ok_or("no process yet".to_owned())
    }

    fn address(&self) -> String {
        format!("unix://{}/docker.sock", self.scratch.path().display())
    }

    fn log(&self) -> String {
        let text = fs::read_to_string(self.scratch.path().join("log")).unwrap_or_default();
        let lines: Vec<_> = text.lines().rev().take(10).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        // The first process of a namespace takes all others with it.
        let daemon = child_of(self.outer.id()).and_then(Pid::from_raw);
        if daemon.is_none_or(|daemon| kill_process(daemon, Signal::KILL).is_err()) {
            self.outer.kill().ok();
        }
        self.outer.wait().ok();
        sweep::remove_cgroups(self.scratch.path());
    }
}

/// Killed with this thread, whatever ends it, and the daemon with it.
fn spawn(scratch: &Path) -> std::io::Result<Child> {
    let log = File::create(scratch.join("log"))?;
    programs::command("setpriv")
        .args(["--pdeathsig", "KILL", "unshare", "--mount", "--net", "--pid", "--fork"])
        .args(["--kill-child=KILL", "--mount-proc", "bash", "-c", START])
        .arg(scratch)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
}

fn child_of(parent: u32) -> Option<i32> {
    let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}

fn compose_command() -> Result<&'static [&'static str], NoEngine> {
    if succeeds(programs::command("docker").args(["compose", "version"])) {
        return Ok(&["docker", "compose"]);
    }
    // Version 1 is Python's, and there are systems on which it is installed and cannot run.
    if succeeds(programs::command("docker-compose").arg("version")) {
        return Ok(&["docker-compose"]);
    }
    Err(NoEngine::NoCompose)
}
