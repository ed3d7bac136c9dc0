//! Containers that have ended: the answers of the Application History Server are those of Hadoop's documentation
//! (TimelineServer.md) and of `ContainerLogsInfo`, the text of a log that of `LogToolUtils`.

use std::time::Duration;

use futures::TryStreamExt;
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};
use yarn_common::conf::HadoopConfiguration;
use yarn_common::environment::Environment;
use yarn_common::exit_status::ContainerExitStatus;
use yarn_common::id::ContainerId;

use super::{answer, client, closed_port, remote_exception};
use crate::history::HistoryClient;
use crate::logs::{ContainerLogs, Follow, LogRange};
use crate::nm::NmClient;
use crate::transport::Transport;

const CONTAINER: &str = "container_1430424020775_0001_01_000007";
const BELOW: &str = "/apps/application_1430424020775_0001/appattempts/appattempt_1430424020775_0001_000001/containers";

fn container() -> ContainerId {
    CONTAINER.parse().unwrap()
}

fn report() -> Value {
    json!({
        "containerId": CONTAINER,
        "allocatedMB": 1024,
        "allocatedVCores": 1,
        "assignedNodeId": "localhost:9105",
        "priority": 10,
        "startedTime": 1_430_424_068_296_u64,
        "finishedTime": 1_430_424_073_006_u64,
        "elapsedTime": 4710,
        "diagnosticsInfo": "Container killed by the ApplicationMaster.\nContainer killed on request. Exit code is 143\nContainer exited with a non-zero exit code 143\n",
        "logUrl": format!("http://0.0.0.0:8188/applicationhistory/logs/localhost:9105/{CONTAINER}/{CONTAINER}/zshen"),
        "containerExitStatus": -105,
        "containerState": "COMPLETE",
        "nodeHttpAddress": "http://localhost:8042"
    })
}

/// With one container and its one log.
async fn history_server() -> (MockServer, HistoryClient) {
    let server = MockServer::start().await;
    let root = "/ws/v1/applicationhistory";
    let head = format!("Container: {CONTAINER} on localhost_9105");
    let log = format!(
        "{head}\nLogAggregationType: AGGREGATED\n{}\nLogType:stdout\nLogLastModifiedTime:Thu Apr 30 20:01:13 +0000 2015\n\
         LogLength:6\nLogContents:\nhello\n\nEnd of LogType:stdout\n{}\n\n",
        "=".repeat(head.len()),
        "*".repeat(head.len()),
    );
    let logs = json!([{
        "containerLogInfo": [
            { "fileName": "stdout", "fileSize": "6", "lastModifiedTime": "Thu Apr 30 20:01:13 +0000 2015" }
        ],
        "logAggregationType": "AGGREGATED",
        "containerId": CONTAINER,
        "nodeId": "localhost:9105"
    }]);
    for (at, response) in [
        (
            format!("{root}{BELOW}/{CONTAINER}"),
            ResponseTemplate::new(200).set_body_json(report()),
        ),
        (
            format!("{root}{BELOW}"),
            ResponseTemplate::new(200).set_body_json(json!({ "container": [report()] })),
        ),
        (
            format!("{root}/containers/{CONTAINER}/logs"),
            ResponseTemplate::new(200).set_body_json(logs),
        ),
        (
            format!("{root}/containerlogs/{CONTAINER}/nothing"),
            // As Hadoop 3.4.3 answers.
            ResponseTemplate::new(200)
                .set_body_raw(format!("Can not find logs for container:{CONTAINER}"), "text/plain"),
        ),
        (
            format!("{root}/containerlogs/{CONTAINER}/stdout"),
            ResponseTemplate::new(200).set_body_raw(log, "text/plain; charset=utf-8"),
        ),
    ] {
        Mock::given(method("GET"))
            .and(path(at))
            .respond_with(response)
            .mount(&server)
            .await;
    }
    let history = HistoryClient::new(&format!("{}{root}", server.uri()), &Transport::new()).unwrap();
    (server, history)
}

#[tokio::test]
async fn a_container_that_the_resource_manager_has_forgotten_is_told_by_the_history_server() {
    let (_server, history) = history_server().await;
    let rm = MockServer::start().await;
    let gone = remote_exception("NotFoundException", "container with id: … not found");
    answer(
        "GET",
        &format!("/ws/v1/cluster{BELOW}/{CONTAINER}"),
        ResponseTemplate::new(404).set_body_json(gone),
    )
    .mount(&rm)
    .await;
    let rm = client(&[&rm.uri()]);
    assert!(rm.container(container()).await.unwrap_err().is_not_found());
    let told = rm.container_or_history(container(), &history).await.unwrap();
    assert_eq!(told.exit_status(), Some(ContainerExitStatus(-105)));
    assert_eq!(
        (told.container_state.as_deref(), told.allocated_mb, told.finished_time),
        (Some("COMPLETE"), Some(1024), Some(1_430_424_073_006))
    );
    assert_eq!(told.assigned_node_id, Some("localhost:9105".parse().unwrap()));
    let all = history.containers(container().attempt()).await.unwrap();
    assert_eq!(all, [told]);

    let strange = "container_1430424020775_0001_01_000099".parse().unwrap();
    let error = rm.container_or_history(strange, &history).await.unwrap_err();
    assert!(error.to_string().contains("cannot read"), "{error}");
}

#[tokio::test]
async fn the_logs_of_a_container_come_from_the_history_server_once_the_node_has_none() {
    let (_server, history) = history_server().await;
    let forgetful = MockServer::start().await;
    let gone = remote_exception("NotFoundException", "container with id, … , not found");
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(404).set_body_json(gone))
        .mount(&forgetful)
        .await;
    for node in [forgetful.uri(), closed_port().await] {
        let node = NmClient::new(&node, &Transport::new()).unwrap();
        let alone = ContainerLogs::new(node.clone(), None);
        alone.files(container()).await.unwrap_err();
        let logs = ContainerLogs::new(node, Some(history.clone()));
        let files = logs.files(container()).await.unwrap();
        assert_eq!(
            (files[0].file_name.as_str(), files[0].file_size, files.len()),
            ("stdout", Some(6), 1)
        );
        let part = logs.read(container(), "stdout", LogRange::All).await.unwrap();
        assert_eq!((part.text.as_str(), part.file_length), ("hello\n", Some(6)));
        let missing = logs.read(container(), "nothing", LogRange::All).await.unwrap_err();
        assert!(missing.is_not_found(), "{missing}");
        let follow = Follow {
            offset: 0,
            poll: Duration::from_millis(1),
        };
        let followed: Vec<_> = logs.follow(container(), "stdout", follow).try_collect().await.unwrap();
        assert_eq!(followed.concat(), b"hello\n");
    }
}

fn configured(properties: &[(&str, &str)]) -> Option<HistoryClient> {
    let properties: String = properties
        .iter()
        .map(|(key, value)| format!("<property><name>{key}</name><value>{value}</value></property>"))
        .collect();
    let site = format!("<configuration>{properties}</configuration>");
    let texts = [("/c/yarn-site.xml", site.as_str())];
    let configuration = HadoopConfiguration::from_texts(texts, Environment::default()).unwrap();
    HistoryClient::from_configuration(&configuration, &Transport::new()).unwrap()
}

#[tokio::test]
async fn the_history_server_is_the_one_that_the_configuration_names() {
    const ENABLED: (&str, &str) = ("yarn.timeline-service.enabled", "true");
    const GENERIC: (&str, &str) = ("yarn.timeline-service.generic-application-history.enabled", "true");
    assert!(configured(&[]).is_none());
    assert!(configured(&[ENABLED, ("yarn.timeline-service.webapp.address", "127.0.0.1:1")]).is_none());
    for (properties, url) in [
        (
            &[("yarn.log.server.web-service.url", "http://127.0.0.1:1/ws/v1/history")][..],
            "http://127.0.0.1:1/ws/v1/history/apps",
        ),
        (
            &[
                ENABLED,
                GENERIC,
                ("yarn.timeline-service.webapp.address", "127.0.0.1:1"),
            ],
            "http://127.0.0.1:1/ws/v1/applicationhistory/apps",
        ),
        (
            &[
                ENABLED,
                GENERIC,
                ("yarn.http.policy", "HTTPS_ONLY"),
                ("yarn.timeline-service.webapp.https.address", "127.0.0.1:1"),
            ],
            "https://127.0.0.1:1/ws/v1/applicationhistory/apps",
        ),
    ] {
        let error = configured(properties)
            .unwrap()
            .container(container())
            .await
            .unwrap_err();
        let message = error.to_string();
        assert!(
            message.contains(url) && message.contains(properties.last().unwrap().0),
            "{message}"
        );
    }
}
