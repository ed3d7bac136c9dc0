//! The servers of the process, which run under every leadership.

use std::time::Duration;

use axum::Router;
use selvedge_runtime::machine::Listener;
use selvedge_runtime::rpc::{self, PortRange, RpcServer};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tonic::service::Routes;

use super::StartError;
use crate::rest::RestListener;

/// How long open connections may take to end.
const PATIENCE: Duration = Duration::from_secs(2);

/// A server on a task of its own.
pub(super) struct Server {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Server {
    fn run<F>(serve: impl FnOnce(oneshot::Receiver<()>) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (stop, stopped) = oneshot::channel();
        Self {
            stop,
            task: tokio::spawn(serve(stopped)),
        }
    }

    /// Ends it; open connections may finish what they are at.
    pub(super) async fn stop(mut self) {
        let _ = self.stop.send(());
        if tokio::time::timeout(PATIENCE, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

pub(super) fn serve_rest(listener: Listener, router: Router) -> Server {
    Server::run(|stopped| async move {
        let serving = axum::serve(RestListener(listener), router).with_graceful_shutdown(async move {
            let _ = stopped.await;
        });
        if let Err(error) = serving.await {
            tracing::error!("the REST endpoint failed: {error}");
        }
    })
}

pub(super) fn serve_rpc(server: RpcServer, router: Router, faults: mpsc::Sender<String>) -> Server {
    Server::run(|stopped| async move {
        let stopped = async move {
            let _ = stopped.await;
        };
        if let Err(error) = server.serve(Routes::from(router), stopped).await {
            let _ = faults.send(selvedge_runtime::connector::report(&error)).await;
        }
    })
}

/// Listens, and tells under which address others reach it: `host` and the port that was free.
pub(super) async fn listen(host: &str, bind_host: &str, ports: &PortRange) -> Result<(Listener, String), StartError> {
    let listener = rpc::bind(bind_host, ports).await?;
    let port = listener.local_addr().map_err(StartError::Listener)?.port();
    Ok((listener, format!("{host}:{port}")))
}
