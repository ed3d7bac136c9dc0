//! The handle that callers hold, and the task behind it.

use std::{io, sync::Arc, time::Duration};

use bytes::Bytes;
use prost::Message;
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, timeout, timeout_at},
};

use super::{
    Identity, IpcError, IpcOptions, Protocol,
    connection::{Call, Connection, End, Route},
    handshake::{Established, Greeting},
};

/// Calls that may wait for the connection; callers wait beyond that.
const INBOX: usize = 64;

/// A client of one server, under one identity, for one protocol.
///
/// The first call connects; a lost connection fails the calls that wait on it, and the next call connects anew. Clones
/// share the connection. It closes when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct IpcClient {
    inbox: mpsc::Sender<Call>,
    identity: Arc<watch::Sender<Identity>>,
    route: Arc<Route>,
}

/// How one call is made.
#[derive(Clone, Copy, Debug, Default)]
pub struct CallOptions {
    /// Instead of [`IpcOptions::call_timeout`].
    pub timeout: Option<Duration>,
    /// How often the same request was sent before.
    pub retry: u32,
}

impl IpcClient {
    /// A client of the server at `address` (`host:port`). It connects with the first call.
    ///
    /// # Panics
    /// Outside a tokio runtime, since it spawns the task that owns the connection.
    pub fn new(address: impl Into<String>, protocol: Protocol, identity: Identity, options: IpcOptions) -> Self {
        let mut id = [0; 16];
        options.entropy.fill(&mut id);
        let client_id = Bytes::copy_from_slice(uuid::Builder::from_random_bytes(id).as_uuid().as_bytes());
        let route = Arc::new(Route {
            address: address.into(),
            protocol,
            client_id,
            options,
        });
        let (inbox, calls) = mpsc::channel(INBOX);
        let (identity, current) = watch::channel(identity);
        tokio::spawn(
            Service {
                route: route.clone(),
                identity: current,
                next_id: 0,
            }
            .run(calls),
        );
        Self {
            inbox,
            identity: Arc::new(identity),
            route,
        }
    }

    /// The address of the server.
    pub fn address(&self) -> &str {
        &self.route.address
    }

    /// Sets the identity for the next connection; the present one stays valid.
    pub fn set_identity(&self, identity: Identity) {
        self.identity.send_replace(identity);
    }

    /// Calls a method.
    ///
    /// # Errors
    /// See [`IpcError`]. After a transport error the server may or may not have carried out the call.
    pub async fn call<Q: Message, A: Message + Default>(
        &self,
        method: &'static str,
        request: &Q,
        options: CallOptions,
    ) -> Result<A, IpcError> {
        let answer = self.call_bytes(method, request.encode_to_vec().into(), options).await?;
        let address = || self.route.address.clone();
        A::decode(answer).map_err(|source| IpcError::Decode {
            address: address(),
            method,
            source,
        })
    }

    async fn call_bytes(&self, method: &'static str, request: Bytes, options: CallOptions) -> Result<Bytes, IpcError> {
        let address = || self.route.address.clone();
        let (length, limit) = (request.len(), self.route.options.max_request);
        if length > limit {
            return Err(IpcError::RequestTooLarge {
                address: address(),
                method,
                length,
                limit,
            });
        }
        let after = options.timeout.unwrap_or(self.route.options.call_timeout);
        let deadline = Instant::now() + after;
        let (reply, answer) = oneshot::channel();
        let call = Call {
            method,
            request,
            retry: options.retry,
            deadline,
            timeout: after,
            reply,
        };
        let ended = || IpcError::ConnectionLost {
            address: address(),
            reason: "the runtime is ending".to_owned(),
        };
        let exchange = async {
            self.inbox.send(call).await.map_err(|_| ended())?;
            answer.await.map_err(|_| ended())?
        };
        // Connecting counts too, so the caller watches the clock as well as the connection does.
        let answered = timeout_at(deadline, exchange).await;
        answered.unwrap_or_else(|_| {
            Err(IpcError::Timeout {
                address: address(),
                method,
                after,
            })
        })
    }
}

/// Owns the connection, one after the other.
struct Service {
    route: Arc<Route>,
    identity: watch::Receiver<Identity>,
    next_id: u32,
}

impl Service {
    async fn run(mut self, mut inbox: mpsc::Receiver<Call>) {
        while let Some(first) = inbox.recv().await {
            if first.reply.is_closed() {
                continue;
            }
            let mut waiting = vec![first];
            let Some(connected) = self.connect(&mut waiting, &mut inbox).await else {
                return;
            };
            match connected {
                Ok(established) => {
                    let connection = Connection::new(&self.route, established, &mut self.next_id);
                    if let End::Released = connection.serve(waiting, &mut inbox).await {
                        return;
                    }
                }
                Err(error) => {
                    for call in waiting {
                        let _ = call.reply.send(Err(error.clone()));
                    }
                }
            }
        }
    }

    /// Connects while further calls queue up. `None` when every handle is gone.
    async fn connect(
        &mut self,
        waiting: &mut Vec<Call>,
        inbox: &mut mpsc::Receiver<Call>,
    ) -> Option<Result<Established, IpcError>> {
        let identity = self.identity.borrow_and_update().clone();
        let mut attempt = Box::pin(connect(&self.route, &identity));
        loop {
            tokio::select! {
                biased;
                connected = &mut attempt => return Some(connected),
                call = inbox.recv(), if waiting.len() < INBOX => waiting.push(call?),
            }
        }
    }
}

async fn connect(route: &Route, identity: &Identity) -> Result<Established, IpcError> {
    let address = || route.address.clone();
    let refused = |source: io::Error| IpcError::Connect {
        address: address(),
        source: Arc::new(source),
    };
    let greeting = Greeting {
        address: &route.address,
        identity,
        protocol: route.protocol,
        client_id: &route.client_id,
        options: &route.options,
    };
    let limit = route.options.connect_timeout;
    let work = async {
        let stream = route.options.connector.connect(&route.address).await.map_err(refused)?;
        greeting.establish(stream).await
    };
    timeout(limit, work).await.unwrap_or_else(|_| {
        Err(IpcError::ConnectTimeout {
            address: address(),
            after: limit,
        })
    })
}
