//! Losses of connections over real sockets. No beat is due by itself: what is told is told by the sockets.

use std::net::TcpListener as StdListener;
use std::sync::Arc;
use std::time::Duration;

use selvedge_runtime::gateway::grpc::serve_task_executor;
use selvedge_runtime::gateway::proto::HeartbeatFromResourceManagerRequest;
use selvedge_runtime::machine::Listener;
use selvedge_runtime::rpc::{ApplicationSecret, RpcServer};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tonic::service::Routes;

use super::Connections;
use crate::settings::HeartbeatSettings;
use crate::testing::idle_worker::IdleWorker;
use crate::worker::WorkerConnector;

const BOUND: Duration = Duration::from_secs(20);
const SETTINGS: HeartbeatSettings = HeartbeatSettings {
    interval: Duration::from_secs(3600),
    timeout: Duration::from_secs(7200),
    failure_threshold: Some(2),
};

#[derive(Debug, PartialEq, Eq)]
enum Event {
    Beat,
    Lost(String),
}

fn secret() -> ApplicationSecret {
    ApplicationSecret::from_bytes(&[1; 32]).unwrap()
}

/// A worker's process: its port, and the server that listens there.
struct Process {
    listener: StdListener,
    server: JoinHandle<()>,
}

impl Process {
    fn start() -> Self {
        let listener = StdListener::bind("127.0.0.1:0").unwrap();
        let server = serve(&listener);
        Self { listener, server }
    }

    /// All connections break; new ones can be made.
    async fn cut_connections(&mut self) {
        self.server.abort();
        assert!((&mut self.server).await.unwrap_err().is_cancelled());
        self.server = serve(&self.listener);
    }

    /// The kernel closes the port, and then all connections.
    fn end(self) {
        drop(self.listener);
        self.server.abort();
    }

    /// A connection that has been used, without a beat on its way.
    async fn watched(&self) -> (Connections<(), Event>, mpsc::Receiver<Event>) {
        let (events, mut told) = mpsc::channel(8);
        let mut connections = Connections::new(SETTINGS, events);
        let gateway = WorkerConnector::new(secret(), BOUND)
            .connect(&self.listener.local_addr().unwrap().to_string())
            .unwrap();
        connections.add(
            "worker".into(),
            gateway,
            (),
            |gateway| async move {
                let request = HeartbeatFromResourceManagerRequest::default();
                gateway.heartbeat_from_resource_manager(request).await
            },
            |_, _, _| Event::Beat,
            |_, cause| Event::Lost(cause),
        );
        connections.get(&"worker".into()).unwrap().wake();
        assert_eq!(next(&mut told).await, Event::Beat);
        (connections, told)
    }
}

fn serve(listener: &StdListener) -> JoinHandle<()> {
    let listener = listener.try_clone().unwrap();
    listener.set_nonblocking(true).unwrap();
    let server = RpcServer::new(Listener::Tcp(TcpListener::from_std(listener).unwrap())).unwrap();
    let routes = Routes::new(serve_task_executor(Arc::new(IdleWorker::default()), &secret()));
    tokio::spawn(async move { server.serve(routes, std::future::pending()).await.unwrap() })
}

async fn next(told: &mut mpsc::Receiver<Event>) -> Event {
    tokio::time::timeout(BOUND, told.recv())
        .await
        .expect("nothing is told")
        .unwrap()
}

#[tokio::test]
async fn a_worker_that_ends_while_it_is_idle_is_lost_at_once() {
    let process = Process::start();
    let (_connections, mut told) = process.watched().await;
    process.end();
    match next(&mut told).await {
        Event::Lost(cause) => assert!(
            cause.contains("its connection broke") && cause.contains("refused"),
            "{cause}"
        ),
        Event::Beat => panic!("it answers still"),
    }
}

#[tokio::test]
async fn a_connection_that_breaks_and_is_made_again_loses_nothing() {
    let mut process = Process::start();
    let (connections, mut told) = process.watched().await;
    for _ in 0..3 {
        process.cut_connections().await;
        assert_eq!(next(&mut told).await, Event::Beat);
    }
    connections.get(&"worker".into()).unwrap().wake();
    assert_eq!(next(&mut told).await, Event::Beat);
    assert!(told.try_recv().is_err(), "and nothing else is told");
}
