use serde_json::json;
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use selvedge_core::status::ApplicationStatus;

const JOB: JobId = JobId::from_bytes([0xab; 16]);

async fn client(server: &MockServer) -> RestClusterClient {
    RestClusterClient::direct(&server.address().to_string()).unwrap()
}

async fn answer(server: &MockServer, verb: &str, at: String, status: u16, body: Value) {
    Mock::given(method(verb))
        .and(path(at))
        .respond_with(ResponseTemplate::new(status).set_body_json(body))
        .mount(server)
        .await;
}

#[tokio::test]
async fn a_running_job_has_no_result_and_an_ended_one_has() {
    let server = MockServer::start().await;
    let at = format!("/jobs/{JOB}/execution-result");
    answer(
        &server,
        "GET",
        at.clone(),
        200,
        json!({"status": {"id": "IN_PROGRESS"}}),
    )
    .await;
    let client = client(&server).await;
    assert_eq!(client.execution_result(JOB).await.unwrap(), None);
    server.reset().await;
    let ended = json!({"status": {"id": "COMPLETED"}, "job-execution-result": {
        "id": JOB.to_string(), "application-status": "FAILED", "net-runtime": 257,
        "accumulator-results": {},
        "failure-cause": {"class": "x.TaskFailure", "stack-trace": "no such file /in\n\tat x.Y(Y.java:1)"}}});
    answer(&server, "GET", at, 200, ended).await;
    let result = client.execution_result(JOB).await.unwrap().unwrap();
    assert_eq!(result.status, ApplicationStatus::Failed);
    assert_eq!(result.failure.as_deref(), Some("no such file /in"));
}

#[tokio::test]
async fn what_operators_counted_is_read() {
    let server = MockServer::start().await;
    let counters = json!([{"name": "drop.records", "type": "LongCounter", "value": "7"},
                          {"name": "other", "type": "Histogram", "value": "a b"}]);
    let body = json!({"job-accumulators": [], "user-task-accumulators": counters});
    answer(&server, "GET", format!("/jobs/{JOB}/accumulators"), 200, body).await;
    let counts = client(&server).await.accumulators(JOB).await.unwrap();
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), [("drop.records".to_owned(), 7)]);
}

#[tokio::test]
async fn a_job_is_cancelled_and_one_that_has_ended_is_left() {
    let server = MockServer::start().await;
    for (mode, status) in [("cancel", 202), ("never", 500)] {
        Mock::given(method("PATCH"))
            .and(path(format!("/jobs/{JOB}")))
            .and(query_param("mode", mode))
            .respond_with(ResponseTemplate::new(status).set_body_json(json!({})))
            .mount(&server)
            .await;
    }
    let client = client(&server).await;
    client.cancel(JOB).await.unwrap();
    server.reset().await;
    answer(
        &server,
        "PATCH",
        format!("/jobs/{JOB}"),
        409,
        json!({"errors": ["FINISHED"]}),
    )
    .await;
    client.cancel(JOB).await.unwrap();
}

#[tokio::test]
async fn a_refusal_keeps_its_message_and_loses_its_stack() {
    let server = MockServer::start().await;
    let body = json!({"errors": ["NotFound: no such job\n\tat a.B(B.java:1)"]});
    answer(&server, "GET", format!("/jobs/{JOB}"), 404, body).await;
    let error = client(&server).await.job(JOB).await.unwrap_err();
    assert_eq!(error.status(), Some(404));
    assert!(error.to_string().ends_with("(404): NotFound: no such job"), "{error}");
}

#[tokio::test]
async fn a_master_that_is_gone_is_told_with_its_address() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let error = RestClusterClient::direct(&address).unwrap().job(JOB).await.unwrap_err();
    assert!(error.is_unreachable());
    assert!(error.to_string().contains(&address), "{error}");
}

#[tokio::test]
async fn where_no_connection_is_made_the_proxy_is_used() {
    let proxy = MockServer::start().await;
    let application = yarn_common::id::ApplicationId::new(1, 2);
    let under = format!("/proxy/{application}");
    let details = json!({"name": "j", "state": "RUNNING", "vertices": []});
    answer(&proxy, "GET", format!("{under}/jobs/{JOB}"), 200, details).await;
    answer(&proxy, "GET", format!("{under}/jobs/{JOB}/yarn-cancel"), 202, json!({})).await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let resource_manager = yarn_rest::rm::RmClient::builder()
        .resource_manager(&proxy.uri(), None)
        .unwrap()
        .build()
        .unwrap();
    let route = ProxyRoute {
        resource_manager,
        application,
    };
    let (client, why) = RestClusterClient::direct_or_proxied(&address, route).await.unwrap();
    assert!(client.is_proxied() && why.unwrap().to_string().contains(&address));
    assert_eq!(client.job(JOB).await.unwrap().state, "RUNNING");
    client.cancel(JOB).await.unwrap();
    let refused = client.shut_down_cluster().await.unwrap_err();
    assert!(
        matches!(refused, ClusterClientError::NotThroughProxy { .. }),
        "{refused}"
    );
}
