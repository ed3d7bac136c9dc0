//! A job as it was at a moment: what REST shows, what the stores keep and what the archivist writes for the history server.
//! A live graph makes one of itself ([`super::ExecutionGraph::archive`]), and nothing changes it any more.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use selvedge_core::job_graph::{JobGraph, Vertex};
use selvedge_core::status::{ExecutionState, JobStatus};
use selvedge_core::{ExecutionAttemptId, JobId, VertexId};
use selvedge_runtime::clock::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::root_cause::Failure;
use super::{Execution, Layout, PastFailure, TaskIndex};

/// A job in its parallel form, running or ended, as it was at a moment (Flink 1.20 `ArchivedExecutionGraph`).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ArchivedExecutionGraph {
    /// The job.
    pub job_id: JobId,
    /// What it was made of.
    pub graph: Arc<JobGraph>,
    pub(super) status: JobStatus,
    pub(super) timestamps: BTreeMap<JobStatus, Timestamp>,
    /// How long the job was in each status that it has left.
    pub(super) spent: BTreeMap<JobStatus, Duration>,
    pub(super) layout: Arc<Layout>,
    /// In the order of the layout.
    pub(super) executions: Vec<Execution>,
    /// How many executions are in each state.
    pub(super) counts: [usize; ExecutionState::ALL.len()],
    /// The runs that came before the current one of a task, the oldest first.
    pub(super) former: BTreeMap<TaskIndex, VecDeque<Execution>>,
    /// Where the vertices stand in the file, producers before consumers.
    pub(super) order: Arc<[usize]>,
    /// Since when the job has been deploying.
    pub(super) deploying_since: Option<Timestamp>,
    /// How long it was before.
    pub(super) deploying_spent: Duration,
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

impl ArchivedExecutionGraph {
    /// The job's status.
    pub const fn status(&self) -> JobStatus {
        self.status
    }

    /// When the job entered a status, `None` where it never did.
    pub fn timestamp(&self, status: JobStatus) -> Option<Timestamp> {
        self.timestamps.get(&status).copied()
    }

    /// The job as it is shown until its result is stored: if that is not done any more, the job runs again under the next
    /// master.
    pub(crate) fn before_its_end(&self) -> Self {
        let before = match self.status {
            JobStatus::Finished => JobStatus::Running,
            JobStatus::Canceled => JobStatus::Cancelling,
            JobStatus::Failed => JobStatus::Failing,
            _ => return self.clone(),
        };
        let has_been = self.timestamp(before).is_some();
        let mut shown = self.clone();
        shown.timestamps.remove(&self.status);
        shown.status = if has_been { before } else { JobStatus::Initializing };
        shown
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

    /// Since when tasks have been on their way to workers; for a batch job, only until the first one runs (Flink 1.20
    /// `deployingState`).
    pub(crate) const fn deploying_since(&self) -> Option<Timestamp> {
        self.deploying_since
    }

    /// How long they were before.
    pub(crate) const fn deploying_spent(&self) -> Duration {
        self.deploying_spent
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
