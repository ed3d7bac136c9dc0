//! The master's side of the built-in sources and sinks: who gets which split, and which files become visible.

mod committer;
mod enumerator;
mod output;
mod split;

use std::sync::Arc;

use async_trait::async_trait;
use selvedge_core::job_graph::operator::FileSink;
use selvedge_core::job_graph::{JobGraph, Operator, OperatorSpec};
use selvedge_core::{JobId, VertexId};
use selvedge_runtime::connector::{ConnectorError, Connectors, JobCommitter, SplitEnumerator};
use selvedge_runtime::fs::FileSystems;

use committer::FileCommitter;
use enumerator::{FileEnumerator, files_of};
pub(crate) use output::{OutputDirectory, PartFile};
pub(crate) use split::FileSplit;

/// The connectors that Selvedge brings along.
#[derive(Debug, Clone)]
pub struct BuiltinConnectors {
    file_systems: FileSystems,
}

impl BuiltinConnectors {
    /// Over these file systems.
    pub fn new(file_systems: FileSystems) -> Self {
        Self { file_systems }
    }

    /// Before a job is sent: whether every input path leads to something and no output directory stands in the way. The
    /// first fault is told.
    pub async fn check_paths(&self, graph: &JobGraph) -> Result<(), ConnectorError> {
        for spec in graph.vertices.iter().flat_map(|vertex| &vertex.chain) {
            match &spec.operator {
                Operator::FileSource(source) => {
                    files_of(&self.file_systems, spec, source).await?;
                }
                Operator::FileSink(sink) => {
                    // No job writes here: this one has no id yet.
                    let nobody = JobId::from_bytes([0; 16]);
                    self.file_committer(nobody, spec, sink)?.refuse_existing().await?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn file_committer(
        &self,
        job: JobId,
        spec: &OperatorSpec,
        sink: &FileSink,
    ) -> Result<FileCommitter, ConnectorError> {
        let fail = |reason: String| ConnectorError::new(format!("operator '{}': {reason}", spec.id));
        let root = self
            .file_systems
            .resolve(&sink.path)
            .map_err(|error| fail(error.to_string()))?;
        let file_system = self.file_systems.of(&root).map_err(|error| fail(error.to_string()))?;
        Ok(FileCommitter {
            operator: spec.id.clone(),
            file_system: Arc::clone(file_system),
            directory: OutputDirectory::new(root, job),
            overwrite: sink.overwrite,
        })
    }
}

#[async_trait]
impl Connectors for BuiltinConnectors {
    async fn enumerator(
        &self,
        operator: &OperatorSpec,
        _parallelism: u32,
    ) -> Result<Option<Box<dyn SplitEnumerator>>, ConnectorError> {
        let Operator::FileSource(source) = &operator.operator else {
            return Ok(None);
        };
        let files = files_of(&self.file_systems, operator, source).await?;
        Ok(Some(Box::new(FileEnumerator::new(&files, source.split_size)?)))
    }

    fn committer(
        &self,
        job: JobId,
        _vertex: &VertexId,
        operator: &OperatorSpec,
    ) -> Result<Option<Arc<dyn JobCommitter>>, ConnectorError> {
        let Operator::FileSink(sink) = &operator.operator else {
            return Ok(None);
        };
        Ok(Some(Arc::new(self.file_committer(job, operator, sink)?)))
    }
}

#[cfg(test)]
mod tests;
