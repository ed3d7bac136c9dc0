//! One wish for containers, and what makes it impossible.

use std::{collections::BTreeSet, fmt};

use yarn_common::resource::{Priority, Resource};

use crate::{
    proto::yarn::ExecutionTypeRequestProto,
    types::{Container, ExecutionType, ResourceType},
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

    /// The same priority under an allocation request id of its own.
    #[must_use]
    pub const fn with_id(self, allocation_request_id: i64) -> Self {
        Self {
            allocation_request_id,
            ..self
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
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
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

/// The row of one place. `*` is everywhere.
pub(super) type Place = String;
pub(super) const ANYWHERE: &str = "*";

impl Locality {
    /// The places to ask at, each with its relax-locality flag. `*` is always among them: without it nothing is
    /// allocated at all.
    pub(super) fn places(&self) -> Vec<(Place, bool)> {
        match self {
            Self::Anywhere => vec![(ANYWHERE.to_owned(), true)],
            Self::Nodes { nodes, relax } => {
                let mut places = vec![(ANYWHERE.to_owned(), *relax)];
                for (host, rack) in nodes {
                    places.push((rack.clone(), *relax));
                    places.push((host.clone(), true));
                }
                places.sort();
                places.dedup();
                places
            }
            Self::Racks { racks, relax } => {
                let mut places = vec![(ANYWHERE.to_owned(), *relax)];
                places.extend(racks.iter().map(|rack| (rack.clone(), true)));
                places.sort();
                places.dedup();
                places
            }
        }
    }

    /// How well a host fits; the lower the better. `None` where it does not fit at all.
    pub(super) fn distance(&self, host: &str, rack: Option<&str>) -> Option<u8> {
        let (names_host, names_rack, relax) = match self {
            Self::Anywhere => return Some(2),
            Self::Nodes { nodes, relax } => (
                nodes.iter().any(|(name, _)| name == host),
                nodes.iter().any(|(_, name)| Some(name.as_str()) == rack),
                *relax,
            ),
            Self::Racks { racks, relax } => (false, racks.iter().any(|name| Some(name.as_str()) == rack), *relax),
        };
        let strict = matches!(self, Self::Nodes { relax: false, .. });
        match (names_host, names_rack && !strict, relax) {
            (true, ..) => Some(0),
            (_, true, _) => Some(1),
            (.., true) => Some(3),
            _ => None,
        }
    }

    /// The rack of a host, where this locality names it.
    pub(super) fn rack_of(&self, host: &str) -> Option<&str> {
        match self {
            Self::Nodes { nodes, .. } => nodes
                .iter()
                .find(|(name, _)| name == host)
                .map(|(_, rack)| rack.as_str()),
            _ => None,
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Anywhere => false,
            Self::Nodes { nodes, .. } => nodes.is_empty(),
            Self::Racks { racks, .. } => racks.is_empty(),
        }
    }
}

/// Whether containers need guaranteed resources.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Execution {
    /// The kind of container.
    pub kind: ExecutionType,
    /// Whether the scheduler must give this kind and no other.
    pub enforce: bool,
}

impl Execution {
    /// Containers that run in what others leave, and only such.
    pub const OPPORTUNISTIC: Self = Self {
        kind: ExecutionType::Opportunistic,
        enforce: true,
    };
}

impl From<Execution> for ExecutionTypeRequestProto {
    fn from(execution: Execution) -> Self {
        let kind: crate::proto::yarn::ExecutionTypeProto = execution.kind.into();
        Self {
            execution_type: Some(kind.into()),
            enforce_execution_type: Some(execution.enforce),
        }
    }
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
    /// Where they should run. Wishes for different places may share a key.
    pub locality: Locality,
    /// The node label, one name; `None` for the application's default.
    pub node_label: Option<String>,
    /// Whether they need guaranteed resources.
    pub execution: Execution,
}

impl ContainerAsk {
    /// An ask for guaranteed containers without wishes about the place.
    pub fn new(key: AskKey, capability: Resource, count: u32) -> Self {
        Self {
            key,
            capability,
            count,
            locality: Locality::Anywhere,
            node_label: None,
            execution: Execution::default(),
        }
    }

    /// The same at another place.
    #[must_use]
    pub fn at(mut self, locality: Locality) -> Self {
        self.locality = locality;
        self
    }

    /// The same on nodes of a label.
    #[must_use]
    pub fn labelled(mut self, label: impl Into<String>) -> Self {
        self.node_label = Some(label.into());
        self
    }

    /// The same with another kind of resources.
    #[must_use]
    pub fn executed(mut self, execution: Execution) -> Self {
        self.execution = execution;
        self
    }
}

/// What the cluster allows, as the registration told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) maximum: Option<Resource>,
    /// Resource types besides memory and cores; nothing where the server did not tell.
    pub(super) types: Option<BTreeSet<String>>,
}

impl Limits {
    pub(super) fn new(maximum: Option<Resource>, types: &[ResourceType]) -> Self {
        let names: BTreeSet<String> = types.iter().map(|kind| kind.name.clone()).collect();
        Self {
            maximum,
            types: (!names.is_empty()).then_some(names),
        }
    }

    /// What either allows.
    pub(super) fn widened(&self, other: &Self) -> Self {
        let maximum = self.maximum.as_ref().zip(other.maximum.as_ref());
        let types = self.types.as_ref().zip(other.types.as_ref());
        Self {
            maximum: maximum.map(|(one, another)| one.at_least(another)),
            types: types.map(|(one, another)| one | another),
        }
    }

    /// Checks what one container should have.
    pub(super) fn check(&self, key: AskKey, wanted: &Resource, count: u32) -> Result<(), AskError> {
        check_resource(key, wanted)?;
        if i32::try_from(count).is_err() {
            return Err(AskError::TooMany { key, count });
        }
        if let Some(known) = &self.types
            && let Some(name) = wanted.extra.keys().find(|name| !known.contains(*name))
        {
            return Err(AskError::UnknownResource {
                key,
                name: name.clone(),
                known: known.iter().cloned().collect::<Vec<_>>().join(", "),
            });
        }
        match &self.maximum {
            Some(maximum) if count > 0 && !wanted.fits_in(maximum) => Err(AskError::TooLarge {
                key,
                wanted: wanted.clone(),
                maximum: maximum.clone(),
            }),
            _ => Ok(()),
        }
    }
}

/// Amounts are signed numbers on the wire: one that does not fit would arrive as a negative one.
fn check_resource(key: AskKey, wanted: &Resource) -> Result<(), AskError> {
    let impossible = |name: &str, amount: u64| AskError::Amount {
        key,
        name: name.to_owned(),
        amount,
    };
    if wanted.memory_mb == 0 || i64::try_from(wanted.memory_mb).is_err() {
        return Err(impossible("memory-mb", wanted.memory_mb));
    }
    if i32::try_from(wanted.vcores).is_err() {
        return Err(impossible("vcores", wanted.vcores.into()));
    }
    let mut others = wanted.extra.iter();
    match others.find(|(name, amount)| name.trim().is_empty() || i64::try_from(**amount).is_err()) {
        Some((name, amount)) => Err(impossible(name, *amount)),
        None => Ok(()),
    }
}

/// Checks the place and the label of a wish.
pub(super) fn check_place(ask: &ContainerAsk) -> Result<(), AskError> {
    if ask.locality.is_empty() {
        return Err(AskError::NoPlace { key: ask.key });
    }
    let names = ask.locality.places();
    if let Some((place, _)) = names.iter().find(|(place, _)| place.trim().is_empty()) {
        return Err(AskError::Place {
            key: ask.key,
            place: place.clone(),
        });
    }
    match &ask.node_label {
        Some(label) if label.trim().is_empty() || label.contains("&&") => Err(AskError::Label {
            key: ask.key,
            label: label.clone(),
        }),
        _ => Ok(()),
    }
}

/// Why an ask cannot be put into the table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// The ResourceManager keeps one shape per key.
    #[error(
        "{key} already asks for {outstanding} containers of {present}; containers of {wanted} need a priority or an \
         allocation request id of their own"
    )]
    ShapeTaken {
        /// The key.
        key: AskKey,
        /// Containers still outstanding.
        outstanding: u32,
        /// Their size, label and kind.
        present: String,
        /// The size, label and kind asked for now.
        wanted: String,
    },
    /// Ordinary asks and asks with placement constraints cannot share a key.
    #[error(
        "the allocation request id of {key} is in use by an ask {other} placement constraints; give this one an \
         allocation request id of its own"
    )]
    KeyTaken {
        /// The key.
        key: AskKey,
        /// `with` or `without`.
        other: &'static str,
    },
    /// An amount is zero where something is needed, or does not fit the protocol's signed numbers.
    #[error(
        "{key} asks for {amount} of {name:?}, which no container can have; give an amount from 1 to the cluster's maximum"
    )]
    Amount {
        /// The key.
        key: AskKey,
        /// The resource type.
        name: String,
        /// The amount.
        amount: u64,
    },
    /// More containers than the protocol can count.
    #[error(
        "{key} asks for {count} containers; at most {} can be outstanding under one key",
        i32::MAX
    )]
    TooMany {
        /// The key.
        key: AskKey,
        /// The number.
        count: u32,
    },
    /// The cluster does not know the resource type; the server would silently leave it out.
    #[error("{key} asks for the resource type {name:?}, which the cluster does not know; it knows {known}")]
    UnknownResource {
        /// The key.
        key: AskKey,
        /// The name.
        name: String,
        /// The cluster's types.
        known: String,
    },
    /// No container of the queue can be so large.
    #[error(
        "{key} asks for containers of {wanted}, and the largest that the queue gives is {maximum}; ask for less, or raise yarn.scheduler.maximum-allocation-mb and -vcores"
    )]
    TooLarge {
        /// The key.
        key: AskKey,
        /// The size.
        wanted: Resource,
        /// The limit.
        maximum: Resource,
    },
    /// A list of nodes or racks without an entry.
    #[error("{key} names no node and no rack; name one, or ask for containers anywhere")]
    NoPlace {
        /// The key.
        key: AskKey,
    },
    /// A host or rack without a name.
    #[error("{key} names the place {place:?}, which is no host and no rack")]
    Place {
        /// The key.
        key: AskKey,
        /// The name.
        place: String,
    },
    /// A label must be one name.
    #[error("{key} names the node label {label:?}; a label is one name without &&")]
    Label {
        /// The key.
        key: AskKey,
        /// The label.
        label: String,
    },
    /// One place cannot be both strict and relaxed for one key.
    #[error("{key} asks at {place} with and without relaxed locality; the strict wish needs a key of its own")]
    MixedRelax {
        /// The key.
        key: AskKey,
        /// The place.
        place: String,
    },
    /// An update was asked for that cannot be.
    #[error("the update of container {container} cannot be asked for: {reason}")]
    Update {
        /// The container.
        container: yarn_common::id::ContainerId,
        /// What is wrong.
        reason: String,
    },
    /// A placement constraint that no server could read.
    #[error("the placement constraint cannot be used: {0}")]
    Constraint(String),
}
