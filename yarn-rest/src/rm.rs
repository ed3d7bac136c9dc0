//! The ResourceManager: every resource below `/ws/v1/cluster`, and the proxy to ApplicationMasters.
//!
//! | what | methods of [`RmClient`] |
//! | --- | --- |
//! | cluster | [`info`](RmClient::info), [`metrics`](RmClient::metrics), [`user`](RmClient::user), [`nodes`](RmClient::nodes), [`node`](RmClient::node) |
//! | applications | [`applications`](RmClient::applications), [`application`](RmClient::application), [`application_state`](RmClient::application_state), [`statistics`](RmClient::statistics), [`attempts`](RmClient::attempts), [`attempt`](RmClient::attempt), [`containers`](RmClient::containers), [`container`](RmClient::container) |
//! | submission | [`new_application`](RmClient::new_application), [`submit`](RmClient::submit), [`kill`](RmClient::kill) |
//! | change | [`queue`](RmClient::queue), [`move_to_queue`](RmClient::move_to_queue), [`priority`](RmClient::priority), [`set_priority`](RmClient::set_priority), [`timeouts`](RmClient::timeouts), [`set_lifetime`](RmClient::set_lifetime), [`signal`](RmClient::signal) |
//! | scheduler | [`scheduler`](RmClient::scheduler), [`scheduler_configuration`](RmClient::scheduler_configuration), [`change_scheduler_configuration`](RmClient::change_scheduler_configuration), [`queue_access`](RmClient::queue_access), [`scheduler_activities`](RmClient::scheduler_activities), [`application_activities`](RmClient::application_activities) |
//! | labels | [`node_labels`](RmClient::node_labels), [`labels_of_nodes`](RmClient::labels_of_nodes), [`nodes_of_labels`](RmClient::nodes_of_labels), … |
//! | reservations | [`new_reservation`](RmClient::new_reservation), [`submit_reservation`](RmClient::submit_reservation), [`reservations`](RmClient::reservations), … |
//! | delegation tokens | [`delegation_token`](RmClient::delegation_token), … |

use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use url::Url;
use yarn_common::conf::HadoopConfiguration;

use crate::auth::Authenticator;
use crate::builder::Base;
use crate::error::RestError;
use crate::ha::{Cluster, HEDGE_AFTER, Probe, Served};
use crate::http::{Call, Http, Target};
use crate::transport::Transport;

mod activities;
mod applications;
mod change;
mod filter;
mod labels;
mod proxy;
mod read;
mod reservations;
mod scheduler;
mod submit;
mod tokens;

pub use crate::builder::BuildError;
pub use crate::retry::RetryPolicy;
pub use filter::ApplicationFilter;
pub use proxy::ProxyAnswer;

/// What stands before every path; behind a gateway without `/ws`.
const CLUSTER: &str = "/ws/v1/cluster";

/// A client of one cluster. Cheap to clone; clones share connections and the knowledge of which ResourceManager is
/// active.
///
/// Requests that change nothing, or the same thing twice, are repeated after a broken connection, a time-out, or while no
/// ResourceManager is active. A ResourceManager that was never reached is an error at once.
///
/// With several ResourceManagers the first request finds the active one: it asks the first, and the next one beside it
/// when that is silent for 300 ms or fails.
#[derive(Debug, Clone)]
pub struct RmClient {
    cluster: Arc<Cluster>,
    transport: Transport,
}

impl RmClient {
    /// Begins a client: at least one address is needed.
    pub fn builder() -> RmClientBuilder {
        RmClientBuilder {
            resource_managers: Vec::new(),
            transport: Transport::new(),
            retry: RetryPolicy::default(),
            hedge_after: HEDGE_AFTER,
        }
    }

    /// How this client connects, for clients of other services of the same cluster.
    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    pub(crate) fn http(&self) -> Http {
        self.cluster.http.clone()
    }

    /// The web address of the ResourceManager that is active as far as this client knows, else of the first.
    pub fn active_url(&self) -> Url {
        self.cluster.active_url()
    }

    async fn whole<T: DeserializeOwned>(&self, call: Call) -> Result<T, RestError> {
        let served = self.cluster.ask(&call).await?;
        served.answer.json(&call, served.base())
    }

    async fn member<T: DeserializeOwned>(&self, call: Call, name: &str) -> Result<T, RestError> {
        let served = self.cluster.ask(&call).await?;
        served.answer.member(&call, served.base(), name)
    }

    async fn list<T: DeserializeOwned>(&self, call: Call, outer: &str, inner: &str) -> Result<Vec<T>, RestError> {
        let served = self.cluster.ask(&call).await?;
        served.answer.list(&call, served.base(), outer, inner)
    }

    async fn done(&self, call: Call) -> Result<(), RestError> {
        self.cluster.ask(&call).await.map(|_: Served| ())
    }
}

/// Makes an [`RmClient`].
#[derive(Debug)]
pub struct RmClientBuilder {
    resource_managers: Vec<Target>,
    transport: Transport,
    retry: RetryPolicy,
    hedge_after: Duration,
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
        self.push(Base::new(url)?, origin);
        Ok(self)
    }

    /// Adds the ResourceManagers behind a gateway, such as Knox: `https://knox:8443/gateway/default/resourcemanager`,
    /// below which `v1/cluster` stands without `ws`. A gateway finds the active one itself, and has no proxy to
    /// ApplicationMasters.
    ///
    /// # Errors
    /// [`BuildError::BadUrl`].
    pub fn gateway(mut self, url: &str) -> Result<Self, BuildError> {
        self.push(Base::gateway(url)?, Some("the address of the gateway"));
        Ok(self)
    }

    fn push(&mut self, base: Base, origin: Option<&str>) {
        self.resource_managers.push(Target {
            base,
            origin: origin.map(str::to_owned),
            redirected: false,
        });
    }

    /// How it connects, all at once: TLS and proxies, too.
    #[must_use]
    pub fn transport(mut self, transport: Transport) -> Self {
        self.transport = transport;
        self
    }

    /// Who asks; [`Anonymous`](crate::auth::Anonymous) by default.
    #[must_use]
    pub fn authenticator(mut self, authenticator: impl Authenticator + 'static) -> Self {
        self.transport = self.transport.authenticator(authenticator);
        self
    }

    /// How long a connection may take; 5 seconds by default.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.transport = self.transport.connect_timeout(timeout);
        self
    }

    /// How long one request may take; 30 seconds by default.
    #[must_use]
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.transport = self.transport.request_timeout(timeout);
        self
    }

    /// How requests are repeated; see [`RetryPolicy`].
    #[must_use]
    pub fn retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// How long a ResourceManager may be silent before the next one is asked beside it, while it is not known which is
    /// active; 300 ms by default.
    #[must_use]
    pub fn hedge_after(mut self, silence: Duration) -> Self {
        self.hedge_after = silence;
        self
    }

    /// The client. Nothing is connected yet.
    ///
    /// # Errors
    /// [`BuildError::NoAddress`] and whatever is wrong with the [`Transport`] or the [`RetryPolicy`].
    pub fn build(self) -> Result<RmClient, BuildError> {
        let probe = Probe {
            call: Call::get("find the active ResourceManager", format!("{CLUSTER}/info")),
            hedge_after: self.hedge_after,
        };
        let http = self.transport.build()?;
        let cluster = Cluster::new(http, self.resource_managers, self.retry, Some(probe))?;
        Ok(RmClient {
            cluster: Arc::new(cluster),
            transport: self.transport,
        })
    }
}
