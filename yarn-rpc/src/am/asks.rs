//! The table of asks: how many containers of which kind are still wanted.
//!
//! The ResourceManager keeps the same table. Each row that it is sent replaces its own: the number is how many
//! containers are still outstanding, not how many more. It counts down as it allocates, and so does this table as the
//! containers arrive, row for row; a row is sent again only when the two would otherwise differ.
//!
//! Wishes under one key have one shape (size, label, kind) and may name different places. The row of a place holds the
//! sum over the wishes that name it: a wish for a host counts at the host, at its rack and at `*`.

use std::collections::BTreeMap;

use yarn_common::resource::Resource;

use super::ask::{ANYWHERE, AskError, AskKey, ContainerAsk, Execution, Limits, Locality, Place, check_place};
use crate::{
    proto::yarn::ResourceRequestProto,
    types::{Container, ExecutionType},
};

#[derive(Clone, Debug, PartialEq, Eq)]
struct Shape {
    capability: Resource,
    node_label: Option<String>,
    execution: Execution,
}

impl Shape {
    fn of(ask: &ContainerAsk) -> Self {
        Self {
            capability: ask.capability.clone(),
            node_label: ask.node_label.clone(),
            execution: ask.execution,
        }
    }

    fn describe(&self) -> String {
        let label = self
            .node_label
            .as_ref()
            .map(|label| format!(" on nodes labelled {label}"));
        let kind = (self.execution != Execution::default()).then(|| format!(", {:?}", self.execution.kind));
        format!(
            "{}{}{}",
            self.capability,
            label.unwrap_or_default(),
            kind.unwrap_or_default()
        )
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    shape: Shape,
    wishes: BTreeMap<Locality, u32>,
    /// What the ResourceManager knows of each row: nothing is 0. `None` where it may have the row otherwise, as with another
    /// shape.
    known: BTreeMap<Place, Option<u32>>,
}

/// Outstanding asks, and what the ResourceManager knows of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AskTable {
    groups: BTreeMap<AskKey, Group>,
    limits: Limits,
}

/// Rows on their way to the ResourceManager.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct SentRows(Vec<(AskKey, Place, u32)>);

impl SentRows {
    fn names(&self, key: AskKey, place: &str) -> bool {
        self.0.iter().any(|(sent, named, _)| *sent == key && named == place)
    }

    /// The keys that the rows belong to.
    pub(super) fn keys(&self) -> std::collections::BTreeSet<AskKey> {
        self.0.iter().map(|(key, ..)| *key).collect()
    }
}

impl AskTable {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets an ask. The count replaces the one that stands under the same key at the same place; a count of 0 takes
    /// the wish back.
    ///
    /// A container may already be on its way when the count changes, so more may arrive than wanted: they come marked
    /// as not expected, to be released.
    ///
    /// # Errors
    /// See [`AskError`]; the table is then unchanged.
    pub fn set(&mut self, ask: ContainerAsk) -> Result<(), AskError> {
        let key = ask.key;
        self.limits.check(key, &ask.capability, ask.count)?;
        check_place(&ask)?;
        let shape = Shape::of(&ask);
        let mut group = self.groups.get(&key).cloned().unwrap_or_else(|| Group {
            shape: shape.clone(),
            wishes: BTreeMap::new(),
            known: BTreeMap::new(),
        });
        if group.shape != shape {
            if group.total() > 0 && ask.count > 0 {
                return Err(AskError::ShapeTaken {
                    key,
                    outstanding: group.total(),
                    present: group.shape.describe(),
                    wanted: shape.describe(),
                });
            }
            if ask.count > 0 {
                group.shape = shape;
                group.known.values_mut().for_each(|known| *known = None);
            }
        }
        match ask.count {
            0 => drop(group.wishes.remove(&ask.locality)),
            count => drop(group.wishes.insert(ask.locality, count)),
        }
        group.check(key)?;
        for place in group.rows().into_keys() {
            group.known.entry(place).or_insert(Some(0));
        }
        self.groups.insert(key, group);
        Ok(())
    }

    /// A key of this priority that no ask uses: give every distinct shape its own.
    pub fn free_key(&self, priority: i32) -> AskKey {
        let first = AskKey::priority(priority);
        (1..)
            .map(|id| first.with_id(id))
            .find(|key| !self.groups.contains_key(key))
            .unwrap_or(first)
    }

    /// Takes back every wish under a key.
    pub fn cancel(&mut self, key: AskKey) {
        if let Some(group) = self.groups.get_mut(&key) {
            group.wishes.clear();
        }
    }

    /// How many containers are outstanding under a key.
    pub fn outstanding(&self, key: AskKey) -> u32 {
        self.groups.get(&key).map_or(0, Group::total)
    }

    /// How many containers are outstanding under a key at one place.
    pub fn outstanding_at(&self, key: AskKey, locality: &Locality) -> u32 {
        let group = self.groups.get(&key);
        group.and_then(|group| group.wishes.get(locality)).copied().unwrap_or(0)
    }

    /// How many containers are outstanding in all.
    pub fn total(&self) -> u32 {
        self.groups.values().map(Group::total).fold(0, u32::saturating_add)
    }

    /// The asks with containers outstanding.
    pub fn asks(&self) -> impl Iterator<Item = ContainerAsk> {
        self.groups.iter().flat_map(|(key, group)| {
            group.wishes.iter().map(|(locality, count)| ContainerAsk {
                key: *key,
                capability: group.shape.capability.clone(),
                count: *count,
                locality: locality.clone(),
                node_label: group.shape.node_label.clone(),
                execution: group.shape.execution,
            })
        })
    }

    /// True when a heartbeat would carry news.
    pub fn has_changes(&self) -> bool {
        self.groups.values().any(|group| !group.changes().is_empty())
    }

    pub(super) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(super) fn contains(&self, key: AskKey) -> bool {
        self.groups.contains_key(&key)
    }

    /// Counts an arrived container. False when none was outstanding under its key: it is surplus.
    ///
    /// `just_said` are the rows of the request whose answer brought it. The ResourceManager takes over the rows first
    /// and then hands out what it granted since the last heartbeat, so those rows were not counted down: they are said
    /// again with the right number.
    pub(crate) fn arrived(&mut self, container: &Container, just_said: &SentRows) -> bool {
        let key = AskKey::of(container);
        let Some(group) = self.groups.get_mut(&key) else {
            return false;
        };
        let host = container.node.host();
        group.count_down(host, |place| !just_said.names(key, place));
        group.serve(host)
    }

    /// The rows that the ResourceManager does not know yet.
    pub(crate) fn changed_rows(&self) -> (Vec<ResourceRequestProto>, SentRows) {
        let mut requests = Vec::new();
        let mut sent = SentRows::default();
        for (key, group) in &self.groups {
            let shape = match group.total() {
                0 => &group.shape.for_nothing(),
                _ => &group.shape,
            };
            for (place, count, relax) in group.changes() {
                requests.push(shape.request(*key, &place, count, relax));
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
            .retain(|_, group| group.total() > 0 || !group.changes().is_empty());
    }

    /// The ResourceManager has forgotten everything: send all rows anew.
    pub(crate) fn forget(&mut self) {
        self.groups.retain(|_, group| group.total() > 0);
        for group in self.groups.values_mut() {
            group.known = group.rows().into_keys().map(|place| (place, Some(0))).collect();
        }
    }

    /// What the ResourceManager has of the rows is uncertain: send them anew, also those that are to be 0.
    pub(crate) fn doubt(&mut self) {
        let groups = self.groups.values_mut();
        groups
            .flat_map(|group| group.known.values_mut())
            .for_each(|known| *known = None);
    }
}

impl Group {
    fn total(&self) -> u32 {
        self.wishes.values().copied().fold(0, u32::saturating_add)
    }

    /// Sums and relax flags of all places that the wishes name.
    fn rows(&self) -> BTreeMap<Place, (u32, bool)> {
        let mut rows: BTreeMap<Place, (u32, bool)> = BTreeMap::new();
        for (locality, wanted) in &self.wishes {
            for (place, relax) in locality.places() {
                let (count, relaxed) = rows.entry(place).or_insert((0, relax));
                *count = count.saturating_add(*wanted);
                *relaxed = relax;
            }
        }
        rows
    }

    /// One place has one relax flag, and its sum must be countable.
    fn check(&self, key: AskKey) -> Result<(), AskError> {
        let mut flags: BTreeMap<Place, bool> = BTreeMap::new();
        for (place, relax) in self.wishes.keys().flat_map(Locality::places) {
            if *flags.entry(place.clone()).or_insert(relax) != relax {
                return Err(AskError::MixedRelax { key, place });
            }
        }
        let count = self.total();
        match i32::try_from(count) {
            Ok(_) => Ok(()),
            Err(_) => Err(AskError::TooMany { key, count }),
        }
    }

    /// The rows that the ResourceManager counted down when it granted a container on this host, of those that `stands`
    /// tells were not said anew since.
    ///
    /// As its `LocalityAppPlacementAllocator` does it: `*` for every container, and host and rack for one on a host that
    /// was asked for by name. A row that has come to nothing is gone there. To send it once more, with 0, would make it a
    /// place again that the CapacityScheduler waits for before it takes another node. Where this cannot tell what became
    /// of host and rack, they are sent again with the right number.
    fn count_down(&mut self, host: &str, stands: impl Fn(&str) -> bool) {
        let counts = |place: &str| stands(place) && matches!(self.known.get(place), Some(Some(1..)));
        let mut places = Vec::new();
        if counts(ANYWHERE) {
            places.push(ANYWHERE.to_owned());
        }
        // Opportunistic containers are allotted by another part, which keeps its own count.
        if self.shape.execution.kind == ExecutionType::Guaranteed
            && let Some(rack) = self.rack_of(host)
            && counts(host)
            && counts(&rack)
        {
            places.extend([host.to_owned(), rack]);
        }
        for place in places {
            if let Some(Some(count)) = self.known.get_mut(&place) {
                *count -= 1;
            }
        }
    }

    /// The rack of a host, where a wish names it.
    fn rack_of(&self, host: &str) -> Option<Place> {
        let rack = self.wishes.keys().find_map(|locality| locality.rack_of(host));
        rack.map(str::to_owned)
    }

    /// Counts down the wish that a container on this host fits best; false when none is left.
    fn serve(&mut self, host: &str) -> bool {
        let rack = self.rack_of(host);
        let fits = |locality: &Locality| locality.distance(host, rack.as_deref()).unwrap_or(u8::MAX);
        let best = self.wishes.keys().min_by_key(|locality| fits(locality)).cloned();
        let Some(best) = best else { return false };
        if let Some(count) = self.wishes.get_mut(&best) {
            *count -= 1;
            if *count == 0 {
                self.wishes.remove(&best);
            }
        }
        true
    }

    /// Rows whose count differs from what the ResourceManager knows: place, count, relax.
    fn changes(&self) -> Vec<(Place, u32, bool)> {
        let rows = self.rows();
        let change = |(place, known): (&Place, &Option<u32>)| {
            let (count, relax) = rows.get(place).copied().unwrap_or((0, true));
            (*known != Some(count)).then(|| (place.clone(), count, relax))
        };
        self.known.iter().filter_map(change).collect()
    }
}

impl Shape {
    /// What takes an ask back. The ResourceManager looks at the size and the label of each row, whatever its count: an ask
    /// that has become too large could not be taken back with its own.
    fn for_nothing(&self) -> Self {
        Self {
            capability: Resource::new(1, 1),
            node_label: None,
            execution: self.execution,
        }
    }

    fn request(&self, key: AskKey, place: &str, count: u32, relax: bool) -> ResourceRequestProto {
        ResourceRequestProto {
            priority: Some(key.priority.into()),
            resource_name: Some(place.to_owned()),
            capability: Some((&self.capability).into()),
            num_containers: Some(i32::try_from(count).unwrap_or(i32::MAX)),
            relax_locality: Some(relax),
            // A label anywhere else than on `*` is refused.
            node_label_expression: self.node_label.clone().filter(|_| place == ANYWHERE),
            execution_type_request: Some(self.execution.into()),
            allocation_request_id: Some(key.allocation_request_id),
        }
    }
}

#[cfg(test)]
#[path = "asks_tests.rs"]
mod tests;
