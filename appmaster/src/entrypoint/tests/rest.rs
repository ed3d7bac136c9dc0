//! What REST answers.

use super::*;

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
