//! An application whose master runs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use selvedge_core::JobId;
use selvedge_core::status::ApplicationStatus;
use selvedge_runtime::connector::JobCommitter;
use selvedge_runtime::fs::Location;
use selvedge_runtime::outcome::JobOutcome;
use tokio::time::Instant;
use yarn_common::id::ApplicationId;
use yarn_rest::model::{Application, ApplicationState, FinalApplicationStatus};
use yarn_rest::rm::RmClient;

use super::staging::Staging;
use super::{YarnError, failure};
use crate::cluster::{ClientHeartbeat, ClusterHandle, ClusterPlace, DeployError, JobResult, RestClusterClient};

const SHORTEST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);
/// What has happened is seen late by no more than this part of the time that was waited for it.
const PART: u32 = 16;
/// How long the master may take to unregister and go: it waits at most 10 s for a client, and YARN then ends containers.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(60);

/// A running application of one job.
#[derive(Debug)]
pub struct YarnCluster {
    pub(super) rm: RmClient,
    pub(super) application: ApplicationId,
    pub(super) job: JobId,
    pub(super) staging: Staging,
    pub(super) directory: Location,
    pub(super) rest: RestClusterClient,
    pub(super) tracking_url: Option<String>,
    pub(super) heartbeat: Option<ClientHeartbeat>,
    /// For a master that dies before it has cleaned up.
    pub(super) sinks: Vec<Arc<dyn JobCommitter>>,
}

/// Pauses between looks at an application: short at first, then longer the longer it takes, at most a quarter of a second.
#[derive(Debug)]
pub(super) struct Pauses {
    since: Instant,
}

impl Pauses {
    pub(super) fn new() -> Self {
        Self { since: Instant::now() }
    }

    pub(super) async fn pause(&self) {
        tokio::time::sleep(pause_after(self.since.elapsed())).await;
    }
}

fn pause_after(waited: Duration) -> Duration {
    (waited / PART).clamp(SHORTEST_PAUSE, LONGEST_PAUSE)
}

impl YarnCluster {
    /// The application on YARN.
    pub const fn application_id(&self) -> ApplicationId {
        self.application
    }

    /// Removes what the job's sinks have written. A worker that YARN has not killed yet may write on for a moment.
    async fn abort_sinks(&self) {
        for sink in &self.sinks {
            if let Err(error) = sink.abort().await {
                tracing::warn!("unfinished output is left behind: {}", error.report());
            }
        }
    }

    async fn report(&self) -> Result<Application, YarnError> {
        Ok(self.rm.application(self.application).await?)
    }
}

/// Goes to where the present attempt's master is.
pub(super) fn follow_master(rest: &RestClusterClient, report: &Application) {
    if report.state == ApplicationState::Running
        && let Some((host, port)) = report.am_address()
    {
        rest.point_to(&format!("{host}:{port}"));
    }
}

/// The report of an application that is about to end, when it has. One that takes too long is killed.
pub(super) async fn until_final(rm: &RmClient, application: ApplicationId) -> Result<Application, YarnError> {
    let pauses = Pauses::new();
    loop {
        let report = rm.application(application).await?;
        if report.state.is_final() {
            return Ok(report);
        }
        if pauses.since.elapsed() > CLOSE_TIMEOUT {
            tracing::warn!(%application, "the master has not unregistered: killing the application");
            rm.kill(application, Some("stopped by its client")).await?;
        }
        pauses.pause().await;
    }
}

/// The status that YARN was told of an application, or concluded.
pub(super) const fn status_of(report: &Application) -> ApplicationStatus {
    match report.final_status {
        Some(FinalApplicationStatus::Succeeded) => ApplicationStatus::Succeeded,
        Some(FinalApplicationStatus::Failed) => ApplicationStatus::Failed,
        Some(FinalApplicationStatus::Killed) => ApplicationStatus::Canceled,
        _ => ApplicationStatus::Unknown,
    }
}

/// How the job of an ended application ended: as its master told YARN at the end, or as YARN concluded without it.
pub(super) fn result_of(report: &Application) -> JobResult {
    let diagnostics = report.diagnostics.as_deref().unwrap_or_default();
    if let Some(outcome) = JobOutcome::from_diagnostics(diagnostics) {
        return outcome.into();
    }
    let status = status_of(report);
    JobResult {
        status,
        net_runtime: None,
        accumulators: BTreeMap::new(),
        failure: (status != ApplicationStatus::Succeeded)
            .then(|| format!("{} is {}: {}", report.id, report.state, failure::diagnostics(report))),
    }
}

#[async_trait]
impl ClusterHandle for YarnCluster {
    fn id(&self) -> String {
        self.application.to_string()
    }

    fn rest(&self) -> &RestClusterClient {
        &self.rest
    }

    fn place(&self) -> ClusterPlace {
        ClusterPlace {
            application: Some(self.application),
            tracking_url: self.tracking_url.clone(),
        }
    }

    fn client_heartbeat(&self) -> Option<ClientHeartbeat> {
        self.heartbeat
    }

    async fn fate(&self) -> Result<Option<JobResult>, DeployError> {
        let report = self.report().await?;
        follow_master(&self.rest, &report);
        Ok(report.state.is_final().then(|| result_of(&report)))
    }

    async fn stop(&self) -> Result<(), DeployError> {
        self.rm
            .kill(self.application, Some("stopped by its client"))
            .await
            .map_err(YarnError::from)?;
        Ok(())
    }

    async fn close(&self) -> Result<(), DeployError> {
        let report = until_final(&self.rm, self.application).await?;
        // A master that died could do neither.
        let diagnostics = report.diagnostics.as_deref().unwrap_or_default();
        if JobOutcome::from_diagnostics(diagnostics).is_none() {
            self.abort_sinks().await;
        }
        self.staging.delete(&self.directory).await?;
        Ok(())
    }

    fn how_to_stop(&self) -> String {
        format!(
            "to cancel its job: curl {rm}proxy/{id}/jobs/{job}/yarn-cancel; to kill it, with its staging directory left at \
             {directory}: yarn application -kill {id}",
            rm = self.rm.active_url(),
            id = self.application,
            job = self.job,
            directory = self.directory,
        )
    }
}

#[cfg(test)]
mod tests {
    use selvedge_core::status::JobStatus;
    use serde_json::json;

    use super::*;

    fn report(final_status: &str, diagnostics: &str) -> Application {
        serde_json::from_value(
            json!({"id": "application_1_0002", "state": "FINISHED", "finalStatus": final_status,
            "diagnostics": diagnostics}),
        )
        .unwrap()
    }

    #[test]
    fn a_late_client_reads_the_masters_last_words() {
        let outcome = JobOutcome {
            job_id: JobId::from_bytes([1; 16]),
            status: JobStatus::Finished,
            net_runtime_ms: 1500,
            cause: None,
            accumulators: BTreeMap::from([("drop.records".to_owned(), 7)]),
        };
        let result = result_of(&report("SUCCEEDED", &outcome.to_diagnostics()));
        assert_eq!(result.status, ApplicationStatus::Succeeded);
        assert_eq!(result.net_runtime, Some(Duration::from_millis(1500)));
        assert_eq!(result.accumulators, outcome.accumulators);
    }

    #[test]
    fn an_application_is_looked_at_often_at_first_and_never_much_too_late() {
        let millis = Duration::from_millis;
        for (waited, pause) in [(0, 5), (80, 5), (400, 25), (4_000, 250), (60_000, 250)] {
            assert_eq!(pause_after(millis(waited)), millis(pause), "after {waited} ms");
        }
    }

    #[test]
    fn without_them_yarn_says_what_it_knows() {
        let result = result_of(&report("FAILED", "AM exited with 137\n\tat x"));
        assert_eq!(result.status, ApplicationStatus::Failed);
        let failure = result.failure.unwrap();
        assert!(
            failure.contains("application_1_0002") && failure.contains("AM exited with 137"),
            "{failure}"
        );
        assert_eq!(result_of(&report("KILLED", "")).status, ApplicationStatus::Canceled);
    }
}
