//! A connection to another process's server.

use std::time::Duration;

use tonic::transport::{Channel, Endpoint};
use tower::service_fn;

use super::connection::{ConnectionWatch, Losses, connect};
use super::{ApplicationSecret, KEEP_ALIVE_INTERVAL, KEEP_ALIVE_TIMEOUT, MAX_FRAME_BYTES, SecretInterceptor};
use crate::machine;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A lazily connected channel to one address that repairs itself, with the secret that its calls carry.
#[derive(Clone, Debug)]
pub struct RpcChannel {
    channel: Channel,
    losses: Losses,
    secret: ApplicationSecret,
}

impl RpcChannel {
    /// A channel for control calls: each has `deadline` to be answered (Flink's `pekko.ask.timeout`).
    pub fn control(
        address: &str,
        secret: &ApplicationSecret,
        deadline: Duration,
    ) -> Result<Self, tonic::transport::Error> {
        Ok(Self::open(&endpoint(address)?.timeout(deadline), secret))
    }

    /// A channel for streams of data, which have no deadline. `window` is the HTTP/2 window in bytes: at least the sum
    /// of all credits of the channels that share the connection.
    pub fn data(address: &str, secret: &ApplicationSecret, window: u32) -> Result<Self, tonic::transport::Error> {
        let endpoint = endpoint(address)?
            .initial_stream_window_size(window)
            .initial_connection_window_size(window);
        Ok(Self::open(&endpoint, secret))
    }

    fn open(endpoint: &Endpoint, secret: &ApplicationSecret) -> Self {
        let losses = Losses::default();
        let (counted, machine) = (losses.clone(), machine::replaced());
        let connector = service_fn(move |to| connect(to, machine.clone(), counted.clone()));
        Self {
            channel: endpoint.connect_with_connector_lazy(connector),
            losses,
            secret: secret.clone(),
        }
    }

    /// The channel without the secret, to be combined with [`Self::interceptor`].
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// Tells when the connection breaks from now on.
    pub fn connection(&self) -> ConnectionWatch {
        self.losses.watch()
    }

    /// What adds the secret to each call.
    pub fn interceptor(&self) -> SecretInterceptor {
        self.secret.client_interceptor()
    }
}

fn endpoint(address: &str) -> Result<Endpoint, tonic::transport::Error> {
    Ok(Endpoint::from_shared(format!("http://{address}"))?
        .connect_timeout(CONNECT_TIMEOUT)
        .max_frame_size(Some(MAX_FRAME_BYTES))
        .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
        .keep_alive_while_idle(true))
}
