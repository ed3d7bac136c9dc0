//! The REST endpoint on whichever kind of port it was given.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use selvedge_runtime::machine::{BoxedStream, Listener};

/// A process that may open no more files cannot accept; connections that end make room.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// A bound port, as axum serves it.
pub(crate) struct RestListener(pub(crate) Listener);

impl axum::serve::Listener for RestListener {
    type Io = BoxedStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            match self.0.accept().await {
                Ok(connection) => return connection,
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

/// Whether the caller gave up, which says nothing of the port.
fn is_of_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
