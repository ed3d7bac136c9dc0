//! One run of one subtask, with the time of every state.

use std::sync::Arc;

use selvedge_core::status::ExecutionState;
use selvedge_core::{AllocationId, ResourceId};
use selvedge_runtime::clock::Timestamp;
use selvedge_runtime::gateway::proto::TaskMetrics;

/// The current run of one subtask.
#[derive(Debug, Clone)]
pub struct Execution {
    /// How many runs came before.
    pub attempt: u32,
    state: ExecutionState,
    entered: [Option<Timestamp>; ExecutionState::ALL.len()],
    /// Where it runs, as soon as it has a slot. Tasks of one slot share it.
    pub location: Option<Arc<TaskLocation>>,
    /// What it has done so far.
    pub metrics: TaskMetrics,
    /// Why it failed.
    pub cause: Option<String>,
}

/// The slot of an execution.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    pub(super) fn new(attempt: u32, now: Timestamp) -> Self {
        let mut entered = [None; ExecutionState::ALL.len()];
        entered[ExecutionState::Created as usize] = Some(now);
        Self {
            attempt,
            state: ExecutionState::Created,
            entered,
            location: None,
            metrics: TaskMetrics::default(),
            cause: None,
        }
    }

    pub(super) const fn enter(&mut self, state: ExecutionState, now: Timestamp) {
        self.state = state;
        self.entered[state as usize] = Some(now);
    }

    /// Its state.
    pub const fn state(&self) -> ExecutionState {
        self.state
    }

    /// When it entered a state.
    pub const fn timestamp(&self, state: ExecutionState) -> Option<Timestamp> {
        self.entered[state as usize]
    }

    /// When it was deployed.
    pub const fn start_time(&self) -> Option<Timestamp> {
        self.timestamp(ExecutionState::Deploying)
    }

    /// When it ended.
    pub fn end_time(&self) -> Option<Timestamp> {
        self.timestamp(self.state).filter(|_| self.state.is_terminal())
    }
}
