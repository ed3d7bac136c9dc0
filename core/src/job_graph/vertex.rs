//! A vertex: a chain of operators that run in one thread, in as many subtasks as its parallelism says.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::operator::OperatorSpec;
use super::resources::ResourceSpec;
use crate::id::VertexId;

/// Flink's upper bound of key groups, and so of `max_parallelism`.
pub const UPPER_BOUND_MAX_PARALLELISM: u32 = 1 << 15;

/// The slot-sharing group of vertices that name none.
pub const DEFAULT_SLOT_SHARING_GROUP: &str = "default";

/// A vertex of the graph.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Vertex {
    /// Unique in the graph; edges name it.
    pub id: VertexId,
    /// What users see; the names of the chained operators where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The number of subtasks, at least 1. Where a file leaves it out, it is the parallelism of the submission (`-p`).
    #[serde(default = "one")]
    pub parallelism: u32,
    /// The most subtasks that the vertex can ever be rescaled to: its number of key groups.
    #[serde(default = "default_max_parallelism")]
    pub max_parallelism: u32,
    /// Subtasks of vertices in one group share slots; of different groups they never do.
    #[serde(default = "default_group")]
    pub slot_sharing_group: String,
    /// Equal subtasks of vertices in one co-location group run in one slot. They must be in one slot-sharing group too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub co_location_group: Option<String>,
    /// What a subtask needs of its slot. Stated for all vertices or for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourceSpec>,
    /// The operators, in the order in which records pass them: a source or an operator first, at most one sink, last.
    pub chain: Vec<OperatorSpec>,
}

impl Vertex {
    /// What users see: the given name, or the operators' names joined as Flink does.
    pub fn display_name(&self) -> String {
        match &self.name {
            Some(name) => name.clone(),
            None => self
                .chain
                .iter()
                .map(|spec| spec.display_name())
                .collect::<Vec<_>>()
                .join(" -> "),
        }
    }

    /// Whether records enter the graph here.
    pub fn is_source(&self) -> bool {
        self.chain.first().is_some_and(|spec| spec.operator.is_source())
    }

    /// Whether records leave the graph here.
    pub fn is_sink(&self) -> bool {
        self.chain.last().is_some_and(|spec| spec.operator.is_sink())
    }
}

const fn one() -> u32 {
    1
}

/// Flink's smallest default; the real default grows with the parallelism, see [`default_max_parallelism_of`].
const fn default_max_parallelism() -> u32 {
    128
}

fn default_group() -> String {
    DEFAULT_SLOT_SHARING_GROUP.to_owned()
}

/// Flink's default for a parallelism: one and a half times it, rounded up to a power of two, from 128 to 32768.
pub fn default_max_parallelism_of(parallelism: u32) -> u32 {
    let wished = parallelism
        .saturating_add(parallelism / 2)
        .min(UPPER_BOUND_MAX_PARALLELISM);
    wished
        .next_power_of_two()
        .clamp(default_max_parallelism(), UPPER_BOUND_MAX_PARALLELISM)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_max_parallelism_is_flinks() {
        for (parallelism, expected) in [(1, 128), (85, 128), (86, 256), (4_000, 8_192), (40_000, 32_768)] {
            assert_eq!(
                default_max_parallelism_of(parallelism),
                expected,
                "parallelism {parallelism}"
            );
        }
    }
}
