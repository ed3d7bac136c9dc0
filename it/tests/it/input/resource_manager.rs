//! Answers that are none of a ResourceManager that serves: from a server that is one in its address only.

use selvedge_it::cli::Outcome;
use serde_json::json;
use tokio::net::TcpListener;
use wiremock::matchers::{any, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::hadoop::{hadoop_conf, submit};
use crate::folder::Folder;

/// What the command says when all requests are answered so, and it ends with this exit code.
async fn answered_with(template: ResponseTemplate, code: i32) -> (Outcome, String) {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(template).mount(&server).await;
    let folder = Folder::new();
    let address = server.address().to_string();
    let conf = hadoop_conf(&folder, &[("yarn.resourcemanager.webapp.address", &address)]);
    let outcome = submit(&folder, &conf).run().await.ended_with(code);
    outcome.assert_no_stack().assert_says(&[&address]);
    assert_no_submission(&server).await;
    (outcome, address)
}

async fn assert_no_submission(server: &MockServer) {
    for request in server.received_requests().await.unwrap() {
        assert_ne!(request.url.path(), "/ws/v1/cluster/apps", "{request:?}");
    }
}

fn html(title: &str) -> String {
    format!("<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>")
}

#[tokio::test]
async fn a_401_says_that_the_resource_manager_wants_to_know_who_asks() {
    let template = ResponseTemplate::new(401)
        .insert_header("WWW-Authenticate", "Negotiate")
        .set_body_raw(html("Error 401 Authentication required"), "text/html");
    let (outcome, _) = answered_with(template, 5).await;
    outcome
        .assert_says(&["401", "authenticat"])
        .assert_does_not_say(&["<html", "<h1"]);
}

#[tokio::test]
async fn a_403_shows_hadoops_exception_without_its_stack() {
    let body = r#"{"RemoteException":{"exception":"AuthorizationException","message":"User alice may not","javaClassName":"org.apache.hadoop.security.authorize.AuthorizationException"}}"#;
    let template = ResponseTemplate::new(403).set_body_raw(body, "application/json");
    let (outcome, _) = answered_with(template, 5).await;
    outcome.assert_says(&["403", "AuthorizationException", "User alice may not"]);
}

#[tokio::test]
async fn a_404_says_that_this_is_no_resource_manager() {
    let template = ResponseTemplate::new(404).set_body_raw(html("Not here"), "text/html");
    let (outcome, _) = answered_with(template, 4).await;
    outcome
        .assert_says(&["404", "/ws/v1/cluster"])
        .assert_does_not_say(&["<html", "<h1"]);
}

#[tokio::test]
async fn a_500_shows_the_servers_message_without_its_stack() {
    let body = r#"{"RemoteException":{"exception":"WebApplicationException","message":"java.lang.NullPointerException: x\n\tat org.apache.hadoop.Foo.bar(Foo.java:12)","javaClassName":"javax.ws.rs.WebApplicationException"}}"#;
    let template = ResponseTemplate::new(500).set_body_raw(body, "application/json");
    let (outcome, _) = answered_with(template, 1).await;
    outcome
        .assert_says(&["500", "NullPointerException"])
        .assert_does_not_say(&["Foo.java"]);
}

#[tokio::test]
async fn a_page_of_html_says_that_something_else_has_answered() {
    let template = ResponseTemplate::new(200).set_body_raw(html("Sign in to the corporate proxy"), "text/html");
    let (outcome, _) = answered_with(template, 4).await;
    outcome.assert_says(&["HTML"]).assert_does_not_say(&["<html", "<h1"]);
}

#[tokio::test]
async fn a_cluster_without_nodes_is_told_also_where_the_namenode_is_silent() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let name_nodes = ["127.0.0.1:1".to_owned(), silent.local_addr().unwrap().to_string()];
    for name_node in name_nodes {
        let server = MockServer::start().await;
        for (at, answer) in [
            ("metrics", json!({"clusterMetrics": {"activeNodes": 0}})),
            (
                "apps/new-application",
                json!({"application-id": "application_1_0007",
                    "maximum-resource-capability": {"memory": 8192, "vCores": 4}}),
            ),
        ] {
            Mock::given(path(format!("/ws/v1/cluster/{at}")))
                .respond_with(ResponseTemplate::new(200).set_body_json(answer))
                .mount(&server)
                .await;
        }
        let folder = Folder::new();
        let address = server.address().to_string();
        let conf = hadoop_conf(&folder, &[("yarn.resourcemanager.webapp.address", &address)]);
        let core = format!(
            "<configuration><property><name>fs.defaultFS</name><value>hdfs://{name_node}</value></property></configuration>"
        );
        folder.write("hadoop/core-site.xml", core);
        let outcome = submit(&folder, &conf).run().await.ended_with(5);
        outcome
            .assert_no_stack()
            .assert_says(&["no NodeManager of the cluster is running"])
            .assert_does_not_say(&["left behind"]);
        assert_no_submission(&server).await;
    }
}
