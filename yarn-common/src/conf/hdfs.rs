//! Where the NameNodes are: of one host, or of a nameservice with high availability.

use std::fmt;

use super::error::ConfError;
use super::rm::host_and_port;
use super::{HadoopConfiguration, keys};

const RPC_PORT: u16 = 8020;
const HTTP_PORT: u16 = 9870;
const HTTPS_PORT: u16 = 9871;

/// One address of a NameNode and where it is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameNodeAddress {
    /// The id of the NameNode in `dfs.ha.namenodes.NAMESERVICE`, with high availability.
    pub id: Option<String>,
    /// Its host; an IPv6 address has no brackets here.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The property that says so; `None` where the address is that of the file system's own name.
    pub key: Option<String>,
}

impl fmt::Display for NameNodeAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// One of the services of a NameNode.
struct Service {
    what: &'static str,
    key: &'static str,
    port: u16,
}

impl HadoopConfiguration {
    /// The names of the HDFS clusters that are known by a logical name (`dfs.nameservices`).
    ///
    /// # Errors
    /// [`ConfError::SubstitutionTooDeep`].
    pub fn nameservices(&self) -> Result<Vec<String>, ConfError> {
        self.get_list(keys::NAMESERVICES)
    }

    /// Where the NameNodes of `hdfs://AUTHORITY` serve Hadoop IPC: one for each id of a nameservice, else the host
    /// itself, port 8020.
    ///
    /// # Errors
    /// [`ConfError::NotConfigured`] where a nameservice lacks ids or an address; [`ConfError::BadValue`].
    pub fn namenode_addresses(&self, authority: &str) -> Result<Vec<NameNodeAddress>, ConfError> {
        let service = Service {
            what: "the address of the NameNode",
            key: keys::NAMENODE_RPC_ADDRESS,
            port: RPC_PORT,
        };
        if self.nameservices()?.iter().any(|name| name == authority) {
            return self.of_nameservice(&service, authority);
        }
        self.of_authority(authority, RPC_PORT).map(|address| vec![address])
    }

    /// Where the NameNodes of `hdfs://AUTHORITY` serve WebHDFS, and whether that is HTTPS (`dfs.http.policy` is
    /// `HTTPS_ONLY`). Without a nameservice it is `dfs.namenode.http-address`, and where that is not set or an address
    /// to listen on, the authority's host with port 9870 (HTTPS: 9871).
    ///
    /// # Errors
    /// [`ConfError::NotConfigured`] where a nameservice lacks ids or an address; [`ConfError::BadValue`].
    pub fn namenode_web_addresses(&self, authority: &str) -> Result<(Vec<NameNodeAddress>, bool), ConfError> {
        let https = self.hdfs_uses_https()?;
        let (key, port) = match https {
            true => (keys::NAMENODE_HTTPS_ADDRESS, HTTPS_PORT),
            false => (keys::NAMENODE_HTTP_ADDRESS, HTTP_PORT),
        };
        let what = "the web address of the NameNode";
        if self.nameservices()?.iter().any(|name| name == authority) {
            let addresses = self.of_nameservice(&Service { what, key, port }, authority)?;
            return Ok((addresses, https));
        }
        let of_host = NameNodeAddress {
            port,
            ..self.of_authority(authority, port)?
        };
        let address = match self.get(key)?.filter(|value| !value.is_empty()) {
            Some(value) => NameNodeAddress {
                key: Some(key.to_owned()),
                ..self.parse(key, &value, port)?
            },
            None => return Ok((vec![of_host], https)),
        };
        let is_wildcard = matches!(address.host.as_str(), "0.0.0.0" | "::");
        let host = if is_wildcard { of_host.host } else { address.host };
        Ok((vec![NameNodeAddress { host, ..address }], https))
    }

    fn hdfs_uses_https(&self) -> Result<bool, ConfError> {
        match self.get(keys::DFS_HTTP_POLICY)?.as_deref() {
            None | Some("HTTP_ONLY" | "HTTP_AND_HTTPS" | "") => Ok(false),
            Some("HTTPS_ONLY") => Ok(true),
            Some(other) => Err(self.bad_value(keys::DFS_HTTP_POLICY, other, "HTTP_ONLY, HTTPS_ONLY or HTTP_AND_HTTPS")),
        }
    }

    fn of_nameservice(&self, service: &Service, name: &str) -> Result<Vec<NameNodeAddress>, ConfError> {
        let ids_key = format!("{}.{name}", keys::HA_NAMENODES);
        let ids = self.get_list(&ids_key)?;
        if ids.is_empty() {
            // A nameservice of one NameNode has no ids.
            let key = format!("{}.{name}", service.key);
            return match self.get(&key)?.filter(|value| !value.is_empty()) {
                Some(value) => self.parse(&key, &value, service.port).map(|address| vec![address]),
                None => Err(self.missing(service, &ids_key, "set it to the ids of the NameNodes, such as nn1,nn2")),
            };
        }
        let of_id = |id: String| {
            let key = format!("{}.{name}.{id}", service.key);
            let value = self.get(&key)?.filter(|value| !value.is_empty());
            let value = value.ok_or_else(|| self.missing(service, &key, "set it to the host:port of this NameNode"))?;
            let address = self.parse(&key, &value, service.port)?;
            Ok(NameNodeAddress {
                id: Some(id),
                ..address
            })
        };
        ids.into_iter().map(of_id).collect()
    }

    fn of_authority(&self, authority: &str, port: u16) -> Result<NameNodeAddress, ConfError> {
        let (host, port) = host_and_port(authority, port).ok_or_else(|| {
            self.bad_value(
                keys::DEFAULT_FS,
                authority,
                "the host:port of a NameNode or a nameservice",
            )
        })?;
        Ok(NameNodeAddress {
            id: None,
            host,
            port,
            key: None,
        })
    }

    fn parse(&self, key: &str, value: &str, port: u16) -> Result<NameNodeAddress, ConfError> {
        let (host, port) =
            host_and_port(value, port).ok_or_else(|| self.bad_value(key, value, "an address of the form host:port"))?;
        Ok(NameNodeAddress {
            id: None,
            host,
            port,
            key: Some(key.to_owned()),
        })
    }

    fn missing(&self, service: &Service, key: &str, remedy: &str) -> ConfError {
        ConfError::NotConfigured {
            what: service.what.to_owned(),
            key: key.to_owned(),
            state: "is not set".to_owned(),
            source_file: self.source_or_files(key),
            remedy: remedy.to_owned(),
        }
    }
}
