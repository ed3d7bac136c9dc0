//! The heartbeat's content, without its transport: what to send, and what an answer means.
//!
//! The ResourceManager numbers its answers, and each request repeats the number of the last answer received. A request
//! that repeats an older number is taken for a resend and answered from memory, **without looking at its content**. So
//! a request whose answer never came is sent again as it was, and news wait for the next one.

use std::collections::{BTreeMap, BTreeSet};

use yarn_common::{
    id::ContainerId,
    resource::{Priority, Resource},
};

use super::{
    ask::{AskError, AskKey, ContainerAsk, Limits},
    asks::{AskTable, SentRows},
    events::{AllocatedContainer, Allocation, Collector},
    ledger::Ledger,
    scheduling::{ConstrainedAsk, ConstrainedTable},
    updates::{ContainerUpdate, SentUpdate, UpdateTable},
};
use crate::{
    convert::{ConversionError, all, required},
    ipc::ExceptionKind,
    proto::yarn::{AllocateRequestProto, AllocateResponseProto, ResourceBlacklistRequestProto},
    types::{self, Container, ContainerState, ContainerStatus},
};

/// Everything that heartbeats carry to the ResourceManager.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    pub(super) asks: AskTable,
    constrained: ConstrainedTable,
    updates: UpdateTable,
    ledger: Ledger,
    /// Containers of earlier attempts that a repeated registration told of, for the next news.
    found: Vec<Container>,
    /// Containers to give back, until they are reported complete; true once the ResourceManager was told.
    releases: BTreeMap<ContainerId, bool>,
    blacklist: BTreeSet<String>,
    /// The blacklist as the ResourceManager knows it.
    known_blacklist: BTreeSet<String>,
    tracking_url: Option<String>,
    progress: f32,
    response_id: i32,
    in_flight: Option<InFlight>,
    /// What answers told last.
    view: View,
}

/// What the ResourceManager told last about the cluster and the application.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct View {
    pub(super) headroom: Option<Resource>,
    pub(super) cluster_nodes: Option<u32>,
    pub(super) priority: Option<Priority>,
    pub(super) collector: Option<Collector>,
}

/// A request whose answer has not come.
#[derive(Debug)]
struct InFlight {
    request: AllocateRequestProto,
    rows: SentRows,
    constrained: Vec<ConstrainedAsk>,
    updates: Vec<SentUpdate>,
    releases: Vec<ContainerId>,
    blacklist: BTreeSet<String>,
}

impl Exchange {
    /// Sets an ask without constraints.
    pub(super) fn ask(&mut self, ask: ContainerAsk) -> Result<(), AskError> {
        if self.constrained.contains(ask.key) {
            return Err(AskError::KeyTaken {
                key: ask.key,
                other: "with",
            });
        }
        self.asks.set(ask)
    }

    /// Sets an ask with constraints.
    pub(super) fn ask_constrained(&mut self, ask: ConstrainedAsk) -> Result<(), AskError> {
        if self.asks.contains(ask.key) {
            return Err(AskError::KeyTaken {
                key: ask.key,
                other: "without",
            });
        }
        self.constrained.set(ask, self.asks.limits())
    }

    /// Asks for a change of a container.
    pub(super) fn update(&mut self, container: &Container, update: &ContainerUpdate) -> Result<(), AskError> {
        self.updates.ask(container, update)
    }

    /// Gives a container back.
    pub(super) fn release(&mut self, container: ContainerId) {
        self.releases.entry(container).or_insert(false);
        self.updates.settled(container);
    }

    /// Replaces the list of hosts and racks to avoid.
    pub(super) fn set_blacklist(&mut self, hosts: BTreeSet<String>) {
        self.blacklist = hosts;
    }

    /// Changes the address of the user interface.
    pub(super) fn set_tracking_url(&mut self, url: String) {
        self.tracking_url = Some(url);
    }

    /// Says how far the application is, from 0 to 1.
    pub(super) fn set_progress(&mut self, progress: f32) {
        // A NaN would make the server refuse the heartbeat.
        self.progress = if progress.is_nan() {
            0.0
        } else {
            progress.clamp(0.0, 1.0)
        };
    }

    /// A registration told what the cluster allows and which containers are ours.
    pub(super) fn registered(&mut self, limits: Limits, containers: &[Container]) {
        self.asks.set_limits(limits);
        for container in containers {
            self.ledger.adopt(container.id);
        }
    }

    /// A restarted ResourceManager took the registration again. Its nodes may not all be back yet, so what may be asked
    /// for only grows: it refuses by itself what is too large, now, and takes it later.
    pub(super) fn registered_again(&mut self, limits: &Limits, containers: Vec<Container>) {
        let widened = self.asks.limits().widened(limits);
        self.asks.set_limits(widened);
        let unknown = containers
            .into_iter()
            .filter(|container| self.ledger.granted(container.id));
        self.found.extend(unknown);
    }

    /// How many containers are asked for and have not come.
    pub(super) fn outstanding(&self) -> u32 {
        self.asks.total().saturating_add(self.constrained.total())
    }

    /// How many are outstanding under a key.
    pub(super) fn outstanding_under(&self, key: AskKey) -> u32 {
        self.asks
            .outstanding(key)
            .saturating_add(self.constrained.outstanding(key))
    }

    /// Whether something is under way that the next answers may tell about.
    pub(super) fn awaits_news(&self) -> bool {
        self.outstanding() > 0 || self.updates.len() > 0
    }

    pub(super) fn view(&self) -> &View {
        &self.view
    }

    /// True when the next new request carries more than a sign of life.
    pub(super) fn has_news(&self) -> bool {
        self.asks.has_changes()
            || self.constrained.has_changes()
            || self.updates.has_changes()
            || self.releases.values().any(|told| !told)
            || self.blacklist != self.known_blacklist
            || self.tracking_url.is_some()
    }

    /// The next request: the one whose answer is missing, else a new one.
    pub(super) fn request(&mut self) -> AllocateRequestProto {
        if let Some(in_flight) = &self.in_flight {
            return in_flight.request.clone();
        }
        let (ask, rows) = self.asks.changed_rows();
        let constrained = self.constrained.changed();
        let updates = self.updates.unsaid();
        let unsaid = self.releases.iter().filter(|(_, told)| !**told);
        let releases: Vec<ContainerId> = unsaid.map(|(id, _)| *id).collect();
        let blacklist = ResourceBlacklistRequestProto {
            blacklist_additions: self.blacklist.difference(&self.known_blacklist).cloned().collect(),
            blacklist_removals: self.known_blacklist.difference(&self.blacklist).cloned().collect(),
        };
        let request = AllocateRequestProto {
            ask,
            release: releases.iter().map(|id| (*id).into()).collect(),
            blacklist_request: Some(blacklist),
            response_id: Some(self.response_id),
            progress: Some(self.progress),
            tracking_url: self.tracking_url.clone(),
            update_requests: updates.iter().map(|(_, request)| request.clone()).collect(),
            scheduling_requests: constrained.iter().map(Into::into).collect(),
        };
        self.in_flight = Some(InFlight {
            request: request.clone(),
            rows,
            constrained,
            updates,
            releases,
            blacklist: self.blacklist.clone(),
        });
        request
    }

    /// An answer came: the request's content is known to the ResourceManager.
    ///
    /// An answer that cannot be read counts all the same, so that it is not asked for again for ever.
    pub(super) fn answered(&mut self, response: AllocateResponseProto) -> Result<Allocation, ConversionError> {
        let just_said = self.in_flight.take().map(|in_flight| self.confirm(in_flight));
        self.response_id = response.response_id();
        let mut allocation = Allocation {
            completed: all::<_, ContainerStatus>(response.completed_container_statuses)?,
            updated_nodes: all(response.updated_nodes)?,
            headroom: response.limit.map(TryInto::try_into).transpose()?,
            cluster_nodes: response.num_cluster_nodes.and_then(|nodes| nodes.try_into().ok()),
            preemption: response.preempt.map(TryInto::try_into).transpose()?,
            updated: all(response.updated_containers)?,
            update_errors: all(response.update_errors)?,
            rejected: all(response.rejected_scheduling_requests)?,
            application_priority: response.application_priority.map(Into::into),
            collector: response.collector_info.map(Into::into),
            pending_in_federation: response
                .enhanced_headroom
                .and_then(|room| room.total_pending_count.and_then(|count| count.try_into().ok())),
            ..Default::default()
        };
        for token in response.nm_tokens {
            allocation.nm_tokens.push((
                required(token.node_id, "node id of a token")?,
                required(token.token, "NM token")?,
            ));
        }
        allocation.am_rm_token = response.am_rm_token.map(Into::into);
        self.arrivals(
            &mut allocation,
            types::containers(response.allocated_containers)?,
            types::running_containers(response.containers_from_previous_attempts)?,
            &just_said.unwrap_or_default(),
        );
        self.outcomes(&mut allocation);
        Ok(allocation)
    }

    /// Counts containers that came. One that came before is no news.
    fn arrivals(
        &mut self,
        allocation: &mut Allocation,
        granted: Vec<Container>,
        recovered: Vec<Container>,
        just_said: &SentRows,
    ) {
        for container in granted {
            if !self.ledger.granted(container.id) {
                tracing::debug!(container = %container.id, "granted twice; the repetition is dropped");
                continue;
            }
            let constrained = self.constrained.arrived(&container);
            let expected = constrained.unwrap_or_else(|| self.asks.arrived(&container, just_said));
            allocation.allocated.push(AllocatedContainer { container, expected });
        }
        allocation.recovered = std::mem::take(&mut self.found);
        for container in recovered {
            if self.ledger.granted(container.id) {
                allocation.recovered.push(container);
            }
        }
    }

    /// Settles what the answer decided.
    fn outcomes(&mut self, allocation: &mut Allocation) {
        let (ledger, releases, updates) = (&mut self.ledger, &mut self.releases, &mut self.updates);
        allocation.completed.retain(|status| {
            if status.state != ContainerState::Complete {
                return true;
            }
            releases.remove(&status.id);
            updates.settled(status.id);
            ledger.ended(status.id)
        });
        for updated in &allocation.updated {
            self.updates.settled(updated.container.id);
        }
        for error in &allocation.update_errors {
            self.updates.settled(error.container);
        }
        for rejected in &allocation.rejected {
            self.constrained.rejected(rejected);
        }
        self.view.headroom.clone_from(&allocation.headroom);
        self.view.cluster_nodes = allocation.cluster_nodes.or(self.view.cluster_nodes);
        allocation.priority_changed =
            allocation.application_priority.is_some() && allocation.application_priority != self.view.priority;
        self.view.priority = allocation.application_priority.or(self.view.priority);
        allocation.collector_changed = allocation.collector.is_some() && allocation.collector != self.view.collector;
        if allocation.collector.is_some() {
            self.view.collector.clone_from(&allocation.collector);
        }
    }

    /// The ResourceManager refused the request as a whole. None of it counts; all of it is still to be said.
    pub(super) fn refused(&mut self) {
        self.in_flight = None;
    }

    /// The ResourceManager refused the request for this reason: takes out what it can have meant, so that the next one
    /// may pass. The result names what was taken out; nothing when the reason lies elsewhere.
    pub(super) fn withdraw(&mut self, kind: ExceptionKind) -> Vec<Withdrawn> {
        let Some(in_flight) = self.in_flight.take() else {
            return Vec::new();
        };
        match kind {
            ExceptionKind::InvalidBlacklist => {
                self.blacklist.clone_from(&self.known_blacklist);
                vec![Withdrawn::Blacklist(in_flight.blacklist)]
            }
            ExceptionKind::InvalidContainerRelease => {
                for id in &in_flight.releases {
                    self.releases.remove(id);
                }
                in_flight.releases.into_iter().map(Withdrawn::Release).collect()
            }
            ExceptionKind::InvalidResourceRequest => {
                let mut taken: Vec<_> = in_flight.rows.keys().into_iter().map(Withdrawn::Ask).collect();
                for key in in_flight.rows.keys() {
                    self.asks.cancel(key);
                }
                taken.extend(self.withdraw_constrained(&in_flight.constrained));
                taken.extend(self.updates.withdraw_unsaid().into_iter().map(Withdrawn::Update));
                taken
            }
            // A cluster without a handler of constraints refuses with a plain exception.
            _ => self.withdraw_constrained(&in_flight.constrained).collect(),
        }
    }

    fn withdraw_constrained(&mut self, sent: &[ConstrainedAsk]) -> impl Iterator<Item = Withdrawn> + use<> {
        let keys: Vec<AskKey> = sent.iter().map(|ask| ask.key).collect();
        let gone: Vec<AskKey> = keys.into_iter().filter(|key| self.constrained.withdraw(*key)).collect();
        gone.into_iter().map(Withdrawn::Ask)
    }

    /// The ResourceManager has lost its memory of this attempt: begin again and say everything.
    pub(super) fn resync(&mut self) {
        self.in_flight = None;
        self.response_id = 0;
        self.asks.forget();
        self.constrained.forget();
        self.updates.forget();
        self.known_blacklist.clear();
        for told in self.releases.values_mut() {
            *told = false;
        }
    }

    /// The ResourceManager expects another number, since it has answered what was never heard here. How its rows and its
    /// blacklist stand is uncertain: they are said again whole, and so is what the refused request carried. Containers that
    /// those answers told of stay unknown until it takes them back as unused.
    pub(super) fn fall_in_step(&mut self, response_id: i32) {
        self.response_id = response_id;
        self.asks.doubt();
        if let Some(in_flight) = self.in_flight.take() {
            self.known_blacklist.extend(in_flight.blacklist);
        }
        // Known are those that it is to forget.
        let wanted = &self.blacklist;
        self.known_blacklist.retain(|host| !wanted.contains(host));
    }

    fn confirm(&mut self, in_flight: InFlight) -> SentRows {
        self.asks.confirm(&in_flight.rows);
        self.constrained.confirm(&in_flight.constrained);
        self.updates.confirm(&in_flight.updates);
        for id in in_flight.releases {
            if let Some(told) = self.releases.get_mut(&id) {
                *told = true;
            }
        }
        self.known_blacklist = in_flight.blacklist;
        if self.tracking_url == in_flight.request.tracking_url {
            self.tracking_url = None;
        }
        in_flight.rows
    }
}

/// What was taken out of a request that the ResourceManager refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Withdrawn {
    /// Every wish under this key.
    Ask(AskKey),
    /// The change of this container.
    Update(ContainerId),
    /// The release of this container, which is not this application's.
    Release(ContainerId),
    /// This blacklist; the former one stands.
    Blacklist(BTreeSet<String>),
}
