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
pub mod requirements;
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
pub use requirements::{JobRequirements, ParallelismBounds, RequirementsError, VertexRequirements};
pub use resources::ResourceSpec;
pub use schema::{DataTypeText, FieldSpec, SchemaSpec};
pub use vertex::Vertex;

use crate::config::Configuration;
use crate::config::options::execution::RUNTIME_MODE;
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
    /// Between which bounds the adaptive scheduler chooses each vertex's parallelism; up to its own where nothing is stated.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub resource_requirements: JobRequirements,
    /// Settings of this job, under the keys of the configuration: `execution.runtime-mode`, and `restart-strategy` with what
    /// belongs to it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub configuration: BTreeMap<String, String>,
    /// Its checkpoints; Flink's defaults where it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpointing: Option<CheckpointSettings>,
    /// Files that it brings along, for paths of the form `artifact:NAME`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<Artifact>,
}

/// Whether the input of a job ends; `execution.runtime-mode` can say that it is taken for one that does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum JobType {
    /// Every source ends, and the job is not to run as if they did not.
    Batch,
    /// At least one source does not end by itself, or the job is to run as if it did not.
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

    /// How the job runs: as `execution.runtime-mode` says, else as its sources end.
    pub fn job_type(&self) -> JobType {
        let mode = self.configuration.get(RUNTIME_MODE.key());
        let is_streaming = mode.is_some_and(|mode| mode.trim().eq_ignore_ascii_case("STREAMING"));
        if is_streaming || self.has_unbounded_source() {
            JobType::Streaming
        } else {
            JobType::Batch
        }
    }

    /// The job in a cluster with these settings: their `execution.runtime-mode` is that of a job without one of its own.
    #[must_use]
    pub fn with_runtime_mode(mut self, configuration: &Configuration) -> Self {
        let key = RUNTIME_MODE.key();
        if let Some(mode) = configuration.text(key) {
            let own = self.configuration.entry(key.to_owned());
            own.or_insert_with(|| mode.to_owned());
        }
        self
    }

    /// Whether at least one source does not end by itself.
    pub fn has_unbounded_source(&self) -> bool {
        let unbounded = |vertex: &Vertex| vertex.chain.iter().any(|spec| spec.operator.is_unbounded_source());
        self.vertices.iter().any(unbounded)
    }
}
