//! One run of one subtask, with the time of every state.

use std::sync::Arc;

use selvedge_core::status::ExecutionState;
use selvedge_core::{AllocationId, ResourceId};
use selvedge_runtime::clock::Timestamp;
use selvedge_runtime::gateway::proto::TaskMetrics;
use serde::{Deserialize, Serialize};

/// The current run of one subtask.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Execution {
    /// How many runs came before.
    pub attempt: u32,
    state: ExecutionState,
    entered: [Option<Timestamp>; ExecutionState::ALL.len()],
    /// Where it runs, as soon as it has a slot. Tasks of one slot share it.
    pub location: Option<Arc<TaskLocation>>,
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
    pub(super) fn new(attempt: u32, now: Timestamp) -> Self {
        let mut entered = [None; ExecutionState::ALL.len()];
        entered[ExecutionState::Created as usize] = Some(now);
        Self {
            attempt,
            state: ExecutionState::Created,
            entered,
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
