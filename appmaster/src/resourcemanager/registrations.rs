//! Which workers come and go.

use std::time::Duration;

use selvedge_core::ResourceId;
use selvedge_runtime::gateway::proto::RegisterTaskExecutorRequest;
use selvedge_runtime::gateway::{GatewayError, GatewayResult};
use tokio::time::Instant;

use super::ResourceNotice;
use super::error::SlotManagerError;
use super::service::Service;
use super::slot_manager::{LostSlot, ReportedSlot, Shortage, WorkerResources};

/// How long the driver is given to say how a lost worker ended, before it is told to end it: that would hide the exit status.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// After so many workers that cannot run as they are configured, no more are waited for.
const UNFIT_IN_A_ROW: u32 = 3;

impl Service {
    pub(super) fn register_worker(
        &mut self,
        registration: RegisterTaskExecutorRequest,
        resources: WorkerResources,
        slots: &[ReportedSlot],
    ) -> GatewayResult<()> {
        let gateway = self.environment.workers.connect(&registration.rpc_address)?;
        let resource_id = ResourceId(registration.resource_id.clone());
        // Where nobody starts workers, the same one may come back.
        if self.is_active() && self.tracker.is_gone(&resource_id) {
            let message = format!("TaskManager {resource_id} was given up by the ResourceManager: it must end");
            tracing::warn!("{message}");
            return Err(GatewayError::Rejected(message));
        }
        let (node, number_of_slots) = (registration.host.clone(), resources.number_of_slots);
        let kind = self.kind_of_total(&resources.total);
        let now = self.now();
        // What the same process says once more may be older than what was learned since: its heartbeats have the last word.
        if !self.workers.is_of_known_process(&registration) {
            match self.slots.add_worker(resource_id.clone(), resources, slots, now) {
                Ok(lost) => self.tell_lost(lost),
                Err(error) => {
                    tracing::warn!("TaskManager {resource_id} is refused: {error}");
                    return Err(error.into());
                }
            }
        }
        self.tracker.registers(&resource_id, kind);
        if self.avoidance.started(&node) {
            tracing::info!("a worker starts on {node} after all: the node is not avoided any more");
            self.tell_blocked();
        }
        tracing::info!("TaskManager {resource_id} on {node} registered with {number_of_slots} slots");
        self.workers.add(registration, gateway, self.environment.clock.wall());
        // A job may wait for just these slots.
        self.check.hurry(now);
        self.unfit = 0;
        Ok(())
    }

    /// What keeps one worker from running may be its node's fault; what keeps several in a row is the setting's, and more of
    /// them would be started for nothing.
    pub(super) fn worker_unfit(&mut self, resource_id: &ResourceId, cause: String) {
        self.unfit += 1;
        tracing::warn!(
            "worker {resource_id} cannot run as it is configured ({} in a row): {cause}",
            self.unfit
        );
        self.notify_all(&match self.unfit >= UNFIT_IN_A_ROW {
            true => ResourceNotice::NotEnoughResources {
                shortage: Shortage::Unfit(cause),
                required: Vec::new(),
                acquired: Vec::new(),
            },
            false => ResourceNotice::StartFailed { cause },
        });
    }

    pub(super) fn worker_leaves(&mut self, resource_id: &ResourceId, cause: &str) -> GatewayResult<()> {
        if !self.lose_worker(resource_id, &format!("TaskManager {resource_id} left: {cause}")) {
            return Err(SlotManagerError::UnknownWorker(resource_id.clone()).into());
        }
        Ok(())
    }

    /// Gives a worker up that does not answer or left, and stops it where it may still run. `false` where it is not known.
    pub(super) fn lose_worker(&mut self, resource_id: &ResourceId, cause: &str) -> bool {
        if !self.workers.remove(resource_id) {
            return false;
        }
        tracing::warn!("{cause}");
        let lost = self.slots.remove_worker(resource_id);
        tracing::info!("{} slots are lost with {resource_id}", lost.len());
        self.tracker.released(resource_id);
        self.notify_all(&ResourceNotice::Silent {
            resource_id: resource_id.clone(),
            cause: cause.to_owned(),
        });
        self.release_after_last_words(resource_id.clone());
        self.changed();
        true
    }

    /// The driver is asked at once how a lost worker ended, and told to end it a little later.
    fn release_after_last_words(&self, resource_id: ResourceId) {
        let driver = self.environment.driver.clone();
        driver.hurry();
        tokio::spawn(async move {
            tokio::time::sleep(LAST_WORDS).await;
            driver.release_worker(&resource_id).await;
        });
    }

    pub(super) fn worker_terminated(&mut self, resource_id: ResourceId, cause: String, against_node: bool) {
        tracing::info!("worker {resource_id} ended: {cause}");
        self.workers.remove(&resource_id);
        self.slots.remove_worker(&resource_id);
        let now = self.now();
        if let Some(node) = self.tracker.ended(&resource_id, now) {
            if against_node {
                self.start_failed_on(&node, now);
            }
            self.notify_all(&ResourceNotice::StartFailed { cause: cause.clone() });
        }
        self.notify_all(&ResourceNotice::Terminated { resource_id, cause });
    }

    /// A worker on this node never registered.
    pub(super) fn start_failed_on(&mut self, node: &str, now: Instant) {
        if self.avoidance.start_failed(node, now) {
            tracing::warn!("workers on node {node} fail to start again and again: it is avoided for a while");
            self.tell_blocked();
        }
    }

    /// Slots that a worker does not know of any more.
    pub(super) fn tell_lost(&mut self, lost: Vec<LostSlot>) {
        for LostSlot { job_id, allocation_id } in lost {
            let cause = format!("the TaskManager does not know of allocation {allocation_id} any more");
            tracing::warn!(job = %job_id, "a slot is lost: {cause}");
            self.notify_job(&job_id, ResourceNotice::SlotLost { allocation_id, cause });
        }
        self.changed();
    }
}
