//! The clients against servers that answer as real ones do.

use std::time::Duration;

use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};
use yarn_common::id::ApplicationId;

use crate::auth::Simple;
use crate::rm::{RetryPolicy, RmClient};

mod auth;
mod errors;
mod failover;
mod history;
mod nm;
mod shapes;
mod submit;
mod tls;
mod tokens;
mod transport;
mod webhdfs;

const APPLICATION: ApplicationId = ApplicationId::new(1_700_000_000_000, 7);

/// Only a failure brings the next one in, never the clock.
fn client(urls: &[&str]) -> RmClient {
    hedging(urls, Duration::from_secs(3600))
}

fn hedging(urls: &[&str], silence: Duration) -> RmClient {
    let retry = RetryPolicy {
        max_retries: 3,
        min_delay: Duration::from_millis(1),
        max_delay: Duration::from_millis(5),
    };
    let builder = RmClient::builder().authenticator(Simple::new("alice"));
    let mut builder = builder.retry(retry).hedge_after(silence);
    for url in urls {
        builder = builder
            .resource_manager(url, Some("yarn.resourcemanager.hostname in /conf/yarn-site.xml"))
            .unwrap();
    }
    builder.build().unwrap()
}

/// A server that answers GETs of `at` with `body`.
async fn serving(at: &str, body: Value) -> MockServer {
    let server = MockServer::start().await;
    answer("GET", at, ResponseTemplate::new(200).set_body_json(body))
        .mount(&server)
        .await;
    server
}

fn answer(verb: &str, at: &str, response: ResponseTemplate) -> Mock {
    Mock::given(method(verb)).and(path(at)).respond_with(response)
}

fn remote_exception(class: &str, message: &str) -> Value {
    let java = format!("org.apache.hadoop.yarn.webapp.{class}");
    json!({ "RemoteException": { "exception": class, "message": message, "javaClassName": java } })
}

/// An address where nothing listens.
async fn closed_port() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}
