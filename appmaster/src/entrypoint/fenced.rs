//! The connectors of one leadership: what a deposed leader would still make visible or remove is refused.

use std::sync::Arc;

use async_trait::async_trait;
use selvedge_core::job_graph::OperatorSpec;
use selvedge_core::{JobId, LeaderSessionId, VertexId};
use selvedge_runtime::connector::{Committable, ConnectorError, Connectors, JobCommitter, SplitEnumerator};
use selvedge_runtime::ha::LeaderElection;

/// Asks before each step whether the process still leads.
#[derive(Debug, Clone)]
struct Fence {
    election: Arc<dyn LeaderElection>,
    session: LeaderSessionId,
}

impl Fence {
    fn check(&self) -> Result<(), ConnectorError> {
        if self.election.has_leadership(self.session) {
            return Ok(());
        }
        let message = format!(
            "this process leads no more under session {}: the output is left to the next leader",
            self.session
        );
        tracing::warn!("{message}");
        Err(ConnectorError::new(message))
    }
}

/// Connectors under a leadership.
#[derive(Debug)]
pub(super) struct FencedConnectors {
    inner: Arc<dyn Connectors>,
    fence: Fence,
}

impl FencedConnectors {
    pub(super) fn new(
        inner: Arc<dyn Connectors>,
        election: Arc<dyn LeaderElection>,
        session: LeaderSessionId,
    ) -> Arc<Self> {
        let fence = Fence { election, session };
        Arc::new(Self { inner, fence })
    }
}

#[async_trait]
impl Connectors for FencedConnectors {
    async fn enumerator(
        &self,
        operator: &OperatorSpec,
        parallelism: u32,
    ) -> Result<Option<Box<dyn SplitEnumerator>>, ConnectorError> {
        self.inner.enumerator(operator, parallelism).await
    }

    fn committer(
        &self,
        job: JobId,
        vertex: &VertexId,
        operator: &OperatorSpec,
    ) -> Result<Option<Arc<dyn JobCommitter>>, ConnectorError> {
        let inner = self.inner.committer(job, vertex, operator)?;
        Ok(inner.map(|inner| {
            let fence = self.fence.clone();
            Arc::new(FencedCommitter { inner, fence }) as Arc<dyn JobCommitter>
        }))
    }
}

#[derive(Debug)]
struct FencedCommitter {
    inner: Arc<dyn JobCommitter>,
    fence: Fence,
}

#[async_trait]
impl JobCommitter for FencedCommitter {
    async fn prepare(&self) -> Result<(), ConnectorError> {
        self.fence.check()?;
        self.inner.prepare().await
    }

    async fn prepare_again(&self) -> Result<(), ConnectorError> {
        self.fence.check()?;
        self.inner.prepare_again().await
    }

    async fn publish(&self, committables: &[Committable]) -> Result<(), ConnectorError> {
        self.fence.check()?;
        self.inner.publish(committables).await
    }

    async fn finish(&self) -> Result<(), ConnectorError> {
        self.fence.check()?;
        self.inner.finish().await
    }

    async fn abort(&self) -> Result<(), ConnectorError> {
        self.fence.check()?;
        self.inner.abort().await
    }
}
