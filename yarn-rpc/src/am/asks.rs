//! The table of asks: how many containers of which kind are still wanted.
//!
//! The ResourceManager keeps the same table. Each row that it is sent replaces its own: the number is how many
//! containers are still outstanding, not how many more. It counts down as it allocates, and so does this table as the
//! containers arrive; a row is sent again only when the two would otherwise differ.

use std::{collections::BTreeMap, fmt};

use yarn_common::resource::{Priority, Resource};

use crate::{
    proto::yarn::{ExecutionTypeProto, ExecutionTypeRequestProto, ResourceRequestProto},
    types::Container,
};

/// The names of a group of asks that are alike. A container repeats it, which tells what it was granted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AskKey {
    /// The lower number is served first.
    pub priority: Priority,
    /// Tells asks of one priority apart; 0 where the priority suffices.
    pub allocation_request_id: i64,
}

impl AskKey {
    /// A key that is told apart by its priority alone.
    pub const fn priority(priority: i32) -> Self {
        Self {
            priority: Priority(priority),
            allocation_request_id: 0,
        }
    }

    /// The key under which a container was granted.
    pub fn of(container: &Container) -> Self {
        Self {
            priority: container.priority,
            allocation_request_id: container.allocation_request_id,
        }
    }
}

impl fmt::Display for AskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "priority {}, allocation request id {}",
            self.priority, self.allocation_request_id
        )
    }
}

/// Where containers should run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Locality {
    /// On any node.
    #[default]
    Anywhere,
    /// On these nodes.
    Nodes {
        /// Host names as the ResourceManager knows them, each with its rack (`/default-rack`).
        nodes: Vec<(String, String)>,
        /// Whether other nodes will do when these have no room.
        relax: bool,
    },
    /// On nodes of these racks.
    Racks {
        /// Rack names.
        racks: Vec<String>,
        /// Whether other racks will do when these have no room.
        relax: bool,
    },
}

/// A wish for containers that are alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerAsk {
    /// What tells these containers apart from others.
    pub key: AskKey,
    /// What each container needs.
    pub capability: Resource,
    /// How many are outstanding.
    pub count: u32,
    /// Where they should run.
    pub locality: Locality,
    /// The node label, one name; `None` for the application's default.
    pub node_label: Option<String>,
}

impl ContainerAsk {
    /// An ask without wishes about the place.
    pub fn new(key: AskKey, capability: Resource, count: u32) -> Self {
        Self {
            key,
            capability,
            count,
            locality: Locality::Anywhere,
            node_label: None,
        }
    }
}

/// Why an ask cannot be put into the table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// The ResourceManager keeps one size per key.
    #[error(
        "{key} already asks for {outstanding} containers of {present}; containers of {wanted} need a priority or an \
         allocation request id of their own"
    )]
    SizeTaken {
        /// The key.
        key: AskKey,
        /// Containers still outstanding.
        outstanding: u32,
        /// Their size.
        present: Resource,
        /// The size asked for now.
        wanted: Resource,
    },
}

/// The row of one place. `*` is everywhere.
type Place = String;
const ANYWHERE: &str = "*";

#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    ask: ContainerAsk,
    /// What the ResourceManager knows of each row; `None` when it must be told.
    known: BTreeMap<Place, Option<u32>>,
}

/// Outstanding asks, and what the ResourceManager knows of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AskTable {
    groups: BTreeMap<AskKey, Group>,
}

/// Rows on their way to the ResourceManager.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct SentRows(Vec<(AskKey, Place, u32)>);

impl AskTable {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets an ask. The count replaces the one that stands under the same key.
    ///
    /// A container may already be on its way when the count changes, so more may arrive than wanted: compare with your
    /// own target and release the surplus.
    ///
    /// # Errors
    /// When containers of another size are outstanding under the key.
    pub fn set(&mut self, ask: ContainerAsk) -> Result<(), AskError> {
        let key = ask.key;
        if let Some(present) = self.groups.get(&key).map(|group| &group.ask)
            && present.count > 0
            && ask.count > 0
            && present.capability != ask.capability
        {
            return Err(AskError::SizeTaken {
                key,
                outstanding: present.count,
                present: present.capability.clone(),
                wanted: ask.capability,
            });
        }
        let mut known = self
            .groups
            .remove(&key)
            .map(|group| {
                let changed = group.ask.capability != ask.capability
                    || group.ask.locality != ask.locality
                    || group.ask.node_label != ask.node_label;
                let rows = group.known.into_iter();
                rows.map(|(place, count)| (place, count.filter(|_| !changed)))
                    .collect::<BTreeMap<_, _>>()
            })
            .unwrap_or_default();
        for (place, _) in ask.rows() {
            known.entry(place).or_insert(None);
        }
        self.groups.insert(key, Group { ask, known });
        Ok(())
    }

    /// How many containers are outstanding under a key.
    pub fn outstanding(&self, key: AskKey) -> u32 {
        self.groups.get(&key).map_or(0, |group| group.ask.count)
    }

    /// How many containers are outstanding in all.
    pub fn total(&self) -> u32 {
        self.groups.values().map(|group| group.ask.count).sum()
    }

    /// The asks with containers outstanding.
    pub fn asks(&self) -> impl Iterator<Item = &ContainerAsk> {
        self.groups.values().map(|group| &group.ask).filter(|ask| ask.count > 0)
    }

    /// True when a heartbeat would carry news.
    pub fn has_changes(&self) -> bool {
        self.groups.values().any(|group| group.changes().next().is_some())
    }

    /// Counts an arrived container. False when none was outstanding under its key: it is surplus.
    pub(crate) fn arrived(&mut self, container: &Container) -> bool {
        let Some(group) = self.groups.get_mut(&AskKey::of(container)) else {
            return false;
        };
        // The ResourceManager counted down too. It did so for the rows of host and rack as well if it could honour
        // them, which cannot be told from here: those are simply sent again.
        if let Some(Some(known)) = group.known.get_mut(ANYWHERE) {
            *known = known.saturating_sub(1);
        }
        let expected = group.ask.count > 0;
        group.ask.count = group.ask.count.saturating_sub(1);
        expected
    }

    /// The rows that the ResourceManager does not know yet.
    pub(crate) fn changed_rows(&self) -> (Vec<ResourceRequestProto>, SentRows) {
        let mut requests = Vec::new();
        let mut sent = SentRows::default();
        for (key, group) in &self.groups {
            for (place, count, relax) in group.changes() {
                requests.push(group.ask.request(&place, count, relax));
                sent.0.push((*key, place, count));
            }
        }
        (requests, sent)
    }

    /// The ResourceManager has taken these rows.
    pub(crate) fn confirm(&mut self, sent: &SentRows) {
        for (key, place, count) in &sent.0 {
            if let Some(known) = self.groups.get_mut(key).and_then(|group| group.known.get_mut(place)) {
                *known = Some(*count);
            }
        }
        self.groups
            .retain(|_, group| group.ask.count > 0 || group.changes().next().is_some());
    }

    /// The ResourceManager has forgotten everything: send all rows anew.
    pub(crate) fn forget(&mut self) {
        self.groups.retain(|_, group| group.ask.count > 0);
        for group in self.groups.values_mut() {
            group.known = group.ask.rows().into_iter().map(|(place, _)| (place, None)).collect();
        }
    }
}

impl Group {
    /// Rows whose count differs from what the ResourceManager knows: place, count, relax.
    fn changes(&self) -> impl Iterator<Item = (Place, u32, bool)> {
        let rows: BTreeMap<Place, bool> = self.ask.rows().into_iter().collect();
        self.known.iter().filter_map(move |(place, known)| {
            let row = rows.get(place);
            let count = if row.is_some() { self.ask.count } else { 0 };
            (*known != Some(count)).then(|| (place.clone(), count, row.copied().unwrap_or(true)))
        })
    }
}

impl ContainerAsk {
    /// The places to ask at, each with its relax-locality flag. `*` is always among them: without it nothing is
    /// allocated at all.
    fn rows(&self) -> Vec<(Place, bool)> {
        let mut rows = Vec::new();
        match &self.locality {
            Locality::Anywhere => rows.push((ANYWHERE.to_owned(), true)),
            Locality::Nodes { nodes, relax } => {
                rows.push((ANYWHERE.to_owned(), *relax));
                for (host, rack) in nodes {
                    rows.push((rack.clone(), *relax));
                    rows.push((host.clone(), true));
                }
            }
            Locality::Racks { racks, relax } => {
                rows.push((ANYWHERE.to_owned(), *relax));
                rows.extend(racks.iter().map(|rack| (rack.clone(), true)));
            }
        }
        rows
    }

    fn request(&self, place: &str, count: u32, relax: bool) -> ResourceRequestProto {
        let guaranteed = ExecutionTypeRequestProto {
            execution_type: Some(ExecutionTypeProto::Guaranteed.into()),
            enforce_execution_type: Some(false),
        };
        ResourceRequestProto {
            priority: Some(self.key.priority.into()),
            resource_name: Some(place.to_owned()),
            capability: Some((&self.capability).into()),
            num_containers: Some(i32::try_from(count).unwrap_or(i32::MAX)),
            relax_locality: Some(relax),
            // A label anywhere else than on `*` is refused.
            node_label_expression: self.node_label.clone().filter(|_| place == ANYWHERE),
            execution_type_request: Some(guaranteed),
            allocation_request_id: Some(self.key.allocation_request_id),
        }
    }
}

#[cfg(test)]
#[path = "asks_tests.rs"]
mod tests;
