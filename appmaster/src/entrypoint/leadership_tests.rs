//! Masters that gain and lose leadership, in an election of this process.

use std::sync::Arc;
use std::time::Duration;

use selvedge_core::JobId;
use selvedge_core::status::{ApplicationStatus, JobStatus};
use selvedge_runtime::clock::SystemClock;
use selvedge_runtime::fs::FileSystems;
use selvedge_runtime::ha::{HaServices, InMemoryEnsemble, InMemoryHaServices, LeaderRetrieval};
use selvedge_runtime::rpc::{ApplicationSecret, PortRange};

use super::*;
use crate::local::LocalDriver;
use crate::testing::connectors::{Log, NotingConnectors, StructureChecker};
use crate::testing::http::{Answer, get};
use crate::testing::word_count;
use crate::testing::worker::{Behaviour, Workers};

const BOUND: Duration = Duration::from_secs(120);

struct Master {
    ha: InMemoryHaServices,
    cluster: Cluster,
    workers: Arc<Workers>,
    log: Log,
}

/// A session master with workers of its own, which stands by where another leads.
async fn master(ensemble: &InMemoryEnsemble, behaviour: Behaviour) -> Master {
    let workers = Workers::new(behaviour);
    let connectors = NotingConnectors::default();
    let log = connectors.log.clone();
    let ha = ensemble.join();
    let config = ClusterConfig {
        configuration: selvedge_core::config::shipped(),
        mode: DispatcherMode::Session,
        secret: ApplicationSecret::from_bytes(&[7; 32]).unwrap(),
        host: "127.0.0.1".into(),
        bind_host: "127.0.0.1".into(),
        rest_bind_ports: PortRange::any(),
        rpc_ports: PortRange::any(),
        driver: Arc::new(LocalDriver::new(workers.clone())),
        cluster_id: None,
        file_systems: FileSystems::local_only(),
        connectors: Arc::new(connectors),
        checker: Arc::new(StructureChecker),
        clock: Arc::new(SystemClock),
        seed: 1,
        log_file: None,
    };
    let services = ClusterServices::new(Arc::new(ha.clone()));
    let (cluster, _) = ClusterEntrypoint::stand_by(config, services).await.unwrap();
    Master {
        ha,
        cluster,
        workers,
        log,
    }
}

async fn within<T>(wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(BOUND, wait).await.expect("it comes in time")
}

impl Master {
    /// The leader's REST address, once it is told.
    async fn told(retrieval: &LeaderRetrieval) -> String {
        retrieval.found(BOUND).await.unwrap().address
    }

    fn rest(&self) -> LeaderRetrieval {
        self.ha.retrieval(LeaderComponent::RestServer)
    }

    async fn get(&self, path: &str) -> Answer {
        within(get(self.cluster.rest_address(), path)).await
    }

    async fn get_until(&self, path: &str, done: impl Fn(&Answer) -> bool) -> Answer {
        within(async {
            loop {
                let answer = self.get(path).await;
                if done(&answer) {
                    return answer;
                }
                tokio::task::yield_now().await;
            }
        })
        .await
    }

    async fn submit(&self) -> JobId {
        self.cluster.dispatcher().submit_job(None, word_count(1)).await.unwrap()
    }

    async fn wait_for_running(&self, job: JobId) {
        let running = |answer: &Answer| {
            let json = answer.json();
            let vertices = json["vertices"].as_array().cloned().unwrap_or_default();
            vertices.len() == 2 && vertices.iter().all(|vertex| vertex["tasks"]["running"] == 1)
        };
        self.get_until(&format!("/jobs/{job}"), running).await;
    }
}

#[tokio::test]
async fn a_standby_sends_clients_to_the_leader_and_serves_when_it_is_one() {
    let ensemble = InMemoryEnsemble::new(1);
    let first = master(&ensemble, Behaviour::Finish).await;
    let leader = Master::told(&first.rest()).await;
    assert_eq!(leader, first.cluster.rest_address());
    let second = master(&ensemble, Behaviour::Finish).await;
    let answer = second.get("/v1/jobs?a=b").await;
    assert_eq!(answer.status, 307);
    assert!(
        answer.head.contains(&format!("location: http://{leader}/v1/jobs?a=b")),
        "{}",
        answer.head
    );
    let ended = within(first.cluster.terminate()).await;
    assert_eq!(ended.shutdown, Shutdown::ProcessAlone);
    assert_eq!(
        second
            .get_until("/overview", |answer| answer.status == 200)
            .await
            .status,
        200
    );
    let end = within(
        second
            .cluster
            .shutdown(ApplicationStatus::Succeeded, "the test is over"),
    )
    .await;
    assert_eq!(end.status, ApplicationStatus::Succeeded);
}

#[tokio::test]
async fn a_jobs_master_is_found_as_long_as_the_job_runs() {
    let ensemble = InMemoryEnsemble::new(1);
    let master = master(&ensemble, Behaviour::Run).await;
    Master::told(&master.rest()).await;
    let job = master.submit().await;
    let mut found = master.ha.retrieval(LeaderComponent::JobMaster(job));
    assert_eq!(Master::told(&found).await, master.cluster.rpc_address());
    master.wait_for_running(job).await;
    master.cluster.dispatcher().cancel(job).await.unwrap();
    while within(found.changed()).await.is_some() {}
    within(master.cluster.terminate()).await;
}

#[tokio::test]
async fn what_somebody_else_deletes_of_the_leader_is_told_again() {
    let ensemble = InMemoryEnsemble::new(1);
    let master = master(&ensemble, Behaviour::Run).await;
    Master::told(&master.rest()).await;
    let job = master.submit().await;
    master.wait_for_running(job).await;
    for component in [LeaderComponent::JobMaster(job), LeaderComponent::RestServer] {
        let found = master.ha.retrieval(component);
        let told = found.found(BOUND).await;
        assert!(told.is_some(), "{component}");
        // Twice: what is told again is followed as well.
        for _ in 0..2 {
            ensemble.delete(component);
            assert_eq!(found.current(), None, "{component}");
            assert_eq!(found.found(BOUND).await, told, "{component}");
        }
    }
    within(master.cluster.terminate()).await;
}

#[tokio::test]
async fn without_a_leader_clients_are_told_so_after_a_moment() {
    let ensemble = InMemoryEnsemble::new(1);
    // It is first in line, and has nothing to tell an address of.
    let silent = ensemble.join();
    let _election = silent.election();
    let standby = master(&ensemble, Behaviour::Finish).await;
    let answer = standby.get("/jobs").await;
    assert_eq!(answer.status, 503);
    let message = answer.json()["errors"][0].as_str().unwrap().to_owned();
    assert!(message.contains("there is no leader"), "{message}");
    within(standby.cluster.terminate()).await;
}

#[tokio::test]
async fn a_revocation_suspends_jobs_and_leaves_their_output_to_the_next_leader() {
    let ensemble = InMemoryEnsemble::new(1);
    let master = master(&ensemble, Behaviour::Run).await;
    let mut rest = master.rest();
    Master::told(&rest).await;
    let job = master.submit().await;
    master.wait_for_running(job).await;
    let before = master.cluster.dispatcher();
    let session = rest.current().unwrap().session;
    ensemble.revoke(&master.ha);
    // Alone in line, it leads again: everything is made anew.
    let again = within(async {
        loop {
            match rest.changed().await {
                Some(leader) if leader.session != session => return leader,
                _ => {}
            }
        }
    })
    .await;
    assert_eq!(again.address, master.cluster.rest_address());
    assert!(
        matches!(before.job(job).await, Err(DispatcherError::Gone)),
        "it is stopped to the end"
    );
    let jobs = master.get("/jobs").await.json();
    assert_eq!(jobs["jobs"].as_array().unwrap().len(), 0, "state is cleared: {jobs}");
    assert_eq!(
        *master.log.lock().unwrap(),
        ["prepare"],
        "nothing is committed, nothing removed"
    );
    let next = master.submit().await;
    master.wait_for_running(next).await;
    assert_eq!(
        master.workers.deployments().len(),
        2,
        "the second leadership has a worker of its own"
    );
    within(master.cluster.terminate()).await;
}

#[tokio::test]
async fn a_process_that_ends_alone_tells_nobody_and_one_that_breaks_leaves_its_jobs_to_the_next() {
    let ensemble = InMemoryEnsemble::new(1);
    let master = master(&ensemble, Behaviour::Run).await;
    Master::told(&master.rest()).await;
    let job = master.submit().await;
    master.wait_for_running(job).await;
    let waiting = master.cluster.dispatcher();
    let (ended, result) = within(async { tokio::join!(master.cluster.terminate(), waiting.await_result(job)) }).await;
    assert_eq!(ended.end.status, ApplicationStatus::Unknown);
    assert_ne!(result.map(|result| result.status), Ok(JobStatus::Canceled));
    assert_eq!(*master.log.lock().unwrap(), ["prepare"]);
}

/// Fails the cluster, or submits a job.
#[derive(Debug)]
struct Program(Result<(), &'static str>);

#[async_trait]
impl Application for Program {
    async fn run(&self, dispatcher: DispatcherHandle) -> Result<(), String> {
        self.0.map_err(str::to_owned)?;
        let submitted = dispatcher
            .submit_job(Some(JobId::from_bytes([5; 16])), word_count(1))
            .await;
        submitted.map(drop).map_err(|error| error.to_string())
    }
}

async fn with_program(program: Program) -> Ended {
    let workers = Workers::new(Behaviour::Finish);
    let config = ClusterConfig {
        configuration: selvedge_core::config::shipped(),
        mode: DispatcherMode::PerJob { attached: false },
        secret: ApplicationSecret::from_bytes(&[7; 32]).unwrap(),
        host: "127.0.0.1".into(),
        bind_host: "127.0.0.1".into(),
        rest_bind_ports: PortRange::any(),
        rpc_ports: PortRange::any(),
        driver: Arc::new(LocalDriver::new(workers)),
        cluster_id: None,
        file_systems: FileSystems::local_only(),
        connectors: Arc::new(NotingConnectors::default()),
        checker: Arc::new(StructureChecker),
        clock: Arc::new(SystemClock),
        seed: 1,
        log_file: None,
    };
    let mut services = ClusterServices::standalone(1);
    services.application = Some(Arc::new(program));
    let (cluster, _) = ClusterEntrypoint::stand_by(config, services).await.unwrap();
    within(cluster.wait_ended()).await
}

#[tokio::test]
async fn a_program_runs_where_its_master_leads_and_its_failure_ends_the_cluster() {
    let ended = with_program(Program(Ok(()))).await;
    assert_eq!(
        (ended.end.status, ended.shutdown),
        (ApplicationStatus::Succeeded, Shutdown::Graceful)
    );
    let ended = with_program(Program(Err("main() threw"))).await;
    assert_eq!(ended.end.status, ApplicationStatus::Failed);
    assert!(
        ended.end.diagnostics.contains("main() threw"),
        "{}",
        ended.end.diagnostics
    );
}
