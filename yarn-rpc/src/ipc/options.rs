//! How to connect, and as whom.

use std::{sync::Arc, time::Duration};

use yarn_common::token::Token;

use super::{Connector, Entropy, SystemEntropy, TcpConnector};

/// Hadoop's default for `ipc.maximum.data.length` and `ipc.maximum.response.length`.
const DEFAULT_LIMIT: usize = 128 * 1024 * 1024;

/// A protocol as request headers name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Protocol {
    /// The Java interface name.
    pub name: &'static str,
    /// The version; 1 for all of YARN's.
    pub version: u64,
}

impl Protocol {
    /// ApplicationMaster to ResourceManager, default port 8030.
    pub const APPLICATION_MASTER: Self = Self {
        name: "org.apache.hadoop.yarn.api.ApplicationMasterProtocolPB",
        version: 1,
    };
    /// ApplicationMaster to NodeManager.
    pub const CONTAINER_MANAGEMENT: Self = Self {
        name: "org.apache.hadoop.yarn.api.ContainerManagementProtocolPB",
        version: 1,
    };
    /// Client to ResourceManager, default port 8032.
    pub const APPLICATION_CLIENT: Self = Self {
        name: "org.apache.hadoop.yarn.api.ApplicationClientProtocolPB",
        version: 1,
    };
}

/// Who is calling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// The name of a user, unproven: for clusters without security.
    Simple {
        /// The user to act as.
        user: String,
    },
    /// A token, proven by DIGEST-MD5. What an ApplicationMaster uses on every cluster.
    Token(Token),
}

/// Limits and time-outs of a connection, with Hadoop's defaults.
#[derive(Clone, Debug)]
pub struct IpcOptions {
    /// For connecting and logging in together. Default 20 s.
    pub connect_timeout: Duration,
    /// From a call to its answer, connecting included. Default 120 s (`ipc.client.rpc-timeout.ms`).
    pub call_timeout: Duration,
    /// A connection that is silent for so long while a call waits is sent a ping. Default 60 s (`ipc.ping.interval`).
    pub ping_interval: Duration,
    /// A connection without calls for so long is closed; the next call opens a new one. Default: never.
    pub idle_timeout: Option<Duration>,
    /// The largest request. Default 128 MiB.
    pub max_request: usize,
    /// The largest answer. Default 128 MiB.
    pub max_response: usize,
    /// The user to act as where a server asks for no token although we hold one. Without a name such a server is
    /// refused.
    pub simple_user: Option<String>,
    /// Opens connections.
    pub connector: Arc<dyn Connector>,
    /// Makes client ids and nonces.
    pub entropy: Arc<dyn Entropy>,
}

impl Default for IpcOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(20),
            call_timeout: Duration::from_secs(120),
            ping_interval: Duration::from_secs(60),
            idle_timeout: None,
            max_request: DEFAULT_LIMIT,
            max_response: DEFAULT_LIMIT,
            simple_user: None,
            connector: Arc::new(TcpConnector),
            entropy: Arc::new(SystemEntropy),
        }
    }
}
