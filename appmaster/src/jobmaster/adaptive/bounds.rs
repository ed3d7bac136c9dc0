//! The least and the most subtasks of each vertex, where those that forward edges join have one parallelism. Pure.

use std::collections::BTreeMap;

use selvedge_core::VertexId;
use selvedge_core::job_graph::{JobGraph, JobRequirements, ParallelismBounds, VertexRequirements};

/// The bounds by vertex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bounds(BTreeMap<VertexId, ParallelismBounds>);

impl Bounds {
    /// Those that a graph states; in reactive mode, from one subtask to as many as a vertex can have.
    pub(super) fn of(graph: &JobGraph, reactive: bool) -> Self {
        let own = |vertex: &selvedge_core::job_graph::Vertex| match reactive {
            true => ParallelismBounds {
                lower_bound: 1,
                upper_bound: vertex.max_parallelism,
            },
            false => graph.bounds(&vertex.id),
        };
        let vertices = graph.vertices.iter();
        Self(vertices.map(|vertex| (vertex.id.clone(), own(vertex))).collect())
    }

    /// As each vertex has them.
    pub(super) fn into_requirements(self) -> JobRequirements {
        let stated = |(vertex, parallelism)| (vertex, VertexRequirements { parallelism });
        self.0.into_iter().map(stated).collect()
    }

    /// What all vertices of a set can have: they have one parallelism.
    pub(super) fn joint(&self, set: &[&VertexId]) -> ParallelismBounds {
        let all = set.iter().filter_map(|vertex| self.0.get(*vertex));
        let joint = all.copied().reduce(|one, other| ParallelismBounds {
            lower_bound: one.lower_bound.max(other.lower_bound),
            upper_bound: one.upper_bound.min(other.upper_bound),
        });
        joint.unwrap_or(ParallelismBounds {
            lower_bound: 1,
            upper_bound: 1,
        })
    }
}
