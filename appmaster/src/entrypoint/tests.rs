//! Whole clusters in this process, with workers that speak gRPC.

use std::sync::Arc;
use std::time::Duration;

use selvedge_core::status::{ApplicationStatus, JobStatus};
use selvedge_core::{JobId, LeaderSessionId};
use selvedge_runtime::ha::LeaderInformation;
use serde_json::{Value, json};

use super::*;
use crate::dispatcher::DispatcherError;
use crate::jobmaster::JobResult;
use crate::local::LocalDriver;
use crate::resourcemanager::JobMasterContact;
use crate::testing::connectors::{Log, NotingConnectors};
use crate::testing::http::{call, get};
use crate::testing::worker::{Behaviour, Workers};
use crate::testing::{profile, session_of, word_count};

mod driver;
mod metrics;
mod partitions;
mod per_job;
mod plugins;
mod registration;
mod rejoin;
mod rest;
mod slots;
mod unfit;
mod working_directory;

use driver::ProbingDriver;

struct Bed {
    ha: Arc<dyn HaServices>,
    cluster: Cluster,
    workers: Arc<Workers>,
    log: Log,
}

const BOUND: Duration = Duration::from_secs(120);

async fn bed(mode: DispatcherMode, workers: Arc<Workers>, refuse: Option<&str>, settings: &[(&str, &str)]) -> Bed {
    let driver = Arc::new(LocalDriver::new(workers.clone()));
    bed_of(driver, mode, workers, refuse, settings).await
}

async fn bed_of(
    driver: Arc<dyn ResourceManagerDriver>,
    mode: DispatcherMode,
    workers: Arc<Workers>,
    refuse: Option<&str>,
    settings: &[(&str, &str)],
) -> Bed {
    let connectors = NotingConnectors {
        refuse: refuse.map(str::to_owned),
        ..NotingConnectors::default()
    };
    let log = connectors.log.clone();
    let config = ClusterConfig {
        mode,
        driver,
        connectors: Arc::new(connectors),
        ..session_of(workers.clone(), settings)
    };
    let services = ClusterServices::read(&HaServicesRegistry::default(), &config.configuration, 1)
        .await
        .unwrap();
    let ha = services.ha.clone();
    let cluster = ClusterEntrypoint::start_with(config, services).await.unwrap();
    Bed {
        ha,
        cluster,
        workers,
        log,
    }
}

async fn session(behaviour: Behaviour) -> Bed {
    bed(DispatcherMode::Session, Workers::new(behaviour), None, &[]).await
}

impl Bed {
    async fn submit(&self, parallelism: u32) -> JobId {
        self.cluster
            .dispatcher()
            .submit_job(None, word_count(parallelism))
            .await
            .unwrap()
    }

    /// Registers a JobMaster that is none of this master's as the leader of a job.
    async fn join(&self, job: JobId, contact: JobMasterContact) {
        let election = self.ha.election();
        let session = election.leadership().borrow().session().unwrap();
        let information = LeaderInformation {
            session: contact.job_master_id,
            address: contact.address.clone(),
        };
        let component = LeaderComponent::JobMaster(job);
        election.publish_as(session, component, information).await.unwrap();
        let resource_manager = self.cluster.resource_manager();
        resource_manager.register_job_master(job, contact).await.unwrap();
    }

    async fn result(&self, job: JobId) -> JobResult {
        tokio::time::timeout(BOUND, self.cluster.dispatcher().await_result(job))
            .await
            .expect("the job ends")
            .unwrap()
    }

    async fn get(&self, path: &str) -> Value {
        get(self.cluster.rest_address(), path).await.json()
    }

    /// Waits until the job's JSON shows so many running tasks.
    async fn wait_for_running(&self, job: JobId, tasks: u64) {
        let wait = async {
            while self.get(&format!("/jobs/{job}")).await["vertices"]
                .as_array()
                .unwrap()
                .iter()
                .map(|vertex| vertex["tasks"]["running"].as_u64().unwrap())
                .sum::<u64>()
                < tasks
            {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(BOUND, wait).await.expect("the tasks run");
    }

    fn noted(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    async fn end(&self) -> ClusterEnd {
        let end = self.cluster.shutdown(ApplicationStatus::Succeeded, "the test is over");
        tokio::time::timeout(BOUND, end).await.expect("the cluster ends")
    }
}

#[tokio::test]
async fn a_job_finishes_with_one_deployment_for_each_worker_and_its_output_committed() {
    let bed = session(Behaviour::Finish).await;
    let job = bed.submit(2).await;
    let result = bed.result(job).await;
    assert_eq!((result.status, result.cause), (JobStatus::Finished, None));
    assert_eq!(result.accumulators["drop.records"], 4 * 5);
    assert_eq!(bed.workers.deployments(), [vec![2], vec![2]]);
    assert_eq!(bed.workers.splits_read(), 3);
    assert_eq!(bed.noted(), ["prepare", "publish sink_0_0 sink_1_0", "finish"]);
    assert_eq!(bed.end().await.status, ApplicationStatus::Succeeded);
}

#[tokio::test]
async fn a_failed_task_fails_the_job_with_its_cause_and_cancels_the_others() {
    let bed = session(Behaviour::Fail("source", "file:///in at byte 17: not UTF-8")).await;
    let job = bed.submit(1).await;
    let result = bed.result(job).await;
    assert_eq!(result.status, JobStatus::Failed);
    let cause = result.cause.unwrap();
    assert!(
        cause.contains("task 'generate (1/1)' failed on taskmanager-1"),
        "{cause}"
    );
    assert!(cause.contains("file:///in at byte 17: not UTF-8"), "{cause}");
    assert_eq!(bed.noted(), ["prepare", "abort"]);
    let exceptions = bed.get(&format!("/jobs/{job}/exceptions")).await;
    assert_eq!(exceptions["all-exceptions"][0]["taskManagerId"], "taskmanager-1");
    assert_eq!(
        exceptions["exceptionHistory"]["entries"][0]["taskName"],
        "generate (1/1) - execution #0"
    );
    let answer = bed.get(&format!("/jobs/{job}/execution-result")).await;
    assert_eq!(
        answer["job-execution-result"]["failure-cause"]["stack-trace"],
        json!(cause)
    );
    bed.end().await;
}

#[tokio::test]
async fn a_cancelled_job_leaves_nothing_behind_and_its_slots_serve_the_next() {
    let bed = session(Behaviour::Run).await;
    let job = bed.submit(2).await;
    bed.wait_for_running(job, 4).await;
    let address = bed.cluster.rest_address();
    assert_eq!(
        call(address, "PATCH", &format!("/jobs/{job}?mode=cancel"), "{}")
            .await
            .status,
        202
    );
    assert_eq!(bed.result(job).await.status, JobStatus::Canceled);
    assert_eq!(bed.noted(), ["prepare", "abort"]);
    let again = get(address, &format!("/jobs/{job}/yarn-cancel")).await;
    assert_eq!(again.status, 409, "{}", again.body);
    let next = bed.submit(2).await;
    bed.wait_for_running(next, 4).await;
    assert_eq!(bed.workers.deployments(), [vec![2, 2], vec![2, 2]]);
    bed.end().await;
    assert_eq!(
        bed.noted(),
        ["prepare", "abort", "prepare", "abort"],
        "the end of the cluster cancels what runs"
    );
}

#[tokio::test]
async fn a_killed_worker_fails_the_job_with_the_exit_of_its_container() {
    let bed = session(Behaviour::Run).await;
    let job = bed.submit(2).await;
    bed.wait_for_running(job, 4).await;
    bed.workers
        .get(1)
        .kill("container_1 on node-1 exited with status 137 (killed)");
    let result = bed.result(job).await;
    assert_eq!(result.status, JobStatus::Failed);
    let cause = result.cause.unwrap();
    assert!(
        cause.contains("container_1 on node-1 exited with status 137"),
        "{cause}"
    );
    bed.end().await;
}

#[tokio::test]
async fn workers_that_do_not_start_are_told_when_the_slots_do_not_come_in_time() {
    let workers = Arc::new(Workers {
        refuse: Some("no memory left".into()),
        ..Workers::default()
    });
    let settings = [("slot.request.timeout", "300 ms")];
    let bed = bed(DispatcherMode::Session, workers, None, &settings).await;
    let job = bed.submit(2).await;
    let cause = bed.result(job).await.cause.unwrap();
    assert!(
        cause.contains("NoResourceAvailableException: the job needs 2 slots, and 0 were there"),
        "{cause}"
    );
    bed.end().await;
}

#[tokio::test]
async fn a_driver_that_breaks_fails_the_running_jobs_which_remove_their_output() {
    let workers = Workers::new(Behaviour::Run);
    let driver = Arc::new(ProbingDriver::new(workers.clone()));
    let bed = bed_of(driver.clone(), DispatcherMode::Session, workers, None, &[]).await;
    let job = bed.submit(1).await;
    bed.wait_for_running(job, 2).await;
    driver.break_down("the ResourceManager of YARN is gone for good").await;
    let end = tokio::time::timeout(BOUND, bed.cluster.wait_terminated())
        .await
        .expect("the cluster ends");
    assert_eq!(
        (end.status, end.diagnostics.as_str()),
        (
            ApplicationStatus::Failed,
            "the ResourceManager of YARN is gone for good"
        )
    );
    assert_eq!(bed.noted(), ["prepare", "abort"]);
}

#[tokio::test]
async fn a_sink_that_cannot_be_prepared_fails_the_job_before_any_task_runs() {
    let workers = Workers::new(Behaviour::Finish);
    let bed = bed(DispatcherMode::Session, workers, Some("the directory /out exists"), &[]).await;
    let job = bed.submit(1).await;
    let result = bed.result(job).await;
    assert_eq!(result.status, JobStatus::Failed);
    assert_eq!(result.cause.unwrap(), "operator 'drop': the directory /out exists");
    assert_eq!(bed.noted(), ["prepare"], "what was not prepared is not aborted");
    bed.end().await;
}
