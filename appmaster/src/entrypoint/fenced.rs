//! The connectors of one leadership: what a deposed leader would still make visible or remove is refused.

use std::sync::Arc;

use async_trait::async_trait;
use selvedge_core::job_graph::OperatorSpec;
use selvedge_core::{JobId, VertexId};
use selvedge_runtime::connector::{Committable, ConnectorError, Connectors, JobCommitter, SplitEnumerator};

use crate::lease::Lease;

/// Asked before each step.
fn check(lease: &Lease) -> Result<(), ConnectorError> {
    if lease.holds() {
        return Ok(());
    }
    let message = format!(
        "this process leads no more under session {}: the output is left to the next leader",
        lease.session()
    );
    tracing::warn!("{message}");
    Err(ConnectorError::new(message))
}

/// Connectors under a leadership.
#[derive(Debug)]
pub(super) struct FencedConnectors {
    inner: Arc<dyn Connectors>,
    lease: Lease,
}

impl FencedConnectors {
    pub(super) fn new(inner: Arc<dyn Connectors>, lease: Lease) -> Arc<Self> {
        Arc::new(Self { inner, lease })
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
            let lease = self.lease.clone();
            Arc::new(FencedCommitter { inner, lease }) as Arc<dyn JobCommitter>
        }))
    }
}

#[derive(Debug)]
struct FencedCommitter {
    inner: Arc<dyn JobCommitter>,
    lease: Lease,
}

#[async_trait]
impl JobCommitter for FencedCommitter {
    async fn prepare(&self) -> Result<(), ConnectorError> {
        check(&self.lease)?;
        self.inner.prepare().await
    }

    async fn prepare_again(&self) -> Result<(), ConnectorError> {
        check(&self.lease)?;
        self.inner.prepare_again().await
    }

    async fn publish(&self, committables: &[Committable]) -> Result<(), ConnectorError> {
        check(&self.lease)?;
        self.inner.publish(committables).await
    }

    async fn finish(&self) -> Result<(), ConnectorError> {
        check(&self.lease)?;
        self.inner.finish().await
    }

    async fn abort(&self) -> Result<(), ConnectorError> {
        check(&self.lease)?;
        self.inner.abort().await
    }
}
