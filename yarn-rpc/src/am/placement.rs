//! Placement constraints: where containers may stand in relation to others and to the attributes of nodes.

use std::{collections::BTreeSet, time::Duration};

use super::ask::AskError;
use crate::proto::yarn::{
    CompositePlacementConstraintProto, NodeAttributeOpCodeProto, PlacementConstraintProto,
    PlacementConstraintTargetProto, SimplePlacementConstraintProto, TimedPlacementConstraintProto,
    composite_placement_constraint_proto::CompositeType, placement_constraint_target_proto::TargetType,
    timed_placement_constraint_proto::DelayUnit,
};

/// What a constraint counts over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Containers of one node.
    Node,
    /// Containers of one rack.
    Rack,
}

impl Scope {
    fn name(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Rack => "rack",
        }
    }
}

/// Whose allocation tags are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TagNamespace {
    /// This application's.
    #[default]
    Own,
    /// Those of all other applications.
    Others,
    /// Those of every application.
    All,
    /// Those of one application.
    Application(yarn_common::id::ApplicationId),
    /// Those of the applications that carry this application tag.
    ApplicationTag(String),
}

impl TagNamespace {
    fn key(&self) -> String {
        match self {
            Self::Own => "self".to_owned(),
            Self::Others => "not-self".to_owned(),
            Self::All => "all".to_owned(),
            Self::Application(id) => format!("app-id/{id}"),
            Self::ApplicationTag(tag) => format!("app-tag/{tag}"),
        }
    }
}

/// Where containers may be placed. Needs `yarn.resourcemanager.placement-constraints.handler` on the cluster: without
/// it the ResourceManager refuses every heartbeat that carries a constraint.
///
/// ```
/// use yarn_rpc::am::{PlacementConstraint, Scope};
///
/// // Never two of a kind on a node, and only where the attribute says ssd.
/// let spread = PlacementConstraint::anti_affinity(Scope::Node, ["hbase"]);
/// let on_ssd = PlacementConstraint::attribute_is("rm.yarn.io/disk", ["ssd"]);
/// PlacementConstraint::And(vec![spread, on_ssd]).validate()?;
/// # Ok::<(), yarn_rpc::am::AskError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlacementConstraint {
    /// How many containers with one of these tags the scope may hold already.
    Tags {
        /// What is counted over.
        scope: Scope,
        /// At least so many.
        min: u32,
        /// At most so many; no limit where `None`.
        max: Option<u32>,
        /// Whose tags.
        namespace: TagNamespace,
        /// The tags.
        tags: BTreeSet<String>,
    },
    /// Nodes by an attribute.
    Attribute {
        /// The full name: `rm.yarn.io/name` or `nm.yarn.io/name`.
        name: String,
        /// The values.
        values: BTreeSet<String>,
        /// True for nodes that have one of the values, false for those that have none of them.
        equal: bool,
    },
    /// All of these.
    And(Vec<PlacementConstraint>),
    /// One of these.
    Or(Vec<PlacementConstraint>),
    /// The first; the next once so much time has passed without a place.
    DelayedOr(Vec<(PlacementConstraint, Duration)>),
}

impl PlacementConstraint {
    /// Only beside a container with one of these tags.
    pub fn affinity<T: Into<String>>(scope: Scope, tags: impl IntoIterator<Item = T>) -> Self {
        Self::cardinality(scope, 1, None, tags)
    }

    /// Never beside a container with one of these tags.
    pub fn anti_affinity<T: Into<String>>(scope: Scope, tags: impl IntoIterator<Item = T>) -> Self {
        Self::cardinality(scope, 0, Some(0), tags)
    }

    /// Beside at least `min` and at most `max` containers with these tags.
    pub fn cardinality<T: Into<String>>(
        scope: Scope,
        min: u32,
        max: Option<u32>,
        tags: impl IntoIterator<Item = T>,
    ) -> Self {
        Self::Tags {
            scope,
            min,
            max,
            namespace: TagNamespace::Own,
            tags: tags.into_iter().map(Into::into).collect(),
        }
    }

    /// Only on nodes whose attribute has one of these values.
    pub fn attribute_is<T: Into<String>>(name: impl Into<String>, values: impl IntoIterator<Item = T>) -> Self {
        Self::Attribute {
            name: name.into(),
            values: values.into_iter().map(Into::into).collect(),
            equal: true,
        }
    }

    /// Checks what the server would refuse.
    ///
    /// # Errors
    /// [`AskError::Constraint`] with the part that is wrong.
    pub fn validate(&self) -> Result<(), AskError> {
        let wrong = |what: String| Err(AskError::Constraint(what));
        match self {
            Self::Tags { tags, .. } if tags.is_empty() => wrong("it names no allocation tag".to_owned()),
            Self::Tags { tags, .. } if tags.iter().any(|tag| tag.trim().is_empty()) => {
                wrong("one of its allocation tags has no name".to_owned())
            }
            Self::Tags {
                min, max: Some(max), ..
            } if min > max => wrong(format!("its least number {min} is above its greatest number {max}")),
            Self::Tags { min, max, .. } if i32::try_from(max.unwrap_or(*min).max(*min)).is_err() => {
                wrong(format!("{min} or {max:?} is more than the protocol can count"))
            }
            Self::Attribute { name, .. } if !name.contains('/') => wrong(format!(
                "the attribute {name:?} has no prefix; write rm.yarn.io/{name} or nm.yarn.io/{name}"
            )),
            Self::Attribute { name, values, .. } if values.is_empty() => {
                wrong(format!("it names no value of the attribute {name}"))
            }
            Self::And(parts) | Self::Or(parts) if parts.is_empty() => {
                wrong("a list of constraints is empty".to_owned())
            }
            Self::DelayedOr(parts) if parts.is_empty() => wrong("a list of constraints is empty".to_owned()),
            Self::And(parts) | Self::Or(parts) => parts.iter().try_for_each(Self::validate),
            Self::DelayedOr(parts) => parts.iter().try_for_each(|(part, _)| part.validate()),
            Self::Tags { .. } | Self::Attribute { .. } => Ok(()),
        }
    }
}

impl From<&PlacementConstraint> for PlacementConstraintProto {
    fn from(constraint: &PlacementConstraint) -> Self {
        let composite = |kind: CompositeType, children, timed| Self {
            simple_constraint: None,
            composite_constraint: Some(CompositePlacementConstraintProto {
                composite_type: kind.into(),
                child_constraints: children,
                timed_child_constraints: timed,
            }),
        };
        let all = |parts: &[PlacementConstraint]| parts.iter().map(Self::from).collect();
        match constraint {
            PlacementConstraint::And(parts) => composite(CompositeType::And, all(parts), Vec::new()),
            PlacementConstraint::Or(parts) => composite(CompositeType::Or, all(parts), Vec::new()),
            PlacementConstraint::DelayedOr(parts) => {
                composite(CompositeType::DelayedOr, Vec::new(), parts.iter().map(timed).collect())
            }
            simple => Self {
                simple_constraint: simple_constraint(simple),
                composite_constraint: None,
            },
        }
    }
}

fn timed((part, delay): &(PlacementConstraint, Duration)) -> TimedPlacementConstraintProto {
    TimedPlacementConstraintProto {
        placement_constraint: part.into(),
        scheduling_delay: i64::try_from(delay.as_millis()).unwrap_or(i64::MAX),
        delay_unit: Some(DelayUnit::Milliseconds.into()),
    }
}

fn count(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn simple_constraint(constraint: &PlacementConstraint) -> Option<SimplePlacementConstraintProto> {
    let target = |kind: TargetType, key: String, values: &BTreeSet<String>| PlacementConstraintTargetProto {
        target_type: kind.into(),
        target_key: Some(key),
        target_values: values.iter().cloned().collect(),
    };
    match constraint {
        PlacementConstraint::Tags {
            scope,
            min,
            max,
            namespace,
            tags,
        } => Some(SimplePlacementConstraintProto {
            scope: scope.name().to_owned(),
            target_expressions: vec![target(TargetType::AllocationTag, namespace.key(), tags)],
            min_cardinality: Some(count(*min)),
            max_cardinality: Some(max.map_or(i32::MAX, count)),
            attribute_op_code: Some(NodeAttributeOpCodeProto::NoOp.into()),
        }),
        PlacementConstraint::Attribute { name, values, equal } => {
            let operation = if *equal {
                NodeAttributeOpCodeProto::Eq
            } else {
                NodeAttributeOpCodeProto::Ne
            };
            Some(SimplePlacementConstraintProto {
                scope: Scope::Node.name().to_owned(),
                target_expressions: vec![target(TargetType::NodeAttribute, name.clone(), values)],
                // As Java's builder sets them; the operation decides.
                min_cardinality: Some(1),
                max_cardinality: Some(i32::MAX),
                attribute_op_code: Some(operation.into()),
            })
        }
        _ => None,
    }
}

#[cfg(test)]
#[path = "placement_tests.rs"]
mod tests;
