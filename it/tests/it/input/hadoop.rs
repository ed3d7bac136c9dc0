//! Hadoop configurations that lead nowhere.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use selvedge_it::cli::{BOUND, Outcome, Selvedge};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpSocket};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::folder::Folder;
use crate::jobs::{blackhole, job, numbers, vertex};

/// A client's configuration: HDFS where nobody listens, and these properties of YARN.
pub(super) fn hadoop_conf(folder: &Folder, yarn: &[(&str, &str)]) -> PathBuf {
    let site = |properties: &BTreeMap<&str, &str>| {
        let property =
            |(name, value): (&&str, &&str)| format!("<property><name>{name}</name><value>{value}</value></property>\n");
        let properties: String = properties.iter().map(property).collect();
        format!("<?xml version=\"1.0\"?>\n<configuration>\n{properties}</configuration>\n")
    };
    let core = [("fs.defaultFS", "hdfs://127.0.0.1:1")].into();
    folder.write("hadoop/core-site.xml", site(&core));
    folder.write("hadoop/yarn-site.xml", site(&yarn.iter().copied().collect()));
    folder.path("hadoop")
}

/// A job that would need nothing of HDFS, sent with this configuration.
pub(super) fn submit(folder: &Folder, hadoop_conf: &Path) -> Selvedge {
    let job = folder.job(&job(
        &[vertex("all", &[numbers("make", Some(1), None), blackhole("drop")])],
        &[],
    ));
    Selvedge::new("run")
        .env("HADOOP_CONF_DIR", hadoop_conf)
        .env("HADOOP_USER_NAME", "alice")
        .args(["-t", "yarn-per-job"])
        .arg(job)
}

/// An address of this machine where nobody listens.
/// Nobody else gets its port as long as the socket is there.
fn closed_port() -> (TcpSocket, String) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((std::net::Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let address = socket.local_addr().unwrap().to_string();
    (socket, address)
}

fn assert_clear(outcome: &Outcome, code: i32, says: &[&str]) {
    assert_eq!(outcome.code, Some(code), "{}", outcome.said());
    outcome.assert_says(says).assert_no_stack();
}

#[tokio::test]
async fn without_hadoop_conf_dir_the_command_says_what_to_set() {
    let folder = Folder::new();
    let job = folder.job(&job(
        &[vertex("all", &[numbers("make", Some(1), None), blackhole("drop")])],
        &[],
    ));
    let outcome = Selvedge::new("run").args(["-t", "yarn-per-job"]).arg(job).run().await;
    assert_clear(&outcome, 3, &["HADOOP_CONF_DIR", "yarn-site.xml"]);
}

#[tokio::test]
async fn a_hadoop_conf_dir_that_is_not_there_or_has_no_yarn_site_is_named() {
    let folder = Folder::new();
    let missing = folder.path("missing");
    assert_clear(
        &submit(&folder, &missing).run().await,
        3,
        &["HADOOP_CONF_DIR", missing.to_str().unwrap()],
    );
    let empty = folder.path("empty");
    std::fs::create_dir(&empty).unwrap();
    let outcome = submit(&folder, &empty).run().await;
    assert_clear(&outcome, 3, &["yarn-site.xml", empty.to_str().unwrap()]);
}

#[tokio::test]
async fn a_yarn_site_that_is_no_xml_is_named() {
    let folder = Folder::new();
    let conf = hadoop_conf(&folder, &[]);
    let file = folder.write("hadoop/yarn-site.xml", "<configuration><property>");
    assert_clear(&submit(&folder, &conf).run().await, 3, &[file.to_str().unwrap()]);
}

#[tokio::test]
async fn an_unreachable_resource_manager_is_told_with_its_address_and_the_file_that_names_it() {
    let folder = Folder::new();
    let (_bound, address) = closed_port();
    let conf = hadoop_conf(&folder, &[("yarn.resourcemanager.webapp.address", &address)]);
    let outcome = submit(&folder, &conf).run().await;
    assert_clear(
        &outcome,
        4,
        &[&address, "yarn-site.xml", "yarn.resourcemanager.webapp.address"],
    );
}

#[tokio::test]
async fn the_default_0_0_0_0_is_no_address_of_a_resource_manager() {
    let folder = Folder::new();
    let conf = hadoop_conf(&folder, &[]);
    let outcome = submit(&folder, &conf).run().await;
    assert_clear(
        &outcome,
        3,
        &["not configured", "yarn.resourcemanager.hostname", "yarn-site.xml"],
    );
    let conf = hadoop_conf(&folder, &[("yarn.resourcemanager.hostname", "0.0.0.0")]);
    let outcome = submit(&folder, &conf).run().await;
    assert_clear(
        &outcome,
        3,
        &["0.0.0.0", "yarn.resourcemanager.hostname", "yarn-site.xml"],
    );
}

/// Of a machine that is none: its name leads nowhere, and a proxy would be the only one to answer for it.
#[tokio::test]
async fn a_proxy_of_the_environment_is_not_asked_for_the_resource_manager() {
    let proxy = MockServer::start().await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(502))
        .mount(&proxy)
        .await;
    let folder = Folder::new();
    let conf = hadoop_conf(&folder, &[("yarn.resourcemanager.webapp.address", "rm.invalid:8088")]);
    let mut command = submit(&folder, &conf);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        command = command.env(name, proxy.uri()).env(name.to_lowercase(), proxy.uri());
    }
    let outcome = command.run().await;
    assert_clear(&outcome, 4, &["cannot connect to rm.invalid:8088", "yarn-site.xml"]);
    assert!(proxy.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn with_https_only_the_command_speaks_tls_to_the_https_address() {
    let folder = Folder::new();
    let https = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let http = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (https_address, http_address) = (
        https.local_addr().unwrap().to_string(),
        http.local_addr().unwrap().to_string(),
    );
    let conf = hadoop_conf(
        &folder,
        &[
            ("yarn.http.policy", "HTTPS_ONLY"),
            ("yarn.resourcemanager.webapp.address", &http_address),
            ("yarn.resourcemanager.webapp.https.address", &https_address),
        ],
    );
    let first_bytes = tokio::spawn(async move {
        let (mut stream, _) = https.accept().await.unwrap();
        let mut bytes = [0; 3];
        stream.read_exact(&mut bytes).await.unwrap();
        // Later attempts are refused.
        drop(https);
        bytes
    });
    let outcome = submit(&folder, &conf).run().await;
    assert_clear(&outcome, 4, &[&https_address]);
    // A TLS record that holds a handshake.
    let first = tokio::time::timeout(BOUND, first_bytes).await.expect("it connects");
    assert_eq!(first.unwrap()[..2], [0x16, 0x03]);
    let nobody = tokio::time::timeout(Duration::ZERO, http.accept()).await;
    assert!(nobody.is_err(), "it came to the http address, too");
}
