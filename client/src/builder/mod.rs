//! Building a [`JobGraph`] in Rust: single operators, connected with partitioners, chained where that is possible.
//!
//! ```
//! use selvedge::builder::{JobGraphBuilder, Node};
//! use selvedge_core::Configuration;
//! use selvedge_core::job_graph::Partitioner;
//! use selvedge_core::job_graph::operator::{BlackholeSink, Filter, GeneratorSource, Operator};
//!
//! let mut job = JobGraphBuilder::new("sample");
//! let numbers = GeneratorSource { fields: vec![], rows: Some(100), rows_per_second: None, seed: 1 };
//! let source = job.add(Node::new("numbers", Operator::GeneratorSource(numbers)));
//! let keep = job.add(Node::new("keep", Operator::Filter(Filter { predicate: "true".to_owned() })));
//! let drop = job.add(Node::new("drop", Operator::BlackholeSink(BlackholeSink { bytes_per_second: None })));
//! job.connect(source, keep, Partitioner::Forward);
//! job.connect(keep, drop, Partitioner::Rebalance);
//! let built = job.build(&Configuration::new())?;
//! assert_eq!(built.graph.vertices[0].display_name(), "numbers -> keep");
//! assert_eq!(built.breaks[0].reasons[0].to_string(), "its input is partitioned by REBALANCE, not FORWARD");
//! # Ok::<(), selvedge::builder::BuildError>(())
//! ```

mod chain;
mod explain;

use selvedge_core::config::ConfigError;
use selvedge_core::config::options::cluster;
use selvedge_core::job_graph::validate::{GraphError, validate};
use selvedge_core::job_graph::vertex::{DEFAULT_SLOT_SHARING_GROUP, default_max_parallelism_of};
use selvedge_core::job_graph::{
    Artifact, CheckpointSettings, Edge, Exchange, Operator, OperatorSpec, Partitioner, SchemaSpec, Vertex,
};
use selvedge_core::{Configuration, JobGraph, OperatorId, VertexId};
use thiserror::Error;

pub use chain::ChainBreak;
pub use explain::explain;

use chain::Link;

/// An operator that is to be part of a job.
#[derive(Debug, Clone)]
pub struct Node {
    spec: OperatorSpec,
    parallelism: Option<u32>,
    max_parallelism: Option<u32>,
    slot_sharing_group: String,
    chaining: bool,
}

impl Node {
    /// An operator with an id that is unique in the job.
    pub fn new(id: impl Into<OperatorId>, operator: Operator) -> Self {
        Self {
            spec: OperatorSpec {
                id: id.into(),
                name: None,
                operator,
            },
            parallelism: None,
            max_parallelism: None,
            slot_sharing_group: DEFAULT_SLOT_SHARING_GROUP.to_owned(),
            chaining: true,
        }
    }

    /// What users see; the id by default.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.spec.name = Some(name.into());
        self
    }

    /// The number of subtasks; `parallelism.default` by default.
    #[must_use]
    pub const fn parallelism(mut self, parallelism: u32) -> Self {
        self.parallelism = Some(parallelism);
        self
    }

    /// The number of key groups; grows with the parallelism by default.
    #[must_use]
    pub const fn max_parallelism(mut self, max_parallelism: u32) -> Self {
        self.max_parallelism = Some(max_parallelism);
        self
    }

    /// The slot-sharing group; `default` by default.
    #[must_use]
    pub fn slot_sharing_group(mut self, group: impl Into<String>) -> Self {
        self.slot_sharing_group = group.into();
        self
    }

    /// Keeps the operator out of chains, on both sides.
    #[must_use]
    pub const fn disable_chaining(mut self) -> Self {
        self.chaining = false;
        self
    }
}

/// A node of one builder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeRef(usize);

/// A job that is being put together.
#[derive(Debug, Clone)]
pub struct JobGraphBuilder {
    name: String,
    nodes: Vec<Node>,
    links: Vec<(usize, usize, Partitioner)>,
    checkpointing: Option<CheckpointSettings>,
    artifacts: Vec<Artifact>,
}

/// A graph, and why its chains end where they do.
#[derive(Debug, Clone, PartialEq)]
pub struct BuiltJob {
    /// The graph, checked by [`validate`].
    pub graph: JobGraph,
    /// For each edge of the graph, in its order, why the operators on its sides are not chained.
    pub breaks: Vec<EdgeBreak>,
}

/// Why the two sides of an edge are not one chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EdgeBreak {
    /// The operator that produces.
    pub source: OperatorId,
    /// The operator that consumes.
    pub target: OperatorId,
    /// All reasons, at least one.
    pub reasons: Vec<ChainBreak>,
}

/// A job that cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A setting cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The graph is not sound.
    #[error(transparent)]
    Graph(#[from] GraphError),
}

impl JobGraphBuilder {
    /// An empty job.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            nodes: Vec::new(),
            links: Vec::new(),
            checkpointing: None,
            artifacts: Vec::new(),
        }
    }

    /// Adds an operator.
    pub fn add(&mut self, node: Node) -> NodeRef {
        self.nodes.push(node);
        NodeRef(self.nodes.len() - 1)
    }

    /// Leads the records of `source` to `target`. Several inputs of one operator are its union.
    ///
    /// # Panics
    /// Where a node is of another builder with more operators.
    pub fn connect(&mut self, source: NodeRef, target: NodeRef, partitioner: Partitioner) {
        assert!(
            source.0 < self.nodes.len() && target.0 < self.nodes.len(),
            "the node belongs to another builder"
        );
        self.links.push((source.0, target.0, partitioner));
    }

    /// Brings a file along: operators read it as `artifact:NAME`.
    pub fn bring(&mut self, name: impl Into<String>, path: impl Into<String>) {
        self.artifacts.push(Artifact {
            name: name.into(),
            path: path.into(),
            sha256: None,
            size: None,
        });
    }

    /// Says what the job's checkpoints are to be like; Flink's defaults by default. No checkpoints are taken yet: with an
    /// interval, [`Self::build`] fails.
    pub fn checkpointing(&mut self, settings: CheckpointSettings) {
        self.checkpointing = Some(settings);
    }

    /// The graph: every forward connection that may be chained is, the others become edges.
    ///
    /// # Errors
    /// [`BuildError`]: `parallelism.default` or `pipeline.operator-chaining.enabled` cannot be read, or the graph is not
    /// sound.
    pub fn build(self, configuration: &Configuration) -> Result<BuiltJob, BuildError> {
        let default_parallelism = configuration.get(&cluster::PARALLELISM)?;
        let chaining = configuration.get(&cluster::OPERATOR_CHAINING)?;
        let sizes: Vec<_> = self.nodes.iter().map(|node| sizes(node, default_parallelism)).collect();
        let reasons: Vec<Vec<ChainBreak>> = (0..self.links.len())
            .map(|index| self.link(index, &sizes, chaining).breaks())
            .collect();
        let built = self.assemble(&sizes, reasons);
        validate(&built.graph)?;
        Ok(built)
    }

    fn link<'a>(&'a self, index: usize, sizes: &[(u32, u32)], enabled: bool) -> Link<'a> {
        let (source, target, partitioner) = &self.links[index];
        let (left, right) = (&self.nodes[*source], &self.nodes[*target]);
        let disabled = [left, right].into_iter().find(|node| !node.chaining);
        Link {
            partitioner,
            outputs_of_source: self.links.iter().filter(|(from, ..)| from == source).count(),
            inputs_of_target: self.links.iter().filter(|(_, to, _)| to == target).count(),
            parallelism: (sizes[*source].0, sizes[*target].0),
            max_parallelism: (sizes[*source].1, sizes[*target].1),
            slot_sharing_group: (&left.slot_sharing_group, &right.slot_sharing_group),
            disabled: disabled.map(|node| &node.spec.id),
            enabled,
        }
    }

    /// The nodes of each chain, in order. A ring of chained connections has no head and starts anywhere: `validate` must
    /// see it to name the cycle.
    fn chains(&self, reasons: &[Vec<ChainBreak>]) -> Vec<Vec<usize>> {
        let mut next = vec![None; self.nodes.len()];
        let mut has_chained_input = vec![false; self.nodes.len()];
        for ((source, target, _), _) in self.links.iter().zip(reasons).filter(|(_, reasons)| reasons.is_empty()) {
            next[*source] = Some(*target);
            has_chained_input[*target] = true;
        }
        let mut placed = vec![false; self.nodes.len()];
        let mut chains = Vec::new();
        let heads = (0..self.nodes.len()).filter(|node| !has_chained_input[*node]);
        for head in heads.chain(0..self.nodes.len()) {
            let mut chain = Vec::new();
            let mut member = Some(head);
            while let Some(node) = member.filter(|node| !placed[*node]) {
                placed[node] = true;
                chain.push(node);
                member = next[node];
            }
            if !chain.is_empty() {
                chains.push(chain);
            }
        }
        chains
    }

    fn assemble(&self, sizes: &[(u32, u32)], reasons: Vec<Vec<ChainBreak>>) -> BuiltJob {
        let chains = self.chains(&reasons);
        let mut head_of = vec![0; self.nodes.len()];
        for chain in &chains {
            for node in chain {
                head_of[*node] = chain[0];
            }
        }
        let (mut edges, mut breaks) = (Vec::new(), Vec::new());
        for ((source, target, partitioner), reasons) in self.links.iter().zip(reasons) {
            let closes_a_ring = head_of[*source] == *target;
            if reasons.is_empty() && !closes_a_ring {
                continue;
            }
            edges.push(Edge {
                source: vertex_id(&self.nodes[head_of[*source]]),
                target: vertex_id(&self.nodes[head_of[*target]]),
                partitioner: partitioner.clone(),
                exchange: Exchange::Pipelined,
                schema: SchemaSpec::default(),
            });
            breaks.push(EdgeBreak {
                source: self.nodes[*source].spec.id.clone(),
                target: self.nodes[*target].spec.id.clone(),
                reasons,
            });
        }
        let vertices = chains.iter().map(|chain| self.vertex(chain, sizes[chain[0]])).collect();
        let graph = JobGraph {
            version: None,
            name: self.name.clone(),
            vertices,
            edges,
            slot_sharing_groups: std::collections::BTreeMap::new(),
            resource_requirements: std::collections::BTreeMap::new(),
            configuration: std::collections::BTreeMap::new(),
            checkpointing: self.checkpointing.clone(),
            artifacts: self.artifacts.clone(),
        };
        BuiltJob { graph, breaks }
    }

    fn vertex(&self, chain: &[usize], (parallelism, max_parallelism): (u32, u32)) -> Vertex {
        let head = &self.nodes[chain[0]];
        Vertex {
            id: vertex_id(head),
            name: None,
            parallelism,
            max_parallelism,
            slot_sharing_group: head.slot_sharing_group.clone(),
            co_location_group: None,
            resources: None,
            chain: chain.iter().map(|node| self.nodes[*node].spec.clone()).collect(),
        }
    }
}

/// A vertex is known by its first operator.
fn vertex_id(head: &Node) -> VertexId {
    VertexId::from(head.spec.id.as_str())
}

fn sizes(node: &Node, default_parallelism: u32) -> (u32, u32) {
    let parallelism = node.parallelism.unwrap_or(default_parallelism);
    let max_parallelism = node
        .max_parallelism
        .unwrap_or_else(|| default_max_parallelism_of(parallelism));
    (parallelism, max_parallelism)
}

#[cfg(test)]
mod tests;
