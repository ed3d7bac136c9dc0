use std::fmt;
use std::str::FromStr;

use super::ParseIdError;
use super::parse::{Kind, serde_as_text};

const KIND: Kind = Kind {
    name: "a node id",
    form: "<host>:<port>",
};

/// A NodeManager: the host and RPC port (not the web port) under which it registered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId {
    host: String,
    port: u16,
}

impl NodeId {
    /// The NodeManager that registered as `host` (a name, an IPv4 address or an IPv6 address without brackets).
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
        }
    }

    /// The host, as the NodeManager registered it; an IPv6 address has no brackets here.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The RPC port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for NodeId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (host, port) = text
            .rsplit_once(':')
            .ok_or_else(|| KIND.error(text, "it has no port"))?;
        let host = match host.strip_prefix('[') {
            Some(inner) => inner
                .strip_suffix(']')
                .ok_or_else(|| KIND.error(text, "the bracket is not closed"))?,
            None => host,
        };
        if host.is_empty() || host.contains(['/', '[', ']']) || host.contains(char::is_whitespace) {
            return Err(KIND.error(text, format!("{host:?} is not a host")));
        }
        let port = KIND.int(text, port, "port")?;
        let port = u16::try_from(port).map_err(|_| KIND.error(text, format!("the port {port} is above 65535")))?;
        Ok(Self::new(host, port))
    }
}

serde_as_text!(NodeId);
