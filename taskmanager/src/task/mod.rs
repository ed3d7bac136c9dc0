//! A task: one attempt of one subtask, on a thread of its own.
//!
//! ```text
//!   INITIALIZING ──▶ RUNNING ──▶ FINISHED
//!        │              │
//!        └──────┬───────┘
//!               ▼
//!        FAILED, CANCELED
//! ```
//!
//! The thread plans the chain, then moves batches from the input gate or the source through it to the result partitions. It
//! tells each state to its listener; the TaskExecutor passes them on to the JobMaster.

mod deployment;
mod driver;
pub(crate) mod metrics;
mod peers;
mod planner;
mod runner;
mod splits;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

use arrow::datatypes::SchemaRef;
use selvedge_core::job_graph::OperatorSpec;
use selvedge_core::status::{ExecutionState, FailureType};
use selvedge_runtime::clock::{Clock, Timestamp};
use selvedge_runtime::connector::{Committable, report};

use crate::exchange::{BatchPartitioner, InputGate, Outputs};
use crate::operator::{Chain, SplitProvider, TaskContext, TaskError};

pub use deployment::{DeploymentError, InputEdge, OutputEdge, TaskDeployment};
pub use planner::OperatorPlanner;
pub use runner::{TaskRunner, ThreadRunner};
pub use splits::JobMasterSplits;

/// Turns descriptions into operators. Runs on the task's thread.
pub trait ChainPlanner: Send + Sync + std::fmt::Debug {
    /// The chain for this task. `input` is the schema of its input edges, `None` where it starts with a source.
    fn plan(
        &self,
        context: &TaskContext,
        chain: &[OperatorSpec],
        input: Option<SchemaRef>,
    ) -> Result<Box<dyn Chain>, TaskError>;

    /// What splits the batches of a hash edge among `channels` consumers with this many key groups.
    fn hash_partitioner(
        &self,
        schema: &SchemaRef,
        keys: &[String],
        max_parallelism: u32,
        channels: u32,
    ) -> Result<Box<dyn BatchPartitioner>, TaskError>;
}

/// Why a task is FAILED.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskFailure {
    /// The cause, for users.
    pub cause: String,
    /// What it says of the next attempt.
    pub failure_type: FailureType,
}

/// A state that a task has reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskTransition {
    /// The state.
    pub state: ExecutionState,
    /// When.
    pub at: Timestamp,
    /// Why, where it is FAILED.
    pub failure: Option<TaskFailure>,
    /// What its sinks want committed, where it is FINISHED.
    pub committables: Vec<Committable>,
}

/// A task, ready to run.
pub struct Task {
    /// Identity and surroundings.
    pub context: TaskContext,
    /// Its operators.
    pub chain: Vec<OperatorSpec>,
    /// What comes in; `None` for a source.
    pub input: Option<TaskInput>,
    /// What goes out.
    pub outputs: Outputs,
    /// The schema that its output edges have, where it has any.
    pub output_schema: Option<SchemaRef>,
    /// Where a source gets its splits.
    pub splits: Box<dyn SplitProvider + Send>,
    /// Plans the chain.
    pub planner: Arc<dyn ChainPlanner>,
    /// The time of day of its states.
    pub clock: Arc<dyn Clock>,
    /// Set before it is cancelled because something else failed it: the task then ends FAILED.
    pub failed_by: Arc<OnceLock<TaskFailure>>,
    /// Is told each state, in order, on the task's thread.
    pub listener: Box<dyn Fn(TaskTransition) + Send>,
}

/// What a task consumes.
#[derive(Debug)]
pub struct TaskInput {
    /// Its gate.
    pub gate: InputGate,
    /// The schema of its edges.
    pub schema: SchemaRef,
}

impl Task {
    /// Runs to the end. A panic of an operator is a failure of the task.
    pub fn run(self) {
        let listener = self.listener;
        let clock = self.clock;
        let tell = |state, failure, committables| {
            let at = clock.wall();
            listener(TaskTransition {
                state,
                at,
                failure,
                committables,
            });
        };
        tell(ExecutionState::Initializing, None, Vec::new());
        let cancelled = self.context.cancelled.clone();
        let parts = driver::Parts {
            context: self.context,
            chain: self.chain,
            input: self.input,
            outputs: self.outputs,
            output_schema: self.output_schema,
            splits: self.splits,
            planner: self.planner,
        };
        let running = || tell(ExecutionState::Running, None, Vec::new());
        let result = catch_unwind(AssertUnwindSafe(|| driver::drive(parts, running)));
        let failure = match result {
            Ok(Ok(committables)) => return tell(ExecutionState::Finished, None, committables),
            Ok(Err(error)) => TaskFailure {
                cause: report(&error),
                failure_type: error.failure_type(),
            },
            Err(panic) => TaskFailure {
                cause: format!("the task panicked: {}", panic_message(&*panic)),
                failure_type: FailureType::Recoverable,
            },
        };
        match self.failed_by.get() {
            Some(other) => tell(ExecutionState::Failed, Some(other.clone()), Vec::new()),
            None if cancelled.is_cancelled() => tell(ExecutionState::Canceled, None, Vec::new()),
            None => tell(ExecutionState::Failed, Some(failure), Vec::new()),
        }
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}
