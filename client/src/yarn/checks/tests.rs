use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};
use yarn_common::environment::Environment;

use super::*;

fn request() -> Request {
    Request {
        master: Resource::new(1600, 1),
        worker: Resource::new(1728, 2),
        workers: 2,
        master_properties: Vec::new(),
        queue: None,
    }
}

/// The answers of a ResourceManager with one node, one queue `root.default` and containers of at most 8192 MiB, 4 cores.
async fn cluster(change: impl FnOnce(&mut Value)) -> MockServer {
    let mut answers = json!({
        "metrics": {"clusterMetrics": {"activeNodes": 1, "lostNodes": 3, "unhealthyNodes": 0}},
        "scheduler": {"scheduler": {"schedulerInfo": {"type": "capacityScheduler", "queueName": "root", "queues":
            {"queue": [{"queueName": "default", "state": "RUNNING"}, {"queueName": "old", "state": "STOPPED"}]}}}},
        "apps/new-application": {"application-id": "application_1_0007",
            "maximum-resource-capability": {"memory": 8192, "vCores": 4}}});
    change(&mut answers);
    let server = MockServer::start().await;
    for (at, body) in answers.as_object().unwrap() {
        let verb = if at.starts_with("apps") { "POST" } else { "GET" };
        Mock::given(method(verb))
            .and(path(format!("/ws/v1/cluster/{at}")))
            .respond_with(ResponseTemplate::new(200).set_body_json(body))
            .mount(&server)
            .await;
    }
    server
}

async fn ask(server: &MockServer, request: &Request) -> (Result<ApplicationId, YarnError>, Vec<String>) {
    let rm = RmClient::builder()
        .resource_manager(&server.uri(), None)
        .unwrap()
        .build()
        .unwrap();
    let hadoop = HadoopConfiguration::from_texts([], Environment::default()).unwrap();
    let mut notes = Vec::new();
    let asked = new_application(&rm, &hadoop, request, &mut |line| notes.push(line.to_owned())).await;
    (asked, notes)
}

#[tokio::test]
async fn a_fit_cluster_gives_an_id_and_rounding_is_told() {
    let server = cluster(|_| ()).await;
    let (asked, notes) = ask(&server, &request()).await;
    assert_eq!(asked.unwrap(), ApplicationId::new(1, 7));
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(
        notes[1].contains("a TaskManager asks for 1728 MiB") && notes[1].contains("2048 MiB"),
        "{notes:?}"
    );
}

#[tokio::test]
async fn each_misfit_names_the_option_and_the_remedy() {
    let with = |change: fn(&mut Request)| {
        let mut changed = request();
        change(&mut changed);
        changed
    };
    let server = cluster(|_| ()).await;
    let cases = [
        (
            with(|r| r.worker.memory_mb = 9000),
            "taskmanager.memory.process.size",
            "8192 MiB",
        ),
        (
            with(|r| r.master.memory_mb = 9000),
            "jobmanager.memory.process.size",
            "8192 MiB",
        ),
        (with(|r| r.worker.vcores = 5), "yarn.containers.vcores", "has 4"),
        (
            with(|r| r.queue = Some("defualt".to_owned())),
            "no queue 'defualt'",
            "root.default",
        ),
        (
            with(|r| r.queue = Some("root".to_owned())),
            "others are below it",
            "root.default",
        ),
        (
            with(|r| r.queue = Some("old".to_owned())),
            "is STOPPED",
            "takes no applications",
        ),
    ];
    for (request, option, remedy) in cases {
        let message = ask(&server, &request).await.0.unwrap_err().to_string();
        assert!(message.contains(option) && message.contains(remedy), "{message}");
    }
}

#[tokio::test]
async fn a_cluster_without_nodes_is_told() {
    let server = cluster(|answers| answers["metrics"]["clusterMetrics"]["activeNodes"] = json!(0)).await;
    let message = ask(&server, &request()).await.0.unwrap_err().to_string();
    assert!(
        message.contains("no NodeManager of the cluster is running (3 lost"),
        "{message}"
    );
}

#[tokio::test]
async fn a_wish_that_rounds_above_the_maximum_is_told() {
    let server = cluster(|answers| {
        answers["apps/new-application"]["maximum-resource-capability"]["memory"] = json!(2000);
    })
    .await;
    let message = ask(&server, &request()).await.0.unwrap_err().to_string();
    assert!(message.contains("rounds up to 2048 MiB"), "{message}");
}
