//! The JobGraph: what a client builds, a file holds, the wire carries and the JobMaster unfolds.
//!
//! ```text
//! JobGraph ─┬─ Vertex (id, parallelism, slot-sharing group) ── chain of OperatorSpec
//!           ├─ Edge   (source vertex → target vertex, partitioner, exchange, Arrow schema)
//!           └─ settings of restarts and checkpoints, artifacts
//! ```
//!
//! A graph is data only: operators are described, expressions are SQL text. [`file::parse`] reads the file form,
//! [`validate::validate`] checks what can be checked without planning; planning expressions is the worker's part.

pub mod artifact;
pub mod checkpointing;
pub mod edge;
pub mod file;
pub mod operator;
pub mod parameters;
pub mod resources;
pub mod schema;
pub mod shipped;
mod slots;
pub mod topology;
pub mod validate;
pub mod vertex;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use artifact::Artifact;
pub use checkpointing::{CheckpointMode, CheckpointRetention, CheckpointSettings};
pub use edge::{Edge, Exchange, Partitioner};
pub use operator::{Operator, OperatorSpec};
pub use resources::ResourceSpec;
pub use schema::{DataTypeText, FieldSpec, SchemaSpec};
pub use vertex::Vertex;

use crate::id::VertexId;

/// A job as a graph of vertices and edges.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JobGraph {
    /// The version of the file's form, [`file::VERSION`] where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// What users see in lists and pages.
    pub name: String,
    /// The vertices; ids are unique.
    pub vertices: Vec<Vertex>,
    /// The edges between them. Several edges into one vertex are its union, and must have one schema.
    #[serde(default)]
    pub edges: Vec<Edge>,
    /// What each slot of a slot-sharing group must hold, by the group's name; the default slot where nothing is stated.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub slot_sharing_groups: BTreeMap<String, ResourceSpec>,
    /// Settings of this job, under the keys of the configuration: `restart-strategy` and what belongs to it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub configuration: BTreeMap<String, String>,
    /// Its checkpoints; Flink's defaults where it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpointing: Option<CheckpointSettings>,
    /// Files that it brings along, for paths of the form `artifact:NAME`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<Artifact>,
}

/// Whether the input of a job ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum JobType {
    /// Every source ends.
    Batch,
    /// At least one source does not end by itself.
    Streaming,
}

impl JobGraph {
    /// The vertex with this id.
    pub fn vertex(&self, id: &VertexId) -> Option<&Vertex> {
        self.vertices.iter().find(|vertex| vertex.id == *id)
    }

    /// The edges into a vertex, with their positions in `edges`, in file order.
    pub fn inputs<'a>(&'a self, id: &'a VertexId) -> impl Iterator<Item = (usize, &'a Edge)> {
        self.edges
            .iter()
            .enumerate()
            .filter(move |(_, edge)| edge.target == *id)
    }

    /// The edges out of a vertex, with their positions in `edges`, in file order.
    pub fn outputs<'a>(&'a self, id: &'a VertexId) -> impl Iterator<Item = (usize, &'a Edge)> {
        self.edges
            .iter()
            .enumerate()
            .filter(move |(_, edge)| edge.source == *id)
    }

    /// Whether the job ends by itself.
    pub fn job_type(&self) -> JobType {
        let unbounded = |vertex: &Vertex| vertex.chain.iter().any(|spec| spec.operator.is_unbounded_source());
        if self.vertices.iter().any(unbounded) {
            JobType::Streaming
        } else {
            JobType::Batch
        }
    }
}
