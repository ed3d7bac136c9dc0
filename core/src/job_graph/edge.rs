//! An edge: how the records of one vertex reach another.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema::SchemaSpec;
use crate::id::VertexId;

/// An edge of the graph.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Edge {
    /// The vertex that produces.
    pub source: VertexId,
    /// The vertex that consumes.
    pub target: VertexId,
    /// Which subtask of the target gets a record.
    pub partitioner: Partitioner,
    /// When the consumer may start.
    #[serde(default)]
    pub exchange: Exchange,
    /// The Arrow schema of the records. Where a file leaves it out, it is derived from the operators when the job is
    /// checked; where it is given, it must be what the source vertex produces.
    #[serde(default, skip_serializing_if = "SchemaSpec::is_empty")]
    pub schema: SchemaSpec,
}

/// Which subtask of the target gets a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Partitioner {
    /// Subtask i to subtask i: both sides have one parallelism.
    Forward,
    /// By the key group of the named columns: all records of a key reach one subtask.
    Hash {
        /// Columns of the edge's schema, at least one.
        keys: Vec<String>,
    },
    /// Round robin over all subtasks, by batch.
    Rebalance,
    /// Every record to every subtask.
    Broadcast,
}

impl Partitioner {
    /// Flink's name of the ship strategy, as plans and pages print it.
    pub const fn ship_strategy(&self) -> &'static str {
        match self {
            Self::Forward => "FORWARD",
            Self::Hash { .. } => "HASH",
            Self::Rebalance => "REBALANCE",
            Self::Broadcast => "BROADCAST",
        }
    }
}

/// When the consumer may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Exchange {
    /// While the producer runs.
    #[default]
    Pipelined,
    /// When the producer has ended. Not offered yet: a graph that asks for it is refused.
    Blocking,
}

impl Exchange {
    /// The name in plans.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pipelined => "pipelined",
            Self::Blocking => "blocking",
        }
    }
}
