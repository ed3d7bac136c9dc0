//! The ExecutionGraph: vertex × subtask × attempt, with the time of every state. Pure; also what REST shows of a job, alive
//! or archived.
//!
//! It has no edges: which subtasks exchange records follows from the JobGraph's edge and the subtask (`Peers`), so that
//! ten thousand tasks which send to ten thousand others cost what they are, and not a hundred million channels.

mod execution;
mod layout;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use selvedge_core::job_graph::topology::topological_order;
use selvedge_core::job_graph::{JobGraph, Vertex};
use selvedge_core::status::{ExecutionState, JobStatus};
use selvedge_core::{ExecutionAttemptId, JobId, ResourceId, VertexId};
use selvedge_runtime::clock::Timestamp;
use serde::{Deserialize, Serialize};

pub use execution::{Execution, TaskLoad, TaskLocation};
pub use layout::TaskIndex;
pub(crate) use layout::{Layout, Peers};

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
    /// How long the job was in each status that it has left.
    spent: BTreeMap<JobStatus, Duration>,
    layout: Arc<Layout>,
    /// In the order of the layout.
    executions: Vec<Execution>,
    /// How many executions are in each state.
    counts: [usize; ExecutionState::ALL.len()],
    /// What has not ended on each worker.
    unfinished: BTreeMap<ResourceId, BTreeSet<TaskIndex>>,
    /// The runs that came before the current one of a task, the oldest first.
    former: BTreeMap<TaskIndex, VecDeque<Execution>>,
    attempts_kept: usize,
    /// Where the vertices stand in the file, producers before consumers.
    order: Arc<[usize]>,
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

impl ExecutionGraph {
    /// The parallel form of a graph that has been checked: every execution is CREATED, the job INITIALIZING.
    pub fn new(job_id: JobId, graph: Arc<JobGraph>, now: Timestamp) -> Self {
        let layout = Layout::of(&graph);
        let order = topological_order(&graph).unwrap_or_else(|cycle| cycle);
        let mut counts = [0; ExecutionState::ALL.len()];
        counts[ExecutionState::Created as usize] = layout.len();
        Self {
            job_id,
            executions: layout.tasks().map(|_| Execution::new(0, now)).collect(),
            counts,
            unfinished: BTreeMap::new(),
            former: BTreeMap::new(),
            attempts_kept: 0,
            order: order.iter().filter_map(|id| layout.position(id)).collect(),
            layout: Arc::new(layout),
            graph,
            status: JobStatus::Initializing,
            timestamps: BTreeMap::from([(JobStatus::Initializing, now)]),
            spent: BTreeMap::new(),
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

    /// How long the job has been in a status without a break until now; nothing where it is in another one.
    pub fn current_time_in(&self, status: JobStatus, now: Timestamp) -> Duration {
        let since = self
            .timestamp(status)
            .filter(|_| self.status == status && !self.status.is_globally_terminal());
        since.map_or(Duration::ZERO, |since| now.since(since))
    }

    /// How long the job has been in a status altogether until now.
    pub fn total_time_in(&self, status: JobStatus, now: Timestamp) -> Duration {
        self.spent.get(&status).copied().unwrap_or_default() + self.current_time_in(status, now)
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
        self.order.iter().map(|position| {
            let vertex = &self.graph.vertices[*position];
            (vertex, &self.executions[self.layout.range(*position)])
        })
    }

    /// All current attempts, vertex by vertex.
    pub fn executions(&self) -> impl Iterator<Item = (ExecutionAttemptId, &Execution)> {
        self.tasks().map(|(task, execution)| (self.attempt(task), execution))
    }

    /// The same, by their numbers.
    pub(crate) fn tasks(&self) -> impl Iterator<Item = (TaskIndex, &Execution)> {
        self.layout.tasks().zip(&self.executions)
    }

    /// Which subtask is which.
    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The task of exactly this attempt; `None` where it is not, or no longer, the current one.
    pub(crate) fn task(&self, id: &ExecutionAttemptId) -> Option<TaskIndex> {
        let task = self.layout.task(&id.vertex, id.subtask)?;
        (self.executions[task.position()].attempt == id.attempt).then_some(task)
    }

    /// The current attempt of a task.
    pub(crate) fn attempt(&self, task: TaskIndex) -> ExecutionAttemptId {
        let (position, subtask) = self.layout.locate(task);
        ExecutionAttemptId {
            vertex: self.graph.vertices[position].id.clone(),
            subtask,
            attempt: self.executions[task.position()].attempt,
        }
    }

    /// The current run of a task.
    pub(crate) fn run(&self, task: TaskIndex) -> &Execution {
        &self.executions[task.position()]
    }

    /// The same, to be changed; its state and place have methods of their own.
    pub(crate) fn run_mut(&mut self, task: TaskIndex) -> &mut Execution {
        &mut self.executions[task.position()]
    }

    /// Keeps so many former attempts of each task.
    #[must_use]
    pub fn keeping_attempts(mut self, kept: usize) -> Self {
        self.attempts_kept = kept;
        self
    }

    /// The attempts of a subtask that are known, the current one last; none where there is no such subtask.
    pub fn attempts(&self, vertex: &VertexId, subtask: u32) -> Vec<&Execution> {
        let Some(task) = self.layout.task(vertex, subtask) else {
            return Vec::new();
        };
        let former = self.former.get(&task).into_iter().flatten();
        former.chain(std::iter::once(self.run(task))).collect()
    }

    /// The execution of exactly this attempt.
    pub fn execution(&self, id: &ExecutionAttemptId) -> Option<&Execution> {
        self.task(id).map(|task| self.run(task))
    }

    /// The attempt that a subtask runs now.
    pub fn current_attempt(&self, vertex: &VertexId, subtask: u32) -> Option<ExecutionAttemptId> {
        self.layout.task(vertex, subtask).map(|task| self.attempt(task))
    }

    /// Gives a task its slot.
    pub(crate) fn place(&mut self, task: TaskIndex, location: Arc<TaskLocation>) {
        self.leave_worker(task);
        let on_worker = self.unfinished.entry(location.resource_id.clone()).or_default();
        on_worker.insert(task);
        self.executions[task.position()].location = Some(location);
    }

    fn leave_worker(&mut self, task: TaskIndex) {
        let Some(location) = &self.executions[task.position()].location else {
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
        let execution = &mut self.executions[task.position()];
        if !execution.state().is_terminal() {
            return false;
        }
        self.counts[execution.state() as usize] -= 1;
        self.counts[ExecutionState::Created as usize] += 1;
        let next = Execution::new(execution.attempt + 1, now);
        let ended = std::mem::replace(execution, next);
        if self.attempts_kept > 0 {
            let former = self.former.entry(task).or_default();
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
        *self.spent.entry(self.status).or_default() += now.since(since);
        self.status = next;
        self.timestamps.insert(next, now);
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
        self.counts[from as usize] -= 1;
        self.counts[next as usize] += 1;
        if next.is_terminal() {
            self.leave_worker(task);
        }
        Ok(())
    }

    /// Whether every attempt has ended.
    pub fn all_terminal(&self) -> bool {
        let ended = ExecutionState::ALL.iter().filter(|state| state.is_terminal());
        ended.map(|state| self.counts[*state as usize]).sum::<usize>() == self.executions.len()
    }

    /// Whether every attempt is in this state.
    pub fn all_in(&self, state: ExecutionState) -> bool {
        self.counts[state as usize] == self.executions.len()
    }

    /// How many attempts are in each state.
    pub fn state_counts(&self) -> BTreeMap<ExecutionState, usize> {
        let counts = ExecutionState::ALL
            .iter()
            .map(|state| (*state, self.counts[*state as usize]));
        counts.filter(|(_, count)| *count > 0).collect()
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

    /// The counts that operators reported, summed over subtasks.
    pub fn accumulators(&self) -> BTreeMap<String, i64> {
        let mut sums = BTreeMap::new();
        for (name, value) in self.executions.iter().flat_map(|run| &run.metrics.accumulators) {
            *sums.entry(name.clone()).or_default() += value;
        }
        sums
    }

    /// What users call a task: `count (2/4)`.
    pub(crate) fn task_name(&self, task: TaskIndex) -> String {
        let (position, subtask) = self.layout.locate(task);
        let vertex = &self.graph.vertices[position];
        format!("{} ({}/{})", vertex.display_name(), subtask + 1, vertex.parallelism)
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
