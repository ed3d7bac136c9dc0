//! A cluster of containers, and what is asked of it.

use std::path::PathBuf;
use std::time::Duration;

use selvedge_it::bed::HadoopVersion;
use selvedge_it::cli::{Outcome, selvedge_binary};
use selvedge_it::docker::{Compose, DockerError, Engine, Images};
use selvedge_it::{skip, wait};
use serde_json::Value;

use crate::applications;
use crate::folder::Folder;

/// Names the command that the client of the cluster has, where it is not the one of this build.
const BINARY: &str = "SELVEDGE_RELEASE_BINARY";
/// Six daemons and a job share the machine with whatever runs beside, and a lost node is noticed after 20 s.
pub(super) const BOUND: Duration = Duration::from_secs(300);

pub(super) struct Cluster {
    pub(super) compose: Compose,
}

impl Cluster {
    /// `None` on a machine that can run no containers, which is told.
    pub(super) async fn up() -> Option<Self> {
        let engine = match Engine::find().await {
            Ok(engine) => engine,
            Err(reason) => {
                skip::tell("docker", &reason);
                return None;
            }
        };
        let images: Result<_, DockerError> = Images::make(&engine, HadoopVersion::default());
        let images = match images.unwrap_or_else(|error| panic!("{error}")) {
            Ok(images) => images,
            Err(reason) => {
                skip::tell("docker", &reason);
                return None;
            }
        };
        let binary = std::env::var_os(BINARY).map_or_else(|| selvedge_binary().to_path_buf(), PathBuf::from);
        let compose = Compose::up(engine, images, &binary).await;
        Some(Self { compose })
    }

    pub(super) async fn selvedge(&self, arguments: &[&str]) -> Outcome {
        let mut command = vec!["selvedge"];
        command.extend(arguments);
        self.compose.run("client", &command).await
    }

    pub(super) async fn hdfs(&self, arguments: &[&str]) -> String {
        let mut command = vec!["hdfs", "dfs"];
        command.extend(arguments);
        self.compose.run("client", &command).await.ended_with(0).stdout
    }

    /// Puts a job's file into the client; returns where.
    pub(super) async fn job(&self, job: &Value) -> &'static str {
        let folder = Folder::new();
        self.compose.copy(&folder.job(job), "client", "/tmp/job.json").await;
        "/tmp/job.json"
    }

    pub(super) async fn report(&self, application: &str) -> Result<Value, String> {
        let path = format!("/ws/v1/cluster/apps/{application}");
        let mut report = self.compose.resource_manager(&path).await?;
        Ok(report["app"].take())
    }

    /// The node that the master of an application is on, once it has one.
    pub(super) async fn host_of_master(&self, application: &str) -> String {
        let look = || async {
            let report = self.report(application).await?;
            host_of_master(&report).ok_or(report.to_string())
        };
        wait::until(&format!("{application} to have a host for its master"), BOUND, look)
            .await
            .unwrap()
    }

    /// The report once the application has ended.
    pub(super) async fn ended(&self, application: &str) -> Value {
        applications::ended(application, BOUND, || self.report(application)).await
    }

    /// Asks the master of an application, through YARN's proxy.
    pub(super) async fn proxied(&self, application: &str, path: &str) -> Result<Value, String> {
        let path = format!("/proxy/{application}{path}");
        self.compose.resource_manager(&path).await
    }

    /// The id of the application's only job, once all of it runs.
    pub(super) async fn running_job(&self, application: &str) -> String {
        applications::running_job(application, BOUND, || self.proxied(application, "/jobs/overview")).await
    }
}

/// The node that the ResourceManager's report of an application names for its master.
pub(super) fn host_of_master(report: &Value) -> Option<String> {
    let address = report["amHostHttpAddress"].as_str()?;
    address.split(':').next().map(str::to_owned)
}
