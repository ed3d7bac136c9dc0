//! A whole session in this process, asked as Flink's clients and dashboards do.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use selvedge_core::JobId;
use selvedge_core::status::ApplicationStatus;
use serde_json::{Value, json};

use crate::entrypoint::{Cluster, ClusterConfig, ClusterEntrypoint};
use crate::testing::checker::HeldChecker;
use crate::testing::http::{Answer, call, call_with, get};
use crate::testing::worker::{Behaviour, Workers};
use crate::testing::{session_of, word_count};

const BOUND: Duration = Duration::from_secs(60);
const BOUNDARY: &str = "bea8361be263e0a";

async fn session(behaviour: Behaviour, settings: &[(&str, &str)], log: Option<&Path>) -> Cluster {
    let config = ClusterConfig {
        log_file: log.map(Path::to_owned),
        ..session_of(Workers::new(behaviour), settings)
    };
    ClusterEntrypoint::start(config).await.unwrap()
}

async fn end(cluster: &Cluster) {
    let ended = cluster.shutdown(ApplicationStatus::Succeeded, "the test is over");
    tokio::time::timeout(BOUND, ended).await.expect("the cluster ends");
}

async fn finished(cluster: &Cluster, parallelism: u32) -> JobId {
    let job = cluster
        .dispatcher()
        .submit_job(None, word_count(parallelism))
        .await
        .unwrap();
    let dispatcher = cluster.dispatcher();
    let result = dispatcher.await_result(job);
    tokio::time::timeout(BOUND, result)
        .await
        .expect("the job ends")
        .unwrap();
    job
}

/// What Flink's client sends: the request first, then the files.
fn multipart(job: &str, parts: &[(&str, &str, &str)]) -> String {
    let mut body = format!(
        "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"request\"\r\ncontent-type: text/plain; \
         charset=UTF-8\r\n\r\n{job}\r\n"
    );
    for (name, file, content) in parts {
        body.push_str(&format!(
            "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"; filename=\"{file}\"\r\ncontent-type: \
             application/octet-stream\r\ncontent-transfer-encoding: binary\r\n\r\n{content}\r\n"
        ));
    }
    body.push_str(&format!("--{BOUNDARY}--\r\n"));
    body
}

async fn submit(cluster: &Cluster, body: &str) -> Answer {
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    call_with(cluster.rest_address(), "POST", "/v1/jobs", &kind, body).await
}

#[tokio::test]
async fn a_job_is_taken_from_a_multipart_request_as_flinks_client_sends_it() {
    let cluster = session(Behaviour::Finish, &[], None).await;
    let job = JobId::from_bytes([0xab; 16]);
    let file = format!("flink-jobgraph-{job}4711.bin");
    let request = json!({"jobGraphFileName": file, "jobJarFileNames": [], "jobArtifactFileNames": []}).to_string();
    let graph = serde_json::to_string(&word_count(1)).unwrap();
    let taken = submit(&cluster, &multipart(&request, &[("file_0", &file, &graph)])).await;
    assert_eq!(
        (taken.status, taken.json()),
        (202, json!({"jobUrl": format!("/jobs/{job}")}))
    );
    let again = submit(&cluster, &multipart(&request, &[("file_0", &file, &graph)])).await;
    assert_eq!(again.status, 409, "{}", again.body);
    let missing = submit(&cluster, &multipart(&request, &[])).await;
    assert_eq!(missing.status, 400, "{}", missing.body);
    let broken = submit(&cluster, "no parts at all").await;
    assert_eq!(broken.status, 400, "{}", broken.body);
    assert!(broken.json()["errors"][0].is_string());
    end(&cluster).await;
}

#[tokio::test]
async fn the_dispatcher_and_the_settings_tell_the_port_at_which_the_blob_server_listens() {
    let cluster = session(Behaviour::Finish, &[], None).await;
    let port = cluster.dispatcher().blob_server_port().await.unwrap();
    tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let settings = get(cluster.rest_address(), "/jobmanager/config").await.json();
    let mut entries = settings.as_array().unwrap().iter();
    let shown = entries.find(|entry| entry["key"] == "blob.server.port").unwrap();
    assert_eq!(shown["value"], json!(port.to_string()));
    end(&cluster).await;
}

#[tokio::test]
async fn a_request_that_is_too_large_is_refused() {
    let cluster = session(Behaviour::Finish, &[("rest.server.max-content-length", "2000")], None).await;
    let large = "x".repeat(3000);
    let request = json!({"jobGraphFileName": "g", "jobJarFileNames": [], "jobArtifactFileNames": []}).to_string();
    let answer = submit(&cluster, &multipart(&request, &[("file_0", "g", &large)])).await;
    assert_eq!(answer.status, 413, "{}", answer.body);
    let answer = call(cluster.rest_address(), "POST", "/jobs", &large).await;
    assert_eq!(answer.status, 413, "{}", answer.body);
    assert!(answer.json()["errors"][0].is_string());
    end(&cluster).await;
}

#[tokio::test]
async fn a_vertex_is_shown_with_its_subtasks_their_times_and_their_workers() {
    let cluster = session(Behaviour::Finish, &[], None).await;
    let job = finished(&cluster, 2).await;
    let address = cluster.rest_address();
    let details = get(address, &format!("/jobs/{job}")).await.json();
    let sink = details["vertices"][1]["id"].as_str().unwrap();
    let at = |path: &str| format!("/v1/jobs/{job}/vertices/{sink}{path}");
    let vertex = get(address, &at("")).await.json();
    assert_eq!((&vertex["parallelism"], &vertex["name"]), (&json!(2), &json!("drop")));
    let subtask = &vertex["subtasks"][1];
    assert_eq!(
        (&subtask["subtask"], &subtask["status"], &subtask["attempt"]),
        (&json!(1), &json!("FINISHED"), &json!(0))
    );
    assert_eq!(subtask["start-time"], subtask["start_time"]);
    assert!(
        subtask["status-duration"]["RUNNING"].as_i64().unwrap() >= 0,
        "{subtask}"
    );
    assert_eq!(vertex["aggregated"]["metrics"]["read-records"]["sum"], 20);
    let times = get(address, &at("/subtasktimes")).await.json();
    assert!(
        times["subtasks"][0]["timestamps"]["DEPLOYING"].as_u64().unwrap() > 0,
        "{times}"
    );
    let workers = get(address, &at("/taskmanagers")).await.json();
    let worker = &workers["taskmanagers"][0];
    assert_eq!(
        (&worker["taskmanager-id"], &worker["status"]),
        (&json!("taskmanager-1"), &json!("FINISHED"))
    );
    let accumulators = get(address, &at("/accumulators")).await.json();
    assert_eq!(
        accumulators["user-accumulators"],
        json!([{"name": "drop.records", "type": "LongCounter", "value": "10"}])
    );
    let each = get(address, &at("/subtasks/accumulators")).await.json();
    assert_eq!(each["subtasks"][0]["user-accumulators"][0]["value"], "5");
    assert_eq!(get(address, &at("/subtasks/1")).await.json()["subtask"], 1);
    assert_eq!(
        get(address, &at("/subtasks/1/attempts/0")).await.json()["status"],
        "FINISHED"
    );
    let one = get(address, &at("/subtasks/1/attempts/0/accumulators")).await.json();
    assert_eq!(
        (&one["attempt"], &one["user-accumulators"][0]["value"]),
        (&json!(0), &json!("5"))
    );
    let pressure = get(address, &at("/backpressure")).await.json();
    assert!(
        ["ok", "deprecated"].contains(&pressure["status"].as_str().unwrap()),
        "{pressure}"
    );
    let config = get(address, &format!("/jobs/{job}/config")).await.json();
    assert_eq!(config["execution-config"]["job-parallelism"], 2);
    for (path, status) in [
        (at("/subtasks/2"), 404),
        (at("/subtasks/x"), 400),
        (at("/subtasks/0/attempts/1"), 404),
        (at("/nothing"), 404),
        (format!("/jobs/{job}/vertices/12ab"), 400),
        (format!("/jobs/{job}/vertices/{job}"), 404),
        (format!("/jobs/{}/vertices/{sink}", JobId::from_bytes([9; 16])), 404),
        (format!("/jobs/{}/config", JobId::from_bytes([9; 16])), 404),
    ] {
        let answer = get(address, &path).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
    }
    end(&cluster).await;
}

#[tokio::test]
async fn what_runs_in_the_master_and_in_a_worker_is_dumped() {
    let cluster = session(Behaviour::Run, &[], None).await;
    let address = cluster.rest_address();
    let job = cluster.dispatcher().submit_job(None, word_count(1)).await.unwrap();
    let running = async {
        loop {
            let dump = get(address, "/v1/jobmanager/thread-dump").await.json();
            let first = dump["threadInfos"][0].clone();
            let text = first["stringifiedThreadInfo"].as_str().unwrap_or_default();
            if text.contains("RUNNING, tasks: 2 RUNNING") {
                return (first, dump);
            }
        }
    };
    let (first, dump) = tokio::time::timeout(BOUND, running).await.expect("the job runs");
    assert_eq!(first["threadName"], format!("JobMaster of 'word count' ({job})"));
    assert!(
        dump["threadInfos"].as_array().unwrap().len() > 1,
        "threads come too: {dump}"
    );
    let of_worker = get(address, "/taskmanagers/taskmanager-1/thread-dump").await;
    assert_eq!(of_worker.status, 200);
    assert!(of_worker.head.contains("application/json"), "{}", of_worker.head);
    assert_eq!(of_worker.body, "what runs in taskmanager-1\n");
    assert_eq!(get(address, "/taskmanagers/nobody/thread-dump").await.status, 500);
    end(&cluster).await;
}

#[tokio::test]
async fn log_files_are_listed_and_streamed_and_nothing_else_is() {
    let directory = tempfile::tempdir().unwrap();
    let logs = directory.path().join("logs");
    std::fs::create_dir(&logs).unwrap();
    let long = "0123456789".repeat(50_000);
    for (name, content) in [
        ("jobmanager.log", long.as_str()),
        ("jobmanager.out", "said\n"),
        ("jobmanager.log.1", "old"),
    ] {
        std::fs::write(logs.join(name), content).unwrap();
    }
    std::fs::write(directory.path().join("secret"), "hunter2").unwrap();
    let cluster = session(Behaviour::Finish, &[], Some(&logs.join("jobmanager.log"))).await;
    let address = cluster.rest_address();
    let listed = get(address, "/jobmanager/logs").await.json();
    let named: Vec<_> = listed["logs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|log| (&log["name"], &log["size"]))
        .collect();
    assert_eq!(
        named,
        [
            (&json!("jobmanager.log"), &json!(500_000)),
            (&json!("jobmanager.log.1"), &json!(3)),
            (&json!("jobmanager.out"), &json!(5))
        ]
    );
    assert!(listed["logs"][0]["mtime"].as_u64().unwrap() > 0);
    assert_eq!(get(address, "/jobmanager/log").await.body, long);
    assert_eq!(get(address, "/jobmanager/stdout").await.body, "said\n");
    let old = get(address, "/v1/jobmanager/logs/jobmanager.log.1").await;
    assert_eq!((old.status, old.body.as_str()), (200, "old"));
    assert!(old.head.contains("content-length: 3"), "{}", old.head);
    for path in ["missing", "..%2Fsecret", "..", "%2Fetc%2Fpasswd"] {
        let answer = get(address, &format!("/jobmanager/logs/{path}")).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.body);
    }
    let environment = get(address, "/jobmanager/environment").await.json();
    assert_eq!(environment["jvm"]["arch"], std::env::consts::ARCH);
    end(&cluster).await;
}

#[tokio::test]
async fn an_ended_job_is_archived_with_what_its_paths_answer() {
    let archive = tempfile::tempdir().unwrap();
    let directory = archive.path().display().to_string();
    let settings = [
        ("jobmanager.archive.fs.dir", directory.as_str()),
        ("s3.secret-key", "hunter2"),
    ];
    let cluster = session(Behaviour::Finish, &settings, None).await;
    let job = finished(&cluster, 1).await;
    let text = std::fs::read_to_string(archive.path().join(job.to_string())).unwrap();
    let archived: Value = serde_json::from_str(&text).unwrap();
    let entries = archived["archive"].as_array().unwrap();
    let answer = |path: &str| -> Value {
        let entry = entries.iter().find(|entry| entry["path"] == path);
        let entry = entry.unwrap_or_else(|| panic!("no {path} in {text}"));
        serde_json::from_str(entry["json"].as_str().unwrap()).unwrap()
    };
    assert_eq!(answer("/jobs/overview")["jobs"][0]["jid"], json!(job));
    let mut paths = vec![
        "",
        "/config",
        "/checkpoints/config",
        "/plan",
        "/exceptions",
        "/accumulators",
        "/jobmanager/config",
        "/jobmanager/environment",
    ]
    .into_iter()
    .map(str::to_owned)
    .collect::<Vec<_>>();
    let sink = answer(&format!("/jobs/{job}"))["vertices"][1]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    for below in [
        "",
        "/subtasktimes",
        "/taskmanagers",
        "/subtasks/0/attempts/0",
        "/subtasks/0/attempts/0/accumulators",
    ] {
        paths.push(format!("/vertices/{sink}{below}"));
    }
    // What the archive says is what the paths still answer, but for the time of the question.
    for path in paths {
        let path = format!("/jobs/{job}{path}");
        let (mut then, mut now) = (answer(&path), get(cluster.rest_address(), &path).await.json());
        for answer in [&mut then, &mut now] {
            if let Some(fields) = answer.as_object_mut() {
                fields.remove("now");
            }
        }
        assert_eq!(then, now, "{path}");
    }
    assert!(!text.contains("hunter2"));
    end(&cluster).await;
}

const ENDS_WITH_ITS_CLIENT: [(&str, &str); 2] = [
    ("execution.attached", "true"),
    ("execution.shutdown-on-attached-exit", "true"),
];

async fn is_cancelled(cluster: &Cluster, job: JobId) {
    let result = tokio::time::timeout(BOUND, cluster.dispatcher().await_result(job)).await;
    let result = result.expect("the job ends").unwrap();
    assert_eq!(result.application_status(), ApplicationStatus::Canceled);
    end(cluster).await;
}

#[tokio::test]
async fn a_job_whose_client_is_never_heard_is_cancelled() {
    let [attached, exit] = ENDS_WITH_ITS_CLIENT;
    let settings = [attached, exit, ("client.heartbeat.timeout", "100 ms")];
    let cluster = session(Behaviour::Run, &settings, None).await;
    let job = cluster.dispatcher().submit_job(None, word_count(1)).await.unwrap();
    is_cancelled(&cluster, job).await;
}

#[tokio::test]
async fn a_job_is_cancelled_when_the_time_has_passed_that_its_client_named() {
    let cluster = session(Behaviour::Run, &ENDS_WITH_ITS_CLIENT, None).await;
    let job = cluster.dispatcher().submit_job(None, word_count(1)).await.unwrap();
    let (address, path) = (cluster.rest_address(), format!("/v1/jobs/{job}/clientHeartbeat"));
    let beat = |expiry: u64| json!({"expiredTimestamp": expiry}).to_string();
    let answer = call(address, "PATCH", &path, &beat(u64::MAX)).await;
    assert_eq!((answer.status, answer.json()), (202, json!({})));
    assert_eq!(
        call(address, "PATCH", &path, "{\"expiredTimestamp\": \"soon\"}")
            .await
            .status,
        400
    );
    let details = get(address, &format!("/jobs/{job}")).await.json();
    assert!(
        ["INITIALIZING", "CREATED", "RUNNING"].contains(&details["state"].as_str().unwrap()),
        "{details}"
    );
    assert_eq!(call(address, "PATCH", &path, &beat(1)).await.status, 202);
    is_cancelled(&cluster, job).await;
}

#[tokio::test]
async fn who_waits_for_the_end_of_a_job_is_told_when_it_comes_or_when_the_time_is_over() {
    let cluster = session(Behaviour::Run, &[], None).await;
    let job = cluster.dispatcher().submit_job(None, word_count(1)).await.unwrap();
    let address = cluster.rest_address();
    let early = get(address, &format!("/jobs/{job}/status?waitForEnd=1")).await.json();
    assert!(
        ["INITIALIZING", "CREATED", "RUNNING"].contains(&early["status"].as_str().unwrap()),
        "{early}"
    );
    let path = format!("/jobs/{job}/status?waitForEnd=30000");
    let ((), told) = tokio::join!(
        async { cluster.dispatcher().cancel(job).await.unwrap() },
        get(address, &path)
    );
    assert_eq!(told.json(), json!({"status": "CANCELED"}));
    let unknown = JobId::from_bytes([9; 16]);
    let answer = get(address, &format!("/jobs/{unknown}/status?waitForEnd=30000")).await;
    assert_eq!(answer.status, 500, "{}", answer.body);
    let answer = get(address, &format!("/jobs/{job}/status?waitForEnd=soon")).await;
    assert_eq!(answer.status, 400, "{}", answer.body);
    end(&cluster).await;
}

#[tokio::test]
async fn a_job_that_initialises_is_shown_and_a_wish_to_cancel_it_waits() {
    let checker = Arc::new(HeldChecker::default());
    let config = ClusterConfig {
        checker: checker.clone(),
        ..session_of(Workers::new(Behaviour::Run), &[])
    };
    let cluster = ClusterEntrypoint::start(config).await.unwrap();
    let (job, address) = (JobId::from_bytes([5; 16]), cluster.rest_address().to_owned());
    let dispatcher = cluster.dispatcher().clone();
    let submitted = tokio::spawn(async move { dispatcher.submit_job(Some(job), word_count(1)).await });
    let shown = async {
        while get(&address, "/jobs").await.json() != json!({"jobs": [{"id": job, "status": "INITIALIZING"}]}) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(BOUND, shown).await.expect("the job is listed");
    assert_eq!(
        get(&address, &format!("/jobs/{job}")).await.json()["name"],
        "word count"
    );
    let result = get(&address, &format!("/jobs/{job}/execution-result")).await;
    assert_eq!(result.json()["status"]["id"], "IN_PROGRESS");
    let again = call(
        &address,
        "POST",
        "/jobs",
        &json!({"jobGraph": word_count(1), "jobId": job}).to_string(),
    )
    .await;
    assert_eq!(again.status, 409, "{}", again.body);
    let dispatcher = cluster.dispatcher().clone();
    let cancelled = tokio::spawn(async move { dispatcher.cancel(job).await });
    // Both wait now, and nothing else is asked: what comes first does not matter.
    checker.release();
    assert_eq!(submitted.await.unwrap(), Ok(job));
    assert_eq!(cancelled.await.unwrap(), Ok(()));
    is_cancelled(&cluster, job).await;
}
