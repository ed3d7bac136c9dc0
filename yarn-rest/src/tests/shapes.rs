use serde_json::json;
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};
use yarn_common::exit_status::ContainerExitStatus;
use yarn_common::id::NodeId;
use yarn_common::resource::Resource;

use super::{APPLICATION, answer, client, serving};
use crate::error::RestErrorKind;
use crate::model::{ApplicationState, FinalApplicationStatus};
use crate::rm::ApplicationFilter;

#[tokio::test]
async fn cluster_info_and_metrics_are_read() {
    let info = json!({ "clusterInfo": {
        "id": 1_700_000_000_000_u64, "startedOn": 1_700_000_000_000_u64, "state": "STARTED", "haState": "ACTIVE",
        "rmStateStoreName": "x", "resourceManagerVersion": "3.4.3", "hadoopVersion": "3.4.3",
        "haZooKeeperConnectionState": "CONNECTED"
    } });
    let server = serving("/ws/v1/cluster/info", info).await;
    let info = client(&[&server.uri()]).info().await.unwrap();
    assert_eq!(info.ha_state.as_deref(), Some("ACTIVE"));
    assert_eq!(info.started_on, Some(1_700_000_000_000));
    assert_eq!(info.extra["rmStateStoreName"], "x");

    let metrics = json!({ "clusterMetrics": {
        "appsRunning": 1, "totalMB": "16384", "availableMB": 8192, "totalVirtualCores": 8, "activeNodes": 2,
        "utilizedMBPercent": 50, "rmSchedulerBusyPercent": 1
    } });
    let server = serving("/ws/v1/cluster/metrics", metrics).await;
    let metrics = client(&[&server.uri()]).metrics().await.unwrap();
    assert_eq!(
        (metrics.total_mb, metrics.available_mb, metrics.active_nodes),
        (Some(16384), Some(8192), Some(2))
    );
    assert_eq!(metrics.lost_nodes, None);
    assert_eq!(metrics.extra["utilizedMBPercent"], 50);
}

#[tokio::test]
async fn nodes_may_be_a_list_or_one() {
    let node = json!({
        "rack": "/default-rack", "state": "RUNNING", "id": "127.0.0.2:45454", "nodeHostName": "127.0.0.2",
        "nodeHTTPAddress": "127.0.0.2:8042", "lastHealthUpdate": 1, "version": "3.4.3", "healthReport": "",
        "numContainers": 1, "usedMemoryMB": 1024, "availMemoryMB": 3072, "usedVirtualCores": 1,
        "availableVirtualCores": "3", "nodeLabels": "gpu",
        "totalResource": { "memory": 4096, "vCores": 4, "resourceInformations": { "resourceInformation":
            { "name": "yarn.io/gpu", "value": 1 } } }
    });
    for body in [
        json!({ "nodes": { "node": [&node] } }),
        json!({ "nodes": { "node": &node } }),
    ] {
        let server = serving("/ws/v1/cluster/nodes", body).await;
        let nodes = client(&[&server.uri()]).nodes(&["RUNNING"]).await.unwrap();
        assert_eq!(nodes[0].id, NodeId::new("127.0.0.2", 45454));
        assert!(nodes[0].is_running());
        assert_eq!((nodes[0].total_memory_mb(), nodes[0].total_virtual_cores()), (4096, 4));
        assert_eq!(nodes[0].node_labels, ["gpu"]);
        let total = nodes[0].total_resource.as_ref().unwrap().to_resource();
        assert_eq!(total, Resource::new(4096, 4).with_extra("yarn.io/gpu", 1));
        let query = server.received_requests().await.unwrap()[0]
            .url
            .query()
            .unwrap()
            .to_owned();
        assert_eq!(query, "states=RUNNING&user.name=alice");
    }
    let server = serving("/ws/v1/cluster/nodes/127.0.0.2:45454", json!({ "node": node })).await;
    let one = client(&[&server.uri()])
        .node(&NodeId::new("127.0.0.2", 45454))
        .await
        .unwrap();
    assert_eq!(one.health_report, None);
}

#[tokio::test]
async fn the_queues_of_all_schedulers_are_read() {
    let capacity = json!({ "type": "capacityScheduler", "queueName": "root", "capacity": 100.0, "queues": { "queue": [
        { "queueName": "default", "queuePath": "root.default", "state": "RUNNING", "type": "capacitySchedulerLeafQueueInfo" },
        { "queueName": "prod", "queues": { "queue": { "queueName": "etl", "state": "STOPPED" } } }
    ] } });
    let fair = json!({ "type": "fairScheduler", "rootQueue": { "queueName": "root", "childQueues": { "queue": [
        { "queueName": "root.default" }, { "queueName": "root.prod", "childQueues": { "queue": [{ "queueName": "root.prod.etl" }] } }
    ] } } });
    for info in [capacity, fair] {
        let server = serving(
            "/ws/v1/cluster/scheduler",
            json!({ "scheduler": { "schedulerInfo": info } }),
        )
        .await;
        let scheduler = client(&[&server.uri()]).scheduler().await.unwrap();
        let paths: Vec<_> = scheduler.leaves().iter().map(|queue| queue.path.clone()).collect();
        assert_eq!(paths, ["root.default", "root.prod.etl"]);
        assert_eq!(scheduler.find("etl").unwrap().path, "root.prod.etl");
        assert_eq!(scheduler.find("root.prod").unwrap().name, "prod");
        assert!(scheduler.find("nobody").is_none());
        assert_eq!(scheduler.root.maximum_allocation(), None);
    }
    let fifo = json!({ "scheduler": { "schedulerInfo": { "type": "fifoScheduler", "qstate": "RUNNING" } } });
    let server = serving("/ws/v1/cluster/scheduler", fifo).await;
    let scheduler = client(&[&server.uri()]).scheduler().await.unwrap();
    assert_eq!(scheduler.find("default").unwrap().state.as_deref(), Some("RUNNING"));
    let server = serving("/ws/v1/cluster/scheduler", json!({ "scheduler": {} })).await;
    let error = client(&[&server.uri()]).scheduler().await.unwrap_err();
    assert!(matches!(error.kind(), RestErrorKind::Decode { .. }), "{error}");
}

#[tokio::test]
async fn the_largest_container_of_a_queue_is_read_where_it_is_told() {
    let limited = json!({ "memory": 2048, "vCores": "2", "resourceInformations": { "resourceInformation": [
        { "name": "memory-mb", "value": 2048 }, { "name": "yarn.io/gpu", "value": 1 } ] } });
    let info = json!({ "type": "capacityScheduler", "queueName": "root", "queues": { "queue": [
        { "queueName": "small", "queuePath": "root.small", "maximumAllocation": limited },
        { "queueName": "odd", "queuePath": "root.odd", "maximumAllocation": { "memory": 2048 } } ] } });
    let server = serving(
        "/ws/v1/cluster/scheduler",
        json!({ "scheduler": { "schedulerInfo": info } }),
    )
    .await;
    let scheduler = client(&[&server.uri()]).scheduler().await.unwrap();
    let of = |name: &str| scheduler.find(name).unwrap().maximum_allocation();
    assert_eq!(of("small"), Some(Resource::new(2048, 2).with_extra("yarn.io/gpu", 1)));
    assert_eq!(of("odd"), None);
}

#[tokio::test]
async fn an_application_report_is_read() {
    let app = json!({ "app": {
        "id": "application_1700000000000_0007", "user": "alice", "name": "wc", "queue": "root.default",
        "state": "RUNNING", "finalStatus": "UNDEFINED", "progress": 0, "trackingUI": "ApplicationMaster",
        "trackingUrl": "http://rm:8088/proxy/application_1700000000000_0007/", "diagnostics": "",
        "clusterId": 1_700_000_000_000_u64, "applicationType": "Example", "applicationTags": "a,b", "priority": 0,
        "startedTime": 1, "launchTime": 2, "finishedTime": 0, "elapsedTime": "5", "amContainerLogs": "http://nm/logs",
        "amHostHttpAddress": "127.0.0.2:8042", "amRPCAddress": "127.0.0.2:38123", "masterNodeId": "127.0.0.2:45454",
        "allocatedMB": 2048, "allocatedVCores": -1, "runningContainers": 2, "memorySeconds": 7,
        "resourceSecondsMap": { "entry": { "key": "memory-mb", "value": "7" } },
        "timeouts": { "timeout": [{ "type": "LIFETIME", "expiryTime": "UNLIMITED", "remainingTimeInSeconds": -1 }] }
    } });
    let server = serving("/ws/v1/cluster/apps/application_1700000000000_0007", app).await;
    let app = client(&[&server.uri()]).application(APPLICATION).await.unwrap();
    assert_eq!(
        (app.id, &app.state, app.progress),
        (APPLICATION, &ApplicationState::Running, Some(0.0))
    );
    assert_eq!(app.final_status, Some(FinalApplicationStatus::Undefined));
    assert_eq!(app.am_address(), Some(("127.0.0.2", 38123)));
    assert_eq!(app.application_tags, ["a", "b"]);
    assert_eq!(
        (app.elapsed_time, app.allocated_vcores, &app.diagnostics),
        (Some(5), None, &None)
    );
    assert_eq!((app.memory_seconds, app.timeouts.len()), (Some(7), 1));
    assert_eq!(app.extra["resourceSecondsMap"]["entry"]["value"], "7");
}

#[tokio::test]
async fn an_application_that_was_just_submitted_has_little_to_tell() {
    let app = json!({ "app": {
        "id": "application_1700000000000_0007", "state": "PAUSED_IN_2030", "amRPCAddress": "N/A:-1", "trackingUrl": null
    } });
    let server = serving("/ws/v1/cluster/apps/application_1700000000000_0007", app).await;
    let app = client(&[&server.uri()]).application(APPLICATION).await.unwrap();
    assert_eq!(app.state, ApplicationState::Other("PAUSED_IN_2030".to_owned()));
    assert_eq!(
        (app.am_address(), &app.final_status, &app.tracking_url),
        (None, &None, &None)
    );
}

#[tokio::test]
async fn applications_are_listed_by_filter_and_may_be_none() {
    for body in [json!({ "apps": null }), json!({ "apps": {} })] {
        let server = serving("/ws/v1/cluster/apps", body).await;
        let apps = client(&[&server.uri()])
            .applications(&ApplicationFilter::default())
            .await
            .unwrap();
        assert!(apps.is_empty());
    }
    let server = MockServer::start().await;
    let app = json!({ "id": "application_1700000000000_0007", "state": "RUNNING" });
    Mock::given(method("GET"))
        .and(path("/ws/v1/cluster/apps"))
        .and(query_param("states", "RUNNING,ACCEPTED"))
        .and(query_param("applicationTags", "x y"))
        .and(query_param("deSelects", "resourceRequests"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "apps": { "app": app } })))
        .mount(&server)
        .await;
    let filter = ApplicationFilter {
        states: vec![ApplicationState::Running, ApplicationState::Accepted],
        application_tags: vec!["x y".to_owned()],
        ..ApplicationFilter::default()
    };
    assert_eq!(client(&[&server.uri()]).applications(&filter).await.unwrap().len(), 1);
}

#[tokio::test]
async fn states_attempts_and_containers_are_read() {
    let base = "/ws/v1/cluster/apps/application_1700000000000_0007";
    let server = serving(&format!("{base}/state"), json!({ "state": "ACCEPTED" })).await;
    let attempts = json!({ "appAttempts": { "appAttempt": [{
        "id": 1, "startTime": 5, "finishedTime": 0, "containerId": "container_1700000000000_0007_01_000001",
        "nodeHttpAddress": "127.0.0.2:8042", "nodeId": "127.0.0.2:45454", "logsLink": "http://nm/logs",
        "blacklistedNodes": "", "appAttemptId": "appattempt_1700000000000_0007_000001", "exportPorts": null
    }] } });
    let container = json!({
        "containerId": "container_e02_1700000000000_0007_01_000002", "allocatedMB": 1024, "allocatedVCores": 1,
        "assignedNodeId": "127.0.0.2:45454", "priority": 0, "startedTime": 1, "finishedTime": 2,
        "diagnosticsInfo": "killed", "containerExitStatus": -104, "containerState": "COMPLETE"
    });
    let list = format!("{base}/appattempts/appattempt_1700000000000_0007_000001/containers");
    for (at, body) in [
        (format!("{base}/appattempts"), attempts),
        (list.clone(), json!({ "containers": { "container": container } })),
    ] {
        answer("GET", &at, ResponseTemplate::new(200).set_body_json(body))
            .mount(&server)
            .await;
    }
    let rm = client(&[&server.uri()]);
    assert_eq!(
        rm.application_state(APPLICATION).await.unwrap(),
        ApplicationState::Accepted
    );
    let attempt = rm.attempts(APPLICATION).await.unwrap().remove(0);
    assert_eq!(attempt.app_attempt_id, Some(APPLICATION.attempt(1)));
    assert_eq!(attempt.container_id, Some(APPLICATION.attempt(1).container(1)));
    let containers = rm.containers(APPLICATION.attempt(1)).await.unwrap();
    assert_eq!(containers[0].container_id.epoch(), 2);
    assert_eq!(
        containers[0].exit_status(),
        Some(ContainerExitStatus::KILLED_EXCEEDED_PMEM)
    );

    let old = serving(&list, json!({ "container": [] })).await;
    assert!(
        client(&[&old.uri()])
            .containers(APPLICATION.attempt(1))
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn the_proxy_passes_on_what_the_master_answers() {
    let at = "/proxy/application_1700000000000_0007/jobs/overview";
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .and(path(at))
        .and(query_param("x", "y"))
        .respond_with(ResponseTemplate::new(503).set_body_json(json!({ "errors": ["not yet"] })))
        .mount(&server)
        .await;
    let answer = client(&[&server.uri()])
        .proxy_get(APPLICATION, "/jobs/overview?x=y")
        .await
        .unwrap();
    assert_eq!(
        (answer.status, answer.content_type.as_deref()),
        (503, Some("application/json"))
    );
    assert_eq!(&answer.body[..], br#"{"errors":["not yet"]}"#);

    let server = MockServer::start().await;
    let ended = ResponseTemplate::new(302).insert_header("Location", "http://rm:8088/cluster/app/x");
    super::answer("GET", at, ended).mount(&server).await;
    let error = client(&[&server.uri()])
        .proxy_get(APPLICATION, "jobs/overview")
        .await
        .unwrap_err();
    assert!(matches!(error.kind(), RestErrorKind::NoTrackingUrl { .. }), "{error}");
    assert!(
        error.to_string().contains("redirects to http://rm:8088/cluster/app/x"),
        "{error}"
    );

    let server = MockServer::start().await;
    let page = ResponseTemplate::new(500).set_body_raw("<html><title>Proxy Error</title></html>", "text/html");
    super::answer("GET", at, page).mount(&server).await;
    let error = client(&[&server.uri()])
        .proxy_get(APPLICATION, "jobs/overview")
        .await
        .unwrap_err();
    assert!(
        matches!(error.kind(), RestErrorKind::Html { status: 500, title } if title == "Proxy Error"),
        "{error}"
    );
}
