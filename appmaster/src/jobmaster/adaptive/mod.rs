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
#[cfg(test)]
mod fault_tests;
mod machine;
#[cfg(test)]
mod machine_tests;
mod settings;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use selvedge_core::job_graph::requirements::check_requirements;
use selvedge_core::job_graph::{Edge, JobGraph, JobRequirements, JobType, RequirementsError, Vertex};
use selvedge_core::resource::ProfileSpec;
use selvedge_core::{MemorySize, VertexId};

use super::error::JobMasterError;
use super::execution_graph::Peers;
use super::shuffle::Channels;
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
    /// With the most that each vertex can ever have: slots of a stated profile are made for its channels.
    widest: Arc<JobGraph>,
    allocator: Allocator,
    machine: Machine,
    /// The number of the last ExecutionGraph.
    number: u64,
    /// For which parallelism the sources are ready that no task has asked yet.
    ready_for: Option<VertexParallelism>,
}

impl Adaptive {
    /// That of a job that it [takes](Self::takes), with its places.
    pub(super) fn of(
        graph: &Arc<JobGraph>,
        settings: AdaptiveSettings,
        network: impl Fn(Channels) -> MemorySize,
    ) -> (Self, SlotSharing) {
        let widest = Arc::new(widest(graph, settings.reactive));
        let sharing = SlotSharing::with_room(graph, &widest, network);
        let adaptive = Self {
            settings,
            allocator: Allocator::new(graph, &sharing, &Bounds::of(graph, settings.reactive)),
            machine: Machine::new(settings),
            number: 0,
            ready_for: Some(VertexParallelism::of(graph)),
            submitted: graph.clone(),
            widest,
        };
        (adaptive, sharing)
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
        self.check_channels(&graph)?;
        Ok(graph)
    }

    /// The slots of a stated profile have memory for the channels that the job could have when it began, and no more.
    fn check_channels(&self, graph: &JobGraph) -> Result<(), JobMasterError> {
        for vertex in &graph.vertices {
            let upper = graph.bounds(&vertex.id).upper_bound;
            let most = self
                .widest
                .vertex(&vertex.id)
                .map_or(upper, |widest| widest.parallelism);
            if upper > most && meets_a_stated_profile(graph, vertex) {
                let vertex = vertex.id.clone();
                return Err(JobMasterError::SlotTooSmall { vertex, upper, most });
            }
        }
        Ok(())
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

/// The graph with the most that each vertex can ever have.
fn widest(graph: &JobGraph, reactive: bool) -> JobGraph {
    let mut widest = graph.clone();
    for vertex in &mut widest.vertices {
        vertex.parallelism = match reactive {
            true => vertex.max_parallelism,
            // Also where the requirements say less by now: they may be raised again.
            false => vertex.parallelism.max(graph.bounds(&vertex.id).upper_bound),
        };
    }
    widest
}

/// Whether the number of the vertex's subtasks is that of channels in slots of a stated profile.
fn meets_a_stated_profile(graph: &JobGraph, vertex: &Vertex) -> bool {
    let is_stated = |id: &VertexId| {
        let group = graph.vertex(id).map(|vertex| &vertex.slot_sharing_group);
        group.is_some_and(|group| matches!(graph.slot_profile(group), ProfileSpec::Exactly(_)))
    };
    let is_all = |edge: &Edge| matches!(Peers::of(edge, 0), Peers::All);
    let mut inputs = graph.inputs(&vertex.id);
    let mut outputs = graph.outputs(&vertex.id);
    inputs.any(|(_, edge)| is_all(edge) && is_stated(&edge.source))
        || outputs.any(|(_, edge)| is_all(edge) && is_stated(&edge.target))
}
