//! The simulated network as the components see it: gRPC and REST through the machine's stand-in, Hadoop IPC through its
//! connector.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use selvedge_runtime::machine::{BoxedStream, Incoming, Machine};
use turmoil::net::{TcpListener, TcpStream};
use yarn_rpc::ipc::{Connector, Entropy, IpcOptions, Stream};

use super::relay::Disorder;

/// How long an impatient ApplicationMaster waits for an answer of YARN: less than some are held back.
pub(crate) const IMPATIENCE: Duration = Duration::from_secs(4);
/// Simulated hosts listen on all of their addresses.
const ANY: &str = "0.0.0.0";

/// The machine of whichever simulated host is running.
#[derive(Debug)]
pub(crate) struct SimulatedMachine {
    /// Calls arrive twice and out of order.
    pub(crate) disorder: Option<Disorder>,
}

impl Machine for SimulatedMachine {
    fn connect(&self, address: String) -> BoxFuture<'static, io::Result<BoxedStream>> {
        let disorder = self.disorder.clone();
        async move {
            let stream = connect(&address).await?;
            match disorder {
                None => Ok(Box::new(stream) as BoxedStream),
                Some(disorder) => Ok(Box::new(disorder.relay(stream).await?) as BoxedStream),
            }
        }
        .boxed()
    }

    fn listen(&self, _: String, port: u16) -> BoxFuture<'static, io::Result<Box<dyn Incoming>>> {
        async move {
            let listener = TcpListener::bind((ANY, port)).await?;
            Ok(Box::new(Port(listener)) as Box<dyn Incoming>)
        }
        .boxed()
    }
}

struct Port(TcpListener);

impl std::fmt::Debug for Port {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Port({:?})", self.0.local_addr())
    }
}

#[async_trait]
impl Incoming for Port {
    async fn accept(&self) -> io::Result<(BoxedStream, SocketAddr)> {
        let (stream, from) = self.0.accept().await?;
        Ok((Box::new(stream), from))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// Connects to `host:port`.
pub(crate) async fn connect(address: &str) -> io::Result<TcpStream> {
    let invalid = || io::Error::other(format!("'{address}' is no host:port"));
    let (host, port) = address.rsplit_once(':').ok_or_else(invalid)?;
    TcpStream::connect((host, port.parse().map_err(|_| invalid())?)).await
}

/// How an ApplicationMaster speaks Hadoop IPC. To a server that asks for no token it says the name of its attempt, which a
/// real one reads from the token.
pub(crate) fn ipc_options(seed: u64, attempt: &str, is_impatient: bool) -> IpcOptions {
    let usual = IpcOptions::default();
    IpcOptions {
        call_timeout: if is_impatient { IMPATIENCE } else { usual.call_timeout },
        simple_user: Some(attempt.to_owned()),
        connector: Arc::new(HadoopConnector),
        entropy: Arc::new(Seeded(Mutex::new(StdRng::seed_from_u64(seed)))),
        ..usual
    }
}

#[derive(Debug)]
struct HadoopConnector;

#[async_trait]
impl Connector for HadoopConnector {
    async fn connect(&self, address: &str) -> io::Result<Box<dyn Stream>> {
        Ok(Box::new(connect(address).await?))
    }
}

#[derive(Debug)]
struct Seeded(Mutex<StdRng>);

impl Entropy for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().fill_bytes(bytes);
    }
}
