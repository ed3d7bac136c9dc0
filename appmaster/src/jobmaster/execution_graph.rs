//! The ExecutionGraph: vertex × subtask × attempt, with the time of every state. Pure; also what REST shows of a job, alive
//! or archived.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use selvedge_core::job_graph::topology::topological_order;
use selvedge_core::job_graph::{Edge, JobGraph, Partitioner, Vertex};
use selvedge_core::status::{ExecutionState, JobStatus};
use selvedge_core::{AllocationId, ExecutionAttemptId, JobId, ResourceId, VertexId};
use selvedge_runtime::clock::Timestamp;
use selvedge_runtime::gateway::proto::TaskMetrics;
use serde::{Deserialize, Serialize};

use super::error::TransitionError;
use super::root_cause::Failure;

/// A job in its parallel form.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ExecutionGraph {
    /// The job.
    pub job_id: JobId,
    /// What it was made of.
    pub graph: Arc<JobGraph>,
    status: JobStatus,
    timestamps: BTreeMap<JobStatus, Timestamp>,
    vertices: BTreeMap<VertexId, Vec<Execution>>,
    order: Vec<VertexId>,
    /// Why the job failed, once that is settled.
    pub root_cause: Option<Failure>,
    /// Failures that followed the first, in order.
    pub further_failures: Vec<Failure>,
    /// The failures that led to restarts, the oldest first.
    pub past_failures: VecDeque<PastFailure>,
    /// Whether older ones were dropped.
    pub history_truncated: bool,
    /// How often tasks were restarted.
    pub restarts: u64,
}

/// A failure that led to a restart.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PastFailure {
    /// What failed first.
    pub failure: Failure,
    /// What failed until the restart, in order.
    pub concurrent: Vec<Failure>,
}

/// The current run of one subtask.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Execution {
    /// How many runs came before.
    pub attempt: u32,
    state: ExecutionState,
    timestamps: BTreeMap<ExecutionState, Timestamp>,
    /// Where it runs, as soon as it has a slot.
    pub location: Option<TaskLocation>,
    /// What it has done so far.
    pub metrics: TaskMetrics,
    /// How its time was spent between the last two figures.
    pub load: Option<TaskLoad>,
    /// Why it failed.
    pub cause: Option<String>,
}

/// How a task's time was spent in an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskLoad {
    /// With records.
    pub busy_ms: u64,
    /// Waiting for records.
    pub idle_ms: u64,
    /// Waiting for those that it sends to.
    pub backpressured_ms: u64,
}

/// The slot of an execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskLocation {
    /// The worker.
    pub resource_id: ResourceId,
    /// Its node.
    pub host: String,
    /// host:port of its Flight service.
    pub data_address: String,
    /// The slot.
    pub allocation_id: AllocationId,
}

impl Execution {
    fn new(attempt: u32, now: Timestamp) -> Self {
        Self {
            attempt,
            state: ExecutionState::Created,
            timestamps: BTreeMap::from([(ExecutionState::Created, now)]),
            location: None,
            metrics: TaskMetrics::default(),
            load: None,
            cause: None,
        }
    }

    /// Takes in what it has done so far, and from the difference to what was known how its time is spent now.
    pub fn take_figures(&mut self, figures: TaskMetrics) {
        let since = |figure: fn(&TaskMetrics) -> u64| figure(&figures).saturating_sub(figure(&self.metrics));
        let load = TaskLoad {
            busy_ms: since(|figures| figures.busy_ms),
            idle_ms: since(|figures| figures.idle_ms),
            backpressured_ms: since(|figures| figures.backpressured_ms),
        };
        // Figures that come twice within a millisecond say nothing new.
        if load.busy_ms + load.idle_ms + load.backpressured_ms > 0 {
            self.load = Some(load);
        }
        self.metrics = figures;
    }

    /// Its state.
    pub const fn state(&self) -> ExecutionState {
        self.state
    }

    /// When it entered a state.
    pub fn timestamp(&self, state: ExecutionState) -> Option<Timestamp> {
        self.timestamps.get(&state).copied()
    }

    /// When it was deployed.
    pub fn start_time(&self) -> Option<Timestamp> {
        self.timestamp(ExecutionState::Deploying)
    }

    /// When it ended.
    pub fn end_time(&self) -> Option<Timestamp> {
        self.timestamp(self.state).filter(|_| self.state.is_terminal())
    }
}

impl ExecutionGraph {
    /// The parallel form of a graph that has been checked: every execution is CREATED, the job INITIALIZING.
    pub fn new(job_id: JobId, graph: Arc<JobGraph>, now: Timestamp) -> Self {
        let order = topological_order(&graph).unwrap_or_else(|cycle| cycle);
        let executions = |vertex: &Vertex| (0..vertex.parallelism).map(|_| Execution::new(0, now)).collect();
        Self {
            job_id,
            vertices: graph
                .vertices
                .iter()
                .map(|vertex| (vertex.id.clone(), executions(vertex)))
                .collect(),
            order,
            graph,
            status: JobStatus::Initializing,
            timestamps: BTreeMap::from([(JobStatus::Initializing, now)]),
            root_cause: None,
            further_failures: Vec::new(),
            past_failures: VecDeque::new(),
            history_truncated: false,
            restarts: 0,
        }
    }

    /// The job's status.
    pub const fn status(&self) -> JobStatus {
        self.status
    }

    /// When the job entered a status, `None` where it never did.
    pub fn timestamp(&self, status: JobStatus) -> Option<Timestamp> {
        self.timestamps.get(&status).copied()
    }

    /// When the job was taken.
    pub fn start_time(&self) -> Timestamp {
        self.timestamp(JobStatus::Initializing).unwrap_or_default()
    }

    /// When the job ended.
    pub fn end_time(&self) -> Option<Timestamp> {
        self.timestamp(self.status)
            .filter(|_| self.status.is_globally_terminal())
    }

    /// When the job's status last changed.
    pub fn last_modification(&self) -> Timestamp {
        self.timestamps.values().copied().max().unwrap_or_default()
    }

    /// The vertices, producers before consumers.
    pub fn vertices(&self) -> impl Iterator<Item = (&Vertex, &[Execution])> {
        self.order
            .iter()
            .filter_map(|id| Some((self.graph.vertex(id)?, self.vertices.get(id)?.as_slice())))
    }

    /// All current attempts, in order of vertices and subtasks.
    pub fn executions(&self) -> impl Iterator<Item = (ExecutionAttemptId, &Execution)> {
        self.vertices.iter().flat_map(|(vertex, executions)| {
            (0..)
                .zip(executions)
                .map(|(subtask, execution)| (attempt_id(vertex, subtask, execution), execution))
        })
    }

    /// The execution of exactly this attempt.
    pub fn execution(&self, id: &ExecutionAttemptId) -> Option<&Execution> {
        let execution = self.vertices.get(&id.vertex)?.get(id.subtask as usize)?;
        (execution.attempt == id.attempt).then_some(execution)
    }

    /// The same, to be changed.
    pub fn execution_mut(&mut self, id: &ExecutionAttemptId) -> Option<&mut Execution> {
        let execution = self.vertices.get_mut(&id.vertex)?.get_mut(id.subtask as usize)?;
        (execution.attempt == id.attempt).then_some(execution)
    }

    /// The attempt that a subtask runs now.
    pub fn current_attempt(&self, vertex: &VertexId, subtask: u32) -> Option<ExecutionAttemptId> {
        let execution = self.vertices.get(vertex)?.get(subtask as usize)?;
        Some(attempt_id(vertex, subtask, execution))
    }

    /// A new attempt in place of this one, which has ended.
    pub fn start_over(&mut self, id: &ExecutionAttemptId, now: Timestamp) -> Option<ExecutionAttemptId> {
        let execution = self.execution_mut(id).filter(|run| run.state.is_terminal())?;
        *execution = Execution::new(execution.attempt + 1, now);
        self.current_attempt(&id.vertex, id.subtask)
    }

    /// Moves the job on, where the table of states allows it.
    pub fn transition_job(&mut self, next: JobStatus, now: Timestamp) -> Result<(), TransitionError> {
        if !self.status.may_become(next) {
            return Err(TransitionError::Job {
                from: self.status,
                to: next,
            });
        }
        self.status = next;
        self.timestamps.insert(next, now);
        Ok(())
    }

    /// Moves an attempt on, where the table of states allows it.
    pub fn transition(
        &mut self,
        id: &ExecutionAttemptId,
        next: ExecutionState,
        now: Timestamp,
    ) -> Result<(), TransitionError> {
        let Some(execution) = self.execution_mut(id) else {
            return Err(TransitionError::UnknownAttempt { attempt: id.clone() });
        };
        if !execution.state.may_become(next) {
            return Err(TransitionError::Execution {
                attempt: id.clone(),
                from: execution.state,
                to: next,
            });
        }
        execution.state = next;
        execution.timestamps.insert(next, now);
        Ok(())
    }

    /// Whether every attempt has ended.
    pub fn all_terminal(&self) -> bool {
        self.executions().all(|(_, execution)| execution.state.is_terminal())
    }

    /// Whether every attempt is in this state.
    pub fn all_in(&self, state: ExecutionState) -> bool {
        self.executions().all(|(_, execution)| execution.state == state)
    }

    /// How many attempts are in each state.
    pub fn state_counts(&self) -> BTreeMap<ExecutionState, usize> {
        count_states(self.executions().map(|(_, execution)| execution.state))
    }

    /// The attempts on a worker that have not ended.
    pub fn unfinished_on(&self, resource_id: &ResourceId) -> Vec<ExecutionAttemptId> {
        self.executions()
            .filter(|(_, execution)| !execution.state.is_terminal())
            .filter(|(_, execution)| {
                execution
                    .location
                    .as_ref()
                    .is_some_and(|at| at.resource_id == *resource_id)
            })
            .map(|(id, _)| id)
            .collect()
    }

    /// The counts that operators reported, summed over subtasks.
    pub fn accumulators(&self) -> BTreeMap<String, i64> {
        let mut sums = BTreeMap::new();
        for (name, value) in self
            .executions()
            .flat_map(|(_, execution)| &execution.metrics.accumulators)
        {
            *sums.entry(name.clone()).or_default() += value;
        }
        sums
    }

    /// What users call an attempt: `count (2/4)`.
    pub fn task_name(&self, id: &ExecutionAttemptId) -> String {
        match self.graph.vertex(&id.vertex) {
            Some(vertex) => format!("{} ({}/{})", vertex.display_name(), id.subtask + 1, vertex.parallelism),
            None => id.to_string(),
        }
    }
}

/// The subtasks at the other end of an edge that subtask `subtask` exchanges records with: the same one on a forward edge,
/// else all.
pub(super) fn peers_of(edge: &Edge, subtask: u32, other_parallelism: u32) -> std::ops::Range<u32> {
    match edge.partitioner {
        Partitioner::Forward => subtask..subtask + 1,
        _ => 0..other_parallelism,
    }
}

/// How many of these states there are of each.
pub fn count_states(states: impl Iterator<Item = ExecutionState>) -> BTreeMap<ExecutionState, usize> {
    let mut counts = BTreeMap::new();
    for state in states {
        *counts.entry(state).or_default() += 1;
    }
    counts
}

fn attempt_id(vertex: &VertexId, subtask: u32, execution: &Execution) -> ExecutionAttemptId {
    ExecutionAttemptId {
        vertex: vertex.clone(),
        subtask,
        attempt: execution.attempt,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::word_count;

    fn graph() -> ExecutionGraph {
        let job_id = JobId::from_bytes([1; 16]);
        ExecutionGraph::new(job_id, Arc::new(word_count(2)), Timestamp::from_millis(5))
    }

    #[test]
    fn every_subtask_has_an_execution_and_producers_come_first() {
        let graph = graph();
        let names: Vec<_> = graph
            .vertices()
            .map(|(vertex, runs)| (vertex.id.as_str(), runs.len()))
            .collect();
        assert_eq!(names, [("source", 2), ("sink", 2)]);
        assert_eq!(graph.state_counts(), BTreeMap::from([(ExecutionState::Created, 4)]));
    }

    #[test]
    fn an_attempt_moves_only_as_the_table_allows() {
        let mut graph = graph();
        let id = graph.current_attempt(&"source".into(), 1).unwrap();
        let refused = graph
            .transition(&id, ExecutionState::Running, Timestamp::from_millis(6))
            .unwrap_err();
        assert_eq!(refused.to_string(), "source_1_0 is CREATED and cannot become RUNNING");
        graph
            .transition(&id, ExecutionState::Scheduled, Timestamp::from_millis(7))
            .unwrap();
        let execution = graph.execution(&id).unwrap();
        assert_eq!(
            execution.timestamp(ExecutionState::Scheduled),
            Some(Timestamp::from_millis(7))
        );
        let stale = ExecutionAttemptId { attempt: 3, ..id };
        assert!(
            graph
                .transition(&stale, ExecutionState::Deploying, Timestamp::from_millis(8))
                .is_err()
        );
    }

    #[test]
    fn a_job_that_ended_stays_as_it_is() {
        let mut graph = graph();
        graph
            .transition_job(JobStatus::Failed, Timestamp::from_millis(9))
            .unwrap();
        assert_eq!(graph.end_time(), Some(Timestamp::from_millis(9)));
        assert!(
            graph
                .transition_job(JobStatus::Running, Timestamp::from_millis(10))
                .is_err()
        );
    }

    #[test]
    fn a_forward_edge_joins_equal_subtasks_and_others_join_all() {
        let graph = graph();
        let mut edge = graph.graph.edges[0].clone();
        assert_eq!(peers_of(&edge, 1, 2), 0..2);
        edge.partitioner = Partitioner::Forward;
        assert_eq!(peers_of(&edge, 1, 2), 1..2);
    }
}
