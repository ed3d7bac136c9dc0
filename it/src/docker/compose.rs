//! The compose file, up: its services, what runs in them, and its published ports.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::engine::Engine;
use super::images::Images;
use super::programs::succeeds;
use crate::cli::{Outcome, Running};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docker/docker-compose.yml");
/// Generous: every daemon of a cluster starts, and compilers may be running beside.
const UP_BOUND: Duration = Duration::from_secs(300);
const BOUND: Duration = Duration::from_secs(120);
const DOWN: [&str; 4] = ["down", "--volumes", "--timeout", "1"];
/// `$0` is a port, `$1` a path: HTTP by the shell, since not every machine has curl.
const GET: &str = "exec 3<>\"/dev/tcp/127.0.0.1/$0\" && printf 'GET %s HTTP/1.0\\r\\nAccept: %s\\r\\n\\r\\n' \"$1\" \"$2\" >&3 \
    && cat <&3";

/// A project of its own, taken down with its volumes when it is dropped.
///
/// Steps that fail panic with all that the command said: they are a test's.
#[derive(Debug)]
pub struct Compose {
    engine: Engine,
    images: Images,
    project: String,
    selvedge: PathBuf,
    is_up: bool,
}

impl Compose {
    /// Brings the file up with this `selvedge` in its client; returns once all services are healthy.
    pub async fn up(engine: Engine, images: Images, selvedge: &Path) -> Self {
        let mut compose = Self {
            engine,
            images,
            project: project_of(std::process::id()),
            selvedge: selvedge.to_path_buf(),
            is_up: true,
        };
        let outcome = spawn(compose.command(&["up", "-d"])).ended_within(UP_BOUND).await;
        if outcome.code != Some(0) {
            let logs = spawn(compose.command(&["logs", "--no-color", "--tail", "20"]));
            let logs = logs.ended_within(BOUND).await.said();
            compose.take_down();
            panic!("the services do not come up: {}\n{logs}", outcome.said());
        }
        compose
    }

    /// A command in a running service. `-T`: no terminal.
    pub async fn run(&self, service: &str, command: &[&str]) -> Outcome {
        let mut exec = self.command(&["exec", "-T", service]);
        exec.args(command);
        spawn(exec).ended_within(BOUND).await
    }

    /// Copies a file into a service.
    pub async fn copy(&self, file: &Path, service: &str, target: &str) {
        let container = self.container(service).await;
        let mut copy = self.engine.docker();
        copy.arg("cp").arg(file).arg(format!("{container}:{target}"));
        spawn(copy).ended_within(BOUND).await.ended_with(0);
    }

    /// The container of a service, by its id.
    pub async fn container(&self, service: &str) -> String {
        let ps = spawn(self.command(&["ps", "-q", service]));
        ps.ended_within(BOUND).await.ended_with(0).stdout.trim().to_owned()
    }

    /// Kills a container as a host that loses its power.
    pub async fn kill(&self, container: &str) {
        let mut kill = self.engine.docker();
        kill.args(["kill", container]);
        spawn(kill).ended_within(BOUND).await.ended_with(0);
    }

    /// Starts what was killed.
    pub async fn start(&self, service: &str) {
        let start = spawn(self.command(&["start", service]));
        start.ended_within(BOUND).await.ended_with(0);
    }

    /// What a published port of a service answers to a GET; an error is told with its status.
    pub async fn get(&self, service: &str, port: u16, path: &str, accept: &str) -> Result<String, String> {
        let published = spawn(self.command(&["port", service, &port.to_string()]));
        let published = published.ended_within(BOUND).await.ended_with(0).stdout;
        let (_, port) = published.trim().rsplit_once(':').ok_or(published.clone())?;
        let mut get = self.engine.on_host("bash");
        get.args(["-c", GET, port, path, accept]);
        let answer = spawn(get).ended_within(BOUND).await.stdout;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or(format!("{path}: {answer}"))?;
        let status = head.split_whitespace().nth(1).unwrap_or_default();
        if status.starts_with('2') {
            Ok(body.to_owned())
        } else {
            Err(format!("{path}: {head}\n{body}"))
        }
    }

    /// JSON from the web address of the ResourceManager.
    pub async fn resource_manager(&self, path: &str) -> Result<Value, String> {
        let text = self.get("resourcemanager", 8088, path, "application/json").await?;
        serde_json::from_str(&text).map_err(|error| format!("{path}: {error}: {text}"))
    }

    /// Takes everything down, volumes included, and returns what is left of the project: nothing.
    pub async fn down(mut self) -> String {
        self.take_down();
        let label = format!("label=com.docker.compose.project={}", self.project);
        let mut left = String::new();
        for kind in [&["ps", "-aq"][..], &["volume", "ls", "-q"], &["network", "ls", "-q"]] {
            let mut list = self.engine.docker();
            list.args(kind).args(["--filter", &label]);
            left += &spawn(list).ended_within(BOUND).await.ended_with(0).stdout;
        }
        left
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = of_project(&self.engine, &self.project, arguments);
        command
            .env("SELVEDGE", &self.selvedge)
            // Any free port: another cluster may run beside.
            .envs([("NAMENODE_PORT", "0"), ("RESOURCEMANAGER_PORT", "0")])
            .envs(self.images.variables().iter().map(|(name, value)| (name, value)));
        command
    }

    fn take_down(&mut self) {
        if std::mem::take(&mut self.is_up) {
            if !succeeds(&mut self.command(&DOWN)) {
                self.engine.leave();
            }
            self.images.remove(&self.engine);
        }
    }
}

impl Drop for Compose {
    fn drop(&mut self) {
        self.take_down();
    }
}

/// Takes down, with its volumes, what a process that was killed has left. Whether it is gone.
pub(super) fn take_down(engine: &Engine, process: u32) -> bool {
    succeeds(&mut of_project(engine, &project_of(process), &DOWN))
}

fn of_project(engine: &Engine, project: &str, arguments: &[&str]) -> Command {
    let mut command = engine.compose();
    command
        .args(["--file", FILE, "--project-name", project])
        .args(arguments)
        .stdin(Stdio::null());
    command
}

fn project_of(process: u32) -> String {
    format!("selvedge-it-{process}")
}

fn spawn(command: Command) -> Running {
    Running::of(command)
}
