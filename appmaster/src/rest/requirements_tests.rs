//! What a job may run with, asked and changed as Flink's clients do.

use std::time::Duration;

use selvedge_core::status::{ApplicationStatus, JobStatus};
use selvedge_core::{JobId, VertexId};
use serde_json::{Value, json};

use crate::entrypoint::{Cluster, ClusterEntrypoint};
use crate::testing::http::{call, get};
use crate::testing::worker::{Behaviour, Workers};
use crate::testing::{session_of, word_count};

const BOUND: Duration = Duration::from_secs(60);
const ADAPTIVE: [(&str, &str); 2] = [
    ("jobmanager.scheduler", "Adaptive"),
    ("execution.runtime-mode", "STREAMING"),
];

/// A session with a job that runs.
async fn session(settings: &[(&str, &str)]) -> (Cluster, JobId) {
    let config = session_of(Workers::new(Behaviour::Run), settings);
    let cluster = ClusterEntrypoint::start(config).await.unwrap();
    let dispatcher = cluster.dispatcher();
    let job = dispatcher.submit_job(None, word_count(1)).await.unwrap();
    let runs = async {
        while dispatcher.job(job).await.unwrap().status() != JobStatus::Running {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(BOUND, runs).await.expect("the job runs");
    (cluster, job)
}

async fn end(cluster: &Cluster) {
    let ended = cluster.shutdown(ApplicationStatus::Succeeded, "the test is over");
    tokio::time::timeout(BOUND, ended).await.expect("the cluster ends");
}

fn bounds(lower: u32, upper: u32) -> Value {
    json!({"parallelism": {"lowerBound": lower, "upperBound": upper}})
}

fn rest_id(vertex: &str) -> String {
    VertexId::from(vertex).rest_id()
}

#[tokio::test]
async fn requirements_are_told_and_changed_in_flinks_form_and_what_cannot_be_is_refused() {
    let (cluster, job) = session(&ADAPTIVE).await;
    let path = format!("/jobs/{job}/resource-requirements");
    let asked = async || get(cluster.rest_address(), &path).await.json();
    let put = async |body: Value| {
        let answer = call(cluster.rest_address(), "PUT", &path, &body.to_string()).await;
        (answer.status, answer.body)
    };
    let at_first = json!({rest_id("source"): bounds(1, 1), rest_id("sink"): bounds(1, 1)});
    assert_eq!(asked().await, at_first);
    for (body, says) in [
        (json!("more"), "holds no resource requirements"),
        (json!({"source": bounds(1, 2)}), "leave out the vertex 'sink'"),
        (
            json!({"source": bounds(1, 2), "sunk": bounds(1, 2)}),
            "'sunk', which the job does not have (did you mean 'sink'?)",
        ),
        (json!({"source": bounds(0, 2), "sink": bounds(1, 2)}), "below 1"),
        (
            json!({"source": bounds(3, 2), "sink": bounds(1, 2)}),
            "above the upper bound",
        ),
        (
            json!({"source": bounds(1, 999), "sink": bounds(1, 2)}),
            "max_parallelism 128",
        ),
    ] {
        let (status, told) = put(body).await;
        assert!(status == 400 && told.contains(says), "{status} {told}");
    }
    assert_eq!(asked().await, at_first, "what is refused changes nothing");
    // A vertex is known by its own id too.
    let changed = put(json!({rest_id("source"): bounds(1, 2), "sink": bounds(1, 3)})).await;
    assert_eq!(changed, (200, "{}".to_owned()));
    let expected = json!({rest_id("source"): bounds(1, 2), rest_id("sink"): bounds(1, 3)});
    assert_eq!(asked().await, expected);
    let unknown = format!("/jobs/{}/resource-requirements", JobId::from_bytes([9; 16]));
    assert_eq!(get(cluster.rest_address(), &unknown).await.status, 404);
    end(&cluster).await;
}

#[tokio::test]
async fn a_job_of_fixed_parallelism_has_no_requirements() {
    let (cluster, job) = session(&[]).await;
    let path = format!("/jobs/{job}/resource-requirements");
    let body = json!({"source": bounds(1, 2), "sink": bounds(1, 2)}).to_string();
    for method in ["GET", "PUT"] {
        let answer = call(cluster.rest_address(), method, &path, &body).await;
        assert_eq!(answer.status, 409, "{}", answer.body);
        assert!(answer.body.contains("jobmanager.scheduler"), "{}", answer.body);
    }
    end(&cluster).await;
}
