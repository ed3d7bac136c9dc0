//! The master's side of the built-in sources and sinks: who gets which split, and which files become visible.

mod committer;
mod enumerator;
mod output;
mod split;

use std::sync::Arc;

use async_trait::async_trait;
use selvedge_core::job_graph::operator::FileSink;
use selvedge_core::job_graph::shipped::shipped_path;
use selvedge_core::job_graph::{JobGraph, Operator, OperatorSpec};
use selvedge_core::{JobId, VertexId};
use selvedge_runtime::artifact::ArtifactFile;
use selvedge_runtime::connector::{ConnectorError, Connectors, JobCommitter, SplitEnumerator, report};
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

    /// Before a job is sent: whether every input path leads to something, every artifact can be read, and no output directory
    /// stands in the way. The first fault is told.
    pub async fn check_paths(&self, graph: &JobGraph) -> Result<(), ConnectorError> {
        for artifact in &graph.artifacts {
            let found = ArtifactFile::find(&self.file_systems, artifact).await;
            found.map_err(|error| ConnectorError::new(report(&error)))?;
        }
        let mut sinks = Vec::new();
        for spec in graph.vertices.iter().flat_map(|vertex| &vertex.chain) {
            let checked = self.check_paths_of(graph, spec, &sinks).await;
            let sink =
                checked.map_err(|error| ConnectorError::new(format!("operator '{}': {}", spec.id, error.report())))?;
            sinks.extend(sink);
        }
        Ok(())
    }

    /// A sink's committer, once it has been held against those of the sinks before.
    async fn check_paths_of(
        &self,
        graph: &JobGraph,
        spec: &OperatorSpec,
        sinks: &[FileCommitter],
    ) -> Result<Option<FileCommitter>, ConnectorError> {
        match &spec.operator {
            Operator::FileSource(source) => {
                let mut source = source.clone();
                // They are where the master is.
                source.paths.retain(|path| shipped_path(path).is_none());
                files_of(&self.file_systems, &source, &graph.artifacts).await?;
                Ok(None)
            }
            Operator::FileSink(sink) => {
                // No job writes here: this one has no id yet.
                let nobody = JobId::from_bytes([0; 16]);
                let committer = self.file_committer(nobody, spec, sink)?;
                committer.refuse_existing().await?;
                for other in sinks {
                    committer.refuse_shared(other)?;
                }
                Ok(Some(committer))
            }
            _ => Ok(None),
        }
    }

    fn file_committer(
        &self,
        job: JobId,
        spec: &OperatorSpec,
        sink: &FileSink,
    ) -> Result<FileCommitter, ConnectorError> {
        let fail = |error: &dyn std::error::Error| ConnectorError::new(error.to_string());
        let root = self.file_systems.resolve(&sink.path).map_err(|error| fail(&error))?;
        let file_system = self.file_systems.of(&root).map_err(|error| fail(&error))?;
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
        job: &JobGraph,
        operator: &OperatorSpec,
        _parallelism: u32,
    ) -> Result<Option<Box<dyn SplitEnumerator>>, ConnectorError> {
        let Operator::FileSource(source) = &operator.operator else {
            return Ok(None);
        };
        let files = files_of(&self.file_systems, source, &job.artifacts).await?;
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
