//! Profiles, asked for as Flink's dashboard does.

use std::time::Duration;

use selvedge_core::status::ApplicationStatus;
use serde_json::json;

use crate::entrypoint::{Cluster, ClusterEntrypoint};
use crate::testing::http::{call, get};
use crate::testing::worker::{Behaviour, Workers};
use crate::testing::{session_of, word_count};

const BOUND: Duration = Duration::from_secs(60);
const WORKER: &str = "/taskmanagers/taskmanager-1/profiler";

async fn session(settings: &[(&str, &str)]) -> Cluster {
    let config = session_of(Workers::new(Behaviour::Run), settings);
    let cluster = ClusterEntrypoint::start(config).await.unwrap();
    cluster.dispatcher().submit_job(None, word_count(1)).await.unwrap();
    let registered = async {
        while get(cluster.rest_address(), "/overview").await.json()["taskmanagers"] != 1 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(BOUND, registered).await.expect("the worker comes");
    cluster
}

async fn end(cluster: &Cluster) {
    let ended = cluster.shutdown(ApplicationStatus::Succeeded, "the test is over");
    tokio::time::timeout(BOUND, ended).await.expect("the cluster ends");
}

#[tokio::test]
async fn without_the_setting_there_are_no_paths_for_profiles() {
    let cluster = session(&[]).await;
    for (method, path) in [
        ("GET", "/jobmanager/profiler"),
        ("POST", "/jobmanager/profiler"),
        ("GET", WORKER),
        ("POST", WORKER),
        ("GET", "/jobmanager/profiler/x"),
        ("GET", "/taskmanagers/taskmanager-1/profiler/x"),
    ] {
        let body = json!({"mode": "CPU", "duration": 1}).to_string();
        let answer = call(cluster.rest_address(), method, path, &body).await;
        assert_eq!(answer.status, 404, "{method} {path}: {}", answer.body);
        assert!(answer.body.contains("Not found"), "{}", answer.body);
    }
    end(&cluster).await;
}

#[tokio::test]
async fn profiles_are_asked_for_and_listed_in_flinks_form_and_what_cannot_be_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().display().to_string();
    let settings = [
        ("rest.profiling.enabled", "true"),
        ("rest.profiling.duration-max", "90 s"),
        ("rest.profiling.dir", path.as_str()),
    ];
    std::fs::write(directory.path().join("secret"), "hunter2").unwrap();
    let cluster = session(&settings).await;
    let address = cluster.rest_address();
    for path in ["/jobmanager/profiler", "/v1/jobmanager/profiler", WORKER] {
        for (body, says) in [
            (r#"{"mode": "CPU", "duration": 91}"#, "must be in (0s, 90s]"),
            (r#"{"mode": "CPU", "duration": 0}"#, "a profile of 0 s is refused"),
            (r#"{"mode": "CPU", "duration": -5}"#, "must be in (0s, 90s]"),
            (r#"{"mode": "ALLOC", "duration": 5}"#, "no profiling mode 'ALLOC'"),
            (r#"{"mode": "LOCK", "duration": 5}"#, "CPU and ITIMER are there"),
            (r#"{"mode": "CPU"}"#, "missing field `duration`"),
            ("now", r#"write {\"mode\": \"CPU\", \"duration\": 30}"#),
        ] {
            let answer = call(address, "POST", path, body).await;
            assert!(
                answer.status == 400 && answer.body.contains(says),
                "{path} {body}: {}",
                answer.body
            );
        }
    }
    assert_eq!(
        get(address, "/jobmanager/profiler").await.json(),
        json!({"profilingList": []})
    );
    for name in ["secret", "..%2Fsecret", "%2Fetc%2Fpasswd", "x.pb.gz"] {
        let answer = get(address, &format!("/jobmanager/profiler/{name}")).await;
        assert_eq!(answer.status, 404, "{name}: {}", answer.body);
        assert!(answer.body.contains("there is no profile"), "{}", answer.body);
    }
    // What the worker says.
    let started = call(address, "POST", WORKER, r#"{"mode": "ITIMER", "duration": 60}"#).await;
    assert_eq!(started.status, 200, "{}", started.body);
    let running = json!({"status": "RUNNING", "mode": "ITIMER", "triggerTime": 1, "finishedTime": null, "duration": 60,
        "message": null, "outputFile": null});
    assert_eq!(started.json(), running);
    let busy = call(address, "POST", WORKER, r#"{"mode": "CPU", "duration": 61}"#).await;
    assert!(
        busy.status == 409 && busy.body.contains("still under profiling"),
        "{}",
        busy.body
    );
    let listed = get(address, WORKER).await;
    assert_eq!(
        (listed.status, listed.body.as_str()),
        (200, "the profiles of taskmanager-1\n")
    );
    assert!(listed.head.contains("application/json"), "{}", listed.head);
    let file = get(address, &format!("{WORKER}/x.pb.gz")).await;
    assert_eq!(
        (file.status, file.body.as_str()),
        (200, "the profile of taskmanager-1 x.pb.gz\n")
    );
    assert!(file.head.contains("application/octet-stream"), "{}", file.head);
    assert_eq!(get(address, &format!("{WORKER}/gone")).await.status, 404);
    let nobody = "/taskmanagers/nobody/profiler";
    for (method, path) in [
        ("GET", nobody.to_owned()),
        ("GET", format!("{nobody}/x")),
        ("POST", nobody.to_owned()),
    ] {
        let answer = call(address, method, &path, r#"{"mode": "CPU", "duration": 5}"#).await;
        assert_eq!(answer.status, 404, "{method} {path}: {}", answer.body);
    }
    end(&cluster).await;
}
