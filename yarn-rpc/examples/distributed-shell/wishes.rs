//! What the ApplicationMaster asks for: containers that are all alike, or groups of them, each with a tag and a
//! constraint.

use std::collections::BTreeMap;

use yarn_common::id::ContainerId;
use yarn_rpc::am::{AmClient, AmHandle, AskError, AskKey, ConstrainedAsk, ContainerAsk, RejectedAsk};
use yarn_rpc::types::Container;

use super::options::Containers;

/// So many containers that no node has a place for are asked for again, as Hadoop's does.
const RETRIES: u32 = 10;

/// A group of containers, and how many are to be asked for.
#[derive(Debug)]
enum Group {
    Alike(ContainerAsk),
    Placed(ConstrainedAsk),
}

#[derive(Debug)]
pub(crate) struct Wishes {
    groups: Vec<Group>,
    /// The keys under which was asked, and the group by its place.
    keys: BTreeMap<AskKey, usize>,
    /// What each container was granted for.
    granted: BTreeMap<ContainerId, usize>,
    /// How many rejected containers may be asked for again.
    retries: u32,
}

impl Wishes {
    pub(crate) fn new(containers: &Containers) -> Self {
        Self {
            groups: groups(containers),
            keys: BTreeMap::new(),
            granted: BTreeMap::new(),
            retries: RETRIES,
        }
    }

    /// How many containers there are to be in all.
    pub(crate) fn total(&self) -> u32 {
        self.groups.iter().map(Group::count).fold(0, u32::saturating_add)
    }

    /// A container that an earlier ApplicationMaster was granted.
    pub(crate) fn adopted(&mut self, container: &Container) {
        let is_of = |group: &Group| group.has_tags(&container.allocation_tags);
        let group = self.groups.iter().position(is_of).unwrap_or_default();
        self.granted.insert(container.id, group);
    }

    /// Asks for all that was not granted yet, before the heartbeats begin: the first carries all of it. A group that came a
    /// heartbeat after another could find that those which it is to stand beside have ended.
    pub(crate) fn ask(&mut self, client: &mut AmClient) -> Result<(), AskError> {
        for group in 0..self.groups.len() {
            let granted = self.granted.values().filter(|of| **of == group).count();
            let granted = u32::try_from(granted).unwrap_or(u32::MAX);
            match self.next(group, self.groups[group].count().saturating_sub(granted)) {
                Some(Group::Alike(ask)) => client.asks().set(ask)?,
                Some(Group::Placed(ask)) => client.ask_constrained(ask)?,
                None => {}
            }
        }
        Ok(())
    }

    pub(crate) fn granted(&mut self, container: &Container) {
        if let Some(group) = self.keys.get(&AskKey::of(container)) {
            self.granted.insert(container.id, *group);
        }
    }

    /// The cluster has taken a container away: asks for another one like it.
    pub(crate) fn again(&mut self, rm: &AmHandle, container: ContainerId) -> Result<(), AskError> {
        match self.granted.remove(&container) {
            Some(group) => self.more(rm, group, 1),
            None => Ok(()),
        }
    }

    /// Asks again for what the ResourceManager found no place for; false when it was asked often enough.
    pub(crate) fn rejected(&mut self, rm: &AmHandle, rejected: &RejectedAsk) -> Result<bool, AskError> {
        let Some(group) = self.keys.get(&rejected.key).copied() else {
            return Ok(true);
        };
        self.retries = self.retries.saturating_sub(rejected.count.max(1));
        if self.retries > 0 {
            self.more(rm, group, rejected.count.max(1))?;
        }
        Ok(self.retries > 0)
    }

    fn more(&mut self, rm: &AmHandle, group: usize, count: u32) -> Result<(), AskError> {
        match self.next(group, count) {
            Some(Group::Alike(ask)) => rm.ask_more(ask),
            Some(Group::Placed(ask)) => rm.ask_constrained(ask),
            None => Ok(()),
        }
    }

    /// The ask for so many of a group.
    fn next(&mut self, group: usize, count: u32) -> Option<Group> {
        if count == 0 {
            return None;
        }
        let (key, ask) = match &self.groups[group] {
            Group::Alike(ask) => (ask.key, Group::Alike(ContainerAsk { count, ..ask.clone() })),
            Group::Placed(ask) => {
                // Each time another id, the first of which is 1.
                let id = i64::try_from(self.keys.len()).unwrap_or(i64::MAX).saturating_add(1);
                let key = ask.key.with_id(id);
                let ask = ask.clone();
                (key, Group::Placed(ConstrainedAsk { key, count, ..ask }))
            }
        };
        self.keys.insert(key, group);
        Some(ask)
    }
}

impl Group {
    fn count(&self) -> u32 {
        match self {
            Self::Alike(ask) => ask.count,
            Self::Placed(ask) => ask.count,
        }
    }

    fn has_tags(&self, tags: &[String]) -> bool {
        match self {
            Self::Alike(_) => true,
            Self::Placed(ask) => tags.iter().any(|tag| ask.tags.contains(tag)),
        }
    }
}

/// Where a group has no tag and no number, the number is that of `-num_containers`.
fn groups(containers: &Containers) -> Vec<Group> {
    let key = AskKey::priority(containers.shell_cmd_priority);
    let Some(spec) = &containers.placement_spec else {
        let mut ask = ContainerAsk::new(key, containers.resource(), containers.num_containers);
        ask.locality = containers.locality();
        ask.node_label = containers.node_label_expression.clone();
        ask.execution = containers.execution();
        return vec![Group::Alike(ask)];
    };
    let placed = spec.groups.iter().map(|group| {
        let (tag, count) = match &group.source {
            Some((tag, count)) => (Some(tag.clone()), *count),
            None => (None, containers.num_containers),
        };
        Group::Placed(ConstrainedAsk {
            key,
            capability: containers.resource(),
            count,
            tags: tag.into_iter().collect(),
            constraint: group.constraint.clone(),
            execution: Default::default(),
        })
    });
    placed.collect()
}
