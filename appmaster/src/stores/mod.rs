//! What a cluster remembers of its jobs. The Dispatcher alone writes here.
//!
//! ```text
//! below high-availability.storageDir, for the next master:
//!   <cluster-id>/jobgraphs/<job>.json                    a job that was taken: until it has ended and is cleaned up
//!   <cluster-id>/blob/job_<job>/blob_p-<sha256>          what it brings along, likewise
//!   job-result-store/<cluster-id>/<job>_DIRTY.json       a job that has ended: until it is cleaned up
//!   job-result-store/<cluster-id>/<job>.json             one that is cleaned up, where results are kept
//! in this process, for people:
//!   ended jobs as their pages show them (jobstore.*), on the local disk or in memory
//! below jobmanager.archive.fs.dir, for the history server:
//!   <job>
//! ```
//!
//! Each leadership writes in a directory of its own first, `.<session>`, from where files are renamed into place. A leader
//! begins with taking those of others away: what a master that was deposed has not finished by then never appears.
//!
//! Without a storage directory, graphs and results are known to this process only.

mod artifacts;
mod directory;
mod error;
mod execution_graphs;
mod history;
mod job_graphs;
mod job_results;
mod settings;

use std::sync::Arc;

pub(crate) use artifacts::{ArtifactStore, TakeError, Uploads};
pub(crate) use error::ReplaceError;
pub use error::{DirectoryError, StoreError};
pub(crate) use execution_graphs::ExecutionGraphInfoStore;
pub use execution_graphs::JobSummary;
pub(crate) use history::HistoryArchivist;
pub(crate) use job_graphs::{JobGraphStore, RecoveredGraph};
pub(crate) use job_results::{JobResultStore, RecoveredResults};
pub(crate) use settings::StoreSettings;

use selvedge_runtime::blob::BlobStore;
use selvedge_runtime::fs::FileSystems;

use crate::lease::Lease;
use directory::StoreDirectory;
use job_graphs::{FileJobGraphStore, MemoryJobGraphStore};
use job_results::{FileJobResultStore, MemoryJobResultStore};

/// All stores of a cluster.
#[derive(Debug, Clone)]
pub(crate) struct Stores {
    pub(crate) job_graphs: Arc<dyn JobGraphStore>,
    pub(crate) job_results: Arc<dyn JobResultStore>,
    pub(crate) execution_graphs: Arc<ExecutionGraphInfoStore>,
    pub(crate) history: Option<Arc<HistoryArchivist>>,
    file_systems: FileSystems,
    artifact_copies: Option<StoreDirectory>,
}

impl Stores {
    /// The same under a leadership: what is written there is refused when another one has begun.
    pub(crate) fn under(&self, lease: &Lease) -> Self {
        Self {
            job_graphs: self.job_graphs.under(lease),
            job_results: self.job_results.under(lease),
            artifact_copies: self.artifact_copies.as_ref().map(|copies| copies.under(lease)),
            ..self.clone()
        }
    }

    /// The cluster has ended and everybody who has to know does.
    pub(crate) async fn close(&self) -> Result<(), StoreError> {
        self.job_results.close().await?;
        self.job_graphs.close().await?;
        match &self.artifact_copies {
            Some(copies) => copies.leave().await,
            None => Ok(()),
        }
    }

    /// The stores that the settings ask for; nothing is read or written yet.
    pub(crate) fn open(settings: StoreSettings, file_systems: &FileSystems) -> Result<Self, StoreError> {
        let history = settings.archive_directory.as_ref();
        let history = history
            .map(|path| StoreDirectory::open(path, file_systems))
            .transpose()?;
        let (job_graphs, job_results): (Arc<dyn JobGraphStore>, Arc<dyn JobResultStore>) = match &settings.persistence {
            None => (Arc::new(MemoryJobGraphStore), Arc::new(MemoryJobResultStore)),
            Some(places) => {
                let graphs = StoreDirectory::open(&places.job_graphs, file_systems)?;
                let results = StoreDirectory::open(&places.job_results, file_systems)?;
                tracing::info!("job graphs are kept in {graphs}, results in {results}");
                (
                    Arc::new(FileJobGraphStore::new(graphs)),
                    Arc::new(FileJobResultStore::new(results, places.results_kept)),
                )
            }
        };
        Ok(Self {
            job_graphs,
            job_results,
            execution_graphs: Arc::new(ExecutionGraphInfoStore::new(settings.ended_jobs)),
            artifact_copies: match &settings.persistence {
                Some(places) => Some(StoreDirectory::open(&places.artifacts, file_systems)?),
                None => None,
            },
            file_systems: file_systems.clone(),
            history: history.map(|directory| Arc::new(HistoryArchivist::new(directory))),
        })
    }

    /// What jobs bring along, in this store of blobs.
    pub(crate) fn artifacts(&self, blobs: BlobStore) -> ArtifactStore {
        ArtifactStore::new(blobs, self.file_systems.clone(), self.artifact_copies.clone())
    }
}
