//! HttpFS, which serves HDFS over HTTP at one address: it asks the NameNode and the DataNodes for its users.

use super::site::properties;
use crate::bed::options::Properties;

/// Where it listens, on localhost.
#[derive(Debug)]
pub(super) struct HttpFs {
    port: u16,
}

impl HttpFs {
    pub(super) fn new(port: u16) -> Self {
        Self { port }
    }

    pub(super) fn web_url(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    pub(super) fn own(&self) -> Properties {
        properties([
            ("httpfs.http.hostname", "localhost".to_owned()),
            ("httpfs.http.port", self.port.to_string()),
        ])
    }

    /// The NameNode lets the daemons' user ask for others.
    pub(super) fn of_namenode(daemon_user: &str) -> Properties {
        let all = |what: &str| (format!("hadoop.proxyuser.{daemon_user}.{what}"), "*".to_owned());
        Properties::from([all("hosts"), all("users")])
    }
}
