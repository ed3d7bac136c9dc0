//! What can be checked of a graph without planning its expressions.

use std::collections::BTreeSet;

use thiserror::Error;

use super::artifact::check_artifacts;
use super::checkpointing::check_checkpointing;
use super::edge::{Exchange, Partitioner};
use super::requirements::{RequirementsError, check_requirements};
use super::resources::check_resources;
use super::topology::topological_order;
use super::vertex::UPPER_BOUND_MAX_PARALLELISM;
use super::{JobGraph, Vertex};
use crate::config::options::execution::RUNTIME_MODE;
use crate::id::{OperatorId, VertexId};
use crate::nearest::nearest;

/// Why a graph cannot run.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum GraphError {
    /// Nothing to run.
    #[error("the job '{name}' has no vertices")]
    Empty {
        /// The job.
        name: String,
    },
    /// Two vertices with one id.
    #[error("two vertices have the id '{id}': vertex ids must be unique")]
    DuplicateVertex {
        /// The id.
        id: VertexId,
    },
    /// Two operators with one id.
    #[error(
        "two operators have the id '{id}' (the second in vertex '{vertex}'): operator ids must be unique in the job"
    )]
    DuplicateOperator {
        /// The id.
        id: OperatorId,
        /// Where it stands again.
        vertex: VertexId,
    },
    /// A parallelism out of bounds.
    #[error("vertex '{vertex}': parallelism {parallelism} is not between 1 and its max_parallelism {max_parallelism}")]
    Parallelism {
        /// The vertex.
        vertex: VertexId,
        /// As stated.
        parallelism: u32,
        /// As stated or derived.
        max_parallelism: u32,
    },
    /// A maximum parallelism out of bounds.
    #[error("vertex '{vertex}': max_parallelism {max_parallelism} is not between 1 and {UPPER_BOUND_MAX_PARALLELISM}")]
    MaxParallelism {
        /// The vertex.
        vertex: VertexId,
        /// As stated.
        max_parallelism: u32,
    },
    /// An edge to nowhere.
    #[error("the edge from '{from}' to '{to}' names the vertex '{missing}', which does not exist{hint}", from = .source_vertex)]
    MissingVertex {
        /// The edge's source.
        source_vertex: VertexId,
        /// The edge's target.
        to: VertexId,
        /// The one that is missing.
        missing: VertexId,
        /// ` (did you mean '…'?)` or nothing.
        hint: String,
    },
    /// A cycle.
    #[error("the edges form a cycle: {path}; a job must be acyclic")]
    Cycle {
        /// The vertices of the cycle, joined.
        path: String,
    },
    /// A chain without operators.
    #[error("vertex '{vertex}' has an empty chain")]
    EmptyChain {
        /// The vertex.
        vertex: VertexId,
    },
    /// An operator where it cannot stand.
    #[error("vertex '{vertex}': operator '{operator}' ({kind}) {rule}")]
    Misplaced {
        /// The vertex.
        vertex: VertexId,
        /// The operator.
        operator: OperatorId,
        /// Its kind.
        kind: &'static str,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// A vertex without input or output.
    #[error("vertex '{vertex}' {rule}")]
    Unconnected {
        /// The vertex.
        vertex: VertexId,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// Forward between different parallelisms.
    #[error(
        "the edge from '{from}' to '{to}' is forward, but the parallelisms differ ({from_parallelism} and \
         {to_parallelism}): make them equal or use rebalance"
    )]
    Forward {
        /// The edge's source.
        from: VertexId,
        /// The edge's target.
        to: VertexId,
        /// The source's parallelism.
        from_parallelism: u32,
        /// The target's parallelism.
        to_parallelism: u32,
    },
    /// Hash without keys.
    #[error("the edge from '{from}' to '{to}' is partitioned by hash, but names no keys")]
    NoKeys {
        /// The edge's source.
        from: VertexId,
        /// The edge's target.
        to: VertexId,
    },
    /// An exchange that is not offered.
    #[error("the edge from '{from}' to '{to}' asks for a blocking exchange, which is not offered yet: use pipelined")]
    Blocking {
        /// The edge's source.
        from: VertexId,
        /// The edge's target.
        to: VertexId,
    },
    /// Resources that are stated in part, or for nothing.
    #[error("{of}: {problem}")]
    Resources {
        /// The vertex or slot-sharing group.
        of: String,
        /// What is wrong.
        problem: String,
    },
    /// A setting that a job cannot have.
    #[error(
        "the job's configuration has '{key}', which is no setting of a job; it may have restart-strategy.* and \
         execution.runtime-mode"
    )]
    Setting {
        /// The key.
        key: String,
    },
    /// A way to run that there is not, or that the job's sources do not allow.
    #[error(
        "the job's configuration has execution.runtime-mode '{mode}'{problem}; write STREAMING, or AUTOMATIC to run as its sources end"
    )]
    RuntimeMode {
        /// As stated.
        mode: String,
        /// More, where the value alone is not wrong.
        problem: &'static str,
    },
    /// Requirements that the job cannot have.
    #[error("resource_requirements: {0}")]
    Requirements(#[from] RequirementsError),
    /// A setting of checkpoints that cannot be used.
    #[error("checkpointing.{setting} {problem}")]
    Checkpointing {
        /// The setting.
        setting: &'static str,
        /// Its value, what is wrong and the remedy.
        problem: String,
    },
    /// Checkpoints that would not be taken.
    #[error(
        "checkpointing.interval is {interval}, and no checkpoints are taken yet: after a failure the job would start over \
         instead of going on from its last checkpoint; leave it out to run the job without checkpoints"
    )]
    CheckpointInterval {
        /// As stated.
        interval: String,
    },
    /// An artifact that cannot be brought along.
    #[error("the artifact '{name}' {problem}")]
    Artifact {
        /// Its name.
        name: String,
        /// What is wrong and the remedy.
        problem: String,
    },
    /// An operator that uses artifacts in a wrong way.
    #[error("operator '{operator}': {problem}")]
    ArtifactUse {
        /// The operator.
        operator: OperatorId,
        /// What is wrong and the remedy.
        problem: String,
    },
    /// Co-located vertices that do not share slots.
    #[error(
        "the vertices '{first}' and '{second}' are in the co-location group '{group}', but in different slot-sharing \
         groups: put them into one"
    )]
    CoLocation {
        /// The co-location group.
        group: String,
        /// A vertex of it.
        first: VertexId,
        /// Another one.
        second: VertexId,
    },
}

/// Checks ids, parallelisms, chains, edges and that there is no cycle. Finds the first fault, in file order.
pub fn validate(graph: &JobGraph) -> Result<(), GraphError> {
    if graph.vertices.is_empty() {
        return Err(GraphError::Empty {
            name: graph.name.clone(),
        });
    }
    check_ids(graph)?;
    graph.vertices.iter().try_for_each(check_parallelism)?;
    graph.vertices.iter().try_for_each(check_chain)?;
    check_edges(graph)?;
    check_resources(graph)?;
    check_requirements(graph)?;
    check_configuration(graph)?;
    check_checkpointing(graph)?;
    check_artifacts(graph)?;
    topological_order(graph).map_err(|cycle| GraphError::Cycle {
        path: cycle_path(&cycle),
    })?;
    graph
        .vertices
        .iter()
        .try_for_each(|vertex| check_connected(graph, vertex))
}

fn check_ids(graph: &JobGraph) -> Result<(), GraphError> {
    let mut vertices = BTreeSet::new();
    let mut operators = BTreeSet::new();
    for vertex in &graph.vertices {
        if !vertices.insert(&vertex.id) {
            return Err(GraphError::DuplicateVertex { id: vertex.id.clone() });
        }
        for spec in &vertex.chain {
            if !operators.insert(&spec.id) {
                return Err(GraphError::DuplicateOperator {
                    id: spec.id.clone(),
                    vertex: vertex.id.clone(),
                });
            }
        }
    }
    Ok(())
}

fn check_parallelism(vertex: &Vertex) -> Result<(), GraphError> {
    let (parallelism, max_parallelism) = (vertex.parallelism, vertex.max_parallelism);
    if max_parallelism == 0 || max_parallelism > UPPER_BOUND_MAX_PARALLELISM {
        return Err(GraphError::MaxParallelism {
            vertex: vertex.id.clone(),
            max_parallelism,
        });
    }
    if parallelism == 0 || parallelism > max_parallelism {
        return Err(GraphError::Parallelism {
            vertex: vertex.id.clone(),
            parallelism,
            max_parallelism,
        });
    }
    Ok(())
}

fn check_chain(vertex: &Vertex) -> Result<(), GraphError> {
    if vertex.chain.is_empty() {
        return Err(GraphError::EmptyChain {
            vertex: vertex.id.clone(),
        });
    }
    let last = vertex.chain.len() - 1;
    for (position, spec) in vertex.chain.iter().enumerate() {
        let rule = if spec.operator.is_source() && position != 0 {
            "is a source and must be the first of its chain"
        } else if spec.operator.is_sink() && position != last {
            "is a sink and must be the last of its chain"
        } else {
            continue;
        };
        return Err(GraphError::Misplaced {
            vertex: vertex.id.clone(),
            operator: spec.id.clone(),
            kind: spec.operator.kind(),
            rule,
        });
    }
    Ok(())
}

fn check_edges(graph: &JobGraph) -> Result<(), GraphError> {
    for edge in &graph.edges {
        let find = |id: &VertexId| {
            graph.vertex(id).ok_or_else(|| GraphError::MissingVertex {
                source_vertex: edge.source.clone(),
                to: edge.target.clone(),
                missing: id.clone(),
                hint: nearest(id.as_str(), graph.vertices.iter().map(|vertex| vertex.id.as_str()))
                    .map_or_else(String::new, |near| format!(" (did you mean '{near}'?)")),
            })
        };
        let (source, target) = (find(&edge.source)?, find(&edge.target)?);
        let (from, to) = (source.id.clone(), target.id.clone());
        match &edge.partitioner {
            Partitioner::Forward if source.parallelism != target.parallelism => {
                let (from_parallelism, to_parallelism) = (source.parallelism, target.parallelism);
                return Err(GraphError::Forward {
                    from,
                    to,
                    from_parallelism,
                    to_parallelism,
                });
            }
            Partitioner::Hash { keys } if keys.is_empty() => return Err(GraphError::NoKeys { from, to }),
            _ if edge.exchange == Exchange::Blocking => return Err(GraphError::Blocking { from, to }),
            _ => {}
        }
    }
    Ok(())
}

fn check_configuration(graph: &JobGraph) -> Result<(), GraphError> {
    let is_known =
        |key: &String| key == RUNTIME_MODE.key() || key == "restart-strategy" || key.starts_with("restart-strategy.");
    match graph.configuration.keys().find(|key| !is_known(key)) {
        Some(key) => Err(GraphError::Setting { key: key.clone() }),
        None => check_runtime_mode(graph),
    }
}

fn check_runtime_mode(graph: &JobGraph) -> Result<(), GraphError> {
    let Some(mode) = graph.configuration.get(RUNTIME_MODE.key()) else {
        return Ok(());
    };
    let problem = match mode.trim().to_ascii_uppercase().as_str() {
        "STREAMING" | "AUTOMATIC" => return Ok(()),
        "BATCH" if !graph.has_unbounded_source() => return Ok(()),
        "BATCH" => ", and a source of it does not end",
        _ => ", which is none",
    };
    let mode = mode.clone();
    Err(GraphError::RuntimeMode { mode, problem })
}

fn check_connected(graph: &JobGraph, vertex: &Vertex) -> Result<(), GraphError> {
    let has_inputs = graph.inputs(&vertex.id).next().is_some();
    let has_outputs = graph.outputs(&vertex.id).next().is_some();
    let rule = match (vertex.is_source(), has_inputs, vertex.is_sink(), has_outputs) {
        (true, true, _, _) => "starts with a source and cannot have an input edge",
        (false, false, _, _) => "has no source and no input edge: records cannot reach it",
        (_, _, true, true) => "ends with a sink and cannot have an output edge",
        (_, _, false, false) => "has no sink and no output edge: its records would go nowhere",
        _ => return Ok(()),
    };
    Err(GraphError::Unconnected {
        vertex: vertex.id.clone(),
        rule,
    })
}

fn cycle_path(cycle: &[VertexId]) -> String {
    let closed = cycle.iter().chain(cycle.first());
    closed.map(VertexId::as_str).collect::<Vec<_>>().join(" -> ")
}

#[cfg(test)]
#[path = "validate_tests.rs"]
mod tests;
