//! Where the ResourceManagers are.

use std::fmt;

use super::error::ConfError;
use super::{HadoopConfiguration, keys};

/// One address of a ResourceManager and where it is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RmAddress {
    /// The id of the ResourceManager in `yarn.resourcemanager.ha.rm-ids`, with high availability.
    pub rm_id: Option<String>,
    /// Its host; an IPv6 address has no brackets here.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The property that says so.
    pub key: String,
    /// The file in which that property is set.
    pub source: String,
}

impl fmt::Display for RmAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// The web address of a ResourceManager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RmWebAddress {
    /// Host and port.
    pub address: RmAddress,
    /// Whether it speaks HTTPS.
    pub https: bool,
}

impl RmWebAddress {
    /// `http://host:port` or `https://host:port`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("{}://{}", if self.https { "https" } else { "http" }, self.address)
    }

    /// Where the address comes from, for messages: `yarn.resourcemanager.hostname in /etc/hadoop/conf/yarn-site.xml`.
    pub fn origin(&self) -> String {
        format!("{} in {}", self.address.key, self.address.source)
    }
}

/// One of the services of a ResourceManager.
struct Service {
    what: &'static str,
    key: &'static str,
    port: u16,
}

impl HadoopConfiguration {
    /// Whether there are several ResourceManagers.
    ///
    /// # Errors
    /// [`ConfError::BadValue`].
    pub fn rm_ha_enabled(&self) -> Result<bool, ConfError> {
        Ok(self.get_bool(keys::RM_HA_ENABLED)?.unwrap_or(false))
    }

    /// The web addresses of the ResourceManagers: HTTPS and port 8090 where `yarn.http.policy` says `HTTPS_ONLY`, else
    /// HTTP and port 8088.
    ///
    /// # Errors
    /// [`ConfError::NotConfigured`] where an address is missing or `0.0.0.0`; [`ConfError::BadValue`].
    pub fn rm_web_addresses(&self) -> Result<Vec<RmWebAddress>, ConfError> {
        let https = self.yarn_uses_https()?;
        let what = "the web address of the YARN ResourceManager";
        let service = match https {
            true => Service {
                what,
                key: keys::RM_WEBAPP_HTTPS_ADDRESS,
                port: 8090,
            },
            false => Service {
                what,
                key: keys::RM_WEBAPP_ADDRESS,
                port: 8088,
            },
        };
        let addresses = self.rm_addresses(&service)?;
        Ok(addresses
            .into_iter()
            .map(|address| RmWebAddress { address, https })
            .collect())
    }

    /// Where the ResourceManagers serve ApplicationMasters (Hadoop IPC, port 8030).
    ///
    /// # Errors
    /// [`ConfError::NotConfigured`] where an address is missing or `0.0.0.0`; [`ConfError::BadValue`].
    pub fn rm_scheduler_addresses(&self) -> Result<Vec<RmAddress>, ConfError> {
        self.rm_addresses(&Service {
            what: "the scheduler address of the YARN ResourceManager",
            key: keys::RM_SCHEDULER_ADDRESS,
            port: 8030,
        })
    }

    /// Where the ResourceManagers serve clients (Hadoop IPC, port 8032).
    ///
    /// # Errors
    /// [`ConfError::NotConfigured`] where an address is missing or `0.0.0.0`; [`ConfError::BadValue`].
    pub fn rm_client_addresses(&self) -> Result<Vec<RmAddress>, ConfError> {
        self.rm_addresses(&Service {
            what: "the address of the YARN ResourceManager",
            key: keys::RM_ADDRESS,
            port: 8032,
        })
    }

    fn rm_addresses(&self, service: &Service) -> Result<Vec<RmAddress>, ConfError> {
        if !self.rm_ha_enabled()? {
            return Ok(vec![self.rm_address(service, None)?]);
        }
        let ids = self.get_list(keys::RM_HA_IDS)?;
        if ids.is_empty() {
            let state = format!("is not set although {} is true", keys::RM_HA_ENABLED);
            let remedy = "set it to the ids of the ResourceManagers, such as rm1,rm2";
            return Err(self.not_configured(service, keys::RM_HA_IDS, &state, remedy));
        }
        ids.iter().map(|id| self.rm_address(service, Some(id))).collect()
    }

    fn rm_address(&self, service: &Service, rm_id: Option<&str>) -> Result<RmAddress, ConfError> {
        let of_id = |key: &str| rm_id.map_or_else(|| key.to_owned(), |id| format!("{key}.{id}"));
        let (address_key, host_key) = (of_id(service.key), of_id(keys::RM_HOSTNAME));
        let set = |key: &str| Ok::<_, ConfError>(self.get(key)?.filter(|value| !value.is_empty()));
        let (key, value) = match (set(&address_key)?, set(&host_key)?) {
            (Some(address), _) => (address_key, address),
            (None, Some(host)) => (host_key, host),
            (None, None) => {
                let remedy = format!("set it, or {address_key}, to the host of the ResourceManager");
                return Err(self.not_configured(service, &host_key, "is not set", &remedy));
            }
        };
        let (host, port) = host_and_port(&value, service.port)
            .ok_or_else(|| self.bad_value(&key, &value, "an address of the form host:port"))?;
        if matches!(host.as_str(), "0.0.0.0" | "::" | "0:0:0:0:0:0:0:0") {
            let remedy = "this is an address to listen on, not one to connect to: set it to the host of the \
                          ResourceManager";
            return Err(self.not_configured(service, &key, &format!("is {value:?}"), remedy));
        }
        let source = self.source_or_files(&key);
        Ok(RmAddress {
            rm_id: rm_id.map(str::to_owned),
            host,
            port,
            key,
            source,
        })
    }

    fn not_configured(&self, service: &Service, key: &str, state: &str, remedy: &str) -> ConfError {
        ConfError::NotConfigured {
            what: service.what.to_owned(),
            key: key.to_owned(),
            state: state.to_owned(),
            source_file: self.source_or_files(key),
            remedy: remedy.to_owned(),
        }
    }
}

/// `host`, `host:port` or `[ipv6]:port`.
pub(super) fn host_and_port(text: &str, default_port: u16) -> Option<(String, u16)> {
    if text.contains(['/', '$', '@']) || text.contains(char::is_whitespace) {
        return None;
    }
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            (host, rest.strip_prefix(':'))
        }
        None if text.matches(':').count() > 1 => (text, None),
        None => text
            .split_once(':')
            .map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map_or(Some(default_port), |port| port.parse().ok())?;
    (!host.is_empty()).then(|| (host.to_owned(), port))
}
