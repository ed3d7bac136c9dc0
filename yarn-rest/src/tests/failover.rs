use serde_json::json;
use wiremock::matchers::{any, method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};
use yarn_common::launch::ContainerLaunchContext;
use yarn_common::resource::Resource;
use yarn_common::submission::ApplicationSubmissionContext;

use super::{APPLICATION, answer, client, closed_port, hedging};
use crate::error::RestErrorKind;

const METRICS: &str = "/ws/v1/cluster/metrics";

fn metrics() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({ "clusterMetrics": { "activeNodes": 3 } }))
}

/// Redirects everything to the same path and query of `active`, as a standby does.
async fn standby_of(active: &str) -> MockServer {
    let active = active.trim_end_matches('/').to_owned();
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(move |request: &Request| {
            let query = request.url.query().map(|query| format!("?{query}")).unwrap_or_default();
            let location = format!("{active}{}{query}", request.url.path());
            let body = format!("This is standby RM. The redirect url is: {}", request.url.path());
            ResponseTemplate::new(307)
                .insert_header("Location", location.as_str())
                .set_body_string(body)
        })
        .mount(&server)
        .await;
    server
}

#[tokio::test]
async fn a_redirect_is_followed_with_the_body_and_remembered() {
    let active = MockServer::start().await;
    answer("POST", "/ws/v1/cluster/apps", ResponseTemplate::new(202))
        .expect(1)
        .mount(&active)
        .await;
    answer("GET", METRICS, metrics()).expect(1).mount(&active).await;
    let standby = standby_of(&active.uri()).await;

    let rm = client(&[&standby.uri(), &active.uri()]);
    let container = ContainerLaunchContext {
        commands: vec!["./run".to_owned()],
        ..ContainerLaunchContext::default()
    };
    let context = ApplicationSubmissionContext::new(APPLICATION, "x", Resource::new(64, 1), container);
    rm.submit(&context).await.unwrap();
    assert_eq!(rm.metrics().await.unwrap().active_nodes, Some(3));

    assert_eq!(
        standby.received_requests().await.unwrap().len(),
        1,
        "the active one is asked directly the second time"
    );
    let submitted = &active.received_requests().await.unwrap()[0];
    assert_eq!(
        submitted.body_json::<serde_json::Value>().unwrap()["application-name"],
        "x"
    );
    assert_eq!(submitted.url.query(), Some("user.name=alice"), "the user is named once");
}

#[tokio::test]
async fn a_redirect_to_a_server_that_is_not_listed_is_followed() {
    let active = MockServer::start().await;
    answer("GET", METRICS, metrics()).expect(2).mount(&active).await;
    let standby = standby_of(&active.uri()).await;
    let rm = client(&[&standby.uri()]);
    rm.metrics().await.unwrap();
    rm.metrics().await.unwrap();
    assert_eq!(rm.active_url().as_str(), format!("{}/", active.uri()));
    assert_eq!(standby.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_base_path_of_a_gateway_is_kept() {
    let server = MockServer::start().await;
    answer("GET", &format!("/gateway/rm{METRICS}"), metrics())
        .expect(1)
        .mount(&server)
        .await;
    let standby = standby_of(&format!("{}/gateway/rm", server.uri())).await;
    client(&[&standby.uri()]).metrics().await.unwrap();
    assert!(client(&[&format!("{}/other/", server.uri())]).metrics().await.is_err());
}

#[tokio::test]
async fn the_next_one_is_asked_when_one_is_down() {
    let active = MockServer::start().await;
    answer("GET", METRICS, metrics()).expect(1).mount(&active).await;
    let rm = client(&[&closed_port().await, &active.uri()]);
    rm.metrics().await.unwrap();
    assert_eq!(rm.active_url().as_str(), format!("{}/", active.uri()));
}

#[tokio::test]
async fn all_that_are_down_are_named() {
    let (first, second) = (closed_port().await, closed_port().await);
    let error = client(&[&first, &second]).metrics().await.unwrap_err();
    assert!(
        matches!(error.kind(), RestErrorKind::AllFailed(errors) if errors.len() == 2),
        "{error}"
    );
    let message = error.to_string();
    for url in [first, second] {
        assert!(message.contains(url.trim_start_matches("http://")), "{message}");
    }
    assert!(error.was_never_served() && error.is_transient());
}

#[tokio::test]
async fn a_standby_without_an_active_one_is_asked_again_until_there_is_one() {
    let server = MockServer::start().await;
    let waiting = ResponseTemplate::new(200)
        .insert_header("Refresh", "3;url=/ws/v1/cluster/metrics")
        .set_body_raw(
            "Can not find any active RM. Will retry in next 3 seconds.",
            "text/plain",
        );
    answer("GET", METRICS, waiting)
        .up_to_n_times(2)
        .expect(2)
        .with_priority(1)
        .mount(&server)
        .await;
    answer("GET", METRICS, metrics()).expect(1).mount(&server).await;
    client(&[&server.uri()]).metrics().await.unwrap();
}

#[tokio::test]
async fn a_standby_that_never_finds_an_active_one_is_an_error() {
    let server = MockServer::start().await;
    let waiting = ResponseTemplate::new(200)
        .insert_header("Refresh", "3;url=/")
        .set_body_raw("no active", "text/plain");
    Mock::given(any()).respond_with(waiting).expect(4).mount(&server).await;
    let error = client(&[&server.uri()]).metrics().await.unwrap_err();
    assert!(matches!(error.kind(), RestErrorKind::Standby), "{error}");
}

#[tokio::test]
async fn servers_that_redirect_to_each_other_are_an_error() {
    let server = MockServer::start().await;
    let location = format!("{}{METRICS}", server.uri());
    Mock::given(method("GET"))
        .and(path(METRICS))
        .respond_with(ResponseTemplate::new(307).insert_header("Location", location.as_str()))
        .mount(&server)
        .await;
    let error = client(&[&server.uri()]).metrics().await.unwrap_err();
    assert!(matches!(error.kind(), RestErrorKind::TooManyRedirects(_)), "{error}");
}

fn info(state: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({ "clusterInfo": { "haState": state } }))
}

const INFO: &str = "/ws/v1/cluster/info";

#[tokio::test]
async fn a_silent_one_does_not_keep_the_first_request_from_the_active_one() {
    let silent = MockServer::start().await;
    let never = info("ACTIVE").set_delay(std::time::Duration::from_secs(3600));
    Mock::given(any()).respond_with(never).mount(&silent).await;
    let active = MockServer::start().await;
    answer("GET", INFO, info("ACTIVE")).expect(1).mount(&active).await;
    answer("GET", METRICS, metrics()).expect(2).mount(&active).await;
    let rm = hedging(&[&silent.uri(), &active.uri()], std::time::Duration::from_millis(1));
    rm.metrics().await.unwrap();
    rm.metrics().await.unwrap();
    assert!(
        silent.received_requests().await.unwrap().len() <= 1,
        "the active one is remembered"
    );
}

#[tokio::test]
async fn a_standby_that_says_so_is_not_asked_for_more() {
    let standby = MockServer::start().await;
    answer("GET", INFO, info("STANDBY")).expect(1).mount(&standby).await;
    let active = MockServer::start().await;
    answer("GET", INFO, info("ACTIVE")).mount(&active).await;
    answer("GET", METRICS, metrics()).expect(1).mount(&active).await;
    client(&[&standby.uri(), &active.uri()]).metrics().await.unwrap();
}

#[tokio::test]
async fn the_active_one_is_taken_from_what_a_standby_says_without_a_redirect() {
    let active = MockServer::start().await;
    answer("GET", METRICS, metrics()).expect(2).mount(&active).await;
    let there = format!("{}{METRICS}", active.uri());
    let text = format!("This is standby RM. The redirect url is: {there}");
    for response in [
        ResponseTemplate::new(200).set_body_raw(text.clone(), "text/plain"),
        ResponseTemplate::new(200)
            .insert_header("Refresh", format!("3; url={there}").as_str())
            .set_body_raw("standby", "text/plain"),
    ] {
        let standby = MockServer::start().await;
        answer("GET", METRICS, response).expect(1).mount(&standby).await;
        client(&[&standby.uri()]).metrics().await.unwrap();
    }
}
