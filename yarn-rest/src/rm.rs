//! The ResourceManager.

use std::sync::Arc;
use std::time::Duration;

use backon::ExponentialBuilder;
use url::Url;
use yarn_common::conf::HadoopConfiguration;

use crate::auth::{Anonymous, Authenticator};
use crate::builder;
use crate::http::Http;

mod cluster;
mod proxy;
mod read;
mod submit;

pub use crate::builder::BuildError;
pub use proxy::ProxyAnswer;
pub use read::ApplicationFilter;

use cluster::{Cluster, ResourceManager};

/// How often and how fast a request that does no harm twice is repeated. Delays double, with jitter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Repetitions after the first try.
    pub max_retries: usize,
    /// The first delay.
    pub min_delay: Duration,
    /// The longest delay.
    pub max_delay: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_retries: 4,
            min_delay: Duration::from_millis(100),
            max_delay: Duration::from_secs(2),
        }
    }
}

impl RetryPolicy {
    fn backoff(self) -> ExponentialBuilder {
        ExponentialBuilder::new()
            .with_min_delay(self.min_delay)
            .with_max_delay(self.max_delay)
            .with_max_times(self.max_retries)
            .with_jitter()
    }
}

/// A client of one cluster. Cheap to clone; clones share connections and the knowledge of which ResourceManager is
/// active.
///
/// Requests that change nothing, or the same thing twice, are repeated after a broken connection, a time-out, or while no
/// ResourceManager is active. A ResourceManager that was never reached is an error at once.
#[derive(Debug, Clone)]
pub struct RmClient {
    cluster: Arc<Cluster>,
}

impl RmClient {
    /// Begins a client: at least one address is needed.
    pub fn builder() -> RmClientBuilder {
        RmClientBuilder {
            resource_managers: Vec::new(),
            authenticator: Arc::new(Anonymous),
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(30),
            retry: RetryPolicy::default(),
        }
    }

    pub(crate) fn http(&self) -> Http {
        self.cluster.http.clone()
    }

    /// The web address of the ResourceManager that is active as far as this client knows.
    pub fn active_url(&self) -> Url {
        self.cluster.active()
    }
}

/// Makes an [`RmClient`].
#[derive(Debug)]
pub struct RmClientBuilder {
    resource_managers: Vec<ResourceManager>,
    authenticator: Arc<dyn Authenticator>,
    connect_timeout: Duration,
    request_timeout: Duration,
    retry: RetryPolicy,
}

impl RmClientBuilder {
    /// Adds the web addresses of all ResourceManagers of `configuration`; messages name its keys and files.
    ///
    /// # Errors
    /// [`BuildError::Configuration`], [`BuildError::BadUrl`].
    pub fn configuration(mut self, configuration: &HadoopConfiguration) -> Result<Self, BuildError> {
        for address in configuration.rm_web_addresses()? {
            self = self.resource_manager(&address.url(), Some(&address.origin()))?;
        }
        Ok(self)
    }

    /// Adds one ResourceManager: `http://host:8088`. `origin` says in messages where the address comes from.
    ///
    /// # Errors
    /// [`BuildError::BadUrl`].
    pub fn resource_manager(mut self, url: &str, origin: Option<&str>) -> Result<Self, BuildError> {
        let base = builder::base_url(url)?;
        self.resource_managers.push(ResourceManager {
            base,
            origin: origin.map(str::to_owned),
        });
        Ok(self)
    }

    /// Who asks; [`Anonymous`] by default.
    #[must_use]
    pub fn authenticator(mut self, authenticator: impl Authenticator + 'static) -> Self {
        self.authenticator = Arc::new(authenticator);
        self
    }

    /// How long a connection may take; 5 seconds by default.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long one request may take, its answer included; 30 seconds by default.
    #[must_use]
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// How requests are repeated; see [`RetryPolicy`].
    #[must_use]
    pub fn retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// The client. Nothing is connected yet.
    ///
    /// # Errors
    /// [`BuildError::NoAddress`], [`BuildError::Client`].
    pub fn build(self) -> Result<RmClient, BuildError> {
        let http = Http {
            client: builder::client(self.connect_timeout)?,
            authenticator: self.authenticator,
            timeout: self.request_timeout,
        };
        let cluster = Cluster::new(http, self.resource_managers, self.retry).ok_or(BuildError::NoAddress)?;
        Ok(RmClient {
            cluster: Arc::new(cluster),
        })
    }
}
