//! The master's side of simulated sinks: nothing is stored, but every step of a commit is noted, and may fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use selvedge_core::job_graph::OperatorSpec;
use selvedge_core::{JobId, VertexId};
use selvedge_runtime::connector::{Committable, ConnectorError, Connectors, JobCommitter, SplitEnumerator};

use super::history::{CommitStep, Happening, SharedHistory};
use super::user::SINK;

/// Simulated jobs make their input themselves, and have one sink.
#[derive(Clone)]
pub(crate) struct SimulatedConnectors {
    pub(crate) history: SharedHistory,
    /// How many of the next preparations shall fail.
    pub(crate) prepare_faults: Arc<AtomicU32>,
    /// How many of the next publications shall fail.
    pub(crate) publish_faults: Arc<AtomicU32>,
}

impl std::fmt::Debug for SimulatedConnectors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SimulatedConnectors")
    }
}

#[async_trait]
impl Connectors for SimulatedConnectors {
    async fn enumerator(&self, _: &OperatorSpec, _: u32) -> Result<Option<Box<dyn SplitEnumerator>>, ConnectorError> {
        Ok(None)
    }

    fn committer(
        &self,
        job: JobId,
        _: &VertexId,
        operator: &OperatorSpec,
    ) -> Result<Option<Arc<dyn JobCommitter>>, ConnectorError> {
        if operator.id.to_string() != SINK {
            return Ok(None);
        }
        Ok(Some(Arc::new(Committer {
            job,
            connectors: self.clone(),
        })))
    }
}

#[derive(Debug)]
struct Committer {
    job: JobId,
    connectors: SimulatedConnectors,
}

impl Committer {
    fn note(&self, step: CommitStep) {
        let job = self.job.to_string();
        self.connectors.history.lock().note(Happening::Commit { job, step });
    }
}

#[async_trait]
impl JobCommitter for Committer {
    async fn prepare(&self) -> Result<(), ConnectorError> {
        if is_due(&self.connectors.prepare_faults) {
            self.note(CommitStep::NotPrepared);
            return Err(ConnectorError::new("the simulation wants this output to be refused"));
        }
        self.note(CommitStep::Prepared);
        Ok(())
    }

    async fn publish(&self, _: &[Committable]) -> Result<(), ConnectorError> {
        if is_due(&self.connectors.publish_faults) {
            self.note(CommitStep::NotPublished);
            return Err(ConnectorError::new("the simulation wants this publication to fail"));
        }
        self.note(CommitStep::Published);
        Ok(())
    }

    async fn finish(&self) -> Result<(), ConnectorError> {
        self.note(CommitStep::Finished);
        Ok(())
    }

    async fn abort(&self) -> Result<(), ConnectorError> {
        self.note(CommitStep::Aborted);
        Ok(())
    }
}

fn is_due(faults: &AtomicU32) -> bool {
    let due = faults.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
    due.is_ok()
}
