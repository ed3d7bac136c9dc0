//! Connectors that note what is asked of them.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use selvedge_core::job_graph::validate::validate;
use selvedge_core::job_graph::{JobGraph, OperatorSpec};
use selvedge_core::{JobId, VertexId};
use selvedge_runtime::connector::{
    Committable, ConnectorError, Connectors, GraphChecker, InputSplit, JobCommitter, SplitEnumerator,
};

/// What was asked, in order.
pub(crate) type Log = Arc<Mutex<Vec<String>>>;

/// Every source has three splits; every sink has a committer.
#[derive(Debug, Default)]
pub(crate) struct NotingConnectors {
    pub(crate) log: Log,
    /// What preparing a sink fails with.
    pub(crate) refuse: Option<String>,
}

#[derive(Debug)]
struct ThreeSplits(Vec<u32>);

#[derive(Debug)]
struct NotingCommitter {
    log: Log,
    refuse: Option<String>,
}

#[async_trait]
impl Connectors for NotingConnectors {
    async fn enumerator(
        &self,
        _job: &JobGraph,
        operator: &OperatorSpec,
        _parallelism: u32,
    ) -> Result<Option<Box<dyn SplitEnumerator>>, ConnectorError> {
        let splits = || Box::new(ThreeSplits(vec![3, 2, 1])) as Box<dyn SplitEnumerator>;
        Ok(operator.operator.is_source().then(splits))
    }

    fn committer(
        &self,
        _job: JobId,
        _vertex: &VertexId,
        operator: &OperatorSpec,
    ) -> Result<Option<Arc<dyn JobCommitter>>, ConnectorError> {
        let committer = NotingCommitter {
            log: self.log.clone(),
            refuse: self.refuse.clone(),
        };
        Ok(operator
            .operator
            .is_sink()
            .then(|| Arc::new(committer) as Arc<dyn JobCommitter>))
    }
}

#[async_trait]
impl SplitEnumerator for ThreeSplits {
    async fn next_split(&mut self, _subtask: u32, _host: &str) -> Result<Option<InputSplit>, ConnectorError> {
        Ok(self.0.pop().map(|number| InputSplit(Bytes::from(number.to_string()))))
    }

    fn return_splits(&mut self, _subtask: u32, _splits: Vec<InputSplit>) {}
}

impl NotingCommitter {
    fn note(&self, line: String) {
        self.log.lock().unwrap().push(line);
    }
}

#[async_trait]
impl JobCommitter for NotingCommitter {
    async fn prepare(&self) -> Result<(), ConnectorError> {
        self.note("prepare".into());
        self.refuse
            .clone()
            .map_or(Ok(()), |cause| Err(ConnectorError::new(cause)))
    }

    async fn publish(&self, committables: &[Committable]) -> Result<(), ConnectorError> {
        let mut parts: Vec<_> = committables
            .iter()
            .map(|part| String::from_utf8_lossy(&part.0).into_owned())
            .collect();
        parts.sort();
        self.note(format!("publish {}", parts.join(" ")));
        Ok(())
    }

    async fn finish(&self) -> Result<(), ConnectorError> {
        self.note("finish".into());
        Ok(())
    }

    async fn abort(&self) -> Result<(), ConnectorError> {
        self.note("abort".into());
        Ok(())
    }
}

/// Checks structure only.
#[derive(Debug)]
pub(crate) struct StructureChecker;

impl GraphChecker for StructureChecker {
    fn check(&self, graph: JobGraph) -> Result<JobGraph, ConnectorError> {
        validate(&graph).map_err(|error| ConnectorError::new(error.to_string()))?;
        Ok(graph)
    }
}
