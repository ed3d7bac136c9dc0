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
        ignored: vec!["fpga is ignored".to_owned()],
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
    assert_eq!(notes.len(), 3, "{notes:?}");
    assert_eq!(notes[0], "fpga is ignored");
    assert!(
        notes[2].contains("a TaskManager asks for 1728 MiB") && notes[1].contains("2048 MiB"),
        "{notes:?}"
    );
}

#[tokio::test]
async fn a_job_that_is_larger_than_all_nodes_together_is_told_and_not_refused() {
    let server = cluster(|answers| answers["metrics"]["clusterMetrics"]["totalMB"] = json!(6143)).await;
    let (asked, notes) = ask(&server, &request()).await;
    asked.unwrap();
    let told = notes.last().unwrap();
    for part in [
        "2 TaskManagers at once",
        "6144 MiB",
        "6143 MiB",
        "slot.request.timeout",
        "-p",
    ] {
        assert!(told.contains(part), "{told}");
    }
    let server = cluster(|answers| answers["metrics"]["clusterMetrics"]["totalMB"] = json!(6144)).await;
    assert_eq!(ask(&server, &request()).await.1.len(), 3);
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
async fn an_external_resource_that_the_cluster_does_not_know_or_has_too_little_of_is_told() {
    let server = cluster(|answers| {
        answers["apps/new-application"]["maximum-resource-capability"]["resourceInformations"] =
            json!({"resourceInformation": [{"name": "memory-mb", "value": 8192, "units": "Mi"},
                {"name": "yarn.io/gpu", "value": 2, "units": ""}]});
    })
    .await;
    let wishing = |name: &str, amount| {
        let mut wish = request();
        wish.worker = wish.worker.with_extra(name, amount);
        wish
    };
    for (wish, expected) in [
        (
            wishing("yarn.io/fpga", 1),
            "a TaskManager needs 1 yarn.io/fpga (external-resource.<name>.amount and .yarn.config-key), and the cluster knows no resource of that name",
        ),
        (
            wishing("yarn.io/gpu", 3),
            "needs 3 yarn.io/gpu (external-resource.<name>.amount and .yarn.config-key), but the largest container of the cluster has 2",
        ),
    ] {
        let message = ask(&server, &wish).await.0.unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
    assert_eq!(
        ask(&server, &wishing("yarn.io/gpu", 2)).await.0.unwrap(),
        ApplicationId::new(1, 7)
    );
}

#[test]
fn a_request_asks_for_the_sizes_and_external_resources_of_the_settings_and_refuses_weights_that_are_none() {
    let mut configuration = selvedge_core::config::shipped();
    for (key, value) in [
        ("taskmanager.memory.process.size", "1000m"),
        ("taskmanager.cpu.cores", "1.5"),
        ("external-resources", "gpu;fpga"),
        ("external-resource.gpu.amount", "2"),
        ("external-resource.gpu.yarn.config-key", "yarn.io/gpu"),
        ("external-resource.fpga.amount", "1"),
    ] {
        configuration.set_text(key, value);
    }
    let read = Request::read(&configuration, 0).unwrap();
    assert!(
        read.ignored[0].contains("external-resource.fpga.yarn.config-key"),
        "{:?}",
        read.ignored
    );
    assert_eq!(read.worker, Resource::new(1000, 2).with_extra("yarn.io/gpu", 2));
    configuration.set_text("taskmanager.memory.managed.consumer-weights.OPERATOR", "-1");
    let error = Request::read(&configuration, 0).unwrap_err().to_string();
    assert!(
        error.contains("consumer-weights: the weight of OPERATOR: '-1'"),
        "{error}"
    );
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
