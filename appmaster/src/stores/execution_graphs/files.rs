//! Ended jobs on the local disk: a directory of this process, which goes with it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use selvedge_core::JobId;
use selvedge_runtime::machine::run_blocking;

use crate::jobmaster::ArchivedExecutionGraph;

#[derive(Debug)]
pub(super) struct GraphFiles {
    directory: PathBuf,
}

impl GraphFiles {
    /// Files in a directory of their own below this one; it is made with the first of them.
    pub(super) fn below(directory: &Path) -> Self {
        let name = format!("executionGraphStore-{}", uuid::Uuid::new_v4());
        Self {
            directory: directory.join(name),
        }
    }

    /// Writes a job; how many bytes it takes.
    pub(super) async fn write(&self, graph: Arc<ArchivedExecutionGraph>) -> io::Result<u64> {
        let path = self.path(graph.job_id);
        blocking(move || {
            let content = serde_json::to_vec(&*graph)?;
            std::fs::create_dir_all(path.parent().unwrap_or(&path))?;
            std::fs::write(&path, &content).map_err(|error| at(&path, &error))?;
            Ok(content.len() as u64)
        })
        .await
    }

    /// Reads a job, and how many bytes it takes.
    pub(super) async fn read(&self, job: JobId) -> io::Result<(Arc<ArchivedExecutionGraph>, u64)> {
        let path = self.path(job);
        blocking(move || {
            let content = std::fs::read(&path).map_err(|error| at(&path, &error))?;
            let graph = serde_json::from_slice(&content).map_err(|error| at(&path, &error.into()))?;
            Ok((Arc::new(graph), content.len() as u64))
        })
        .await
    }

    /// Deletes a job, whenever the disk has time for it.
    pub(super) fn delete(self: Arc<Self>, job: JobId) {
        tokio::spawn(run_blocking(move || {
            // A file that stays goes with the directory.
            let _ = std::fs::remove_file(self.path(job));
        }));
    }

    fn path(&self, job: JobId) -> PathBuf {
        self.directory.join(job.to_string())
    }
}

impl Drop for GraphFiles {
    fn drop(&mut self) {
        // Nothing was written, or somebody else has cleared it away.
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    run_blocking(work).await.map_err(io::Error::other)?
}

fn at(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
