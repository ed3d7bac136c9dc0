//! A client that cannot connect to the master: all goes through YARN's web proxy.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, LOCATION, TRANSFER_ENCODING};
use axum::response::{IntoResponse, Response};
use selvedge_it::cli::{BOUND, Running, Selvedge};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::support::{Cluster, application_in, application_of};
use crate::folder::Folder;
use crate::jobs::{blackhole, job, numbers, rebalance, vertex};

/// An address to which no connection is made.
#[derive(Clone)]
pub(super) struct Closed {
    address: SocketAddr,
    /// What keeps the address, and does not listen.
    _bound: Arc<Option<TcpSocket>>,
    /// The listener whose queue is full, and those that fill it.
    _full: Arc<Option<(TcpListener, Vec<TcpStream>)>>,
}

impl Closed {
    /// Nobody listens: it is refused at once. The port stays taken.
    pub(super) fn refuses() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((std::net::Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        Self {
            address: socket.local_addr().unwrap(),
            _bound: Arc::new(Some(socket)),
            _full: Arc::default(),
        }
    }

    /// As behind a firewall that drops packets, the connection is neither made nor refused: a queue of waiting
    /// connections is full, and nobody takes one.
    async fn hangs() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((std::net::Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let listener = socket.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let mut waiting = Vec::new();
        let connect = || tokio::time::timeout(Duration::from_millis(500), TcpStream::connect(address));
        while let Ok(connected) = connect().await {
            waiting.push(connected.unwrap());
        }
        Self {
            address,
            _bound: Arc::default(),
            _full: Arc::new(Some((listener, waiting))),
        }
    }
}

/// Stands before the ResourceManager and hands everything on, but tells the client another address of the master: one
/// to which no connection is made.
#[derive(Clone)]
pub(super) struct Firewall {
    http: reqwest::Client,
    rm: String,
    /// What the client is told of the master, where it is not the truth.
    closed: Option<Closed>,
    /// Requests whose path holds this are answered with 503.
    refuses: Option<&'static str>,
    asked: Arc<Mutex<Vec<String>>>,
    submitted: Arc<Mutex<Vec<Value>>>,
}

impl Firewall {
    /// With its own address.
    pub(super) async fn start(
        cluster: &Cluster,
        closed: impl Into<Option<Closed>>,
        refuses: Option<&'static str>,
    ) -> (Self, String) {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        let firewall = Self {
            http,
            rm: cluster.bed.rm_web().to_owned(),
            closed: closed.into(),
            refuses,
            asked: Arc::default(),
            submitted: Arc::default(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let router = Router::new().fallback(pass).with_state(firewall.clone());
        // Ends with the test's runtime.
        tokio::spawn(async move { axum::serve(listener, router).await });
        (firewall, address)
    }

    pub(super) fn was_asked(&self, part: &str) -> bool {
        self.asked.lock().unwrap().iter().any(|asked| asked.contains(part))
    }

    /// The applications that were submitted, as they were.
    pub(super) fn submitted(&self) -> Vec<Value> {
        self.submitted.lock().unwrap().clone()
    }

    fn changed(&self, body: Bytes) -> Bytes {
        match (&self.closed, serde_json::from_slice::<Value>(&body)) {
            (Some(closed), Ok(mut report)) if report["app"]["amRPCAddress"].is_string() => {
                report["app"]["amRPCAddress"] = json!(closed.address.to_string());
                report.to_string().into()
            }
            _ => body,
        }
    }
}

async fn pass(State(firewall): State<Firewall>, request: Request) -> Response {
    let (mut head, body) = request.into_parts();
    let path = head.uri.path_and_query().unwrap().to_string();
    firewall.asked.lock().unwrap().push(format!("{} {path}", head.method));
    if firewall.refuses.is_some_and(|part| path.contains(part)) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    for name in [HOST, CONTENT_LENGTH, TRANSFER_ENCODING] {
        head.headers.remove(name);
    }
    let body = to_bytes(body, usize::MAX).await.unwrap();
    if let Ok(submitted) = serde_json::from_slice::<Value>(&body)
        && !submitted["am-container-spec"].is_null()
    {
        firewall.submitted.lock().unwrap().push(submitted);
    }
    let url = format!("{}{path}", firewall.rm);
    let sent = firewall.http.request(head.method, url).headers(head.headers).body(body);
    let answer = sent.send().await.unwrap();
    let (status, kind) = (answer.status(), answer.headers().get(CONTENT_TYPE).cloned());
    let location = answer.headers().get("location").cloned();
    let body = firewall.changed(answer.bytes().await.unwrap());
    let mut response = (status, body).into_response();
    let headers = [(CONTENT_TYPE, kind), (LOCATION, location)];
    for (name, value) in headers.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        response.headers_mut().insert(name, value);
    }
    response
}

fn through(cluster: &Cluster, address: &str) -> Selvedge {
    let setting = format!("-Dflink.yarn.resourcemanager.webapp.address={address}");
    cluster.run(1).arg(setting)
}

/// A job without end, of which the client has shown that it runs.
async fn endless(cluster: &Cluster, folder: &Folder, address: &str) -> (Running, String) {
    let job = folder.job(&job(
        &[
            vertex("numbers", &[numbers("make", None, Some(100.0))]),
            vertex("drop", &[blackhole("drop-all")]),
        ],
        &[rebalance("numbers", "drop")],
    ));
    let mut running = through(cluster, address).arg(job).start();
    let application = application_of(&mut running).await;
    let runs = |said: &str| said.contains("vertex drop-all: RUNNING").then_some(());
    running.until_says("that all runs", BOUND, runs).await;
    (running, application)
}

#[tokio::test]
async fn a_job_that_cannot_be_cancelled_through_the_proxy_is_killed_by_the_resource_manager() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let (firewall, address) = Firewall::start(&cluster, Closed::refuses(), Some("/yarn-cancel")).await;
    let (running, application) = endless(&cluster, &folder, &address).await;
    running.interrupt();
    let outcome = running.ended_within(BOUND).await.ended_with(130);
    outcome
        .assert_says(&["cannot be cancelled", "stopping its cluster", "KILLED"])
        .assert_no_stack();
    assert!(firewall.was_asked("PUT /ws/v1/cluster/apps/"), "{:?}", firewall.asked);
    let report = cluster.ended(&application).await;
    assert_eq!(report["state"], "KILLED", "{report}");
    cluster.assert_nothing_left(&application).await;
}

#[tokio::test]
async fn without_a_connection_to_the_master_progress_and_cancel_go_through_yarns_proxy() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let (firewall, address) = Firewall::start(&cluster, Closed::refuses(), None).await;
    let (running, application) = endless(&cluster, &folder, &address).await;
    running.interrupt();
    let outcome = running.ended_within(BOUND).await.ended_with(130);
    let closed = firewall.closed.as_ref().unwrap().address;
    outcome
        .assert_says(&[
            &format!("endpoint at {}, port {}, cannot be reached", closed.ip(), closed.port()),
            "through YARN's web proxy",
            "rest.bind-port",
            "CANCELED",
        ])
        .assert_no_stack();
    assert!(firewall.was_asked("/yarn-cancel"), "{:?}", firewall.asked);
    let report = cluster.ended(&application).await;
    assert_eq!(report["finalStatus"], "KILLED", "{report}");
    cluster.assert_nothing_left(&application).await;
}

#[tokio::test]
async fn where_no_connection_to_the_master_comes_about_the_result_comes_through_yarns_proxy() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let (firewall, address) = Firewall::start(&cluster, Closed::hangs().await, None).await;
    let job = folder.job(&job(
        &[vertex("all", &[numbers("make", Some(123), None), blackhole("drop")])],
        &[],
    ));
    let outcome = through(&cluster, &address).arg(job).run().await.ended_with(0);
    let port = format!(
        "port {}, cannot be reached",
        firewall.closed.as_ref().unwrap().address.port()
    );
    outcome
        .assert_says(&[&port, "rest.bind-port", "FINISHED", "drop.records: 123"])
        .assert_does_not_say(&["refused"]);
    assert!(firewall.was_asked("/execution-result"), "{:?}", firewall.asked);
    let application = application_in(&outcome.said()).unwrap();
    cluster.assert_nothing_left(&application).await;
}
