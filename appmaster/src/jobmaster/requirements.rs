//! What a job needs, told to the ResourceManager whenever it changes. Only the last state counts, and the job goes on
//! meanwhile: the ResourceManager may be busy connecting to where workers come from, or wait for the election.

use std::sync::Arc;
use std::time::Duration;

use selvedge_core::resource::ProfileSpec;
use selvedge_core::{JobId, LeaderSessionId};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;

use crate::resourcemanager::{JobMasterContact, ResourceManagerError, ResourceManagerHandle, ResourceNotice};

/// How many slots of each profile.
type Required = Vec<(ProfileSpec, u32)>;

/// Declares on a task of its own.
pub(super) struct Requirements {
    resource_manager: ResourceManagerHandle,
    job_id: JobId,
    job_master_id: LeaderSessionId,
    last: watch::Sender<Required>,
    disconnected: Arc<Notify>,
    declaring: JoinHandle<()>,
}

/// What the task works with.
struct Declaring {
    resource_manager: ResourceManagerHandle,
    job_id: JobId,
    contact: JobMasterContact,
    /// The pause after a refusal.
    refused_delay: Duration,
    changes: watch::Receiver<Required>,
    disconnected: Arc<Notify>,
}

/// Why nothing more is declared.
struct Over;

impl Requirements {
    /// Registers the JobMaster and declares this; then what [`Self::update`] brings.
    pub(super) fn declare(
        resource_manager: ResourceManagerHandle,
        job_id: JobId,
        contact: JobMasterContact,
        refused_delay: Duration,
        required: Required,
    ) -> Self {
        let (last, changes) = watch::channel(required);
        let (job_master_id, disconnected) = (contact.job_master_id, Arc::<Notify>::default());
        let declaring = Declaring {
            resource_manager: resource_manager.clone(),
            job_id,
            contact,
            refused_delay,
            changes,
            disconnected: disconnected.clone(),
        };
        Self {
            resource_manager,
            job_id,
            job_master_id,
            last,
            disconnected,
            declaring: tokio::spawn(async move { drop(declaring.run().await) }),
        }
    }

    pub(super) fn update(&self, required: Required) {
        self.last.send_if_modified(|last| {
            let changed = *last != required;
            *last = required;
            changed
        });
    }

    /// The ResourceManager does not count on the JobMaster any more: it registers again.
    pub(super) fn disconnected(&self) {
        self.disconnected.notify_one();
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

impl Declaring {
    async fn run(mut self) -> Result<(), Over> {
        loop {
            self.register().await?;
            self.changes.mark_changed();
            self.declare_changes().await?;
        }
    }

    /// Until the ResourceManager has accepted the JobMaster.
    async fn register(&mut self) -> Result<(), Over> {
        loop {
            let accepted = self
                .resource_manager
                .register_job_master(self.job_id, self.contact.clone());
            let answer = tokio::select! {
                biased;
                answer = accepted => answer,
                () = closed(&mut self.changes) => return Err(Over),
            };
            match answer {
                Ok(()) => return Ok(()),
                Err(error) => self.note(&error)?,
            }
            tokio::select! {
                biased;
                () = tokio::time::sleep(self.refused_delay) => {}
                () = closed(&mut self.changes) => return Err(Over),
            }
        }
    }

    /// Until the ResourceManager does not take them any more.
    async fn declare_changes(&mut self) -> Result<(), Over> {
        loop {
            tokio::select! {
                biased;
                () = self.disconnected.notified() => return Ok(()),
                changed = self.changes.changed() => changed.map_err(|_| Over)?,
            }
            let required = self.changes.borrow_and_update().clone();
            let declared =
                self.resource_manager
                    .declare_required_resources(self.job_id, self.contact.job_master_id, required);
            if let Err(error) = declared.await {
                return self.note(&error);
            }
        }
    }

    fn note(&self, error: &ResourceManagerError) -> Result<(), Over> {
        let job = self.job_id;
        tracing::warn!(%job, "the ResourceManager does not take what the JobMaster says: {error}");
        match error {
            ResourceManagerError::Gone => Err(Over),
            _ => Ok(()),
        }
    }
}

/// Waits until nothing more can change.
async fn closed(changes: &mut watch::Receiver<Required>) {
    while changes.changed().await.is_ok() {}
}
