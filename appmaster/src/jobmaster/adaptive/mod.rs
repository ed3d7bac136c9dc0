//! The adaptive scheduler: a streaming job runs with the slots that there are, and is rescaled when there are others. Pure.
//!
//! ```text
//! bounds of each vertex ─► slots are declared for the most ─► `allocator`: what do those that came allow?
//!                                                                  │
//!          `machine`: wait, start, rescale or give up? ◄───────────┘
//!               │
//!          `driving`: the ExecutionGraph is built anew with the parallelism that was chosen; all tasks start over
//! ```
//!
//! It stands above what places and deploys tasks, which is the same for all jobs: when a graph is built, the slots for all of
//! its tasks are there. The states are those of [`AdaptiveState`](selvedge_core::status::AdaptiveState).

mod allocator;
mod bounds;
mod driving;
mod machine;
#[cfg(test)]
mod machine_tests;
mod settings;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use selvedge_core::job_graph::requirements::check_requirements;
use selvedge_core::job_graph::{JobGraph, JobRequirements, JobType, RequirementsError};

use super::error::JobMasterError;
use super::slot_sharing::SlotSharing;
use allocator::{Allocator, VertexParallelism};
use bounds::Bounds;
use machine::Machine;
pub(super) use settings::is_reactive;
pub use settings::{AdaptiveSettings, refuse_reactive};

/// A job under the adaptive scheduler.
#[derive(Debug)]
pub(super) struct Adaptive {
    settings: AdaptiveSettings,
    /// As submitted, with the requirements that count now.
    submitted: Arc<JobGraph>,
    allocator: Allocator,
    machine: Machine,
    /// The number of the last ExecutionGraph.
    number: u64,
    /// For which parallelism the sources are ready that no task has asked yet.
    ready_for: Option<VertexParallelism>,
}

impl Adaptive {
    /// That of a job that it [takes](Self::takes), with these places.
    pub(super) fn of(graph: &Arc<JobGraph>, sharing: &SlotSharing, settings: AdaptiveSettings) -> Self {
        Self {
            settings,
            allocator: Allocator::new(graph, sharing, &Bounds::of(graph, settings.reactive)),
            machine: Machine::new(settings),
            number: 0,
            ready_for: Some(VertexParallelism::of(graph)),
            submitted: graph.clone(),
        }
    }

    /// Whether the adaptive scheduler takes a job.
    pub(super) fn takes(graph: &JobGraph) -> bool {
        graph.job_type() == JobType::Streaming
    }

    /// Whether the job needs a slot at this place.
    pub(super) fn wants(&self, place: usize) -> bool {
        self.allocator.wants(place)
    }

    /// The bounds of each vertex.
    pub(super) fn requirements(&self) -> JobRequirements {
        Bounds::of(&self.submitted, self.settings.reactive).into_requirements()
    }

    /// The graph with these requirements in place of its own.
    ///
    /// # Errors
    /// The job cannot have them; it then keeps those that it has.
    pub(super) fn with_requirements(&self, requirements: JobRequirements) -> Result<JobGraph, JobMasterError> {
        if self.settings.reactive {
            return Err(JobMasterError::Reactive);
        }
        let mut graph = JobGraph::clone(&self.submitted);
        let mut ids = graph.vertices.iter().map(|vertex| &vertex.id);
        if let Some(missing) = ids.find(|id| !requirements.contains_key(*id)) {
            let vertex = missing.clone();
            return Err(RequirementsError::Incomplete { vertex }.into());
        }
        graph.resource_requirements = requirements;
        check_requirements(&graph)?;
        Ok(graph)
    }

    /// These count from now on; they have been checked.
    fn require(&mut self, graph: Arc<JobGraph>, sharing: &SlotSharing) {
        self.allocator = Allocator::new(&graph, sharing, &Bounds::of(&graph, self.settings.reactive));
        self.submitted = graph;
    }

    /// The job with this parallelism.
    fn graph_with(&self, parallelism: &VertexParallelism) -> JobGraph {
        let mut graph = JobGraph::clone(&self.submitted);
        for vertex in &mut graph.vertices {
            vertex.parallelism = parallelism.of_vertex(&vertex.id);
        }
        graph
    }
}
