//! A gRPC server on a bound listener.

use std::future::Future;
use std::net::SocketAddr;

use futures::TryStreamExt;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use super::connection::SeverableSocket;
use super::{KEEP_ALIVE_INTERVAL, KEEP_ALIVE_TIMEOUT, MAX_FRAME_BYTES};

/// A server that failed.
#[derive(Debug, Error)]
#[error("the RPC server on {address} failed")]
pub struct ServerError {
    address: SocketAddr,
    #[source]
    source: tonic::transport::Error,
}

/// A server that has its port, and whose services are added before it runs.
#[derive(Debug)]
pub struct RpcServer {
    listener: TcpListener,
    address: SocketAddr,
    window: Option<u32>,
}

impl RpcServer {
    /// A server on a bound listener.
    pub fn new(listener: TcpListener) -> std::io::Result<Self> {
        let address = listener.local_addr()?;
        Ok(Self {
            listener,
            address,
            window: None,
        })
    }

    /// The HTTP/2 window of each stream and connection, in bytes.
    #[must_use]
    pub const fn window(mut self, bytes: u32) -> Self {
        self.window = Some(bytes);
        self
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` resolves or this is dropped; connections and open calls end with it.
    pub async fn serve(self, routes: Routes, shutdown: impl Future<Output = ()>) -> Result<(), ServerError> {
        let address = self.address;
        let severed = CancellationToken::new();
        let _sever_at_end = severed.clone().drop_guard();
        let sockets = TcpIncoming::from(self.listener).with_nodelay(Some(true));
        let serving = Server::builder()
            .max_frame_size(Some(MAX_FRAME_BYTES))
            .initial_stream_window_size(self.window)
            .initial_connection_window_size(self.window)
            .http2_keepalive_interval(Some(KEEP_ALIVE_INTERVAL))
            .http2_keepalive_timeout(Some(KEEP_ALIVE_TIMEOUT))
            .add_routes(routes)
            .serve_with_incoming(sockets.map_ok(move |socket| SeverableSocket::new(socket, &severed)));
        tokio::select! {
            // A graceful end would wait for streams that only end with their job.
            () = shutdown => Ok(()),
            served = serving => served.map_err(|source| ServerError { address, source }),
        }
    }
}
