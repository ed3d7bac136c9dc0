//! Operators at run time: what a task thread drives, and what an operator may use.
//!
//! A task is one thread that owns one [`Chain`]: it pulls from a source, or pushes what its input gate yields, and hands
//! what leaves the chain to a [`Collector`]. Everything here blocks the thread; async work goes through
//! [`TaskContext::io`].

mod aggregate;
mod artifacts;
mod chain;
mod context;
mod counters;
mod filter;
mod flat_map;
mod found_resources;
mod host;
pub mod partition;
mod project;
mod sink;
mod source;
#[cfg(test)]
mod task_memory_tests;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use selvedge_core::status::FailureType;
use selvedge_runtime::blob::BlobError;
use selvedge_runtime::connector::{Committable, ConnectorError, InputSplit};
use thiserror::Error;

use crate::memory::{ManagedMemoryError, TaskMemoryError};

pub use artifacts::TaskArtifacts;
pub use chain::plan_chain;
pub use context::{TaskContext, TaskIo};
pub use counters::{Accumulator, TaskCounters};
pub use found_resources::FoundResources;

/// Why a task ended without finishing.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TaskError {
    /// It was told to.
    #[error("the task was cancelled")]
    Cancelled,
    /// What the operators are to do cannot be done, whatever the records are.
    #[error("operator '{operator}' cannot be planned: {reason}")]
    Plan {
        /// The operator's id.
        operator: String,
        /// Why.
        reason: String,
    },
    /// An operator failed.
    #[error("operator '{operator}' failed: {source}")]
    Operator {
        /// The operator's id.
        operator: String,
        /// Why.
        #[source]
        source: ConnectorError,
    },
    /// An operator does not get the memory that it needs.
    #[error(transparent)]
    ManagedMemory(#[from] ManagedMemoryError),
    /// An operator would hold more at once than its slot's task memory lets it.
    #[error(transparent)]
    TaskMemory(#[from] TaskMemoryError),
    /// What the job brings along is not to be had.
    #[error("the artifact '{name}' is not to be had on this worker: {source}")]
    Artifact {
        /// Its name.
        name: String,
        /// Why.
        #[source]
        source: BlobError,
    },
    /// The exchange with another task failed.
    #[error("exchange with {peer} failed: {reason}")]
    Exchange {
        /// The other task and its worker.
        peer: String,
        /// Why.
        reason: String,
        /// What that says of the next attempt.
        failure_type: FailureType,
    },
}

impl TaskError {
    /// What the failure says of the next attempt.
    pub const fn failure_type(&self) -> FailureType {
        match self {
            Self::Plan { .. } => FailureType::NonRecoverable,
            Self::Exchange { failure_type, .. } => *failure_type,
            // Another worker may have it.
            Self::Artifact { .. } => FailureType::Environment,
            Self::Cancelled | Self::Operator { .. } | Self::ManagedMemory(_) | Self::TaskMemory(_) => {
                FailureType::Recoverable
            }
        }
    }
}

/// Where the records that leave an operator go. Blocks while the consumer is behind, and fails when the task is cancelled.
pub trait Collector {
    /// Takes a batch.
    fn collect(&mut self, batch: RecordBatch) -> Result<(), TaskError>;
}

/// Gives a source its splits; blocks until the JobMaster has answered.
pub trait SplitProvider {
    /// The next split for the source operator with this id, `None` when there are no more.
    fn next_split(&mut self, operator: &str) -> Result<Option<InputSplit>, TaskError>;
}

/// Whether a source has more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceStatus {
    /// Call again.
    More,
    /// The input has ended.
    Finished,
}

/// The operators of a vertex, planned for one subtask.
pub trait Chain: Send {
    /// What leaves the chain, `None` where it ends in a sink.
    fn output_schema(&self) -> Option<SchemaRef>;

    /// Reads the next piece of input and passes it through the chain. Only where the chain starts with a source. One call
    /// takes a bounded time and yields a bounded number of records.
    fn advance_source(
        &mut self,
        splits: &mut dyn SplitProvider,
        out: &mut dyn Collector,
    ) -> Result<SourceStatus, TaskError>;

    /// Passes a batch of the input through the chain. Only where the chain does not start with a source.
    fn process(&mut self, batch: RecordBatch, out: &mut dyn Collector) -> Result<(), TaskError>;

    /// All input has come: sends out what is kept back and closes the sinks. What they want committed is the answer.
    fn finish(&mut self, out: &mut dyn Collector) -> Result<Vec<Committable>, TaskError>;
}
