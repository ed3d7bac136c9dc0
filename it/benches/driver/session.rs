//! A session on YARN, asked directly.

use anyhow::Context;
use selvedge::cluster::RestClusterClient;
use selvedge_core::{JobGraph, JobId};
use selvedge_it::bed::{Bed, ContainerProcess};
use selvedge_it::cli::{BOUND, Selvedge};
use selvedge_it::wait;
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::Instant;

pub(crate) struct Session<'a> {
    bed: &'a Bed,
    folder: TempDir,
    application: String,
    address: String,
    rest: RestClusterClient,
    http: reqwest::Client,
}

impl<'a> Session<'a> {
    pub(crate) async fn start(bed: &'a Bed, options: &[&str]) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let started = command(bed, &folder, "yarn-session")
            .arg("-d")
            .args(options.iter().copied());
        let started = started.run().await.ended_with(0);
        let http = reqwest::Client::builder().no_proxy().build()?;
        let application = started.stdout.trim().to_owned();
        let report = report(bed, &http, &application).await.map_err(anyhow::Error::msg)?;
        let address = report["amRPCAddress"].as_str().context("no address")?.to_owned();
        Ok(Self {
            rest: RestClusterClient::direct(&address)?,
            bed,
            folder,
            application,
            address,
            http,
        })
    }

    pub(crate) async fn submit(&self, job: JobId, graph: &JobGraph) -> anyhow::Result<()> {
        Ok(self.rest.submit(job, graph).await?)
    }

    /// Waits until so many tasks run and the job has been RUNNING since then, in milliseconds since the epoch; when.
    pub(crate) async fn until_running(&self, job: JobId, tasks: u64, since: u64) -> anyhow::Result<Instant> {
        let look = || async {
            let details = self.job(job).await?;
            let vertices = details["vertices"].as_array().into_iter().flatten();
            let running: u64 = vertices.filter_map(|vertex| vertex["tasks"]["running"].as_u64()).sum();
            let last = details["timestamps"]["RUNNING"].as_u64().unwrap_or(0);
            if details["state"] == "RUNNING" && running == tasks && last >= since {
                Ok(Instant::now())
            } else {
                Err(details.to_string())
            }
        };
        often(&format!("{tasks} tasks to run"), look).await
    }

    pub(crate) async fn cancel(&self, job: JobId) -> anyhow::Result<()> {
        self.rest.cancel(job).await?;
        let look = || async {
            let details = self.job(job).await?;
            if details["state"] == "CANCELED" {
                Ok(())
            } else {
                Err(details.to_string())
            }
        };
        often("the job to be CANCELED", look).await
    }

    async fn job(&self, job: JobId) -> Result<Value, String> {
        let answer = self
            .http
            .get(format!("http://{}/jobs/{job}", self.address))
            .send()
            .await;
        let answer = answer.map_err(|error| error.to_string())?;
        answer.json().await.map_err(|error| error.to_string())
    }

    /// Waits until YARN counts so many containers, the master's among them.
    pub(crate) async fn until_containers(&self, count: u64) -> anyhow::Result<()> {
        let look = || async {
            let report = report(self.bed, &self.http, &self.application).await?;
            let found = &report["runningContainers"];
            if *found == count {
                Ok(())
            } else {
                Err(report.to_string())
            }
        };
        Ok(wait::until(&format!("{count} containers"), BOUND, look).await?)
    }

    /// The containers of workers that have a process.
    pub(crate) fn workers(&self) -> anyhow::Result<Vec<ContainerProcess>> {
        let mut all = self.bed.container_processes(&self.application)?;
        all.retain(|one| !one.container.ends_with("_000001"));
        Ok(all)
    }

    /// What the master has logged until now.
    pub(crate) fn log(&self) -> anyhow::Result<String> {
        let logs = self.bed.container_logs(&self.application)?;
        let log = logs.iter().find(|log| log.file == "jobmanager.log");
        Ok(log.context("no log")?.text()?)
    }

    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        let mut stop = command(self.bed, &self.folder, "yarn-session")
            .args(["-id", &self.application])
            .with_input()
            .start();
        stop.types("stop\n").await;
        stop.ended_within(BOUND).await.ended_with(0);
        Ok(())
    }
}

fn command(bed: &Bed, folder: &TempDir, subcommand: &str) -> Selvedge {
    let place = format!("-Dyarn.properties-file.location={}", folder.path().display());
    Selvedge::on(bed, subcommand).arg(place)
}

async fn report(bed: &Bed, http: &reqwest::Client, application: &str) -> Result<Value, String> {
    let url = format!("{}/ws/v1/cluster/apps/{application}", bed.rm_web());
    let answer = http.get(url).send().await.map_err(|error| error.to_string())?;
    let mut report: Value = answer.json().await.map_err(|error| error.to_string())?;
    Ok(report["app"].take())
}

/// Looks again every five milliseconds: what is measured takes long beside it.
async fn often<T, F>(what: &str, look: impl Fn() -> F) -> anyhow::Result<T>
where
    F: Future<Output = Result<T, String>>,
{
    let begun = Instant::now();
    loop {
        match look().await {
            Ok(found) => return Ok(found),
            Err(seen) => anyhow::ensure!(begun.elapsed() < BOUND, "waited for {what}: {seen}"),
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}
