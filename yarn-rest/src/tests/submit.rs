use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use wiremock::matchers::{body_json, method, path, query_param};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};
use yarn_common::launch::{
    ApplicationAccess, ContainerLaunchContext, LocalResource, LocalResourceType, LocalResourceVisibility, RetryContext,
    RetryWhen,
};
use yarn_common::resource::{Priority, Resource};
use yarn_common::submission::{ApplicationSubmissionContext, LogAggregationContext};
use yarn_common::token::{Credentials, Token, TokenKind};

use super::{APPLICATION, answer, client, remote_exception};
use crate::error::RestErrorKind;
use crate::model::{ApplicationState, ReservationId};

const APPS: &str = "/ws/v1/cluster/apps";
const APP: &str = "/ws/v1/cluster/apps/application_1700000000000_0007";

fn binary() -> LocalResource {
    LocalResource {
        url: "hdfs://nn:8020/user/alice/my app.tar.gz".parse().unwrap(),
        size: 5,
        timestamp: 1_700_000_000_123,
        kind: LocalResourceType::Archive,
        visibility: LocalResourceVisibility::Public,
        pattern: None,
    }
}

fn minimal() -> ApplicationSubmissionContext {
    let container = ContainerLaunchContext {
        commands: vec!["./run".to_owned()],
        ..ContainerLaunchContext::default()
    };
    ApplicationSubmissionContext::new(APPLICATION, "wc", Resource::new(1024, 1), container)
}

fn full() -> ApplicationSubmissionContext {
    let mut credentials = Credentials::new();
    credentials.add_token(
        "nn",
        Token::new(&b"id"[..], &b"pw"[..], TokenKind::from("HDFS_DELEGATION_TOKEN"), "h:1"),
    );
    credentials.add_secret("app", vec![0xfb, 0xff, 0xfe]);
    let mut application = minimal();
    application.am_container = ContainerLaunchContext {
        local_resources: BTreeMap::from([("app".to_owned(), binary())]),
        environment: BTreeMap::from([("A".to_owned(), "1".to_owned())]),
        commands: vec!["./app/run".to_owned(), "1><LOG_DIR>/out".to_owned()],
        tokens: Some(credentials.to_bytes()),
        acls: BTreeMap::from([(ApplicationAccess::View, "bob ".to_owned())]),
        service_data: BTreeMap::from([("shuffle".to_owned(), Bytes::from_static(&[0xfb, 0xff]))]),
        ..ContainerLaunchContext::default()
    };
    application.application_type = "Example".to_owned();
    application.tags = BTreeSet::from(["a".to_owned(), "b".to_owned()]);
    application.queue = Some("prod".to_owned());
    application.priority = Some(Priority(3));
    application.max_app_attempts = Some(2);
    application.keep_containers_across_application_attempts = true;
    application.attempt_failures_validity_interval = Some(Duration::from_secs(10));
    application.node_label = Some("fast".to_owned());
    application.am_node_label = Some("safe".to_owned());
    application.reservation_id = Some(ReservationId::new(1_700_000_000_000, 5));
    application.log_aggregation = Some(LogAggregationContext {
        rolled_logs_include_pattern: Some(".*log".to_owned()),
        ..Default::default()
    });
    application
}

fn full_json() -> Value {
    json!({
        "application-id": "application_1700000000000_0007",
        "application-name": "wc",
        "application-type": "Example",
        "queue": "prod",
        "priority": 3,
        "am-container-spec": {
            "local-resources": { "entry": [{ "key": "app", "value": {
                "resource": "hdfs://nn:8020/user/alice/my%20app.tar.gz", "type": "ARCHIVE", "visibility": "PUBLIC",
                "size": 5, "timestamp": 1_700_000_000_123_u64
            } }] },
            "environment": { "entry": [{ "key": "A", "value": "1" }] },
            "commands": { "command": "./app/run 1><LOG_DIR>/out" },
            "service-data": { "entry": [{ "key": "shuffle", "value": "-_8=" }] },
            "application-acls": { "entry": [{ "key": "VIEW_APP", "value": "bob " }] },
            "credentials": {
                "tokens": { "entry": [{ "key": "nn", "value": "AmlkAnB3FUhERlNfREVMRUdBVElPTl9UT0tFTgNoOjE" }] },
                "secrets": { "entry": [{ "key": "app", "value": "-__-" }] }
            }
        },
        "unmanaged-AM": false,
        "max-app-attempts": 2,
        "resource": { "memory": 1024, "vCores": 1 },
        "keep-containers-across-application-attempts": true,
        "cancel-tokens-when-complete": true,
        "application-tags": { "tag": ["a", "b"] },
        "attempt-failures-validity-interval": 10000,
        "log-aggregation-context": { "rolled-log-include-pattern": ".*log" },
        "app-node-label-expression": "fast",
        "am-container-node-label-expression": "safe",
        "reservation-id": "reservation_1700000000000_0005"
    })
}

fn lost(_: &Request) -> io::Error {
    io::Error::from(io::ErrorKind::ConnectionReset)
}

fn accepted() -> Mock {
    answer(
        "POST",
        APPS,
        ResponseTemplate::new(202).insert_header("Location", "http://rm/ws/v1/cluster/apps/x"),
    )
}

fn report() -> ResponseTemplate {
    ResponseTemplate::new(200)
        .set_body_json(json!({ "app": { "id": "application_1700000000000_0007", "state": "SUBMITTED" } }))
}

fn unknown() -> ResponseTemplate {
    ResponseTemplate::new(404).set_body_json(remote_exception("NotFoundException", "app with id: … not found"))
}

#[tokio::test]
async fn a_new_application_has_an_id_and_the_largest_container() {
    let server = MockServer::start().await;
    let body = json!({
        "application-id": "application_1700000000000_0007",
        "maximum-resource-capability": { "memory": "8192", "vCores": 4, "resourceInformations": {
            "resourceInformation": [
                { "name": "memory-mb", "units": "Mi", "value": 8192 },
                { "name": "vcores", "units": "", "value": 4 },
                { "name": "yarn.io/gpu", "units": "", "value": 2 }
            ]
        } }
    });
    answer(
        "POST",
        "/ws/v1/cluster/apps/new-application",
        ResponseTemplate::new(200).set_body_json(body),
    )
    .mount(&server)
    .await;
    let new = client(&[&server.uri()]).new_application().await.unwrap();
    assert_eq!(new.application_id, APPLICATION);
    assert_eq!(
        new.maximum_capability(),
        Resource::new(8192, 4).with_extra("yarn.io/gpu", 2)
    );
    assert_eq!(new.check(&Resource::new(8192, 4).with_extra("yarn.io/gpu", 1)), Ok(()));
    for (resource, words) in [
        (
            Resource::new(1, 1).with_extra("yarn.io/fpga", 1),
            "no resource type \"yarn.io/fpga\"; it has memory-mb, vcores, yarn.io/gpu",
        ),
        (Resource::new(8193, 1), "the memory is 8193"),
        (Resource::new(1, 5), "the number of cores is 5"),
    ] {
        let message = new.check(&resource).unwrap_err().to_string();
        assert!(message.contains(words), "{message}");
    }
}

#[tokio::test]
async fn the_whole_context_is_submitted() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path(APPS))
        .and(query_param("user.name", "alice"))
        .and(body_json(full_json()))
        .respond_with(ResponseTemplate::new(202))
        .expect(1)
        .mount(&server)
        .await;
    client(&[&server.uri()]).submit(&full()).await.unwrap();
}

#[tokio::test]
async fn what_is_not_set_is_not_sent() {
    let server = MockServer::start().await;
    let expected = json!({
        "application-id": "application_1700000000000_0007",
        "application-name": "wc",
        "application-type": "YARN",
        "am-container-spec": { "commands": { "command": "./run" } },
        "unmanaged-AM": false,
        "resource": { "memory": 1024, "vCores": 1 },
        "keep-containers-across-application-attempts": false,
        "cancel-tokens-when-complete": true
    });
    Mock::given(method("POST"))
        .and(body_json(expected))
        .respond_with(ResponseTemplate::new(202))
        .mount(&server)
        .await;
    client(&[&server.uri()]).submit(&minimal()).await.unwrap();
}

#[tokio::test]
async fn a_submission_whose_answer_was_lost_is_not_repeated_if_it_arrived() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path(APPS))
        .respond_with_err(lost)
        .expect(1)
        .mount(&server)
        .await;
    answer("GET", APP, report()).expect(1).mount(&server).await;
    client(&[&server.uri()]).submit(&minimal()).await.unwrap();
}

#[tokio::test]
async fn a_submission_that_was_lost_on_the_way_is_repeated() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path(APPS))
        .respond_with_err(lost)
        .up_to_n_times(1)
        .with_priority(1)
        .expect(1)
        .mount(&server)
        .await;
    accepted().expect(1).mount(&server).await;
    answer("GET", APP, unknown()).expect(1).mount(&server).await;
    client(&[&server.uri()]).submit(&minimal()).await.unwrap();
}

#[tokio::test]
async fn a_gateway_that_gave_up_counts_as_a_lost_answer() {
    let server = MockServer::start().await;
    answer("POST", APPS, ResponseTemplate::new(504))
        .expect(1)
        .mount(&server)
        .await;
    answer("GET", APP, report()).expect(1).mount(&server).await;
    client(&[&server.uri()]).submit(&minimal()).await.unwrap();
}

#[tokio::test]
async fn a_submission_that_cannot_be_looked_up_is_unknown() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path(APPS))
        .respond_with_err(lost)
        .expect(1)
        .mount(&server)
        .await;
    answer("GET", APP, ResponseTemplate::new(500).set_body_string("broken"))
        .mount(&server)
        .await;
    let error = client(&[&server.uri()]).submit(&minimal()).await.unwrap_err();
    assert!(
        matches!(
            error.kind(),
            RestErrorKind::SubmissionUnknown {
                application: APPLICATION,
                ..
            }
        ),
        "{error}"
    );
    assert!(error.to_string().contains("unexpected status 500: broken"), "{error}");
}

#[tokio::test]
async fn a_rejected_submission_is_not_repeated() {
    let server = MockServer::start().await;
    let text = "Application application_1700000000000_0007 submitted by user alice to unknown queue: prod";
    let rejected = ResponseTemplate::new(400).set_body_json(remote_exception("BadRequestException", text));
    answer("POST", APPS, rejected).expect(1).mount(&server).await;
    let error = client(&[&server.uri()]).submit(&minimal()).await.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("cannot submit application_1700000000000_0007: BadRequestException: ")
    );
    assert!(error.to_string().contains("unknown queue: prod"), "{error}");
}

#[tokio::test]
async fn a_java_exception_is_an_answer_even_with_503() {
    let server = MockServer::start().await;
    let broken = ResponseTemplate::new(503).set_body_json(remote_exception("NullPointerException", "x is null"));
    answer("POST", APPS, broken).expect(1).mount(&server).await;
    let error = client(&[&server.uri()]).submit(&minimal()).await.unwrap_err();
    assert!(
        matches!(error.kind(), RestErrorKind::RemoteException { status: 503, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn what_rest_cannot_carry_is_refused_before_it_is_sent() {
    let server = MockServer::start().await;
    let mut gpu = minimal();
    gpu.resource = Resource::new(1, 1).with_extra("yarn.io/gpu", 1);
    let mut pattern = minimal();
    let resource = LocalResource {
        kind: LocalResourceType::Pattern,
        pattern: Some(".*".to_owned()),
        ..binary()
    };
    pattern.am_container.local_resources.insert("p".to_owned(), resource);
    let mut tokens = minimal();
    tokens.am_container.tokens = Some(Bytes::from_static(b"garbage"));
    let mut retried = minimal();
    retried.am_container.retry = Some(RetryContext::new(RetryWhen::AnyError, None).unwrap());
    for (application, words) in [
        (gpu, "yarn.io/gpu"),
        (pattern, "resource p has a pattern"),
        (tokens, "the tokens"),
        (retried, "to be retried"),
    ] {
        let error = client(&[&server.uri()]).submit(&application).await.unwrap_err();
        assert!(matches!(error.kind(), RestErrorKind::InvalidRequest(_)), "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
    assert!(server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_no_resource_manager_takes_is_refused_before_it_is_sent() {
    let server = MockServer::start().await;
    let mut mute = minimal();
    mute.am_container.commands.clear();
    let mut weightless = minimal();
    weightless.resource.memory_mb = 0;
    let mut tagged = minimal();
    tagged.tags = BTreeSet::from(["t".repeat(101)]);
    for (application, words) in [
        (mute, "no command"),
        (weightless, "the memory is 0"),
        (tagged, "has 101 characters"),
    ] {
        let error = client(&[&server.uri()]).submit(&application).await.unwrap_err();
        assert!(matches!(error.kind(), RestErrorKind::InvalidSubmission(_)), "{error}");
        assert!(error.to_string().contains(words), "{error}");
        assert!(!error.is_transient() && !error.answer_was_lost());
    }
    assert!(server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn killing_tells_the_state() {
    let server = MockServer::start().await;
    Mock::given(method("PUT"))
        .and(path(format!("{APP}/state")))
        .and(body_json(json!({ "state": "KILLED", "diagnostics": "enough" })))
        .respond_with(ResponseTemplate::new(202).set_body_json(json!({ "state": "KILLING" })))
        .mount(&server)
        .await;
    let state = client(&[&server.uri()])
        .kill(APPLICATION, Some("enough"))
        .await
        .unwrap();
    assert_eq!(state, ApplicationState::Killing);
    assert!(!state.is_final());
}
