//! Hadoop IPC version 9: the connection under every YARN protocol.
//!
//! ```text
//!              first call                 preamble, SASL, context
//!   (no connection) ───────► connecting ─────────────────────────► connected ──┐ calls, pings
//!         ▲                      │ failed: waiting calls get the error   │  ▲──┘
//!         ├──────────────────────┘                                      │
//!         └── lost, idle, refused, silent past a deadline ◄──────────────┘   last handle dropped: the task ends
//! ```
//!
//! An [`IpcClient`] is a handle on one task that owns one connection to one server, under one [`Identity`], for one
//! [`Protocol`]. Calls are pipelined and matched by call id. Each has a deadline. Answers are bounded before memory is
//! taken. Where the server demands it, the stream is protected (`auth-int`, `auth-conf`) after the login.

mod buffers;
mod client;
mod connection;
mod connector;
mod error;
mod exception;
mod frame;
mod handshake;
mod options;

#[cfg(test)]
mod tests;

pub use self::client::{CallOptions, IpcClient};
pub use self::connector::{Connector, Entropy, Stream, SystemEntropy, TcpConnector};
pub use self::error::{IpcError, LoginError, WireError};
pub use self::exception::{ExceptionKind, RemoteException};
pub use self::options::{Identity, IpcOptions, KerberosLogin, Protocol};
