//! The heartbeat's content, without its transport: what to send, and what an answer means.
//!
//! The ResourceManager numbers its answers, and each request repeats the number of the last answer received. A request
//! that repeats an older number is taken for a resend and answered from memory, **without looking at its content**. So
//! a request whose answer never came is sent again as it was, and news wait for the next one.

use std::collections::{BTreeMap, BTreeSet};

use yarn_common::id::ContainerId;

use super::{
    asks::{AskTable, SentRows},
    events::{AllocatedContainer, Allocation},
};
use crate::{
    convert::{ConversionError, all, required},
    proto::yarn::{AllocateRequestProto, AllocateResponseProto, ResourceBlacklistRequestProto},
    types::{self, ContainerState, ContainerStatus},
};

/// Everything that heartbeats carry to the ResourceManager.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    pub(super) asks: AskTable,
    /// Containers to give back, until they are reported complete; true once the ResourceManager was told.
    releases: BTreeMap<ContainerId, bool>,
    blacklist: BTreeSet<String>,
    /// The blacklist as the ResourceManager knows it.
    known_blacklist: BTreeSet<String>,
    tracking_url: Option<String>,
    response_id: i32,
    in_flight: Option<InFlight>,
}

/// A request whose answer has not come.
#[derive(Debug)]
struct InFlight {
    request: AllocateRequestProto,
    rows: SentRows,
    releases: Vec<ContainerId>,
    blacklist: BTreeSet<String>,
}

impl Exchange {
    /// Gives a container back.
    pub(super) fn release(&mut self, container: ContainerId) {
        self.releases.entry(container).or_insert(false);
    }

    /// Replaces the list of hosts and racks to avoid.
    pub(super) fn set_blacklist(&mut self, hosts: BTreeSet<String>) {
        self.blacklist = hosts;
    }

    /// Changes the address of the user interface.
    pub(super) fn set_tracking_url(&mut self, url: String) {
        self.tracking_url = Some(url);
    }

    /// True when the next new request carries more than a sign of life.
    pub(super) fn has_news(&self) -> bool {
        self.asks.has_changes()
            || self.releases.values().any(|told| !told)
            || self.blacklist != self.known_blacklist
            || self.tracking_url.is_some()
    }

    /// The next request: the one whose answer is missing, else a new one.
    pub(super) fn request(&mut self, progress: f32) -> AllocateRequestProto {
        if let Some(in_flight) = &self.in_flight {
            return in_flight.request.clone();
        }
        let (ask, rows) = self.asks.changed_rows();
        let releases: Vec<ContainerId> = self
            .releases
            .iter()
            .filter(|(_, told)| !**told)
            .map(|(id, _)| *id)
            .collect();
        let blacklist = ResourceBlacklistRequestProto {
            blacklist_additions: self.blacklist.difference(&self.known_blacklist).cloned().collect(),
            blacklist_removals: self.known_blacklist.difference(&self.blacklist).cloned().collect(),
        };
        let request = AllocateRequestProto {
            ask,
            release: releases.iter().map(|id| (*id).into()).collect(),
            blacklist_request: Some(blacklist),
            response_id: Some(self.response_id),
            progress: Some(progress.clamp(0.0, 1.0)),
            tracking_url: self.tracking_url.clone(),
            ..Default::default()
        };
        let blacklist = self.blacklist.clone();
        self.in_flight = Some(InFlight {
            request: request.clone(),
            rows,
            releases,
            blacklist,
        });
        request
    }

    /// An answer came: the request's content is known to the ResourceManager.
    pub(super) fn answered(&mut self, response: AllocateResponseProto) -> Result<Allocation, ConversionError> {
        if let Some(in_flight) = self.in_flight.take() {
            self.confirm(in_flight);
        }
        self.response_id = response.response_id();
        let mut allocation = Allocation {
            completed: all::<_, ContainerStatus>(response.completed_container_statuses)?,
            updated_nodes: all(response.updated_nodes)?,
            recovered: types::containers(response.containers_from_previous_attempts)?,
            headroom: response.limit.map(TryInto::try_into).transpose()?,
            cluster_nodes: response.num_cluster_nodes.and_then(|nodes| nodes.try_into().ok()),
            preemption: response.preempt.map(TryInto::try_into).transpose()?,
            ..Default::default()
        };
        for container in types::containers(response.allocated_containers)? {
            let expected = self.asks.arrived(&container);
            allocation.allocated.push(AllocatedContainer { container, expected });
        }
        for status in allocation
            .completed
            .iter()
            .filter(|status| status.state == ContainerState::Complete)
        {
            self.releases.remove(&status.id);
        }
        for token in response.nm_tokens {
            allocation.nm_tokens.push((
                required(token.node_id, "node id of a token")?,
                required(token.token, "NM token")?,
            ));
        }
        allocation.am_rm_token = response.am_rm_token.map(Into::into);
        Ok(allocation)
    }

    /// The ResourceManager refused the request as a whole. None of it counts; all of it is still to be said.
    pub(super) fn refused(&mut self) {
        self.in_flight = None;
    }

    /// The ResourceManager has lost its memory of this attempt: begin again and say everything.
    pub(super) fn resync(&mut self) {
        self.in_flight = None;
        self.response_id = 0;
        self.asks.forget();
        self.known_blacklist.clear();
        for told in self.releases.values_mut() {
            *told = false;
        }
    }

    fn confirm(&mut self, in_flight: InFlight) {
        self.asks.confirm(&in_flight.rows);
        for id in in_flight.releases {
            if let Some(told) = self.releases.get_mut(&id) {
                *told = true;
            }
        }
        self.known_blacklist = in_flight.blacklist;
        if self.tracking_url == in_flight.request.tracking_url {
            self.tracking_url = None;
        }
    }
}
