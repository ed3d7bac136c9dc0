//! A session's master, asked directly: while a ResourceManager is down there is no proxy.

use std::sync::atomic::{AtomicU64, Ordering};

use rustix::process::{Pid, Signal, kill_process_group};
use selvedge::cluster::RestClusterClient;
use selvedge_core::JobId;
use selvedge_it::bed::ContainerProcess;
use selvedge_it::cli::BOUND;
use selvedge_it::wait;
use serde_json::Value;

use super::super::session::workers::parallel;
use super::super::support::Cluster;

/// How many jobs these tests have submitted: each has an id of its own.
static JOBS: AtomicU64 = AtomicU64::new(1);

pub(super) struct Master {
    pub(super) application: String,
    address: String,
    rest: RestClusterClient,
    http: reqwest::Client,
}

impl Master {
    pub(super) async fn of(cluster: &Cluster, application: &str) -> Self {
        let report = cluster.report(application).await.unwrap();
        let address = report["amRPCAddress"].as_str().unwrap().to_owned();
        Self {
            application: application.to_owned(),
            rest: RestClusterClient::direct(&address).unwrap(),
            address,
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
        }
    }

    /// Submits an endless job of this parallelism.
    pub(super) async fn submit(&self, parallelism: u32) -> JobId {
        self.submit_job(parallel(parallelism)).await
    }

    pub(super) async fn submit_job(&self, job: Value) -> JobId {
        let id = JobId::from_bytes(u128::from(JOBS.fetch_add(1, Ordering::Relaxed)).to_be_bytes());
        let graph = serde_json::from_value(job).unwrap();
        self.rest.submit(id, &graph).await.unwrap();
        id
    }

    pub(super) async fn get(&self, path: &str) -> Result<Value, String> {
        let answer = self.http.get(format!("http://{}{path}", self.address)).send().await;
        let answer = answer.map_err(|error| error.to_string())?;
        answer.json().await.map_err(|error| error.to_string())
    }

    /// Waits until all tasks of the job run.
    pub(super) async fn until_runs(&self, job: JobId) {
        let look = || async {
            let details = self.get(&format!("/jobs/{job}")).await?;
            let vertices = details["vertices"].as_array().into_iter().flatten();
            let mut all_run = vertices.map(|vertex| vertex["tasks"]["running"] == vertex["parallelism"]);
            if details["state"] == "RUNNING" && all_run.all(|runs| runs) {
                Ok(())
            } else {
                Err(details.to_string())
            }
        };
        wait::until(&format!("all of {job} to run"), BOUND, look).await.unwrap();
    }

    /// Waits until all tasks of the job run, and as many of each vertex.
    pub(super) async fn until_runs_with(&self, job: JobId, parallelism: u64) {
        let look = || async {
            let details = self.get(&format!("/jobs/{job}")).await?;
            let vertices = details["vertices"].as_array().cloned().unwrap_or_default();
            let all =
                |vertex: &Value| vertex["parallelism"] == parallelism && vertex["tasks"]["running"] == parallelism;
            if !vertices.is_empty() && vertices.iter().all(all) {
                Ok(())
            } else {
                Err(details.to_string())
            }
        };
        let what = format!("{job} to run with parallelism {parallelism}");
        wait::until(&what, BOUND, look).await.unwrap();
    }

    /// How often the job was restarted.
    pub(super) async fn restarts(&self, job: JobId) -> u64 {
        let look = || async {
            let metrics = self.get(&format!("/jobs/{job}/metrics?get=numRestarts")).await?;
            let value = metrics[0]["value"].as_str().and_then(|value| value.parse().ok());
            value.ok_or_else(|| metrics.to_string())
        };
        wait::until("the number of restarts", BOUND, look).await.unwrap()
    }

    /// Waits until the job was restarted more often, and runs again.
    pub(super) async fn until_restarted(&self, job: JobId, before: u64) {
        let look = || async {
            match self.restarts(job).await {
                found if found > before => Ok(()),
                found => Err(format!("{found} restarts")),
            }
        };
        wait::until("a restart", BOUND, look).await.unwrap();
        self.until_runs(job).await;
    }

    pub(super) async fn cancel(&self, job: JobId) {
        self.rest.cancel(job).await.unwrap();
        self.until_is(job, "CANCELED").await;
    }

    /// Waits until the job is in this state.
    pub(super) async fn until_is(&self, job: JobId, state: &str) {
        let look = || async {
            let details = self.get(&format!("/jobs/{job}")).await?;
            if details["state"] == state {
                Ok(())
            } else {
                Err(details.to_string())
            }
        };
        wait::until(&format!("{job} to be {state}"), BOUND, look).await.unwrap();
    }

    /// All that the job has suffered, as text.
    pub(super) async fn exceptions(&self, job: JobId) -> String {
        self.get(&format!("/jobs/{job}/exceptions")).await.unwrap().to_string()
    }

    /// What the master has logged.
    pub(super) fn log(&self, cluster: &Cluster) -> String {
        let logs = cluster.bed.container_logs(&self.application).unwrap();
        let log = logs.iter().find(|log| log.file == "jobmanager.log");
        log.unwrap().text().unwrap()
    }
}

pub(super) fn kill(process: &ContainerProcess) {
    kill_process_group(Pid::from_raw(process.pid).unwrap(), Signal::KILL).unwrap();
}
