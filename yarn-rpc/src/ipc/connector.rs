//! Where connections and randomness come from.

use std::{fmt, io};

use async_trait::async_trait;
use rand::Rng;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

/// A byte stream to a server.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Opens connections. A simulated network implements this trait.
#[async_trait]
pub trait Connector: fmt::Debug + Send + Sync {
    /// Connects to `address`, which is `host:port`.
    ///
    /// # Errors
    /// Whatever the network reports.
    async fn connect(&self, address: &str) -> io::Result<Box<dyn Stream>>;
}

/// Plain TCP without Nagle's delay.
#[derive(Clone, Copy, Debug, Default)]
pub struct TcpConnector;

#[async_trait]
impl Connector for TcpConnector {
    async fn connect(&self, address: &str) -> io::Result<Box<dyn Stream>> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Box::new(stream))
    }
}

/// The source of client ids and nonces. A simulation gives a seeded one.
pub trait Entropy: fmt::Debug + Send + Sync {
    /// Fills `bytes` with random values.
    fn fill(&self, bytes: &mut [u8]);
}

/// The thread's random generator, seeded by the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        rand::rng().fill_bytes(bytes);
    }
}
