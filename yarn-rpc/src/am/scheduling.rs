//! Asks with placement constraints. The server takes them in another list than ordinary asks, one for each key, and counts
//! them down as it places containers.

use std::collections::{BTreeMap, BTreeSet};

use yarn_common::resource::Resource;

use super::{
    ask::{AskError, AskKey, Execution, Limits},
    placement::PlacementConstraint,
};
use crate::{
    convert::{ConversionError, required},
    proto::yarn::{RejectedSchedulingRequestProto, RejectionReasonProto, ResourceSizingProto, SchedulingRequestProto},
    types::Container,
};

/// A wish for containers that stand in a relation to others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConstrainedAsk {
    /// What tells these containers apart; no ordinary ask may have the same.
    pub key: AskKey,
    /// What each container needs.
    pub capability: Resource,
    /// How many are outstanding.
    ///
    /// Only the scheduler itself (`yarn.resourcemanager.placement-constraints.handler` = `scheduler`) keeps this number.
    /// The `placement-processor` finds a place for whatever it is sent: a number that is changed while containers are
    /// outstanding brings so many beside those, and what is too much comes as surplus. An ask that is set once, under a
    /// key of its own, means the same to both.
    pub count: u32,
    /// The tags that these containers get; the constraints of others may speak of them.
    pub tags: BTreeSet<String>,
    /// Where they may stand; the constraint that was registered for their tags where `None`.
    pub constraint: Option<PlacementConstraint>,
    /// Whether they need guaranteed resources.
    pub execution: Execution,
}

impl ConstrainedAsk {
    /// An ask for guaranteed containers with these tags.
    pub fn new<T: Into<String>>(
        key: AskKey,
        capability: Resource,
        count: u32,
        tags: impl IntoIterator<Item = T>,
        constraint: PlacementConstraint,
    ) -> Self {
        Self {
            key,
            capability,
            count,
            tags: tags.into_iter().map(Into::into).collect(),
            constraint: Some(constraint),
            execution: Execution::default(),
        }
    }
}

impl From<&ConstrainedAsk> for SchedulingRequestProto {
    fn from(ask: &ConstrainedAsk) -> Self {
        Self {
            allocation_request_id: Some(ask.key.allocation_request_id),
            priority: Some(ask.key.priority.into()),
            execution_type: Some(ask.execution.into()),
            allocation_tags: ask.tags.iter().cloned().collect(),
            resource_sizing: Some(ResourceSizingProto {
                num_allocations: Some(i32::try_from(ask.count).unwrap_or(i32::MAX)),
                resources: Some((&ask.capability).into()),
            }),
            placement_constraint: ask.constraint.as_ref().map(Into::into),
        }
    }
}

/// Why an ask was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RejectionReason {
    /// No node satisfies the constraint.
    CouldNotPlace,
    /// A node satisfies the constraint, but the scheduler could not allocate there.
    CouldNotSchedule,
}

/// An ask that the ResourceManager gave up. It is no longer outstanding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedAsk {
    /// Its key.
    pub key: AskKey,
    /// Why.
    pub reason: RejectionReason,
    /// How many containers will not come.
    pub count: u32,
    /// What each would have had.
    pub capability: Resource,
    /// The tags that they would have had.
    pub tags: BTreeSet<String>,
}

impl TryFrom<RejectedSchedulingRequestProto> for RejectedAsk {
    type Error = ConversionError;

    fn try_from(rejected: RejectedSchedulingRequestProto) -> Result<Self, ConversionError> {
        let reason = match rejected.reason() {
            RejectionReasonProto::RrpCouldNotPlaceOnNode => RejectionReason::CouldNotPlace,
            RejectionReasonProto::RrpCouldNotScheduleOnNode => RejectionReason::CouldNotSchedule,
        };
        let request = rejected.request;
        let key = AskKey {
            allocation_request_id: request.allocation_request_id(),
            priority: request.priority.unwrap_or_default().into(),
        };
        let sizing = request.resource_sizing.unwrap_or_default();
        Ok(Self {
            key,
            reason,
            count: sizing.num_allocations().try_into().unwrap_or_default(),
            capability: required(sizing.resources, "resource of a rejected request")?,
            tags: request.allocation_tags.into_iter().collect(),
        })
    }
}

#[derive(Clone, Debug)]
struct Entry {
    ask: ConstrainedAsk,
    /// Whether the ResourceManager was told of the present count.
    told: bool,
}

/// Outstanding asks with constraints.
#[derive(Clone, Debug, Default)]
pub(super) struct ConstrainedTable {
    entries: BTreeMap<AskKey, Entry>,
}

impl ConstrainedTable {
    /// Sets an ask; it replaces the one with the same key.
    pub(super) fn set(&mut self, ask: ConstrainedAsk, limits: &Limits) -> Result<(), AskError> {
        limits.check(ask.key, &ask.capability, ask.count)?;
        if let Some(constraint) = &ask.constraint {
            constraint.validate()?;
        }
        if let Some(present) = self.entries.get(&ask.key).map(|entry| &entry.ask)
            && present.count > 0
            && ask.count > 0
            && (&present.capability, &present.tags, present.execution) != (&ask.capability, &ask.tags, ask.execution)
        {
            return Err(AskError::ShapeTaken {
                key: ask.key,
                outstanding: present.count,
                present: format!("{} tagged {:?}", present.capability, present.tags),
                wanted: format!("{} tagged {:?}", ask.capability, ask.tags),
            });
        }
        let told = ask.count == 0 && !self.entries.contains_key(&ask.key);
        self.entries.insert(ask.key, Entry { ask, told });
        Ok(())
    }

    pub(super) fn contains(&self, key: AskKey) -> bool {
        self.entries.contains_key(&key)
    }

    pub(super) fn outstanding(&self, key: AskKey) -> u32 {
        self.entries.get(&key).map_or(0, |entry| entry.ask.count)
    }

    pub(super) fn total(&self) -> u32 {
        self.entries
            .values()
            .map(|entry| entry.ask.count)
            .fold(0, u32::saturating_add)
    }

    pub(super) fn has_changes(&self) -> bool {
        self.entries.values().any(|entry| !entry.told)
    }

    /// What the ResourceManager does not know yet.
    pub(super) fn changed(&self) -> Vec<ConstrainedAsk> {
        let unsaid = self.entries.values().filter(|entry| !entry.told);
        unsaid.map(|entry| entry.ask.clone()).collect()
    }

    /// The ResourceManager has taken these. One that was set anew meanwhile stays unsaid.
    pub(super) fn confirm(&mut self, sent: &[ConstrainedAsk]) {
        for ask in sent {
            if let Some(entry) = self.entries.get_mut(&ask.key)
                && entry.ask == *ask
            {
                entry.told = true;
            }
        }
        self.entries.retain(|_, entry| entry.ask.count > 0 || !entry.told);
    }

    /// Counts an arrived container; `None` when the key is not ours, false when it is surplus.
    pub(super) fn arrived(&mut self, container: &Container) -> Option<bool> {
        let entry = self.entries.get_mut(&AskKey::of(container))?;
        let expected = entry.ask.count > 0;
        entry.ask.count = entry.ask.count.saturating_sub(1);
        if entry.ask.count == 0 && entry.told {
            self.entries.remove(&AskKey::of(container));
        }
        Some(expected)
    }

    /// The ResourceManager gave an ask up.
    pub(super) fn rejected(&mut self, rejected: &RejectedAsk) {
        if let Some(entry) = self.entries.get_mut(&rejected.key) {
            entry.ask.count = entry.ask.count.saturating_sub(rejected.count.max(1));
            if entry.ask.count == 0 && entry.told {
                self.entries.remove(&rejected.key);
            }
        }
    }

    /// Takes an ask out; true if there was one.
    pub(super) fn withdraw(&mut self, key: AskKey) -> bool {
        self.entries.remove(&key).is_some()
    }

    /// The ResourceManager has forgotten everything.
    pub(super) fn forget(&mut self) {
        self.entries.retain(|_, entry| entry.ask.count > 0);
        self.entries.values_mut().for_each(|entry| entry.told = false);
    }
}
