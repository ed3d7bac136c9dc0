//! How to connect, and as whom.

use std::{sync::Arc, time::Duration};

use yarn_common::{gss::SecurityContextProvider, sasl::Qop, token::Token};

use super::{Connector, Entropy, LoginError, SystemEntropy, TcpConnector};

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
    /// Anybody to a server with high availability, default port 8033 of a ResourceManager.
    pub const HA_SERVICE: Self = Self {
        name: "org.apache.hadoop.ha.HAServiceProtocol",
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
    /// A ticket, proven by GSSAPI.
    Kerberos(KerberosLogin),
}

/// A login with a ticket.
#[derive(Clone, Debug)]
pub struct KerberosLogin {
    /// Whose ticket: `yarn_common::gss::Kerberos` with the feature `kerberos`.
    pub provider: Arc<dyn SecurityContextProvider>,
    /// The principal that the server must have, as configured (`yarn.resourcemanager.principal`): `rm/_HOST@REALM`,
    /// where `_HOST` is the host of its address. Any that the server names where `None`.
    pub server_principal: Option<String>,
    /// The user to act as, where that is another than the ticket's (`hadoop.proxyuser.*` must allow it).
    pub effective_user: Option<String>,
}

impl KerberosLogin {
    /// A login with this provider's ticket, at whatever principal the server names.
    pub fn new(provider: Arc<dyn SecurityContextProvider>) -> Self {
        Self {
            provider,
            server_principal: None,
            effective_user: None,
        }
    }

    /// Checks the principal that the server at `address` names, `service/host`.
    pub(super) fn check_principal(&self, address: &str, service: &str, host: &str) -> Result<(), LoginError> {
        let Some(configured) = &self.server_principal else {
            return Ok(());
        };
        let own_host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        let expected = configured.replace("_HOST", &own_host.to_ascii_lowercase());
        let expected = expected.split_once('@').map_or(expected.as_str(), |(name, _)| name);
        let offered = format!("{service}/{host}");
        if offered.eq_ignore_ascii_case(expected) {
            return Ok(());
        }
        Err(LoginError::ServerPrincipal {
            offered,
            expected: expected.to_owned(),
        })
    }
}

impl PartialEq for KerberosLogin {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.provider, &other.provider)
            && self.server_principal == other.server_principal
            && self.effective_user == other.effective_user
    }
}

impl Eq for KerberosLogin {}

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
    /// The weakest protection that is accepted (`hadoop.rpc.protection`); the strongest that the server offers is
    /// taken. Default: none.
    pub weakest_protection: Qop,
    /// Whether the broken ciphers `rc4`, `des`, `rc4-56` and `rc4-40` may encrypt where a server has no better one.
    /// Default: they are refused.
    pub allow_weak_ciphers: bool,
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
            weakest_protection: Qop::Auth,
            allow_weak_ciphers: false,
            connector: Arc::new(TcpConnector),
            entropy: Arc::new(SystemEntropy),
        }
    }
}
