//! The ExecutionGraph: vertex × subtask × attempt, with the time of every state. Pure. What others see of it, alive or ended,
//! is its [`ArchivedExecutionGraph`].
//!
//! It has no edges: which subtasks exchange records follows from the JobGraph's edge and the subtask (`Peers`), so that
//! ten thousand tasks which send to ten thousand others cost what they are, and not a hundred million channels.

mod archived;
mod execution;
mod layout;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use selvedge_core::job_graph::topology::topological_order;
use selvedge_core::job_graph::{JobGraph, JobType};
use selvedge_core::status::{ExecutionState, JobStatus};
use selvedge_core::{JobId, ResourceId, VertexId};
use selvedge_runtime::clock::Timestamp;
use serde::{Deserialize, Serialize};

pub use archived::ArchivedExecutionGraph;
pub use execution::{Execution, TaskLoad, TaskLocation};
pub use layout::TaskIndex;
pub(crate) use layout::{Layout, Peers};

use super::error::TransitionError;
use super::root_cause::Failure;

/// A job in its parallel form, while it changes. It is read as what is archived of it.
#[derive(Debug)]
pub struct ExecutionGraph {
    record: ArchivedExecutionGraph,
    is_batch: bool,
    /// What has not ended on each worker.
    unfinished: BTreeMap<ResourceId, BTreeSet<TaskIndex>>,
    attempts_kept: usize,
    /// The number of the next attempt of each subtask that there has been.
    next_attempts: BTreeMap<VertexId, Vec<u32>>,
}

impl Deref for ExecutionGraph {
    type Target = ArchivedExecutionGraph;

    fn deref(&self) -> &Self::Target {
        &self.record
    }
}

/// A failure that led to a restart.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PastFailure {
    /// What failed first.
    pub failure: Failure,
    /// What failed until the restart, in order.
    pub concurrent: Vec<Failure>,
}

impl ExecutionGraph {
    /// The parallel form of a graph that has been checked: every execution is CREATED, the job INITIALIZING.
    pub fn new(job_id: JobId, graph: Arc<JobGraph>, now: Timestamp) -> Self {
        let layout = Layout::of(&graph);
        let order = topological_order(&graph).unwrap_or_else(|cycle| cycle);
        let mut counts = [0; ExecutionState::ALL.len()];
        counts[ExecutionState::Created as usize] = layout.len();
        let record = ArchivedExecutionGraph {
            job_id,
            executions: layout.tasks().map(|_| Execution::new(0, now)).collect(),
            counts,
            former: BTreeMap::new(),
            order: order.iter().filter_map(|id| layout.position(id)).collect(),
            layout: Arc::new(layout),
            graph,
            status: JobStatus::Initializing,
            timestamps: BTreeMap::from([(JobStatus::Initializing, now)]),
            spent: BTreeMap::new(),
            deploying_since: None,
            deploying_spent: Duration::ZERO,
            root_cause: None,
            further_failures: Vec::new(),
            past_failures: VecDeque::new(),
            history_truncated: false,
            restarts: 0,
        };
        Self {
            is_batch: record.graph.job_type() == JobType::Batch,
            record,
            unfinished: BTreeMap::new(),
            attempts_kept: 0,
            next_attempts: BTreeMap::new(),
        }
    }

    /// The parallel form of the same job with another parallelism, in place of this one, of which every execution has ended or
    /// never begun. Attempts go on counting, and former ones stay known where there still is such a subtask.
    pub(crate) fn build_anew(&mut self, graph: Arc<JobGraph>, now: Timestamp) {
        let tasks: Vec<_> = self.record.layout.tasks().collect();
        for task in tasks {
            let id = self.attempt(task);
            let has_run = self.run(task).state() != ExecutionState::Created;
            let next = self.next_attempts.entry(id.vertex).or_default();
            next.resize(next.len().max(id.subtask as usize + 1), 0);
            next[id.subtask as usize] = id.attempt + u32::from(has_run);
            if has_run {
                self.start_over(task, now);
            }
        }
        let layout = Layout::of(&graph);
        let former = std::mem::take(&mut self.record.former);
        let moved = former.into_iter().filter_map(|(task, runs)| {
            let (position, subtask) = self.record.layout.locate(task);
            let vertex = &self.record.graph.vertices[position].id;
            Some((layout.task(vertex, subtask)?, runs))
        });
        self.record.former = moved.collect();
        let executions = graph.vertices.iter().flat_map(|vertex| {
            let next = self.next_attempts.get(&vertex.id);
            (0..vertex.parallelism as usize).map(move |subtask| {
                let attempt = next.and_then(|next| next.get(subtask)).copied();
                Execution::new(attempt.unwrap_or(0), now)
            })
        });
        self.record.executions = executions.collect();
        self.record.counts = [0; ExecutionState::ALL.len()];
        self.record.counts[ExecutionState::Created as usize] = layout.len();
        self.record.layout = Arc::new(layout);
        self.record.graph = graph;
        self.unfinished.clear();
        self.note_deploying(now);
    }

    /// The same, to be changed; its state and place have methods of their own.
    pub(crate) fn run_mut(&mut self, task: TaskIndex) -> &mut Execution {
        &mut self.record.executions[task.position()]
    }

    fn note_deploying(&mut self, now: Timestamp) {
        let count = |state: ExecutionState| self.record.counts[state as usize];
        let runs = count(ExecutionState::Initializing) + count(ExecutionState::Running) > 0;
        let deploys = count(ExecutionState::Deploying) > 0 && !(self.is_batch && runs);
        match self.record.deploying_since {
            None if deploys => self.record.deploying_since = Some(now),
            Some(since) if !deploys => {
                self.record.deploying_spent += now.since(since);
                self.record.deploying_since = None;
            }
            _ => {}
        }
    }

    /// Keeps so many former attempts of each task.
    #[must_use]
    pub fn keeping_attempts(mut self, kept: usize) -> Self {
        self.attempts_kept = kept;
        self
    }

    /// Gives a task its slot.
    pub(crate) fn place(&mut self, task: TaskIndex, location: Arc<TaskLocation>) {
        self.leave_worker(task);
        let on_worker = self.unfinished.entry(location.resource_id.clone()).or_default();
        on_worker.insert(task);
        self.record.executions[task.position()].location = Some(location);
    }

    fn leave_worker(&mut self, task: TaskIndex) {
        let Some(location) = &self.record.executions[task.position()].location else {
            return;
        };
        if let Some(on_worker) = self.unfinished.get_mut(&location.resource_id) {
            on_worker.remove(&task);
            if on_worker.is_empty() {
                self.unfinished.remove(&location.resource_id);
            }
        }
    }

    /// A new attempt in place of this one, which has ended. `false` where it has not.
    pub(crate) fn start_over(&mut self, task: TaskIndex, now: Timestamp) -> bool {
        let execution = &mut self.record.executions[task.position()];
        if !execution.state().is_terminal() {
            return false;
        }
        self.record.counts[execution.state() as usize] -= 1;
        self.record.counts[ExecutionState::Created as usize] += 1;
        let next = Execution::new(execution.attempt + 1, now);
        let ended = std::mem::replace(execution, next);
        if self.attempts_kept > 0 {
            let former = self.record.former.entry(task).or_default();
            former.push_back(ended);
            former.drain(..former.len().saturating_sub(self.attempts_kept));
        }
        true
    }

    /// Moves the job on, where the table of states allows it.
    pub fn transition_job(&mut self, next: JobStatus, now: Timestamp) -> Result<(), TransitionError> {
        if !self.status.may_become(next) {
            return Err(TransitionError::Job {
                from: self.status,
                to: next,
            });
        }
        let since = self.timestamp(self.status).unwrap_or(now);
        *self.record.spent.entry(self.status).or_default() += now.since(since);
        self.record.status = next;
        self.record.timestamps.insert(next, now);
        Ok(())
    }

    /// Moves the current attempt of a task on, where the table of states allows it.
    pub(crate) fn transition(
        &mut self,
        task: TaskIndex,
        next: ExecutionState,
        now: Timestamp,
    ) -> Result<(), TransitionError> {
        let from = self.run(task).state();
        if !from.may_become(next) {
            return Err(TransitionError::Execution {
                attempt: self.attempt(task),
                from,
                to: next,
            });
        }
        self.run_mut(task).enter(next, now);
        self.record.counts[from as usize] -= 1;
        self.record.counts[next as usize] += 1;
        self.note_deploying(now);
        if next.is_terminal() {
            self.leave_worker(task);
        }
        Ok(())
    }

    /// The tasks on a worker that have not ended.
    pub(crate) fn unfinished_on(&self, resource_id: &ResourceId) -> Vec<TaskIndex> {
        self.unfinished
            .get(resource_id)
            .into_iter()
            .flatten()
            .copied()
            .collect()
    }

    /// Failures and restarts, to be noted; everything else changes by the methods here.
    pub(crate) const fn record_mut(&mut self) -> &mut ArchivedExecutionGraph {
        &mut self.record
    }

    /// The job as it is now.
    pub fn archive(&self) -> Arc<ArchivedExecutionGraph> {
        Arc::new(self.record.clone())
    }

    /// The job as it stays.
    pub fn into_archived(self) -> Arc<ArchivedExecutionGraph> {
        Arc::new(self.record)
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

#[cfg(test)]
mod tests;
