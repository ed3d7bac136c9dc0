//! The ApplicationMaster's side of its conversation with the ResourceManager, call by call.

use std::collections::{BTreeMap, BTreeSet};

use yarn_common::id::ContainerId;

use super::{
    Allocation, AmError, AmOptions, AskError, AskTable, ConstrainedAsk, ContainerUpdate, NmTokenCache,
    PlacementConstraint, Registration, exchange::Exchange, link::Link,
};
use crate::{
    proto::yarn::PlacementConstraintMapEntryProto,
    types::{Container, FinalStatus},
};

/// Speaks ApplicationMasterProtocol: register, heartbeat, finish.
///
/// This is the conversation call by call, for programs with a loop of their own; [`AmClient::start`] makes a task of it
/// that beats by itself and tells news as a stream.
///
/// Heartbeats must not stop for longer than `yarn.am.liveness-monitor.expiry-interval-ms`, else the ResourceManager
/// ends the attempt. Every call may be cancelled: the next one goes on where the cancelled one stood.
#[derive(Debug)]
pub struct AmClient {
    pub(super) link: Link,
    pub(super) exchange: Exchange,
}

impl AmClient {
    /// A client that connects with its first call.
    ///
    /// # Errors
    /// [`AmError::NoAddress`], or [`AmError::WrongToken`] where the token is not an AMRM token.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn new(options: AmOptions) -> Result<Self, AmError> {
        Ok(Self {
            link: Link::new(options)?,
            exchange: Exchange::default(),
        })
    }

    /// The NM tokens received so far; give a clone to [`NmClient`](crate::nm::NmClient).
    pub fn nm_tokens(&self) -> &NmTokenCache {
        self.link.nm_tokens()
    }

    /// The containers wanted. Changes travel with the next heartbeat.
    pub fn asks(&mut self) -> &mut AskTable {
        &mut self.exchange.asks
    }

    /// Asks for containers under a placement constraint; the count replaces the one that stands under the same key.
    ///
    /// # Errors
    /// See [`AskError`].
    pub fn ask_constrained(&mut self, ask: ConstrainedAsk) -> Result<(), AskError> {
        self.exchange.ask_constrained(ask)
    }

    /// Asks for a change of a container. One change of a container can be under way at a time.
    ///
    /// # Errors
    /// [`AskError::Update`].
    pub fn update(&mut self, container: &Container, update: &ContainerUpdate) -> Result<(), AskError> {
        self.exchange.update(container, update)
    }

    /// Gives a container back, running or not, with the next heartbeat.
    pub fn release(&mut self, container: ContainerId) {
        self.exchange.release(container);
    }

    /// Sets the hosts and racks that get no containers of this application, from the next heartbeat on.
    pub fn set_blacklist(&mut self, hosts: BTreeSet<String>) {
        self.exchange.set_blacklist(hosts);
    }

    /// Changes the address of the user interface with the next heartbeat.
    pub fn set_tracking_url(&mut self, url: impl Into<String>) {
        let url = url.into();
        self.link.remember_tracking_url(&url);
        self.exchange.set_tracking_url(url);
    }

    /// Constraints for all containers with these tags, told with the registration: call it before.
    ///
    /// # Errors
    /// [`AskError::Constraint`].
    pub fn set_placement_constraints(
        &mut self,
        constraints: &BTreeMap<BTreeSet<String>, PlacementConstraint>,
    ) -> Result<(), AskError> {
        constraints.values().try_for_each(PlacementConstraint::validate)?;
        let entry = |(tags, constraint): (&BTreeSet<String>, &PlacementConstraint)| PlacementConstraintMapEntryProto {
            allocation_tags: tags.iter().cloned().collect(),
            placement_constraint: Some(constraint.into()),
        };
        self.link.constraints = constraints.iter().map(entry).collect();
        Ok(())
    }

    /// True when the next heartbeat carries more than a sign of life, so that it is worth sending at once.
    pub fn has_news(&self) -> bool {
        self.exchange.has_news()
    }

    /// How many containers are asked for and have not come, with constraints or without.
    pub fn outstanding(&self) -> u32 {
        self.exchange.outstanding()
    }

    /// Registers this attempt. `rpc_port` and `tracking_url` are what YARN shows to users; the URL may be empty.
    ///
    /// # Errors
    /// See [`AmError`].
    pub async fn register(
        &mut self,
        host: &str,
        rpc_port: Option<u16>,
        tracking_url: &str,
    ) -> Result<Registration, AmError> {
        self.link
            .register(&mut self.exchange, host, rpc_port, tracking_url)
            .await
    }

    /// Sends a heartbeat with everything that changed since the last one, and returns the news. `progress` goes from
    /// 0 to 1.
    ///
    /// After a transport error the ResourceManager is looked for at every address until the retry policy gives up. If
    /// it has forgotten this attempt, the client registers again and repeats what it wants.
    ///
    /// # Errors
    /// See [`AmError`]. What is refused stays in place and has to be taken out.
    pub async fn allocate(&mut self, progress: f32) -> Result<Allocation, AmError> {
        self.exchange.set_progress(progress);
        let result = self.link.allocate(&mut self.exchange).await;
        if result.as_ref().is_err_and(AmError::is_refused_request) {
            self.exchange.refused();
        }
        result
    }

    /// Unregisters with the final status and returns once the ResourceManager has stored it. Only then may the process
    /// exit; exiting earlier counts as a failed attempt.
    ///
    /// # Errors
    /// See [`AmError`].
    pub async fn finish(&mut self, status: FinalStatus, diagnostics: &str, tracking_url: &str) -> Result<(), AmError> {
        self.link
            .finish(&mut self.exchange, status, diagnostics, tracking_url)
            .await
    }
}
