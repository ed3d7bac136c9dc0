//! All that an ApplicationMaster was told.

use std::collections::{BTreeMap, BTreeSet};

use yarn_common::id::ContainerId;
use yarn_rpc::am::{AmClient, RejectedAsk, UpdatedContainer};
use yarn_rpc::types::{Container, ContainerStatus};

/// The client and all that it has heard.
pub(in super::super) struct Heard {
    pub(in super::super) am: AmClient,
    pub(in super::super) granted: Vec<Container>,
    pub(in super::super) completed: BTreeMap<ContainerId, ContainerStatus>,
    /// Containers that the scheduler said it would take.
    pub(in super::super) to_be_preempted: BTreeSet<ContainerId>,
    /// Changes of containers that were granted.
    pub(in super::super) updated: Vec<UpdatedContainer>,
    pub(in super::super) rejected: Vec<RejectedAsk>,
    pub(in super::super) resynchronisations: usize,
}

impl Heard {
    /// Of a client that is registered.
    pub(super) fn new(am: AmClient) -> Self {
        Self {
            am,
            granted: Vec::new(),
            completed: BTreeMap::new(),
            to_be_preempted: BTreeSet::new(),
            updated: Vec::new(),
            rejected: Vec::new(),
            resynchronisations: 0,
        }
    }

    pub(super) async fn heartbeat(&mut self) {
        let news = self.am.allocate(0.5).await.unwrap();
        for granted in news.allocated {
            assert!(granted.expected, "nobody asked for {}", granted.container.id);
            self.granted.push(granted.container);
        }
        for status in news.completed {
            self.completed.insert(status.id, status);
        }
        let preemption = news.preemption.unwrap_or_default();
        self.to_be_preempted.extend(preemption.strict);
        self.to_be_preempted.extend(preemption.negotiable);
        assert!(news.update_errors.is_empty(), "{:?}", news.update_errors);
        self.updated.extend(news.updated);
        self.rejected.extend(news.rejected);
        self.resynchronisations += usize::from(news.resynchronised);
    }

    /// The containers granted at a priority.
    pub(in super::super) fn at(&self, priority: i32) -> Vec<Container> {
        let of_priority = self.granted.iter().filter(|container| container.priority.0 == priority);
        of_priority.cloned().collect()
    }
}

impl std::fmt::Display for Heard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let granted: Vec<_> = self.granted.iter().map(|container| container.id.to_string()).collect();
        write!(
            f,
            "granted {granted:?}, completed {:?}, changed {:?}, rejected {:?}, registered anew {} times",
            self.completed, self.updated, self.rejected, self.resynchronisations
        )
    }
}
