use serde_json::json;
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};
use yarn_common::exit_status::ContainerExitStatus;

use super::{APPLICATION, answer, client, closed_port, remote_exception, serving};
use crate::error::RestErrorKind;
use crate::nm::{LogRange, NmClient};

const CONTAINER: &str = "container_1700000000000_0007_01_000001";

fn node_manager(server: &MockServer) -> NmClient {
    client(&["http://127.0.0.1:1"])
        .node_manager(&server.address().to_string())
        .unwrap()
}

#[tokio::test]
async fn a_node_describes_itself() {
    let info = json!({ "nodeInfo": {
        "id": "127.0.0.2:45454", "nodeHostName": "127.0.0.2", "healthReport": "", "nodeHealthy": true,
        "totalPmemAllocatedContainersMB": 4096, "totalVCoresAllocatedContainers": 4, "vmemCheckEnabled": "true",
        "hadoopVersion": "3.4.3"
    } });
    let info = node_manager(&serving("/ws/v1/node/info", info).await)
        .info()
        .await
        .unwrap();
    assert_eq!((info.node_healthy, info.vmem_check_enabled), (Some(true), Some(true)));
    assert_eq!(info.total_pmem_allocated_containers_mb, Some(4096));
}

#[tokio::test]
async fn containers_of_a_node_may_be_none() {
    let container = json!({
        "id": CONTAINER, "state": "DONE", "exitCode": 3, "diagnostics": "x", "user": "alice",
        "totalMemoryNeededMB": 64, "totalVCoresNeeded": 1, "containerLogFiles": ["stderr", "stdout"]
    });
    let server = serving("/ws/v1/node/containers", json!({ "containers": {} })).await;
    let at = format!("/ws/v1/node/containers/{CONTAINER}");
    answer(
        "GET",
        &at,
        ResponseTemplate::new(200).set_body_json(json!({ "container": container })),
    )
    .mount(&server)
    .await;
    let node = node_manager(&server);
    assert!(node.containers().await.unwrap().is_empty());
    let container = node.container(APPLICATION.attempt(1).container(1)).await.unwrap();
    assert_eq!(container.exit_status(), Some(ContainerExitStatus(3)));
    assert_eq!(container.container_log_files, ["stderr", "stdout"]);
}

#[tokio::test]
async fn log_files_are_listed_in_all_shapes() {
    let files = json!([{ "fileName": "stderr", "fileSize": "120", "lastModifiedTime": "Mon" }]);
    let info = json!({ "containerLogInfo": files, "logAggregationType": "LOCAL", "containerId": CONTAINER });
    for body in [
        json!({ "containerLogsInfo": &info }),
        json!({ "containerLogsInfo": [&info] }),
        json!([{ "containerLogsInfo": &info }]),
        json!([&info]),
        json!({ "containerLogsInfo": { "containerLogInfo": { "fileName": "stderr", "fileSize": 120 } } }),
    ] {
        let server = serving(&format!("/ws/v1/node/containers/{CONTAINER}/logs"), body.clone()).await;
        let files = node_manager(&server)
            .log_files(APPLICATION.attempt(1).container(1))
            .await
            .unwrap();
        assert_eq!(files.len(), 1, "{body}");
        assert_eq!(
            (files[0].file_name.as_str(), files[0].file_size),
            ("stderr", Some(120)),
            "{body}"
        );
    }
}

#[tokio::test]
async fn the_end_of_a_log_is_read() {
    let server = MockServer::start().await;
    let text = format!(
        "Container: {CONTAINER} on 127.0.0.2:45454\nLogAggregationType: LOCAL\n====\nLogType:a b.err\n\
         LogLength:13\nLogContents:\nno such file\nEnd of LogType:a b.err\n****\n\n"
    );
    Mock::given(method("GET"))
        .and(path(format!("/ws/v1/node/containers/{CONTAINER}/logs/a%20b.err")))
        .and(query_param("size", "-4096"))
        .and(query_param("user.name", "alice"))
        .respond_with(ResponseTemplate::new(200).set_body_raw(text, "text/plain; charset=utf-8"))
        .mount(&server)
        .await;
    let container = APPLICATION.attempt(1).container(1);
    let part = node_manager(&server)
        .log(container, "a b.err", LogRange::Last(4096))
        .await
        .unwrap();
    assert_eq!((part.text.as_str(), part.file_length), ("no such file\n", Some(13)));
}

#[tokio::test]
async fn errors_of_a_node_name_the_step_and_the_address() {
    let server = MockServer::start().await;
    let at = format!("/ws/v1/node/containers/{CONTAINER}");
    let gone = remote_exception("NotFoundException", "container with id, … , not found");
    answer("GET", &at, ResponseTemplate::new(404).set_body_json(gone))
        .mount(&server)
        .await;
    let container = APPLICATION.attempt(1).container(1);
    assert!(
        node_manager(&server)
            .container(container)
            .await
            .unwrap_err()
            .is_not_found()
    );

    let missing = "java.lang.Exception: Cannot find this log on the local disk.";
    let response = ResponseTemplate::new(404).set_body_raw(missing, "text/plain");
    answer("GET", &format!("{at}/logs/none"), response).mount(&server).await;
    let error = node_manager(&server)
        .log(container, "none", LogRange::All)
        .await
        .unwrap_err();
    assert!(
        error.is_not_found() && error.to_string().contains(": not found: Cannot find"),
        "{error}"
    );

    let address = closed_port().await;
    let node = client(&["http://127.0.0.1:1"])
        .node_manager(address.trim_start_matches("http://"))
        .unwrap();
    let error = node.log(container, "stderr", LogRange::All).await.unwrap_err();
    assert!(
        matches!(error.kind(), RestErrorKind::Connect { origin: None, .. }),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .starts_with(&format!("cannot read the log stderr of {CONTAINER}: ")),
        "{error}"
    );
}
