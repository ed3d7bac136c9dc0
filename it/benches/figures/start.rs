//! How long the master and a worker take from exec to service, and what they hold then.
//!
//! Their commands, environments and working directories are those of containers that run on the bed, and are started
//! again beside them, from a copy of the binary: pages that are shared with the first would count half. The second
//! master speaks to a ResourceManager that never answers, so that it is measured before it has work; the second worker
//! registers with the first master.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use procfs::process::{Process, all_processes};
use selvedge_it::bed::Bed;
use selvedge_it::cli::usage::{self, Sampler};
use selvedge_it::cli::{BOUND, Running, Selvedge};
use selvedge_it::wait;
use serde_json::json;
use tempfile::TempDir;
use tokio::time::{self, Instant};

use selvedge_it::figure::{Samples, Table, runs};

const LOOK: Duration = Duration::from_millis(1);
/// For how long a process is watched after it has begun to serve.
const IDLE: Duration = Duration::from_secs(1);
const SCHEDULER: &str = "yarn.resourcemanager.scheduler.address";

#[derive(Default)]
struct Role {
    took: Samples,
    pss: Samples,
    vm_peak: Samples,
}

pub(crate) async fn measure(table: &mut Table) -> anyhow::Result<()> {
    let bed = Bed::shared().await?;
    let [mut master, mut worker] = <[Role; 2]>::default();
    for run in 0..=runs() {
        let scratch = tempfile::tempdir()?;
        let (running, application) = start_job(bed, scratch.path()).await?;
        let (of_master, of_worker) = once(bed, &application).await?;
        running.interrupt();
        running.ended_within(BOUND).await;
        if run > 0 {
            master.push(&of_master);
            worker.push(&of_worker);
        }
    }
    table.add("master: exec to REST 200", "ms", master.took, Some(60.0), "1650");
    table.add("master: PSS, idle", "MiB", master.pss, Some(24.0), "240 (RSS)");
    table.add("master: VmPeak", "MiB", master.vm_peak, None, "");
    table.add("worker: exec to registered", "ms", worker.took, Some(60.0), "1900");
    table.add("worker: PSS, idle", "MiB", worker.pss, Some(24.0), "330 (RSS)");
    table.add("worker: VmPeak", "MiB", worker.vm_peak, None, "");
    Ok(())
}

struct Sample {
    took: Duration,
    cost: usage::Cost,
}

impl Role {
    fn push(&mut self, sample: &Sample) {
        self.took.push_milliseconds(sample.took);
        self.pss.push_mebibytes(sample.cost.peak_pss);
        self.vm_peak.push_mebibytes(sample.cost.vm_peak);
    }
}

/// A job that does next to nothing, for ever.
async fn start_job(bed: &Bed, scratch: &Path) -> anyhow::Result<(Running, String)> {
    let job = json!({"name": "idle", "vertices": [{"id": "all", "chain": [
        {"id": "make", "operator": "generator-source", "rows_per_second": 0.1,
         "fields": [{"name": "n", "generator": {"type": "sequence"}}]},
        {"id": "drop", "operator": "blackhole-sink"}]}], "edges": []});
    let file = scratch.join("idle.json");
    fs::write(&file, job.to_string())?;
    let mut running = Selvedge::on(bed, "run")
        .args(["-t", "yarn-per-job", "-p", "1"])
        .arg(file)
        .start();
    let application = running
        .until_says("an application's id", BOUND, |said| {
            let start = said.find("application_")?;
            let id = said[start..]
                .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .next()?;
            (id.split('_').count() == 3).then(|| id.to_owned())
        })
        .await;
    Ok((running, application))
}

async fn once(bed: &Bed, application: &str) -> anyhow::Result<(Sample, Sample)> {
    let both = || async {
        let containers = bed
            .container_processes(application)
            .map_err(|error| error.to_string())?;
        let pids: Vec<_> = containers
            .iter()
            .filter_map(|container| command_in(container.pid))
            .collect();
        <[i32; 2]>::try_from(pids).map_err(|pids| format!("{containers:?} {pids:?}"))
    };
    let [master, worker] = wait::until("a master and a worker", BOUND, both).await?;
    let master = Replay::of(master)?;
    let worker = Replay::of(worker)?;
    Ok((start_master(master).await?, start_worker(worker).await?))
}

/// The process of ours in a container: of the session that the container's first process leads.
fn command_in(leader: i32) -> Option<i32> {
    let is_it = |process: &Process| {
        process.stat().is_ok_and(|stat| stat.session == leader)
            && process
                .exe()
                .is_ok_and(|exe| exe.file_name() == Some(OsStr::new("selvedge")))
    };
    all_processes().ok()?.flatten().find(is_it).map(|process| process.pid)
}

/// A process of a container, to be started again.
struct Replay {
    scratch: TempDir,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
}

impl Replay {
    fn of(pid: i32) -> anyhow::Result<Self> {
        let process = Process::new(pid)?;
        let scratch = tempfile::tempdir()?;
        fs::copy(process.exe()?, scratch.path().join("selvedge"))?;
        let copied = Command::new("cp")
            .arg("-a")
            .arg(process.cwd()?)
            .arg(scratch.path().join("work"))
            .status()?;
        ensure!(copied.success(), "the working directory could not be copied");
        fs::create_dir(scratch.path().join("log"))?;
        let arguments = process.cmdline()?.into_iter().skip(1).map(OsString::from).collect();
        let environment = process.environ()?.into_iter().collect();
        Ok(Self {
            scratch,
            arguments,
            environment,
        })
    }

    fn variable(&self, name: &str) -> Option<&OsStr> {
        let mut found = self.environment.iter().filter(|(variable, _)| variable == name);
        found.next().map(|(_, value)| value.as_os_str())
    }

    fn work(&self) -> PathBuf {
        self.scratch.path().join("work")
    }

    fn log(&self, name: &str) -> PathBuf {
        self.scratch.path().join("log").join(name)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(self.scratch.path().join("selvedge"));
        command
            .args(&self.arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env("PWD", self.work())
            .env("LOG_DIRS", self.scratch.path().join("log"))
            .current_dir(self.work())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    /// Makes it speak to a ResourceManager at another address.
    fn send_to(&self, scheduler: &str) -> anyhow::Result<()> {
        let site = self.work().join("hadoop-site.xml");
        let text = fs::read_to_string(&site)?;
        let (before, rest) = text
            .split_once(&format!("<name>{SCHEDULER}</name>"))
            .context("no scheduler's address")?;
        let (_, after) = rest.split_once("</value>").context("a property without a value")?;
        // A link to what YARN has localised.
        fs::remove_file(&site)?;
        fs::write(
            &site,
            format!("{before}<name>{SCHEDULER}</name><value>{scheduler}</value>{after}"),
        )?;
        Ok(())
    }
}

async fn start_master(replay: Replay) -> anyhow::Result<Sample> {
    let silent = TcpListener::bind("127.0.0.1:0")?;
    replay.send_to(&silent.local_addr()?.to_string())?;
    let host = replay
        .variable("NM_HOST")
        .context("no NM_HOST")?
        .to_string_lossy()
        .into_owned();
    let port = TcpListener::bind((host.as_str(), 0))?.local_addr()?.port();
    let mut command = replay.command();
    command
        .env_remove("HADOOP_CONF_DIR")
        .arg(format!("-Drest.bind-port={port}"));
    let http = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(1))
        .build()?;
    // The overview waits for YARN.
    let url = format!("http://{host}:{port}/config");
    sample(command, &replay.log("jobmanager.log"), async || {
        let answer = http.get(&url).send().await;
        answer.is_ok_and(|answer| answer.status() == reqwest::StatusCode::OK)
    })
    .await
}

async fn start_worker(replay: Replay) -> anyhow::Result<Sample> {
    let log = replay.log("taskmanager.log");
    let is_registered =
        async || fs::read_to_string(&log).is_ok_and(|text| text.contains("registered at the ResourceManager"));
    sample(replay.command(), &log, is_registered).await
}

/// From exec until `serves`; then what it holds for a second more.
async fn sample(mut command: Command, log: &Path, serves: impl AsyncFn() -> bool) -> anyhow::Result<Sample> {
    let begun = Instant::now();
    let mut child = command.spawn()?;
    let took = loop {
        if serves().await {
            break begun.elapsed();
        }
        if begun.elapsed() > BOUND || child.try_wait()?.is_some() {
            child.kill()?;
            child.wait()?;
            anyhow::bail!(
                "{command:?} did not come to serve:\n{}",
                fs::read_to_string(log).unwrap_or_default()
            );
        }
        time::sleep(LOOK).await;
    };
    let sampler = Sampler::watch(i32::try_from(child.id())?);
    time::sleep(IDLE).await;
    let cost = sampler.stop();
    child.kill()?;
    child.wait()?;
    Ok(Sample { took, cost })
}
