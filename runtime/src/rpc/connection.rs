//! Sockets that tell when they are gone: the kernel of a killed process closes its connections at once, long before a
//! heartbeat stays away.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::transport::server::Connected;

use crate::machine::{BoxedStream, Machine};

/// How often the connection of a channel has been lost.
#[derive(Debug, Clone, Default)]
pub(super) struct Losses(Arc<watch::Sender<u64>>);

impl Losses {
    pub(super) fn watch(&self) -> ConnectionWatch {
        ConnectionWatch(Some(self.0.subscribe()))
    }
}

/// Tells the losses of a channel's connection that come after it was made.
#[derive(Debug)]
pub struct ConnectionWatch(Option<watch::Receiver<u64>>);

impl ConnectionWatch {
    /// Of a callee in the same process, which is never lost.
    pub const fn in_process() -> Self {
        Self(None)
    }

    /// Waits until the connection breaks, or tells that it has since the last call. Safe to drop and to call again.
    pub async fn lost(&mut self) {
        if let Some(losses) = &mut self.0
            && losses.changed().await.is_ok()
        {
            return;
        }
        // There is no connection that could break.
        std::future::pending().await
    }
}

/// Connects to the host and port of an address; each connection is counted when it is lost.
pub(super) async fn connect(
    address: Uri,
    machine: Option<Arc<dyn Machine>>,
    losses: Losses,
) -> io::Result<TokioIo<WatchedSocket<BoxedStream>>> {
    let (Some(host), Some(port)) = (address.host(), address.port_u16()) else {
        let message = format!("'{address}' has no host and port");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    };
    let socket = match machine {
        Some(machine) => machine.connect(format!("{host}:{port}")).await?,
        None => tcp(host, port).await?,
    };
    Ok(TokioIo::new(WatchedSocket { socket, losses }))
}

async fn tcp(host: &str, port: u16) -> io::Result<BoxedStream> {
    // An IPv6 address stands in brackets in an URI, and without them everywhere else.
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let socket = TcpStream::connect((host, port)).await?;
    socket.set_nodelay(true)?;
    Ok(Box::new(socket))
}

/// A client's end. Dropped by the HTTP/2 connection when that has ended, so calls made afterwards connect anew.
#[derive(Debug)]
pub(super) struct WatchedSocket<S> {
    socket: S,
    losses: Losses,
}

impl<S> Drop for WatchedSocket<S> {
    fn drop(&mut self) {
        self.losses.0.send_modify(|losses| *losses += 1);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WatchedSocket<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buf)
    }
}

/// A server's end, which is closed when its server ends: open streams would keep it for ever.
#[derive(Debug)]
pub(super) struct SeverableSocket<S> {
    socket: S,
    severed: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl<S> SeverableSocket<S> {
    pub(super) fn new(socket: S, severed: &CancellationToken) -> Self {
        let severed = Box::pin(severed.clone().cancelled_owned());
        Self { socket, severed }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for SeverableSocket<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.severed.as_mut().poll(cx).is_ready() {
            let ended = io::Error::new(io::ErrorKind::ConnectionAborted, "the server has ended");
            return Poll::Ready(Err(ended));
        }
        Pin::new(&mut self.socket).poll_read(cx, buf)
    }
}

impl<S: Connected> Connected for SeverableSocket<S> {
    type ConnectInfo = S::ConnectInfo;

    fn connect_info(&self) -> S::ConnectInfo {
        self.socket.connect_info()
    }
}

macro_rules! writes_to_its_socket {
    ($($name:ident),+) => {
        $(impl<S: AsyncWrite + Unpin> AsyncWrite for $name<S> {
            fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
                Pin::new(&mut self.socket).poll_write(cx, buf)
            }

            fn poll_write_vectored(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &[io::IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                Pin::new(&mut self.socket).poll_write_vectored(cx, bufs)
            }

            fn is_write_vectored(&self) -> bool {
                self.socket.is_write_vectored()
            }

            fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Pin::new(&mut self.socket).poll_flush(cx)
            }

            fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Pin::new(&mut self.socket).poll_shutdown(cx)
            }
        })+
    };
}

writes_to_its_socket!(WatchedSocket, SeverableSocket);
