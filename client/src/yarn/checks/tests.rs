use selvedge_runtime::fs::FileSystems;
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};
use yarn_common::environment::Environment;

use super::*;
use crate::yarn::ship::ShipPlan;

fn request() -> Request {
    Request {
        master: Resource::new(1600, 1),
        worker: Resource::new(1728, 2),
        workers: 2,
        master_properties: Vec::new(),
        queue: None,
        ignored: vec!["fpga is ignored".to_owned()],
        external_names: BTreeMap::from([("yarn.io/gpu".to_owned(), "gpu".to_owned())]),
        labels: Vec::new(),
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

async fn ask(server: &MockServer, request: &Request) -> (Result<(), YarnError>, Vec<String>) {
    let rm = RmClient::builder()
        .resource_manager(&server.uri(), None)
        .unwrap()
        .build()
        .unwrap();
    let hadoop = HadoopConfiguration::from_texts([], Environment::default()).unwrap();
    let mut notes = Vec::new();
    let largest = rm.new_application().await.unwrap().maximum_capability();
    let mut note = |line: &str| notes.push(line.to_owned());
    let checked = check(&rm, Inquiry::begin(&rm), &largest, &hadoop, request, &mut note).await;
    (checked, notes)
}

#[tokio::test]
async fn a_fit_cluster_is_taken_and_rounding_is_told() {
    let server = cluster(|_| ()).await;
    let (asked, notes) = ask(&server, &request()).await;
    asked.unwrap();
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
            "a TaskManager needs 1 yarn.io/fpga (external-resource.<name>.amount), and the cluster knows no resource of that name",
        ),
        (
            wishing("yarn.io/gpu", 3),
            "needs 3 yarn.io/gpu (external-resource.gpu.amount), but the largest container of the cluster has 2",
        ),
    ] {
        let message = ask(&server, &wish).await.0.unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
    ask(&server, &wishing("yarn.io/gpu", 2)).await.0.unwrap();
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
    assert_eq!(read.external_names["yarn.io/gpu"], "gpu");
    configuration.set_text("taskmanager.memory.managed.consumer-weights.OPERATOR", "-1");
    let error = Request::read(&configuration, 0).unwrap_err().to_string();
    assert!(
        error.contains("consumer-weights: the weight of OPERATOR: '-1'"),
        "{error}"
    );
}

#[tokio::test]
async fn a_label_that_the_cluster_does_not_have_or_the_queue_may_not_use_is_told() {
    let server = cluster(|answers| {
        answers["get-node-labels"] =
            json!({"nodeLabelInfo": [{"name": "gpu", "exclusivity": "true"}, {"name": "ssd"}]});
        let queues = &mut answers["scheduler"]["scheduler"]["schedulerInfo"]["queues"]["queue"];
        queues[0]["nodeLabels"] = json!(["gpu"]);
        queues[1] = json!({"queueName": "all", "state": "RUNNING", "nodeLabels": "*"});
    })
    .await;
    let wishing = |queue: Option<&str>, label: &str| {
        let mut wish = request();
        wish.queue = queue.map(str::to_owned);
        wish.labels = vec![("yarn.taskmanager.node-label", label.to_owned())];
        wish
    };
    for (queue, label, expected) in [
        (
            None,
            "tpu",
            "the cluster has no node label 'tpu' (yarn.taskmanager.node-label); it has gpu, ssd",
        ),
        (
            Some("default"),
            "ssd",
            "the queue 'root.default' (yarn.application.queue) may not use nodes with the label 'ssd' \
             (yarn.taskmanager.node-label); it may use gpu",
        ),
    ] {
        let message = ask(&server, &wishing(queue, label)).await.0.unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
    for (queue, label) in [(None, "ssd"), (Some("default"), "gpu"), (Some("all"), "ssd")] {
        ask(&server, &wishing(queue, label)).await.0.unwrap();
    }
}

#[tokio::test]
async fn more_than_the_queue_gives_a_container_is_refused_with_setting_value_and_limit() {
    let server = cluster(|answers| {
        let queues = &mut answers["scheduler"]["scheduler"]["schedulerInfo"]["queues"]["queue"];
        let queues = queues.as_array_mut().unwrap();
        let limit = |memory, cores| {
            json!({"memory": memory, "vCores": cores, "resourceInformations":
            {"resourceInformation": [{"name": "yarn.io/gpu", "value": 1}]}})
        };
        queues[0]["maximumAllocation"] = limit(1700, 4);
        for (name, cores) in [("narrow", 1), ("wide", 4)] {
            queues.push(json!({"queueName": name, "state": "RUNNING", "maximumAllocation": limit(8192, cores)}));
        }
        answers["apps/new-application"]["maximum-resource-capability"]["resourceInformations"] =
            json!({"resourceInformation": [{"name": "yarn.io/gpu", "value": 4}]});
    })
    .await;
    let wishing = |queue: Option<&str>, gpus: u64| {
        let mut wish = request();
        wish.queue = queue.map(str::to_owned);
        if gpus > 0 {
            wish.worker = wish.worker.with_extra("yarn.io/gpu", gpus);
        }
        wish
    };
    for (queue, gpus, expected) in [
        (
            "default",
            0,
            "a TaskManager needs 1728 MiB of memory (taskmanager.memory.process.size), but the largest container of the queue \
             'root.default' (yarn.application.queue) has 1700: lower taskmanager.memory.process.size, name another queue, or \
             have yarn.scheduler.capacity.root.default.maximum-allocation-mb raised",
        ),
        (
            "narrow",
            0,
            "yarn.scheduler.capacity.root.narrow.maximum-allocation-vcores",
        ),
        (
            "wide",
            2,
            "a TaskManager needs 2 yarn.io/gpu (external-resource.gpu.amount), but the largest container of the queue",
        ),
    ] {
        let message = ask(&server, &wishing(Some(queue), gpus))
            .await
            .0
            .unwrap_err()
            .to_string();
        assert!(message.contains(expected), "{message}");
    }
    ask(&server, &wishing(Some("wide"), 1)).await.0.unwrap();
    // YARN may put it somewhere else.
    let (asked, notes) = ask(&server, &wishing(None, 0)).await;
    asked.unwrap();
    assert!(
        notes
            .iter()
            .any(|note| note.contains("queue 'root.default'") && note.contains("No queue is named")),
        "{notes:?}"
    );
}

#[tokio::test]
async fn a_cluster_without_labels_says_so() {
    let server = cluster(|answers| answers["get-node-labels"] = json!({})).await;
    let mut wish = request();
    wish.labels = vec![("yarn.application.node-label", "gpu".to_owned())];
    let message = ask(&server, &wish).await.0.unwrap_err().to_string();
    assert!(
        message.contains("'gpu' (yarn.application.node-label); it has none (see yarn.node-labels.enabled)"),
        "{message}"
    );
}

#[test]
fn a_request_knows_which_labels_it_wishes_for() {
    let mut configuration = selvedge_core::config::shipped();
    configuration.set_text("yarn.taskmanager.node-label", " gpu ");
    configuration.set_text("yarn.application.node-label", "");
    let read = Request::read(&configuration, 0).unwrap();
    assert_eq!(read.labels, [("yarn.taskmanager.node-label", "gpu".to_owned())]);
}

#[test]
fn a_worker_larger_than_the_cluster_may_be_is_refused_with_both_settings() {
    for (settings, expected) in [
        (
            [
                ("taskmanager.numberOfTaskSlots", "8"),
                ("slotmanager.number-of-slots.max", "4"),
            ],
            "taskmanager.numberOfTaskSlots: '8' makes a single TaskManager larger than the cluster may be by \
             slotmanager.number-of-slots.max (4)",
        ),
        (
            [
                ("taskmanager.cpu.cores", "2.5"),
                ("slotmanager.max-total-resource.cpu", "2"),
            ],
            "taskmanager.cpu.cores: '3' makes a single TaskManager larger than the cluster may be by \
             slotmanager.max-total-resource.cpu (2)",
        ),
        (
            [
                ("taskmanager.memory.process.size", "2g"),
                ("slotmanager.max-total-resource.memory", "1m"),
            ],
            "taskmanager.memory.process.size: '",
        ),
        (
            [
                ("slotmanager.number-of-slots.min", "5"),
                ("slotmanager.number-of-slots.max", "4"),
            ],
            "slotmanager.number-of-slots.min: '5' is more than slotmanager.number-of-slots.max, which is 4",
        ),
        (
            [("external-resources", "gpu"), ("external-resource.gpu.amount", "-1")],
            "external-resource.gpu.amount: '-1' is less than nothing",
        ),
    ] {
        let mut configuration = selvedge_core::config::shipped();
        for (key, value) in settings {
            configuration.set_text(key, value);
        }
        let message = Request::read(&configuration, 0).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[tokio::test]
async fn a_discovery_script_that_no_container_will_have_is_refused_with_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("find.sh");
    std::fs::write(&script, "#!/bin/sh\n").unwrap();
    for (path, fits) in [
        ("find.sh", true),
        ("./find.sh", true),
        ("/opt/find.sh", true),
        ("selvedge-dist/find.sh", true),
        ("other.sh", false),
        ("plugins/find.sh", false),
    ] {
        let configuration: Configuration = [
            ("external-resources", "gpu"),
            ("external-resource.gpu.amount", "1"),
            ("external-resource.gpu.param.discovery-script.path", path),
            ("yarn.ship-files", &script.display().to_string()),
        ]
        .into_iter()
        .collect();
        let file_systems = FileSystems::local_only();
        let ship = ShipPlan::read(&configuration, &file_systems, std::path::Path::new("/x/selvedge")).await;
        match check_discovery(&configuration, &ship.unwrap()) {
            Ok(()) => assert!(fits, "{path}"),
            Err(error) => {
                let message = error.to_string();
                let expected = format!(
                    "external-resource.gpu.param.discovery-script.path: '{path}' is not among the files that are sent along"
                );
                assert!(!fits && message.contains(&expected), "{message}");
            }
        }
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
