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
mod plugins;
mod registration;
mod rejoin;
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
async fn rest_shows_a_finished_job_as_flink_does() {
    let bed = session(Behaviour::Finish).await;
    let job = bed.submit(1).await;
    bed.result(job).await;
    let details = bed.get(&format!("/v1/jobs/{job}")).await;
    assert_eq!(details["state"], "FINISHED");
    assert_eq!(details["job-type"], "BATCH");
    assert_eq!(details["status-counts"]["FINISHED"], 2);
    let sink = &details["vertices"][1];
    assert_eq!(
        (&sink["status"], &sink["metrics"]["read-records"]),
        (&json!("FINISHED"), &json!(10))
    );
    assert_eq!(details["plan"]["nodes"][1]["inputs"][0]["ship_strategy"], "REBALANCE");
    assert_eq!(
        bed.get("/jobs").await,
        json!({"jobs": [{"id": job, "status": "FINISHED"}]})
    );
    let overview = bed.get("/jobs/overview").await;
    assert_eq!(overview["jobs"][0]["tasks"]["finished"], 2);
    let result = bed.get(&format!("/jobs/{job}/execution-result")).await;
    assert_eq!(result["status"]["id"], "COMPLETED");
    assert_eq!(result["job-execution-result"]["application-status"], "SUCCEEDED");
    let accumulators = bed.get(&format!("/jobs/{job}/accumulators")).await;
    assert_eq!(accumulators["user-task-accumulators"][0]["value"], "10");
    let cluster = bed.get("/overview").await;
    assert_eq!(
        (&cluster["jobs-finished"], &cluster["taskmanagers"]),
        (&json!(1), &json!(1))
    );
    bed.end().await;
}

#[tokio::test]
async fn rest_answers_with_flinks_statuses_and_a_length() {
    let bed = session(Behaviour::Finish).await;
    let unknown = JobId::from_bytes([9; 16]);
    for (method, path, status) in [
        ("GET", "/jobs/12ab".to_owned(), 400),
        ("GET", "/nowhere".to_owned(), 404),
        ("PUT", "/jobs".to_owned(), 404),
        ("GET", "/v2/jobs".to_owned(), 404),
        ("GET", format!("/jobs/{unknown}"), 404),
        ("GET", format!("/jobs/{unknown}/status"), 500),
        ("GET", format!("/jobs/{unknown}/execution-result"), 404),
        ("PATCH", format!("/v1/jobs/{unknown}?mode=cancel"), 404),
        ("GET", format!("/jobs/{unknown}/yarn-cancel"), 404),
        ("PATCH", format!("/jobs/{unknown}?mode=stop"), 308),
        ("PATCH", format!("/jobs/{unknown}/clientHeartbeat"), 202),
        ("POST", "/jobs".to_owned(), 400),
        ("GET", "/taskmanagers/nobody".to_owned(), 500),
        ("GET", "/taskmanagers/nobody/log".to_owned(), 404),
        ("GET", "/jobmanager/log".to_owned(), 404),
        ("GET", "/config".to_owned(), 200),
        ("GET", "/v1/jobmanager/config".to_owned(), 200),
        ("GET", "/".to_owned(), 200),
    ] {
        let answer = call(bed.cluster.rest_address(), method, &path, "{}").await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
        assert!(
            answer.head.contains("content-length: "),
            "{method} {path}: {}",
            answer.head
        );
        if status >= 300 {
            assert!(
                answer.json()["errors"][0].is_string(),
                "{method} {path}: {}",
                answer.body
            );
        }
    }
    bed.end().await;
}

#[tokio::test]
async fn the_effective_settings_are_shown_with_the_ports_that_were_bound_and_without_secrets() {
    let settings = [("s3.secret-key", "hunter2"), ("parallelism.default", "3")];
    let bed = bed(
        DispatcherMode::Session,
        Workers::new(Behaviour::Finish),
        None,
        &settings,
    )
    .await;
    let address = bed.cluster.rest_address().to_owned();
    let answer = call(&address, "GET", "/jobmanager/config", "").await.json();
    let value = |key: &str| {
        let entries = answer.as_array().unwrap();
        let entry = entries
            .iter()
            .find(|entry| entry["key"] == key)
            .unwrap_or_else(|| panic!("{answer}"));
        entry["value"].as_str().unwrap().to_owned()
    };
    assert_eq!(value("s3.secret-key"), "******");
    assert_eq!(value("parallelism.default"), "3");
    assert_eq!(format!("{}:{}", value("rest.address"), value("rest.port")), address);
    let rpc = format!("{}:{}", value("jobmanager.rpc.address"), value("jobmanager.rpc.port"));
    assert_eq!(rpc, bed.cluster.rpc_address());
    bed.end().await;
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
async fn figures_of_a_running_job_are_fetched_while_someone_looks() {
    let bed = session(Behaviour::Run).await;
    let job = bed.submit(1).await;
    let seen = async {
        while bed.get(&format!("/jobs/{job}")).await["vertices"][0]["metrics"]["read-records"] != json!(7) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(BOUND, seen).await.expect("the figures come");
    let log = get(bed.cluster.rest_address(), "/taskmanagers/taskmanager-1/log").await;
    assert!(log.body.contains("the log of taskmanager-1"), "{}", log.body);
    assert!(
        log.head.contains(&format!("content-length: {}", log.body.len())),
        "{}",
        log.head
    );
    let named = get(
        bed.cluster.rest_address(),
        "/taskmanagers/taskmanager-1/logs/worker.out",
    )
    .await;
    assert!(named.body.contains("taskmanager-1 worker.out"), "{}", named.body);
    let list = get(bed.cluster.rest_address(), "/taskmanagers/taskmanager-1/logs").await;
    assert!(list.head.contains("content-type: application/json"), "{}", list.head);
    bed.end().await;
}

#[tokio::test]
async fn rest_shows_the_slots_in_use_and_what_is_left() {
    let settings = [("taskmanager.numberOfTaskSlots", "2")];
    let bed = bed(DispatcherMode::Session, Workers::new(Behaviour::Run), None, &settings).await;
    let job = bed.submit(1).await;
    bed.wait_for_running(job, 2).await;
    let overview = bed.get("/overview").await;
    assert_eq!(
        (&overview["slots-total"], &overview["slots-available"]),
        (&json!(2), &json!(1))
    );
    let worker = bed.get("/taskmanagers/taskmanager-1").await;
    assert_eq!((&worker["slotsNumber"], &worker["freeSlots"]), (&json!(2), &json!(1)));
    assert_eq!(worker["allocatedSlots"][0]["jobId"], json!(job));
    assert_eq!(
        worker["allocatedSlots"][0]["resource"], worker["freeResource"],
        "half of it"
    );
    let listed = bed.get("/taskmanagers").await;
    assert_eq!(listed["taskmanagers"][0]["freeResource"], worker["freeResource"]);
    assert_eq!(
        (&overview["taskmanagers-blocked"], &worker["blocked"]),
        (&Value::Null, &Value::Null)
    );
    let nodes = vec!["127.0.0.1".to_owned()];
    let resource_manager = bed.cluster.resource_manager();
    resource_manager
        .block_nodes(nodes, BOUND, "the test says so")
        .await
        .unwrap();
    let overview = bed.get("/overview").await;
    assert_eq!(
        (&overview["taskmanagers-blocked"], &overview["slots-free-and-blocked"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(bed.get("/taskmanagers/taskmanager-1").await["blocked"], json!(true));
    bed.end().await;
}

#[tokio::test]
async fn slots_of_a_stated_size_are_made_by_their_worker_of_what_is_free() {
    let settings = [("taskmanager.numberOfTaskSlots", "2")];
    let bed = bed(DispatcherMode::Session, Workers::new(Behaviour::Run), None, &settings).await;
    let (notices, _told) = mpsc::channel(8);
    let contact = JobMasterContact {
        job_master_id: LeaderSessionId::from_bytes([1; 16]),
        address: bed.cluster.rpc_address().to_owned(),
        notices,
    };
    let quarter = profile().divided_by(4);
    let resource_manager = bed.cluster.resource_manager();
    let job = JobId::from_bytes([1; 16]);
    let job_master_id = contact.job_master_id;
    bed.join(job, contact).await;
    resource_manager
        .declare_required_resources(job, job_master_id, vec![(quarter.clone(), 3)])
        .await
        .unwrap();
    let given = async {
        while resource_manager.overview().await.unwrap().usage.workers == 0
            || bed.workers.get(1).taken_slots() != [2, 3, 4]
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(BOUND, given).await.expect("the slots are given");
    let worker = resource_manager.task_manager(&"taskmanager-1".into()).await.unwrap();
    let left = worker.total.checked_sub(&quarter.checked_mul(3).unwrap());
    assert_eq!((worker.slots.free, Some(worker.slots.free_resource)), (0, left));
    bed.end().await;
}

#[tokio::test]
async fn a_worker_that_nobody_uses_is_asked_and_given_back() {
    let settings = [("resourcemanager.taskmanager-timeout", "1 ms")];
    let bed = bed(
        DispatcherMode::Session,
        Workers::new(Behaviour::Finish),
        None,
        &settings,
    )
    .await;
    let job = bed.submit(1).await;
    assert_eq!(bed.result(job).await.status, JobStatus::Finished);
    let gone = async {
        while bed.get("/overview").await["taskmanagers"] != json!(0) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(BOUND, gone).await.expect("the worker is released");
    assert!(bed.workers.get(1).ended.borrow().is_some());
    bed.end().await;
}

#[tokio::test]
async fn a_job_whose_slots_the_cluster_may_not_have_says_which_bound_it_met() {
    let settings = [
        ("slotmanager.number-of-slots.max", "1"),
        ("slot.request.timeout", "300 ms"),
    ];
    let bed = bed(DispatcherMode::Session, Workers::new(Behaviour::Run), None, &settings).await;
    let job = bed.submit(2).await;
    let cause = bed.result(job).await.cause.unwrap();
    assert!(
        cause.ends_with("the cluster has reached slotmanager.number-of-slots.max (1)"),
        "{cause}"
    );
    bed.end().await;
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
async fn rest_answers_at_once_while_the_driver_connects() {
    let workers = Workers::new(Behaviour::Finish);
    let driver = Arc::new(ProbingDriver::new(workers.clone()));
    let bed = bed_of(driver.clone(), DispatcherMode::Session, workers, None, &[]).await;
    let [overview, workers, log] = driver.answers();
    assert_eq!((overview.status, &overview.json()["taskmanagers"]), (200, &json!(0)));
    assert_eq!((workers.status, workers.json()), (200, json!({"taskmanagers": []})));
    assert_eq!(log.status, 404, "{}", log.body);
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

#[tokio::test]
async fn an_attached_per_job_cluster_ends_when_its_result_has_been_fetched() {
    let mode = DispatcherMode::PerJob { attached: true };
    let bed = bed(mode, Workers::new(Behaviour::Finish), None, &[]).await;
    let job = bed.submit(1).await;
    bed.result(job).await;
    let answer = get(bed.cluster.rest_address(), &format!("/v1/jobs/{job}/execution-result")).await;
    assert_eq!(answer.json()["status"]["id"], "COMPLETED");
    let end = tokio::time::timeout(BOUND, bed.cluster.wait_terminated())
        .await
        .expect("the cluster ends");
    assert_eq!(end.status, ApplicationStatus::Succeeded);
    let told: JobResult = serde_json::from_str(&end.diagnostics).unwrap();
    assert_eq!((told.job_id, told.status), (job, JobStatus::Finished));
}

#[tokio::test]
async fn a_detached_per_job_cluster_ends_with_its_job() {
    let mode = DispatcherMode::PerJob { attached: false };
    let bed = bed(
        mode,
        Workers::new(Behaviour::Fail("sink", "division by zero")),
        None,
        &[],
    )
    .await;
    bed.submit(1).await;
    let end = tokio::time::timeout(BOUND, bed.cluster.wait_terminated())
        .await
        .expect("the cluster ends");
    assert_eq!(end.status, ApplicationStatus::Failed);
    assert!(end.diagnostics.contains("division by zero"), "{}", end.diagnostics);
}

#[tokio::test]
async fn a_job_is_taken_over_rest_once() {
    let bed = session(Behaviour::Finish).await;
    let job = JobId::from_bytes([3; 16]);
    let body = json!({"jobGraph": word_count(1), "jobId": job}).to_string();
    let address = bed.cluster.rest_address();
    let taken = call(address, "POST", "/v1/jobs", &body).await;
    assert_eq!(
        (taken.status, taken.json()),
        (202, json!({"jobUrl": format!("/jobs/{job}")}))
    );
    assert_eq!(call(address, "POST", "/v1/jobs", &body).await.status, 409);
    bed.result(job).await;
    assert!(matches!(
        bed.cluster.dispatcher().submit_job(Some(job), word_count(1)).await,
        Err(DispatcherError::Duplicate { .. })
    ));
    assert_eq!(call(address, "DELETE", "/v1/cluster", "{}").await.status, 200);
    let end = tokio::time::timeout(BOUND, bed.cluster.wait_terminated())
        .await
        .expect("the cluster ends");
    assert_eq!(end.status, ApplicationStatus::Succeeded);
}
