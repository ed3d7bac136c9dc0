//! What a job needs, told to the ResourceManager whenever it changes. Only the last state counts, and the job goes on
//! meanwhile: the ResourceManager may be busy connecting to where workers come from.

use selvedge_core::resource::ProfileSpec;
use selvedge_core::{JobId, LeaderSessionId};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::resourcemanager::{JobMasterContact, ResourceManagerHandle, ResourceNotice};

/// How many slots of each profile.
type Required = Vec<(ProfileSpec, u32)>;

/// Declares on a task of its own.
pub(super) struct Requirements {
    resource_manager: ResourceManagerHandle,
    job_id: JobId,
    job_master_id: LeaderSessionId,
    last: watch::Sender<Required>,
    declaring: JoinHandle<()>,
}

impl Requirements {
    /// Registers the JobMaster and declares this; then what [`Self::update`] brings.
    pub(super) fn declare(
        resource_manager: ResourceManagerHandle,
        job_id: JobId,
        contact: JobMasterContact,
        required: Required,
    ) -> Self {
        let (last, mut changes) = watch::channel(required);
        changes.mark_changed();
        let (callee, job_master_id) = (resource_manager.clone(), contact.job_master_id);
        let declaring = tokio::spawn(async move {
            if let Err(error) = callee.register_job_master(job_id, contact.clone()).await {
                tracing::warn!(job = %job_id, "the ResourceManager does not take the JobMaster: {error}");
                return;
            }
            while changes.changed().await.is_ok() {
                let required = changes.borrow_and_update().clone();
                let declared = callee.declare_required_resources(job_id, contact.clone(), required);
                if let Err(error) = declared.await {
                    tracing::warn!(job = %job_id, "the ResourceManager does not take what the job needs: {error}");
                }
            }
        });
        Self {
            resource_manager,
            job_id,
            job_master_id,
            last,
            declaring,
        }
    }

    pub(super) fn update(&self, required: Required) {
        self.last.send_if_modified(|last| {
            let changed = *last != required;
            *last = required;
            changed
        });
    }

    /// Nothing is needed any more: told after what was declared. The JobMaster's `notices` stay open until then, as it
    /// would look like one that broke down.
    pub(super) fn disconnect(self, notices: mpsc::Receiver<ResourceNotice>) {
        drop(self.last);
        tokio::spawn(async move {
            let _ = self.declaring.await;
            let disconnected = self
                .resource_manager
                .disconnect_job_master(self.job_id, self.job_master_id);
            // A ResourceManager that is gone needs no good-bye.
            let _ = disconnected.await;
            drop(notices);
        });
    }
}
