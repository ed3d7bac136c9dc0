//! Watching a job until it has ended.

use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use selvedge_core::JobId;
use selvedge_core::status::JobStatus;
use selvedge_runtime::clock::{Clock, SystemClock};
use thiserror::Error;

use super::{
    ClientHeartbeat, ClusterClientError, ClusterHandle, DeployError, JobDetails, JobResult, RestClusterClient,
};

/// How often the job is looked at: soon at first, a short job is not kept waiting; seldom later.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);
/// For how long the master keeps the question whether the job has ended.
const WAIT_FOR_END: Duration = Duration::from_secs(10);
/// For how long a master that lives, as far as anybody knows, may leave its REST endpoint unanswered.
const SILENCE: Duration = Duration::from_secs(60);

/// Hears how a job goes on.
pub trait JobObserver: Send {
    /// A step of the deployment, or something that the user should know, as a line.
    fn note(&mut self, line: &str);

    /// The job as it is now.
    fn update(&mut self, job: &JobDetails);
}

/// A job whose end is not known.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FollowError {
    /// The master answers, but not as it should.
    #[error(transparent)]
    Client(#[from] ClusterClientError),
    /// Nobody can say what became of it.
    #[error("the job's end is not known")]
    Fate(#[source] DeployError),
    /// The master lives and does not answer.
    #[error("the master has not answered for {} s", SILENCE.as_secs())]
    Silent(#[source] ClusterClientError),
}

/// Looks at the job again and again until it has ended, and returns how.
///
/// # Errors
/// [`FollowError`] where the master can no longer be asked and nobody knows how the job ended.
pub async fn follow(
    cluster: &dyn ClusterHandle,
    job: JobId,
    observer: &mut dyn JobObserver,
) -> Result<JobResult, FollowError> {
    let (rest, heartbeat) = (cluster.rest(), cluster.client_heartbeat());
    if heartbeat.is_some() && rest.is_proxied() {
        observer.note("YARN's proxy passes no heartbeats: the job is cancelled when client.heartbeat.timeout is over");
    }
    tokio::select! {
        biased;
        result = look_until_ended(cluster, job, observer) => result,
        never = beat(rest, job, heartbeat) => match never {},
    }
}

/// Tells the master again and again that this client is there, where its job ends with it. A heartbeat that is lost is
/// followed by another one.
pub(crate) async fn beat(rest: &RestClusterClient, job: JobId, heartbeat: Option<ClientHeartbeat>) -> Infallible {
    let Some(ClientHeartbeat { interval, timeout }) = heartbeat else {
        return std::future::pending().await;
    };
    loop {
        let expires = SystemClock.wall() + timeout;
        // Whoever looks at the job tells the user when the master cannot be reached.
        let _ = rest.client_heartbeat(job, expires.millis()).await;
        tokio::time::sleep(interval).await;
    }
}

async fn look_until_ended(
    cluster: &dyn ClusterHandle,
    job: JobId,
    observer: &mut dyn JobObserver,
) -> Result<JobResult, FollowError> {
    let mut pause = FIRST_PAUSE;
    let mut heard = tokio::time::Instant::now();
    let mut end = pin!(until_ended(cluster.rest(), job));
    let mut is_told = false;
    loop {
        match look(cluster, job, observer).await {
            Ok(Some(result)) => return Ok(result),
            Ok(None) => heard = tokio::time::Instant::now(),
            Err(error) if may_pass(&error, cluster.rest().is_proxied()) => {
                if let Some(result) = cluster.fate().await.map_err(FollowError::Fate)? {
                    return Ok(result);
                }
                if heard.elapsed() > SILENCE {
                    return Err(FollowError::Silent(error));
                }
            }
            Err(error) => return Err(error.into()),
        }
        tokio::select! {
            biased;
            () = &mut end, if !is_told => {
                is_told = true;
                pause = FIRST_PAUSE;
            }
            () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
        }
    }
}

/// Returns as soon as the job has ended, where the master can wait to say so; otherwise nobody learns of it here.
async fn until_ended(rest: &RestClusterClient, job: JobId) {
    if rest.is_proxied() {
        return std::future::pending().await;
    }
    loop {
        let asked = tokio::time::Instant::now();
        match rest.status_at_end(job, WAIT_FOR_END).await {
            Ok(status) if has_ended(&status) => return,
            Ok(_) if asked.elapsed() >= WAIT_FOR_END => {}
            // It does not wait, is not there or does not know the job yet: who looks at the job tells the user.
            Ok(_) | Err(_) => tokio::time::sleep(LONGEST_PAUSE).await,
        }
    }
}

fn has_ended(status: &str) -> bool {
    JobStatus::ALL
        .iter()
        .any(|known| known.is_globally_terminal() && known.as_str() == status)
}

async fn look(
    cluster: &dyn ClusterHandle,
    job: JobId,
    observer: &mut dyn JobObserver,
) -> Result<Option<JobResult>, ClusterClientError> {
    let details = cluster.rest().job(job).await?;
    observer.update(&details);
    if !has_ended(&details.state) {
        return Ok(None);
    }
    // Before the result: the master goes when it has told that.
    let accumulators = cluster.rest().accumulators(job).await?;
    let result = cluster.rest().execution_result(job).await?;
    Ok(result.map(|result| JobResult { accumulators, ..result }))
}

/// The master is not there, does not know its job yet, or has no leader. YARN's proxy shows a page of its own, or nothing,
/// for a master that has gone.
fn may_pass(error: &ClusterClientError, proxied: bool) -> bool {
    let is_page = proxied && matches!(error, ClusterClientError::Undecodable { .. });
    is_page || error.is_unreachable() || matches!(error.status(), Some(404 | 500..=599))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use async_trait::async_trait;
    use selvedge_core::status::ApplicationStatus;
    use serde_json::json;
    use wiremock::matchers::{method, path};
    use wiremock::{Mock, MockServer, ResponseTemplate};
    use yarn_common::id::ApplicationId;

    use super::*;
    use crate::cluster::ProxyRoute;

    const JOB: JobId = JobId::from_bytes([7; 16]);

    struct Nobody;

    impl JobObserver for Nobody {
        fn note(&mut self, _: &str) {}

        fn update(&mut self, _: &JobDetails) {}
    }

    /// A cluster whose end, where it is asked for, is this.
    struct Fake {
        rest: RestClusterClient,
        fate: Option<JobResult>,
        heartbeat: Option<ClientHeartbeat>,
    }

    #[async_trait]
    impl ClusterHandle for Fake {
        fn id(&self) -> String {
            "fake".to_owned()
        }

        fn rest(&self) -> &RestClusterClient {
            &self.rest
        }

        fn client_heartbeat(&self) -> Option<ClientHeartbeat> {
            self.heartbeat
        }

        async fn fate(&self) -> Result<Option<JobResult>, DeployError> {
            Ok(self.fate.clone())
        }

        async fn stop(&self) -> Result<(), DeployError> {
            Ok(())
        }

        async fn close(&self) -> Result<(), DeployError> {
            Ok(())
        }

        fn how_to_stop(&self) -> String {
            String::new()
        }
    }

    fn fake(rest: RestClusterClient, fate: Option<JobResult>) -> Fake {
        Fake {
            rest,
            fate,
            heartbeat: None,
        }
    }

    fn canceled() -> JobResult {
        JobResult {
            status: ApplicationStatus::Canceled,
            net_runtime: None,
            accumulators: BTreeMap::new(),
            failure: None,
        }
    }

    #[tokio::test]
    async fn a_master_that_has_gone_leaves_its_cluster_to_tell() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let rest = RestClusterClient::direct(&listener.local_addr().unwrap().to_string()).unwrap();
        drop(listener);
        let fate = Some(canceled());
        let result = follow(&fake(rest, fate), JOB, &mut Nobody).await.unwrap();
        assert_eq!(result, canceled());
    }

    #[tokio::test]
    async fn a_page_of_the_proxy_in_place_of_the_masters_answer_means_that_it_has_gone() {
        let proxy = MockServer::start().await;
        for page in ["<html>killed</html>", ""] {
            proxy.reset().await;
            Mock::given(method("GET"))
                .respond_with(ResponseTemplate::new(200).set_body_raw(page, "text/html"))
                .mount(&proxy)
                .await;
            let rm = yarn_rest::rm::RmClient::builder().resource_manager(&proxy.uri(), None);
            let rest = RestClusterClient::proxied(ProxyRoute {
                resource_manager: rm.unwrap().build().unwrap(),
                application: ApplicationId::new(1, 7),
            });
            let fate = Some(canceled());
            let result = follow(&fake(rest, fate), JOB, &mut Nobody).await.unwrap();
            assert_eq!(result, canceled());
        }
    }

    #[tokio::test]
    async fn an_ended_job_is_asked_for_its_counts_before_its_result() {
        let master = MockServer::start().await;
        let result = json!({"status": {"id": "COMPLETED"},
            "job-execution-result": {"application-status": "SUCCEEDED", "net-runtime": 5}});
        let counts = json!({"user-task-accumulators": [{"name": "a.b", "type": "LongCounter", "value": "3"}]});
        for (at, body) in [
            ("", json!({"name": "j", "state": "FINISHED"})),
            ("/accumulators", counts),
            ("/execution-result", result),
        ] {
            Mock::given(method("GET"))
                .and(path(format!("/jobs/{JOB}{at}")))
                .respond_with(ResponseTemplate::new(200).set_body_json(body))
                .mount(&master)
                .await;
        }
        let rest = RestClusterClient::direct(&master.address().to_string()).unwrap();
        let result = follow(&fake(rest, None), JOB, &mut Nobody).await.unwrap();
        assert_eq!(result.accumulators["a.b"], 3);
        let asked: Vec<_> = master.received_requests().await.unwrap();
        assert!(asked.last().unwrap().url.path().ends_with("/execution-result"));
    }

    #[tokio::test]
    async fn the_master_is_asked_to_tell_the_end_until_it_has_come() {
        let master = MockServer::start().await;
        for status in ["RUNNING", "FINISHED"] {
            Mock::given(method("GET"))
                .and(path(format!("/jobs/{JOB}/status")))
                .respond_with(ResponseTemplate::new(200).set_body_json(json!({"status": status})))
                .up_to_n_times(1)
                .mount(&master)
                .await;
        }
        let rest = RestClusterClient::direct(&master.address().to_string()).unwrap();
        until_ended(&rest, JOB).await;
        let asked = master.received_requests().await.unwrap();
        let queries: Vec<_> = asked.iter().map(|request| request.url.query()).collect();
        assert_eq!(
            queries,
            [Some("waitForEnd=10000"); 2],
            "one that does not wait is asked again"
        );
    }

    #[tokio::test]
    async fn a_client_whose_job_ends_with_it_tells_that_it_is_there() {
        let master = MockServer::start().await;
        let running = json!({"name": "j", "state": "RUNNING"});
        Mock::given(method("GET"))
            .respond_with(ResponseTemplate::new(200).set_body_json(running))
            .mount(&master)
            .await;
        Mock::given(method("PATCH"))
            .and(path(format!("/jobs/{JOB}/clientHeartbeat")))
            .respond_with(ResponseTemplate::new(202).set_body_json(json!({})))
            .mount(&master)
            .await;
        let cluster = Fake {
            heartbeat: Some(ClientHeartbeat {
                interval: Duration::from_millis(1),
                timeout: Duration::from_secs(60),
            }),
            ..fake(RestClusterClient::direct(&master.address().to_string()).unwrap(), None)
        };
        let beats = || async {
            let requests = master.received_requests().await.unwrap();
            let beats = requests
                .into_iter()
                .filter(|request| request.method.as_str() == "PATCH");
            beats
                .map(|beat| beat.body_json::<serde_json::Value>().unwrap())
                .collect::<Vec<_>>()
        };
        let heard = async {
            while beats().await.len() < 3 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let mut nobody = Nobody;
        tokio::select! {
            followed = follow(&cluster, JOB, &mut nobody) => panic!("{followed:?}"),
            heard = tokio::time::timeout(Duration::from_secs(30), heard) => heard.expect("three heartbeats"),
        }
        let expiry = beats().await[0]["expiredTimestamp"].as_u64().unwrap();
        let now = SystemClock.wall().millis();
        assert!((now..now + 60_000).contains(&expiry), "{expiry}, now {now}");
    }
}
