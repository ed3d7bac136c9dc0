//! What the job of a task brings along, as files on the worker's disk: fetched before the task runs, once for all tasks of the
//! job here.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use selvedge_runtime::blob::{JobBlobs, NamedBlob};
use selvedge_runtime::gateway::BlobGateway;

use super::{TaskContext, TaskError};

/// The artifacts of a job; cheap to clone. They stay on the disk as long as one of the clones lives.
#[derive(Debug, Clone, Default)]
pub struct TaskArtifacts(Option<Arc<Brought>>);

struct Brought {
    blobs: JobBlobs,
    server: Arc<dyn BlobGateway>,
    named: Vec<NamedBlob>,
    files: OnceLock<BTreeMap<String, PathBuf>>,
}

impl fmt::Debug for Brought {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.named).finish()
    }
}

impl TaskArtifacts {
    /// These files, which the server has.
    pub fn new(blobs: JobBlobs, server: Arc<dyn BlobGateway>, named: Vec<NamedBlob>) -> Self {
        Self(Some(Arc::new(Brought {
            blobs,
            server,
            named,
            files: OnceLock::new(),
        })))
    }

    /// Waits until all of them are on the disk, or the task is cancelled.
    pub(crate) fn fetch(&self, context: &TaskContext) -> Result<(), TaskError> {
        let Some(brought) = &self.0 else {
            return Ok(());
        };
        let files = context.block_on(async {
            let mut files = BTreeMap::new();
            for blob in &brought.named {
                let file = brought.blobs.file(&*brought.server, blob).await;
                let file = file.map_err(|source| TaskError::Artifact {
                    name: blob.name.clone(),
                    source,
                })?;
                files.insert(blob.name.clone(), file);
            }
            Ok::<_, TaskError>(files)
        })??;
        // Another task may have been as fast.
        let _ = brought.files.set(files);
        Ok(())
    }

    /// The file with this name; `None` where the job has none.
    pub fn file(&self, name: &str) -> Option<PathBuf> {
        self.0.as_ref()?.files.get()?.get(name).cloned()
    }
}
