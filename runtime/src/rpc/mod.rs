//! The one factory of gRPC and Flight clients and servers: explicit message limits, 1 MiB frames, keep-alive, and the
//! application's secret on every call.

mod channel;
mod connection;
mod ports;
mod secret;
mod server;
#[cfg(test)]
mod tests;

pub use channel::RpcChannel;
pub use connection::ConnectionWatch;
pub use ports::{PortRange, PortRangeError, bind};
pub use secret::{ApplicationSecret, SecretError, SecretInterceptor};
pub use server::{RpcServer, ServerError};

/// The largest message either side takes.
pub const MAX_MESSAGE_BYTES: usize = 64 << 20;

/// HTTP/2 frames: the default of 16 KiB costs a third to a half of the CPU on bulk streams.
const MAX_FRAME_BYTES: u32 = 1 << 20;

/// How long an idle connection may be silent before it is probed, and a probe unanswered before the connection is given up.
const KEEP_ALIVE_INTERVAL: std::time::Duration = std::time::Duration::from_secs(10);
const KEEP_ALIVE_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(20);
