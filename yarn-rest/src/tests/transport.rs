use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::closed_port;
use crate::error::RestErrorKind;
use crate::rm::{BuildError, RetryPolicy, RmClient};
use crate::transport::{Proxies, Transport};

fn client(url: &str, transport: Transport) -> RmClient {
    let builder = RmClient::builder().resource_manager(url, None).unwrap();
    builder.transport(transport).build().unwrap()
}

/// Says `bytes` to whoever comes, and closes.
async fn saying(bytes: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 16];
            let _ = stream.read(&mut head).await;
            let _ = stream.write_all(bytes).await;
        }
    });
    address.to_string()
}

#[tokio::test]
async fn http_at_a_port_of_https_and_the_reverse_are_told_apart() {
    // A TLS alert: unexpected message.
    let https = saying(&[0x15, 3, 3, 0, 2, 2, 10]).await;
    let error = client(&format!("http://{https}"), Transport::new())
        .info()
        .await
        .unwrap_err();
    assert!(matches!(error.kind(), RestErrorKind::NotHttp { .. }), "{error}");
    assert!(error.to_string().contains("yarn.http.policy"), "{error}");

    let http = saying(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let error = client(&format!("https://{http}"), Transport::new())
        .info()
        .await
        .unwrap_err();
    assert!(matches!(error.kind(), RestErrorKind::Tls { .. }), "{error}");
    assert!(error.to_string().contains("begins with http://"), "{error}");
    assert!(error.was_never_served() && !error.is_transient());
}

#[tokio::test]
async fn a_proxy_is_asked_for_other_machines_only() {
    let proxy = MockServer::start().await;
    let info = ResponseTemplate::new(200).set_body_json(json!({ "clusterInfo": { "state": "STARTED" } }));
    Mock::given(any())
        .respond_with(info.clone())
        .expect(1)
        .mount(&proxy)
        .await;
    let through = Transport::new().proxies(Proxies::Server(proxy.uri()));
    client("http://rm.invalid:8088", through.clone()).info().await.unwrap();
    let asked = &proxy.received_requests().await.unwrap()[0];
    assert_eq!(asked.headers["host"], "rm.invalid:8088");

    let here = MockServer::start().await;
    Mock::given(any()).respond_with(info).expect(1).mount(&here).await;
    client(&here.uri(), through).info().await.unwrap();
}

#[tokio::test]
async fn a_proxy_that_refuses_is_named() {
    let proxy = MockServer::start().await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(407))
        .mount(&proxy)
        .await;
    let through = Transport::new().proxies(Proxies::Server(proxy.uri()));
    for url in ["http://rm.invalid:8088", "https://rm.invalid:8090"] {
        let error = client(url, through.clone()).info().await.unwrap_err();
        assert!(matches!(error.kind(), RestErrorKind::Proxy { .. }), "{url}: {error}");
    }
}

#[test]
fn what_a_client_cannot_be_made_of_is_named() {
    let build = |transport: Transport| {
        let builder = RmClient::builder().resource_manager("http://rm:8088", None).unwrap();
        builder.transport(transport).build().unwrap_err().to_string()
    };
    assert!(build(Transport::new().connect_timeout(Duration::ZERO)).contains("the connect time-out is 0"));
    assert!(build(Transport::new().request_timeout(Duration::ZERO)).contains("the request time-out is 0"));
    let proxy = build(Transport::new().proxies(Proxies::Server("alice:hush@proxy".to_owned())));
    assert!(
        proxy.contains("is not the address of a proxy") && !proxy.contains("hush"),
        "{proxy}"
    );
    let ca = Transport::new().extra_ca(b"not PEM").unwrap_err().to_string();
    assert!(
        ca.contains("extra CA certificate") && ca.contains("no certificate in it"),
        "{ca}"
    );
    let own = Transport::new().client_certificate(b"not PEM").unwrap_err().to_string();
    assert!(own.contains("the certificate and its private key"), "{own}");

    for (url, reason) in [
        ("rm:8088", "neither http nor https"),
        ("http://alice:hush@rm:8088", "give them to an authenticator"),
        ("http://rm:0", "its port is 0"),
        ("hdfs://nn:8020", "neither http nor https"),
    ] {
        let error = RmClient::builder().resource_manager(url, None).unwrap_err();
        assert!(matches!(error, BuildError::BadUrl { .. }), "{url}: {error}");
        assert!(
            error.to_string().contains(reason) && !error.to_string().contains("hush"),
            "{error}"
        );
    }
    let retry = RetryPolicy {
        min_delay: Duration::from_secs(9),
        ..RetryPolicy::default()
    };
    let builder = RmClient::builder().resource_manager("http://rm:8088", None).unwrap();
    assert!(matches!(builder.retry(retry).build(), Err(BuildError::BadRetry { .. })));
}

#[tokio::test]
async fn nobody_is_asked_twice_where_nobody_was_ever_reached() {
    let error = client(&closed_port().await, Transport::new())
        .metrics()
        .await
        .unwrap_err();
    assert!(matches!(error.kind(), RestErrorKind::Connect { .. }), "{error}");
}
