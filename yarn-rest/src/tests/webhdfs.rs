use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::StreamExt;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use wiremock::matchers::{any, header, method, path, query_param};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};
use yarn_common::conf::HadoopConfiguration;
use yarn_common::environment::Environment;

use crate::auth::Simple;
use crate::error::RestErrorKind;
use crate::retry::RetryPolicy;
use crate::transport::Transport;
use crate::webhdfs::{CreateOptions, Upload, WebHdfs};

const AT: &str = "/webhdfs/v1/user/alice/f";

fn web_hdfs(urls: &[&str]) -> WebHdfs {
    // No answer is late here, however slow the machine.
    let transport = Transport::new()
        .authenticator(Simple::new("alice"))
        .request_timeout(Duration::from_secs(3600));
    let mut builder = WebHdfs::builder().transport(transport).retry(RetryPolicy::NONE);
    for url in urls {
        builder = builder.server(url, None).unwrap();
    }
    builder.build().unwrap()
}

/// Answers the first step of `verb` with a place below `there`.
async fn redirecting(verb: &str, there: &str) -> MockServer {
    let server = MockServer::start().await;
    let location = format!("{there}{AT}?op=X&delegation=secret-token&namenoderpcaddress=nn:8020");
    Mock::given(method(verb))
        .and(path(AT))
        .respond_with(ResponseTemplate::new(307).insert_header("Location", location.as_str()))
        .mount(&server)
        .await;
    server
}

#[tokio::test]
async fn bytes_go_in_the_second_step_only_and_whoever_asks_is_named_there_by_the_server() {
    let data_node = MockServer::start().await;
    Mock::given(method("PUT"))
        .and(path(AT))
        .and(query_param("delegation", "secret-token"))
        .and(header("content-type", "application/octet-stream"))
        .respond_with(ResponseTemplate::new(201))
        .expect(1)
        .mount(&data_node)
        .await;
    let name_node = redirecting("PUT", &data_node.uri()).await;
    let options = CreateOptions {
        overwrite: true,
        mode: Some(0o600),
        without_parents: true,
        ..CreateOptions::default()
    };
    web_hdfs(&[&name_node.uri()])
        .create("/user/alice/f", &options, "bytes")
        .await
        .unwrap();
    let first = &name_node.received_requests().await.unwrap()[0];
    assert!(first.body.is_empty());
    assert_eq!(
        first.url.query(),
        Some("op=CREATE&permission=600&overwrite=true&createparent=false&user.name=alice")
    );
    let second = &data_node.received_requests().await.unwrap()[0];
    assert_eq!(second.body, b"bytes");
    assert!(!second.url.query().unwrap().contains("user.name"));
}

#[tokio::test]
async fn httpfs_is_asked_again_as_the_same_user() {
    let server = MockServer::start().await;
    let location = format!("{}{AT}?op=CREATE&data=true", server.uri());
    Mock::given(method("PUT"))
        .and(path(AT))
        .and(query_param("data", "true"))
        .and(query_param("user.name", "alice"))
        .and(header("content-type", "application/octet-stream"))
        .respond_with(ResponseTemplate::new(201))
        .with_priority(1)
        .expect(1)
        .mount(&server)
        .await;
    // As with noredirect=true.
    Mock::given(method("PUT"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "Location": location })))
        .mount(&server)
        .await;
    web_hdfs(&[&server.uri()])
        .create("/user/alice/f", &CreateOptions::default(), "bytes")
        .await
        .unwrap();
}

#[tokio::test]
async fn what_hdfs_forbids_is_forbidden_whatever_the_status() {
    let exception = json!({ "RemoteException": {
        "exception": "AccessControlException", "javaClassName": "org.apache.hadoop.security.AccessControlException",
        "message": "User alice is not a super user"
    } });
    for status in [403, 500] {
        let server = MockServer::start().await;
        Mock::given(any())
            .respond_with(ResponseTemplate::new(status).set_body_json(&exception))
            .mount(&server)
            .await;
        let hdfs = web_hdfs(&[&server.uri()]);
        let error = hdfs.set_owner("/f", Some("bob"), None).await.unwrap_err();
        assert!(matches!(error.kind(), RestErrorKind::Forbidden { .. }), "{error}");
        let message = error.to_string();
        assert!(
            message.contains(&format!("({status}: AccessControlException")) && message.contains("check the owner"),
            "{message}"
        );
    }
}

#[tokio::test]
async fn a_token_in_a_redirect_is_in_no_message() {
    let data_node = MockServer::start().await;
    let exception = json!({ "RemoteException": { "exception": "IOException", "message": "disk full" } });
    Mock::given(any())
        .respond_with(ResponseTemplate::new(403).set_body_json(exception))
        .mount(&data_node)
        .await;
    let name_node = redirecting("PUT", &data_node.uri()).await;
    let hdfs = web_hdfs(&[&name_node.uri()]);
    let error = hdfs
        .create("/user/alice/f", &CreateOptions::default(), "x")
        .await
        .unwrap_err();
    let message = error.to_string();
    assert!(
        message.contains("disk full") && message.contains(&data_node.uri()),
        "{message}"
    );
    assert!(!format!("{error:?}").contains("secret-token"), "{error:?}");
}

#[tokio::test]
async fn a_file_is_read_through_a_redirect_or_at_once() {
    let data_node = MockServer::start().await;
    Mock::given(method("GET"))
        .and(path(AT))
        .respond_with(ResponseTemplate::new(200).set_body_raw("content", "application/octet-stream"))
        .mount(&data_node)
        .await;
    let name_node = redirecting("GET", &data_node.uri()).await;
    for server in [&name_node, &data_node] {
        let reader = web_hdfs(&[&server.uri()])
            .open("/user/alice/f", 2, Some(5))
            .await
            .unwrap();
        assert_eq!(reader.read_all(7).await.unwrap(), "content");
        let query = server.received_requests().await.unwrap().pop().unwrap();
        assert!(query.url.query().unwrap().contains("offset=2&length=5") || server.uri() == data_node.uri());
    }
}

#[tokio::test]
async fn a_standby_namenode_is_passed_over_and_the_active_remembered() {
    let standby = MockServer::start().await;
    let exception = json!({ "RemoteException": {
        "exception": "StandbyException", "javaClassName": "org.apache.hadoop.ipc.StandbyException",
        "message": "Operation category READ is not supported in state standby"
    } });
    Mock::given(any())
        .respond_with(ResponseTemplate::new(403).set_body_json(exception))
        .expect(1)
        .mount(&standby)
        .await;
    let active = MockServer::start().await;
    Mock::given(query_param("op", "GETHOMEDIRECTORY"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "Path": "/user/alice" })))
        .expect(2)
        .mount(&active)
        .await;
    let hdfs = web_hdfs(&[&standby.uri(), &active.uri()]);
    assert_eq!(hdfs.home_directory().await.unwrap(), "/user/alice");
    assert_eq!(hdfs.home_directory().await.unwrap(), "/user/alice");
}

const CHUNK: usize = 1024 * 1024;
/// What the buffers of the kernel and of the client hold, generously, in chunks.
const BUFFERED: usize = 32;

/// Takes so many bytes of what is written to it, and goes away; tells when it has them.
async fn data_node_that_takes(bytes: usize) -> (String, oneshot::Receiver<()>, oneshot::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (taken, is_taken) = oneshot::channel();
    let (go, may_go) = oneshot::channel::<()>();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut buffer = vec![0; CHUNK];
        let mut left = bytes;
        while left > 0 {
            left = left.saturating_sub(stream.read(&mut buffer).await.unwrap());
        }
        taken.send(()).unwrap();
        let _ = may_go.await;
    });
    (format!("http://{address}"), is_taken, go)
}

#[tokio::test]
async fn no_more_of_a_file_is_made_than_the_server_takes() {
    const TAKEN: usize = 64;
    let made = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&made);
    let endless = futures::stream::repeat_with(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        Ok::<_, io::Error>(vec![0; CHUNK])
    });
    let (data_node, is_taken, go) = data_node_that_takes(TAKEN * CHUNK).await;
    let name_node = redirecting("PUT", &data_node).await;
    let hdfs = web_hdfs(&[&name_node.uri()]);
    let body = Upload::stream(endless);
    let writing = tokio::spawn(async move { hdfs.create("/user/alice/f", &CreateOptions::default(), body).await });
    // Never reached by a client that wants all of the file first.
    is_taken.await.unwrap();
    let made = made.load(Ordering::Relaxed);
    assert!(
        made <= TAKEN + BUFFERED,
        "{made} MiB were made, and {TAKEN} MiB were taken"
    );
    drop(go);
    let error = writing.await.unwrap().unwrap_err();
    assert!(matches!(error.kind(), RestErrorKind::Interrupted { .. }), "{error}");
}

/// Nothing has a time here but the answer: the client gives up, sooner or later.
#[tokio::test]
async fn a_server_that_takes_nothing_is_given_up() {
    let endless = futures::stream::repeat_with(|| Ok::<_, io::Error>(vec![0; CHUNK]));
    let (deaf, _is_taken, _go) = data_node_that_takes(1).await;
    let name_node = redirecting("PUT", &deaf).await;
    let transport = Transport::new().request_timeout(Duration::from_millis(100));
    let builder = WebHdfs::builder().transport(transport).retry(RetryPolicy::NONE);
    let hdfs = builder.server(&name_node.uri(), None).unwrap().build().unwrap();
    let body = Upload::stream(endless);
    let created = hdfs.create("/user/alice/f", &CreateOptions::default(), body).await;
    let error = created.unwrap_err();
    assert!(matches!(error.kind(), RestErrorKind::Timeout { .. }), "{error}");
}

#[tokio::test]
async fn no_more_of_a_file_is_taken_than_the_reader_takes() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let sent = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&sent);
    let (go, mut may_go) = oneshot::channel::<()>();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = [0; 64];
        stream.read_exact(&mut head).await.unwrap();
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: 1099511627776\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        let chunk = vec![0; CHUNK];
        loop {
            tokio::select! {
                written = stream.write_all(&chunk) => written.unwrap(),
                _ = &mut may_go => return,
            }
            counted.fetch_add(CHUNK, Ordering::Relaxed);
        }
    });
    let mut reader = web_hdfs(&[&url]).open("/user/alice/f", 0, None).await.unwrap();
    assert_eq!(reader.length(), Some(1_099_511_627_776));
    let mut taken = 0;
    while taken < 64 * CHUNK {
        taken += reader.next().await.unwrap().unwrap().len();
        let sent = sent.load(Ordering::Relaxed);
        assert!(
            sent <= taken + BUFFERED * CHUNK,
            "{sent} bytes were sent, and {taken} were read"
        );
    }
    drop(go);
    let mut rest = Box::pin(reader.into_stream());
    let error = loop {
        match rest.next().await.unwrap() {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(error.kind(), RestErrorKind::Interrupted { .. }), "{error}");
}

#[tokio::test]
async fn what_cannot_be_is_refused_before_it_is_sent() {
    let hdfs = web_hdfs(&["http://127.0.0.1:1"]);
    for path in ["", "relative", "/a/../b", "/./a"] {
        let error = hdfs.status(path).await.unwrap_err();
        assert!(
            matches!(error.kind(), RestErrorKind::InvalidRequest(_)),
            "{path}: {error}"
        );
    }
    let error = hdfs.set_permission("/a", 0o7777).await.unwrap_err();
    assert!(error.to_string().contains("7777 is not a permission"), "{error}");
    assert!(
        hdfs.set_replication("/a", 0)
            .await
            .unwrap_err()
            .to_string()
            .contains("at least 1 copy")
    );
    assert!(
        hdfs.set_owner("/a", None, None)
            .await
            .unwrap_err()
            .to_string()
            .contains("neither")
    );
}

#[tokio::test]
async fn a_directory_is_listed_page_by_page() {
    let server = MockServer::start().await;
    let status = |name: &str| json!({ "pathSuffix": name, "type": "FILE", "length": 1 });
    let pages = move |request: &Request| {
        let after = request.url.query_pairs().find(|(key, _)| key == "startAfter");
        let (names, remaining) = match after.as_ref().map(|(_, name)| name.as_ref()) {
            None => (["a", "b"], 2),
            Some("b") => (["c", "d"], 0),
            other => panic!("{other:?}"),
        };
        let list: Vec<_> = names.into_iter().map(status).collect();
        ResponseTemplate::new(200).set_body_json(json!({ "DirectoryListing": {
            "partialListing": { "FileStatuses": { "FileStatus": list } }, "remainingEntries": remaining
        } }))
    };
    Mock::given(query_param("op", "LISTSTATUS_BATCH"))
        .respond_with(pages)
        .expect(2)
        .mount(&server)
        .await;
    let all = web_hdfs(&[&server.uri()]).list_all("/d");
    let names: Vec<_> = all.map(|status| status.unwrap().path_suffix).collect().await;
    assert_eq!(names, ["a", "b", "c", "d"]);
}

fn configuration(properties: &[(&str, &str)]) -> HadoopConfiguration {
    let properties: String = properties
        .iter()
        .map(|(key, value)| format!("<property><name>{key}</name><value>{value}</value></property>"))
        .collect();
    let site = format!("<configuration>{properties}</configuration>");
    HadoopConfiguration::from_texts([("/c/hdfs-site.xml", site.as_str())], Environment::default()).unwrap()
}

#[test]
fn namenodes_are_found_in_the_configuration() {
    for (properties, expected) in [
        (&[("fs.defaultFS", "hdfs://nn:8020")][..], "http://nn:9870/"),
        (
            &[
                ("fs.defaultFS", "hdfs://nn:8020"),
                ("dfs.namenode.http-address", "0.0.0.0:9999"),
            ],
            "http://nn:9999/",
        ),
        (
            &[
                ("fs.defaultFS", "hdfs://ns"),
                ("dfs.ha.namenodes.ns", "nn1,nn2"),
                ("dfs.namenode.http-address.ns.nn1", "a:9870"),
                ("dfs.namenode.http-address.ns.nn2", "b:9870"),
            ],
            "http://a:9870/",
        ),
        (
            &[("fs.defaultFS", "hdfs://nn"), ("dfs.http.policy", "HTTPS_ONLY")],
            "https://nn:9871/",
        ),
    ] {
        let hdfs = WebHdfs::builder()
            .configuration(&configuration(properties))
            .unwrap()
            .build()
            .unwrap();
        assert_eq!(hdfs.active_url().as_str(), expected);
    }
    for (properties, reason) in [
        (&[("fs.defaultFS", "file:///")][..], "fs.defaultFS is not an HDFS"),
        (
            &[("fs.defaultFS", "hdfs://ns"), ("dfs.ha.namenodes.ns", "nn1")],
            "dfs.namenode.http-address.ns.nn1 is not set",
        ),
    ] {
        let error = WebHdfs::builder()
            .configuration(&configuration(properties))
            .unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }
}
