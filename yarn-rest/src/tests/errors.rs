use std::time::Duration;

use serde_json::json;
use wiremock::{MockServer, ResponseTemplate};
use yarn_common::conf::HadoopConfiguration;
use yarn_common::environment::Environment;

use super::{APPLICATION, answer, client, closed_port, remote_exception};
use crate::auth::Simple;
use crate::error::{RestError, RestErrorKind};
use crate::rm::{BuildError, RetryPolicy, RmClient};

const APP: &str = "/ws/v1/cluster/apps/application_1700000000000_0007";

async fn error_of(response: ResponseTemplate) -> RestError {
    let server = MockServer::start().await;
    answer("GET", APP, response).mount(&server).await;
    let error = client(&[&server.uri()]).application(APPLICATION).await.unwrap_err();
    let message = error.to_string();
    assert!(
        message.starts_with("cannot read the report of application_1700000000000_0007: "),
        "{message}"
    );
    assert!(message.contains(&format!("[{}{APP}", server.uri())), "{message}");
    error
}

#[tokio::test]
async fn a_refused_connection_names_address_and_origin_at_once() {
    let url = closed_port().await;
    let error = client(&[&url]).info().await.unwrap_err();
    assert!(matches!(error.kind(), RestErrorKind::Connect { .. }), "{error}");
    let expected = format!(
        "cannot read the cluster's state: cannot connect to {} (from yarn.resourcemanager.hostname in \
         /conf/yarn-site.xml): Connection refused",
        url.trim_start_matches("http://")
    );
    assert!(error.to_string().starts_with(&expected), "{error}");
    assert!(error.was_never_served() && !error.answer_was_lost());
}

#[tokio::test]
async fn the_configuration_gives_addresses_and_their_origin() {
    let url = closed_port().await;
    let address = url.trim_start_matches("http://");
    let site = format!(
        "<configuration><property><name>yarn.resourcemanager.webapp.address</name><value>{address}</value></property>\
         </configuration>"
    );
    let conf = HadoopConfiguration::from_texts([("/c/yarn-site.xml", site.as_str())], Environment::default()).unwrap();
    let rm = RmClient::builder().configuration(&conf).unwrap().build().unwrap();
    let message = rm.info().await.unwrap_err().to_string();
    assert!(
        message.contains("(from yarn.resourcemanager.webapp.address in /c/yarn-site.xml)"),
        "{message}"
    );

    let empty = HadoopConfiguration::from_texts([], Environment::default()).unwrap();
    assert!(matches!(
        RmClient::builder().configuration(&empty),
        Err(BuildError::Configuration(_))
    ));
    assert!(matches!(
        RmClient::builder().resource_manager("rm:8088", None),
        Err(BuildError::BadUrl { .. })
    ));
    assert!(matches!(RmClient::builder().build(), Err(BuildError::NoAddress)));
}

#[tokio::test]
async fn no_answer_in_time_is_a_timeout() {
    let server = MockServer::start().await;
    let late = ResponseTemplate::new(200).set_delay(Duration::from_secs(3600));
    answer("GET", APP, late).mount(&server).await;
    let rm = RmClient::builder()
        .resource_manager(&server.uri(), None)
        .unwrap()
        .request_timeout(Duration::from_millis(50))
        .retry(RetryPolicy {
            max_retries: 0,
            ..RetryPolicy::default()
        })
        .build()
        .unwrap();
    let error = rm.application(APPLICATION).await.unwrap_err();
    assert!(matches!(error.kind(), RestErrorKind::Timeout { .. }), "{error}");
    assert!(error.to_string().contains("no answer within 50ms"), "{error}");
}

#[tokio::test]
async fn unauthorized_says_how_the_client_asked_and_what_the_cluster_wants() {
    let kerberos = ResponseTemplate::new(401)
        .insert_header("WWW-Authenticate", "Negotiate")
        .set_body_raw(
            "<html><head><title>Error 401 Authentication required</title></head></html>",
            "text/html",
        );
    let error = error_of(kerberos).await;
    assert!(matches!(error.kind(), RestErrorKind::Unauthorized { .. }), "{error}");
    let message = error.to_string();
    assert!(
        message.contains("as the user alice, by user.name") && message.contains("Kerberos (SPNEGO)"),
        "{message}"
    );
    assert!(message.contains("Error 401 Authentication required"), "{message}");

    let text = "Unable to obtain user name, user not authenticated";
    let simple = ResponseTemplate::new(401).set_body_json(remote_exception("AuthorizationException", text));
    let message = error_of(simple).await.to_string();
    assert!(
        message.contains(text) && message.contains("hadoop.http.filter.initializers"),
        "{message}"
    );
}

#[tokio::test]
async fn forbidden_says_why() {
    let text = "User alice has not necessary permission";
    let error = error_of(ResponseTemplate::new(403).set_body_json(remote_exception("ForbiddenException", text))).await;
    assert!(matches!(error.kind(), RestErrorKind::Forbidden { .. }), "{error}");
    assert!(
        error.to_string().contains(&format!("ForbiddenException: {text}")),
        "{error}"
    );
    assert!(
        error.to_string().contains("yarn.webapp.enable-rest-app-submissions"),
        "{error}"
    );
}

#[tokio::test]
async fn not_found_is_told_from_a_wrong_address() {
    let text = "app with id: application_1700000000000_0007 not found";
    let error = error_of(ResponseTemplate::new(404).set_body_json(remote_exception("NotFoundException", text))).await;
    assert!(error.is_not_found() && error.to_string().contains(text), "{error}");

    let page = "<html><head>\n<title>Error 404\n Not Found</title></head></html>";
    let error = error_of(ResponseTemplate::new(404).set_body_raw(page, "text/html;charset=iso-8859-1")).await;
    assert!(!error.is_not_found());
    assert!(matches!(error.kind(), RestErrorKind::Html { status: 404, title } if title == "Error 404 Not Found"));
}

#[tokio::test]
async fn an_address_that_the_server_does_not_know_is_told_from_a_missing_application() {
    let text = "java.lang.Exception: com.sun.jersey.api.NotFoundException: null for uri: http://rm/ws/v1/x";
    let json = ResponseTemplate::new(404).set_body_json(remote_exception("NotFoundException", text));
    let page = "<html><title>Sorry, got error 404</title>org.apache.hadoop.yarn.webapp.WebAppException: not found";
    for response in [json, ResponseTemplate::new(404).set_body_raw(page, "text/html")] {
        let error = error_of(response).await;
        assert!(matches!(error.kind(), RestErrorKind::NoSuchEndpoint { .. }), "{error}");
        assert!(error.to_string().contains("an older version of Hadoop"), "{error}");
    }
}

#[tokio::test]
async fn an_ipc_port_is_not_taken_for_a_missing_application() {
    let text = "It looks like you are making an HTTP request to a Hadoop IPC port. This is not the correct port.";
    let error = error_of(ResponseTemplate::new(404).set_body_raw(text, "text/plain")).await;
    assert!(matches!(error.kind(), RestErrorKind::IpcPort), "{error}");
    assert!(error.was_never_served() && !error.is_transient());
}

#[tokio::test]
async fn a_remote_exception_keeps_its_class_and_loses_its_stack() {
    let text = "org.apache.hadoop.yarn.exceptions.YarnException: unknown queue: q\n\tat a.B.c(B.java:1)\n\tat d.E";
    let error = error_of(ResponseTemplate::new(400).set_body_json(remote_exception("BadRequestException", text))).await;
    match error.kind() {
        RestErrorKind::RemoteException {
            status: 400,
            class,
            message,
        } => {
            assert_eq!(class, "BadRequestException");
            assert_eq!(
                message,
                "org.apache.hadoop.yarn.exceptions.YarnException: unknown queue: q"
            );
        }
        other => panic!("{other}"),
    }
    let standby = remote_exception("StandbyException", "not active");
    let error = error_of(ResponseTemplate::new(403).set_body_json(standby)).await;
    assert!(matches!(error.kind(), RestErrorKind::Standby), "{error}");
}

#[tokio::test]
async fn an_html_page_is_named_by_its_title() {
    let page = "<!DOCTYPE html><HTML><HEAD><TITLE>Sign in to Gateway</TITLE></HEAD></HTML>";
    let error = error_of(ResponseTemplate::new(200).set_body_raw(page, "text/html; charset=utf-8")).await;
    assert!(
        matches!(error.kind(), RestErrorKind::Html { status: 200, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("Sign in to Gateway"), "{error}");
}

#[tokio::test]
async fn an_unexpected_status_shows_the_beginning_of_the_answer() {
    let error = error_of(ResponseTemplate::new(500).set_body_string("ü".repeat(300))).await;
    match error.kind() {
        RestErrorKind::UnexpectedStatus { status: 500, body } => assert_eq!(body, &format!("{}…", "ü".repeat(200))),
        other => panic!("{other}"),
    }
    let error = error_of(ResponseTemplate::new(302).insert_header("Location", "https://sso.example/login")).await;
    assert!(
        error
            .to_string()
            .contains("unexpected status 302: it redirects to https://sso.example/login"),
        "{error}"
    );
}

#[tokio::test]
async fn an_answer_of_another_shape_is_a_decode_error() {
    for body in [json!({ "apps": {} }), json!([]), json!({ "app": { "id": "job_1" } })] {
        let error = error_of(ResponseTemplate::new(200).set_body_json(&body)).await;
        assert!(matches!(error.kind(), RestErrorKind::Decode { .. }), "{body}: {error}");
    }
    let error = error_of(ResponseTemplate::new(200).set_body_string("not json")).await;
    assert!(error.to_string().contains("begins \"not json\""), "{error}");
}

#[tokio::test]
async fn a_broken_connection_is_interrupted() {
    let server = MockServer::start().await;
    wiremock::Mock::given(wiremock::matchers::any())
        .respond_with_err(|_: &wiremock::Request| std::io::Error::from(std::io::ErrorKind::ConnectionReset))
        .expect(4)
        .mount(&server)
        .await;
    // Something answered before, so that a broken connection is not taken for a wrong address.
    answer(
        "GET",
        "/ws/v1/cluster/info",
        ResponseTemplate::new(200).set_body_json(json!({ "clusterInfo": {} })),
    )
    .with_priority(1)
    .mount(&server)
    .await;
    let rm = client(&[&server.uri()]);
    rm.info().await.unwrap();
    let error = rm.application(APPLICATION).await.unwrap_err();
    assert!(matches!(error.kind(), RestErrorKind::Interrupted { .. }), "{error}");
}

#[tokio::test]
async fn a_user_name_goes_with_every_request() {
    let server = MockServer::start().await;
    answer(
        "GET",
        "/ws/v1/cluster/info",
        ResponseTemplate::new(200).set_body_json(json!({ "clusterInfo": {} })),
    )
    .mount(&server)
    .await;
    let rm = RmClient::builder()
        .resource_manager(&server.uri(), None)
        .unwrap()
        .authenticator(Simple::new("alice & co"))
        .build()
        .unwrap();
    rm.info().await.unwrap();
    let requests = server.received_requests().await.unwrap();
    assert_eq!(requests[0].url.query(), Some("user.name=alice+%26+co"));
    assert!(
        requests[0].headers["accept"]
            .to_str()
            .unwrap()
            .starts_with("application/json")
    );
}
