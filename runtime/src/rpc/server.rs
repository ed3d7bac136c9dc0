//! A gRPC server on a bound listener.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::{Stream, TryStreamExt, stream};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::{Connected, TcpIncoming};

use super::connection::SeverableSocket;
use super::{KEEP_ALIVE_INTERVAL, KEEP_ALIVE_TIMEOUT, MAX_FRAME_BYTES};
use crate::machine::{BoxedStream, Incoming, Listener};

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
    listener: Listener,
    address: SocketAddr,
    window: Option<u32>,
    grace: Duration,
}

impl RpcServer {
    /// A server on a bound listener.
    pub fn new(listener: Listener) -> io::Result<Self> {
        let address = listener.local_addr()?;
        Ok(Self {
            listener,
            address,
            window: None,
            grace: Duration::ZERO,
        })
    }

    /// The HTTP/2 window of each stream and connection, in bytes.
    #[must_use]
    pub const fn window(mut self, bytes: u32) -> Self {
        self.window = Some(bytes);
        self
    }

    /// How long calls that are being answered when it ends may take; none unless this is set.
    #[must_use]
    pub const fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` resolves or this is dropped. Connections and open calls end with it; where a [`Self::grace`]
    /// is set, calls that came before `shutdown` are answered first, within it.
    pub async fn serve(self, routes: Routes, shutdown: impl Future<Output = ()>) -> Result<(), ServerError> {
        let (address, grace) = (self.address, self.grace);
        let severed = CancellationToken::new();
        let _sever_at_end = severed.clone().drop_guard();
        let server = Server::builder()
            .max_frame_size(Some(MAX_FRAME_BYTES))
            .initial_stream_window_size(self.window)
            .initial_connection_window_size(self.window)
            .http2_keepalive_interval(Some(KEEP_ALIVE_INTERVAL))
            .http2_keepalive_timeout(Some(KEEP_ALIVE_TIMEOUT))
            .add_routes(routes);
        let ending = CancellationToken::new();
        let ended = ending.clone().cancelled_owned();
        let serving = async {
            match self.listener {
                Listener::Tcp(listener) => {
                    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
                    let sever = |socket| SeverableSocket::new(socket, &severed);
                    server.serve_with_incoming_shutdown(incoming.map_ok(sever), ended).await
                }
                Listener::Simulated(incoming) => {
                    let sever = |socket| SeverableSocket::new(socket, &severed);
                    server
                        .serve_with_incoming_shutdown(accepted(incoming).map_ok(sever), ended)
                        .await
                }
            }
        };
        let mut serving = std::pin::pin!(serving);
        tokio::select! {
            () = shutdown => {
                ending.cancel();
                // Without a bound it would wait for streams that only end with their job.
                drop(tokio::time::timeout(grace, serving).await);
                Ok(())
            }
            served = &mut serving => served.map_err(|source| ServerError { address, source }),
        }
    }
}

fn accepted(incoming: Box<dyn Incoming>) -> impl Stream<Item = io::Result<Accepted>> {
    stream::unfold(incoming, |incoming| async move {
        let connection = incoming.accept().await.map(|(stream, _)| Accepted(stream));
        Some((connection, incoming))
    })
}

/// A connection of a simulated machine. Of its other end nothing is known that a service could ask for.
struct Accepted(BoxedStream);

impl Connected for Accepted {
    type ConnectInfo = ();

    fn connect_info(&self) -> Self::ConnectInfo {}
}

impl AsyncRead for Accepted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Accepted {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
