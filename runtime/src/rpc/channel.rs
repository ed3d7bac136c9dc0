//! A connection to another process's server.

use std::time::Duration;

use hyper_util::rt::TokioIo;
use tonic::transport::{Channel, Endpoint};
use tower::service_fn;

use super::{ApplicationSecret, KEEP_ALIVE_INTERVAL, KEEP_ALIVE_TIMEOUT, MAX_FRAME_BYTES, SecretInterceptor};
use crate::machine;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A lazily connected channel to one address that repairs itself, with the secret that its calls carry.
#[derive(Clone, Debug)]
pub struct RpcChannel {
    channel: Channel,
    secret: ApplicationSecret,
}

impl RpcChannel {
    /// A channel for control calls: each has `deadline` to be answered (Flink's `pekko.ask.timeout`).
    pub fn control(
        address: &str,
        secret: &ApplicationSecret,
        deadline: Duration,
    ) -> Result<Self, tonic::transport::Error> {
        Ok(Self {
            channel: connect(&endpoint(address)?.timeout(deadline), address),
            secret: secret.clone(),
        })
    }

    /// A channel for streams of data, which have no deadline. `window` is the HTTP/2 window in bytes: at least the sum
    /// of all credits of the channels that share the connection.
    pub fn data(address: &str, secret: &ApplicationSecret, window: u32) -> Result<Self, tonic::transport::Error> {
        let endpoint = endpoint(address)?
            .initial_stream_window_size(window)
            .initial_connection_window_size(window);
        Ok(Self {
            channel: connect(&endpoint, address),
            secret: secret.clone(),
        })
    }

    /// The channel without the secret, to be combined with [`Self::interceptor`].
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// What adds the secret to each call.
    pub fn interceptor(&self) -> SecretInterceptor {
        self.secret.client_interceptor()
    }
}

fn connect(endpoint: &Endpoint, address: &str) -> Channel {
    let Some(machine) = machine::replaced() else {
        return endpoint.connect_lazy();
    };
    let address = address.to_owned();
    let connector = service_fn(move |_| {
        let connecting = machine.connect(address.clone());
        async { connecting.await.map(TokioIo::new) }
    });
    endpoint.connect_with_connector_lazy(connector)
}

fn endpoint(address: &str) -> Result<Endpoint, tonic::transport::Error> {
    Ok(Endpoint::from_shared(format!("http://{address}"))?
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .max_frame_size(Some(MAX_FRAME_BYTES))
        .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
        .keep_alive_while_idle(true))
}
