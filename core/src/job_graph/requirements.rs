//! Between which bounds an adaptive scheduler chooses the parallelism of each vertex.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{JobGraph, Partitioner};
use crate::id::VertexId;
use crate::nearest::nearest;

/// What a job may run with, vertex by vertex.
pub type JobRequirements = BTreeMap<VertexId, VertexRequirements>;

/// What a vertex may run with, in the form of Flink's REST API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VertexRequirements {
    /// Its parallelism.
    pub parallelism: ParallelismBounds,
}

/// The least and the most subtasks of a vertex.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ParallelismBounds {
    /// The job does not run with fewer; 1 where it is left out.
    #[serde(default = "one")]
    pub lower_bound: u32,
    /// The job does not ask for more.
    pub upper_bound: u32,
}

const fn one() -> u32 {
    1
}

/// Requirements that a job cannot have.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RequirementsError {
    /// No such vertex.
    #[error("the resource requirements name the vertex '{vertex}', which the job does not have{hint}")]
    UnknownVertex {
        /// As given.
        vertex: String,
        /// ` (did you mean '…'?)` or nothing.
        hint: String,
    },
    /// A bound below one.
    #[error("vertex '{vertex}': the lower bound {lower} is below 1: a vertex has at least one subtask")]
    BelowOne {
        /// The vertex.
        vertex: VertexId,
        /// Its lower bound.
        lower: u32,
    },
    /// Bounds the wrong way round.
    #[error("vertex '{vertex}': the lower bound {lower} is above the upper bound {upper}")]
    Crossed {
        /// The vertex.
        vertex: VertexId,
        /// Its lower bound.
        lower: u32,
        /// Its upper bound.
        upper: u32,
    },
    /// More than the vertex can ever have.
    #[error(
        "vertex '{vertex}': the upper bound {upper} is above its max_parallelism {max_parallelism}, the number of its key \
         groups: submit the job anew with more"
    )]
    AboveMaximum {
        /// The vertex.
        vertex: VertexId,
        /// Its upper bound.
        upper: u32,
        /// What it can have.
        max_parallelism: u32,
    },
    /// A vertex that is left out of a change.
    #[error("the resource requirements leave out the vertex '{vertex}': a change names all vertices of the job")]
    Incomplete {
        /// The vertex.
        vertex: VertexId,
    },
    /// Vertices that must have one parallelism cannot.
    #[error(
        "the vertices '{first}' and '{second}' are joined by forward edges and have one parallelism, but no number is within the \
         bounds of both: make them overlap"
    )]
    Forward {
        /// A vertex.
        first: VertexId,
        /// Another one.
        second: VertexId,
    },
}

impl RequirementsError {
    /// A vertex that the job does not have.
    pub fn unknown(graph: &JobGraph, vertex: &str) -> Self {
        let near = nearest(vertex, graph.vertices.iter().map(|vertex| vertex.id.as_str()));
        Self::UnknownVertex {
            vertex: vertex.to_owned(),
            hint: near.map_or_else(String::new, |near| format!(" (did you mean '{near}'?)")),
        }
    }
}

/// Checks the requirements that a graph states; vertices may be left out.
///
/// # Errors
/// [`RequirementsError`]: the first fault, in the order of the vertices' ids.
pub fn check_requirements(graph: &JobGraph) -> Result<(), RequirementsError> {
    for (id, requirements) in &graph.resource_requirements {
        let vertex = graph
            .vertex(id)
            .ok_or_else(|| RequirementsError::unknown(graph, id.as_str()))?;
        check_bounds(id, requirements.parallelism, vertex.max_parallelism)?;
    }
    for (first, second) in forward_pairs(graph) {
        let (one, other) = (graph.bounds(first), graph.bounds(second));
        if one.lower_bound.max(other.lower_bound) > one.upper_bound.min(other.upper_bound) {
            let (first, second) = (first.clone(), second.clone());
            return Err(RequirementsError::Forward { first, second });
        }
    }
    Ok(())
}

fn check_bounds(vertex: &VertexId, bounds: ParallelismBounds, max_parallelism: u32) -> Result<(), RequirementsError> {
    let (lower, upper) = (bounds.lower_bound, bounds.upper_bound);
    let vertex = vertex.clone();
    if lower == 0 {
        return Err(RequirementsError::BelowOne { vertex, lower });
    }
    if lower > upper {
        return Err(RequirementsError::Crossed { vertex, lower, upper });
    }
    if upper > max_parallelism {
        return Err(RequirementsError::AboveMaximum {
            vertex,
            upper,
            max_parallelism,
        });
    }
    Ok(())
}

/// Every two vertices that are joined by forward edges, directly or through others. Intervals of which each two overlap
/// have a number in common.
fn forward_pairs(graph: &JobGraph) -> Vec<(&VertexId, &VertexId)> {
    let mut pairs = Vec::new();
    for set in graph.forward_sets() {
        for (position, first) in set.iter().enumerate() {
            pairs.extend(set[position + 1..].iter().map(|second| (*first, *second)));
        }
    }
    pairs
}

impl JobGraph {
    /// The bounds of a vertex: stated, else from one subtask to its parallelism.
    pub fn bounds(&self, vertex: &VertexId) -> ParallelismBounds {
        let stated = self.resource_requirements.get(vertex).map(|stated| stated.parallelism);
        stated.unwrap_or(ParallelismBounds {
            lower_bound: 1,
            upper_bound: self.vertex(vertex).map_or(1, |vertex| vertex.parallelism),
        })
    }

    /// The vertices in sets that forward edges join, so that all of a set have one parallelism.
    pub fn forward_sets(&self) -> Vec<Vec<&VertexId>> {
        let mut sets: Vec<Vec<&VertexId>> = self.vertices.iter().map(|vertex| vec![&vertex.id]).collect();
        let forward = self
            .edges
            .iter()
            .filter(|edge| edge.partitioner == Partitioner::Forward);
        for edge in forward {
            let find = |id: &VertexId| sets.iter().position(|set| set.contains(&id));
            if let (Some(one), Some(other)) = (find(&edge.source), find(&edge.target))
                && one != other
            {
                let joined = sets.remove(one.max(other));
                sets[one.min(other)].extend(joined);
            }
        }
        sets
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn graph(requirements: Value) -> JobGraph {
        let document = json!({"name": "j", "vertices": [
            {"id": "in", "parallelism": 4, "chain": [
                {"id": "make", "operator": "generator-source", "fields": [], "rows": 1}]},
            {"id": "mid", "parallelism": 4, "max_parallelism": 8, "chain": [
                {"id": "keep", "operator": "filter", "predicate": "true"}]},
            {"id": "out", "chain": [{"id": "drop", "operator": "blackhole-sink"}]}],
            "edges": [
                {"source": "in", "target": "mid", "partitioner": {"type": "forward"}},
                {"source": "mid", "target": "out", "partitioner": {"type": "rebalance"}}],
            "resource_requirements": requirements});
        serde_json::from_value(document).unwrap()
    }

    fn bounds(lower: u32, upper: u32) -> Value {
        json!({"parallelism": {"lowerBound": lower, "upperBound": upper}})
    }

    #[test]
    fn each_fault_names_its_vertex_and_value() {
        for (requirements, says) in [
            (
                json!({"mit": bounds(1, 2)}),
                "'mit', which the job does not have (did you mean 'mid'?)",
            ),
            (json!({"mid": bounds(0, 2)}), "'mid': the lower bound 0 is below 1"),
            (
                json!({"mid": bounds(3, 2)}),
                "'mid': the lower bound 3 is above the upper bound 2",
            ),
            (
                json!({"mid": bounds(1, 9)}),
                "'mid': the upper bound 9 is above its max_parallelism 8",
            ),
            (
                json!({"in": bounds(1, 2), "mid": bounds(3, 4)}),
                "'in' and 'mid' are joined by forward edges",
            ),
        ] {
            let told = check_requirements(&graph(requirements)).unwrap_err().to_string();
            assert!(told.contains(says), "{told}");
        }
        assert_eq!(check_requirements(&graph(json!({"mid": bounds(2, 8)}))), Ok(()));
    }

    #[test]
    fn a_vertex_without_requirements_runs_with_up_to_its_parallelism() {
        let graph = graph(json!({"out": {"parallelism": {"upperBound": 3}}}));
        let of = |id: &str| {
            let bounds = graph.bounds(&id.into());
            (bounds.lower_bound, bounds.upper_bound)
        };
        assert_eq!([of("in"), of("out")], [(1, 4), (1, 3)]);
        let sets = graph.forward_sets();
        assert_eq!(sets.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1]);
    }
}
