//! The REST endpoint on whichever kind of port it was given.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use selvedge_runtime::machine::{BoxedStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// A process that may open no more files cannot accept; connections that end make room.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);
/// After how long without a byte either way a connection is closed. YARN's proxy opens one for each request and lets them lie.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// A bound port, as axum serves it.
pub(crate) struct RestListener(pub(crate) Listener);

impl axum::serve::Listener for RestListener {
    type Io = IdleStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            match self.0.accept().await {
                Ok((stream, peer)) => return (IdleStream::new(stream), peer),
                Err(error) if is_of_connection(&error) => {}
                Err(error) => {
                    tracing::error!("the REST endpoint accepts no connection: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

/// A connection that fails to be read from when it has been idle for too long.
pub(crate) struct IdleStream {
    stream: BoxedStream,
    idle: Pin<Box<Sleep>>,
}

impl IdleStream {
    fn new(stream: BoxedStream) -> Self {
        Self {
            stream,
            idle: Box::pin(tokio::time::sleep(IDLE_TIMEOUT)),
        }
    }

    fn is_used(&mut self) {
        self.idle.as_mut().reset(Instant::now() + IDLE_TIMEOUT);
    }
}

impl AsyncRead for IdleStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if let Poll::Ready(read) = Pin::new(&mut self.stream).poll_read(cx, buffer) {
            self.is_used();
            return Poll::Ready(read);
        }
        ready!(self.idle.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncWrite for IdleStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, buffer));
        self.is_used();
        Poll::Ready(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, buffers));
        self.is_used();
        Poll::Ready(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Whether the caller gave up, which says nothing of the port.
fn is_of_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_nobody_uses_is_closed_and_one_in_use_is_not() {
        let (mut client, server) = tokio::io::duplex(64);
        let mut server = IdleStream::new(Box::new(server));
        for _ in 0..3 {
            tokio::time::sleep(IDLE_TIMEOUT / 2).await;
            client.write_all(b"ask").await.unwrap();
            let mut asked = [0; 3];
            server.read_exact(&mut asked).await.unwrap();
            tokio::time::sleep(IDLE_TIMEOUT / 2).await;
            server.write_all(b"answer").await.unwrap();
        }
        let begun = Instant::now();
        let error = server.read_u8().await.unwrap_err();
        assert_eq!((error.kind(), begun.elapsed()), (io::ErrorKind::TimedOut, IDLE_TIMEOUT));
    }
}
