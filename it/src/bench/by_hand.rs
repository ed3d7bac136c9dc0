//! A master and workers that are started by hand, each a process of its own.

use crate::cli::{BOUND, Running, Selvedge};
use crate::wait;
use anyhow::Context;
use selvedge::cluster::RestClusterClient;
use selvedge_core::{JobGraph, JobId};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::Instant;

/// As the settings file of all processes of a cluster has it.
pub const SECRET: &str = "0707070707070707070707070707070707070707070707070707070707070707";

#[derive(Debug)]
pub struct ByHand {
    folder: TempDir,
    master: Running,
    address: String,
    rpc_address: String,
    pub rest: RestClusterClient,
    http: reqwest::Client,
}

impl ByHand {
    /// A master with these settings besides; no workers.
    pub async fn start(settings: &str) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let rpc_port = free_port()?;
        let common = format!(
            "selvedge.application.secret: {SECRET}\njobmanager.rpc.address: 127.0.0.1\njobmanager.rpc.port: {rpc_port}\n\
             rest.port: 0\nenv.pid.dir: {}\ntaskmanager.host: 127.0.0.1\nrestart-strategy.type: fixed-delay\n\
             restart-strategy.fixed-delay.attempts: 1000\nrestart-strategy.fixed-delay.delay: 0 s\n{settings}",
            folder.path().join("run").display()
        );
        std::fs::write(folder.path().join("config.yaml"), common)?;
        let mut master = command(&folder, "standalone-session").start();
        let address = master
            .until_says("where its REST endpoint is", BOUND, |said| {
                let (_, rest) = said.split_once("REST at ")?;
                rest.split_once(',').map(|(address, _)| address.to_owned())
            })
            .await;
        Ok(Self {
            rest: RestClusterClient::direct(&address)?,
            http: reqwest::Client::builder().no_proxy().build()?,
            folder,
            master,
            address,
            rpc_address: format!("127.0.0.1:{rpc_port}"),
        })
    }

    /// The process of the master.
    #[must_use]
    pub fn master(&self) -> i32 {
        self.master.pid()
    }

    /// Where workers reach the master, `host:port`.
    #[must_use]
    pub fn rpc_address(&self) -> &str {
        &self.rpc_address
    }

    /// Starts a worker under this name.
    pub fn worker(&self, name: &str) -> Running {
        let name = format!("-Dtaskmanager.resource-id={name}");
        command(&self.folder, "standalone-taskmanager").arg(name).start()
    }

    pub async fn get(&self, path: &str) -> Result<Value, String> {
        let answer = self.http.get(format!("http://{}{path}", self.address)).send().await;
        let answer = answer.map_err(|error| error.to_string())?;
        answer.json().await.map_err(|error| error.to_string())
    }

    pub async fn until_workers(&self, count: u64) -> anyhow::Result<()> {
        let look = || async {
            let overview = self.get("/overview").await?;
            match overview["taskmanagers"] == count {
                true => Ok(()),
                false => Err(overview.to_string()),
            }
        };
        Ok(wait::until(&format!("{count} workers"), BOUND, look).await?)
    }

    /// Waits until so many tasks run and the job has been RUNNING since then, in milliseconds since the epoch; when.
    pub async fn until_running(&self, job: JobId, tasks: u64, since: u64) -> anyhow::Result<Instant> {
        let begun = Instant::now();
        loop {
            let details = self.get(&format!("/jobs/{job}")).await.unwrap_or_default();
            let vertices = details["vertices"].as_array().into_iter().flatten();
            let running: u64 = vertices.filter_map(|vertex| vertex["tasks"]["running"].as_u64()).sum();
            let last = details["timestamps"]["RUNNING"].as_u64().unwrap_or(0);
            if details["state"] == "RUNNING" && running == tasks && last >= since {
                return Ok(Instant::now());
            }
            anyhow::ensure!(begun.elapsed() < BOUND, "the job does not run: {details}");
            tokio::task::yield_now().await;
        }
    }

    pub async fn cancel(&self, job: JobId) -> anyhow::Result<()> {
        self.rest.cancel(job).await?;
        let look = || async {
            let state = self.rest.job(job).await.map_err(|error| error.to_string())?.state;
            if state == "CANCELED" { Ok(()) } else { Err(state) }
        };
        Ok(wait::until("the job to be CANCELED", BOUND, look).await?)
    }

    /// Ends master and workers.
    pub async fn stop(self, workers: Vec<Running>) -> anyhow::Result<()> {
        self.rest.shut_down_cluster().await?;
        self.master.ended_within(BOUND).await;
        for worker in workers {
            worker.kill();
            worker.ended_within(BOUND).await;
        }
        Ok(())
    }
}

fn command(folder: &TempDir, subcommand: &str) -> Selvedge {
    let directory = folder.path().display().to_string();
    Selvedge::new(subcommand).args(["--configDir", &directory])
}

fn free_port() -> anyhow::Result<u16> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").context("a free port")?;
    Ok(listener.local_addr()?.port())
}

/// A few numbers a second, hashed to as many others, without end.
pub fn all_to_all(parallelism: u32) -> anyhow::Result<JobGraph> {
    Ok(serde_json::from_value(json!({"name": "all to all", "vertices": [
        {"id": "make", "parallelism": parallelism, "max_parallelism": 256, "chain": [
            {"id": "numbers", "operator": "generator-source", "rows_per_second": 1.0,
             "fields": [{"name": "n", "generator": {"type": "sequence"}}]}]},
        {"id": "drop", "parallelism": parallelism, "max_parallelism": 256, "chain": [
            {"id": "out", "operator": "blackhole-sink"}]}],
        "edges": [{"source": "make", "target": "drop", "partitioner": {"type": "hash", "keys": ["n"]}}]}))?)
}
