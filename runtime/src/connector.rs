//! What the master needs of sources, sinks and planning. The implementations live with the operators; the program that
//! builds the cluster hands them to the master.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use selvedge_core::job_graph::{JobGraph, OperatorSpec};
use selvedge_core::{JobId, VertexId};
use thiserror::Error;

/// A failure of a connector or of planning, told so that a user can act on it.
#[derive(Debug, Error)]
#[error("{message}")]
pub struct ConnectorError {
    /// What failed, with the value and the remedy.
    pub message: String,
    /// The cause, where there is one.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl ConnectorError {
    /// An error without a cause.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            source: None,
        }
    }

    /// An error with the error that led to it.
    pub fn caused_by(message: impl Into<String>, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self {
            message: message.into(),
            source: Some(source.into()),
        }
    }

    /// The message with those of its causes, joined by `: `; a cause that the message already ends with is not repeated.
    pub fn report(&self) -> String {
        report(self)
    }
}

/// An error's message with those of its causes, joined by `: `; a cause that is already told is not repeated.
pub fn report(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        if !text.contains(&message) {
            text.push_str(": ");
            text.push_str(&message);
        }
        cause = error.source();
    }
    text
}

/// A piece of a source's input, in the JSON form that enumerator and reader share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputSplit(pub Bytes);

/// What a sink's subtask wants to be made visible, in the JSON form that sink and committer share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committable(pub Bytes);

/// Gives splits to the subtasks of one source operator. Lives in the JobMaster, one for each source of a job.
#[async_trait]
pub trait SplitEnumerator: Send + std::fmt::Debug {
    /// The next split for this subtask on that host, `None` when there are no more.
    async fn next_split(&mut self, subtask: u32, host: &str) -> Result<Option<InputSplit>, ConnectorError>;

    /// Takes back the splits of an attempt that ended without finishing.
    fn return_splits(&mut self, subtask: u32, splits: Vec<InputSplit>);
}

/// Makes the output of one sink operator visible, in two steps: all sinks of a job publish, then all of them finish. Lives
/// in the JobMaster, one for each sink of a job.
/// Every method may be called again after a crash and then does what is left to do.
#[async_trait]
pub trait JobCommitter: Send + Sync + std::fmt::Debug {
    /// Before any task runs: checks that the output may be written and makes room for it.
    async fn prepare(&self) -> Result<(), ConnectorError>;

    /// The same for a job that a master has run which is gone: it may have got to any of the steps below. Takes all of it
    /// back first.
    async fn prepare_again(&self) -> Result<(), ConnectorError> {
        self.abort().await?;
        self.prepare().await
    }

    /// All tasks are FINISHED: makes exactly these visible, in place of what they replace. [`Self::abort`] can take all of
    /// it back: another sink of the job may fail to publish.
    async fn publish(&self, committables: &[Committable]) -> Result<(), ConnectorError>;

    /// All sinks of the job have published: removes what was replaced, and what only an abort would need.
    async fn finish(&self) -> Result<(), ConnectorError>;

    /// The job FAILED or was CANCELED: removes whatever its attempts left behind, and puts back what was replaced.
    async fn abort(&self) -> Result<(), ConnectorError>;
}

/// Checks a graph as a worker would plan it, and completes what the file left out.
pub trait GraphChecker: Send + Sync + std::fmt::Debug {
    /// The graph with the schema on every edge, or the first fault: structure, expressions, types.
    fn check(&self, graph: JobGraph) -> Result<JobGraph, ConnectorError>;
}

/// The master's side of the operators that touch the outside world. Their errors need not name the operator: whoever asks
/// does.
#[async_trait]
pub trait Connectors: Send + Sync + std::fmt::Debug {
    /// The enumerator of a source, where the operator is one that reads splits. Looks at the input: a missing path fails
    /// here. `job` is the graph that it stands in.
    async fn enumerator(
        &self,
        job: &JobGraph,
        operator: &OperatorSpec,
        parallelism: u32,
    ) -> Result<Option<Box<dyn SplitEnumerator>>, ConnectorError>;

    /// The committer of a sink, where the operator is one that commits.
    fn committer(
        &self,
        job: JobId,
        vertex: &VertexId,
        operator: &OperatorSpec,
    ) -> Result<Option<Arc<dyn JobCommitter>>, ConnectorError>;
}
