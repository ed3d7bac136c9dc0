//! What a process takes of its machine besides time: connections, listeners, and threads that may block. All servers and
//! clients of [`crate::rpc`] get theirs here, so that the simulation can stand in for the machine of its own thread; no
//! other thread, and no process that does not ask for it, ever sees anything but TCP and real threads.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use futures::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinError;

/// A connection.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection of any kind.
pub type BoxedStream = Box<dyn Stream>;

/// Where connections of a simulated machine arrive.
#[async_trait]
pub trait Incoming: fmt::Debug + Send + Sync {
    /// The next connection and where it comes from.
    async fn accept(&self) -> io::Result<(BoxedStream, SocketAddr)>;

    /// Where it listens.
    fn local_addr(&self) -> io::Result<SocketAddr>;
}

/// A machine that is not the real one. Blocking work runs at once, on the thread that asks for it: the simulation has one.
pub trait Machine: fmt::Debug + Send + Sync {
    /// Connects to `address`, which is `host:port`.
    fn connect(&self, address: String) -> BoxFuture<'static, io::Result<BoxedStream>>;

    /// Listens on a port of this machine, on any free one where `port` is 0.
    fn listen(&self, host: String, port: u16) -> BoxFuture<'static, io::Result<Box<dyn Incoming>>>;
}

thread_local! {
    static STAND_IN: RefCell<Option<Arc<dyn Machine>>> = const { RefCell::new(None) };
}

/// Until it is dropped, this thread has another machine.
#[derive(Debug)]
#[must_use = "the stand-in goes when this is dropped"]
pub struct StandIn {
    /// Belongs to its thread.
    thread: PhantomData<*const ()>,
}

/// Gives this thread another machine.
pub fn stand_in(machine: Arc<dyn Machine>) -> StandIn {
    STAND_IN.set(Some(machine));
    StandIn { thread: PhantomData }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        STAND_IN.set(None);
    }
}

/// The machine of this thread where it is not the real one.
pub(crate) fn replaced() -> Option<Arc<dyn Machine>> {
    STAND_IN.with_borrow(Clone::clone)
}

/// Connects to `address`, which is `host:port`, without Nagle's delay.
pub async fn connect(address: &str) -> io::Result<BoxedStream> {
    if let Some(machine) = replaced() {
        return machine.connect(address.to_owned()).await;
    }
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(Box::new(stream))
}

/// Runs work that blocks on a thread of its own.
///
/// # Errors
/// Where the work panicked, or the runtime is ending.
pub async fn run_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, JoinError> {
    if replaced().is_some() {
        return Ok(work());
    }
    tokio::task::spawn_blocking(work).await
}

/// A bound port.
#[derive(Debug)]
pub enum Listener {
    /// Of this machine.
    Tcp(TcpListener),
    /// Of the machine that stands in for it.
    Simulated(Box<dyn Incoming>),
}

impl Listener {
    /// Binds one port, any free one where `port` is 0.
    pub(crate) async fn bind(host: &str, port: u16) -> io::Result<Self> {
        match replaced() {
            Some(machine) => machine.listen(host.to_owned(), port).await.map(Self::Simulated),
            None => TcpListener::bind((host, port)).await.map(Self::Tcp),
        }
    }

    /// Where it listens.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr(),
            Self::Simulated(incoming) => incoming.local_addr(),
        }
    }

    /// The next connection and where it comes from.
    pub async fn accept(&self) -> io::Result<(BoxedStream, SocketAddr)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, from) = listener.accept().await?;
                Ok((Box::new(stream), from))
            }
            Self::Simulated(incoming) => incoming.accept().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Refusing;

    impl Machine for Refusing {
        fn connect(&self, address: String) -> BoxFuture<'static, io::Result<BoxedStream>> {
            Box::pin(async move { Err(io::Error::other(format!("no way to {address}"))) })
        }

        fn listen(&self, host: String, port: u16) -> BoxFuture<'static, io::Result<Box<dyn Incoming>>> {
            Box::pin(async move { Err(io::Error::other(format!("no port {port} of {host}"))) })
        }
    }

    #[tokio::test]
    async fn a_stand_in_serves_its_thread_until_it_is_dropped() {
        let thread = std::thread::current().id();
        let ran_on = || std::thread::current().id();
        {
            let _machine = stand_in(Arc::new(Refusing));
            let error = connect("nowhere:1").await.err().unwrap();
            assert_eq!(error.to_string(), "no way to nowhere:1");
            assert_eq!(
                Listener::bind("here", 7).await.unwrap_err().to_string(),
                "no port 7 of here"
            );
            assert_eq!(run_blocking(ran_on).await.unwrap(), thread);
        }
        assert_ne!(run_blocking(ran_on).await.unwrap(), thread);
        let listener = Listener::bind("127.0.0.1", 0).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (connected, accepted) = tokio::join!(connect(&address), listener.accept());
        assert!(connected.is_ok() && accepted.is_ok());
    }
}
