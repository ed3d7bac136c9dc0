//! From slots to running tasks. Part of [`JobState`]'s decisions.

use std::sync::Arc;

use selvedge_core::status::{ExecutionState, JobStatus};
use selvedge_core::{AllocationId, ResourceId};

use super::deployment::describe;
use super::execution_graph::{TaskIndex, TaskLocation};
use super::failover::Scope;
use super::root_cause::FailureKind;
use super::slot_pool::OfferedSlot;
use super::state::{Action, Ending, JobState, Now, SlotOffer};
use crate::resourcemanager::Shortage;

impl JobState {
    /// A worker offers slots; those taken come back.
    pub(super) fn offer_slots(
        &mut self,
        resource_id: &ResourceId,
        offers: impl Iterator<Item = SlotOffer>,
        now: Now,
    ) -> (Vec<AllocationId>, Vec<Action>) {
        let Some(worker) = self.workers.get(resource_id).filter(|_| self.ending == Ending::NotYet) else {
            return (Vec::new(), Vec::new());
        };
        let mut accepted = Vec::new();
        for offer in offers {
            let location = TaskLocation {
                resource_id: resource_id.clone(),
                host: worker.host.clone(),
                data_address: worker.data_address.clone(),
                allocation_id: offer.allocation_id,
            };
            let offered = OfferedSlot {
                location: Arc::new(location),
                slot_index: offer.slot_index,
                profile: offer.profile,
            };
            if self.pool.offer(offered, now.monotonic) {
                accepted.push(offer.allocation_id);
            }
        }
        (accepted, self.deploy_what_is_ready(now))
    }

    /// New attempts wait for slots from now on.
    pub(super) fn schedule(&mut self, tasks: &[TaskIndex], now: Now) {
        for task in tasks {
            self.move_task(*task, ExecutionState::Scheduled, now);
            self.pool.need(self.sharing.place_of(*task));
        }
        self.scheduler.schedule(tasks, now.monotonic);
    }

    /// Deploys what has all of its slots, once the connectors are ready.
    pub(super) fn deploy_what_is_ready(&mut self, now: Now) -> Vec<Action> {
        let may_run = matches!(self.graph.status(), JobStatus::Running | JobStatus::Restarting);
        if !self.prepared || !may_run {
            return Vec::new();
        }
        let tasks = self.scheduler.deployable(&mut self.pool);
        if tasks.is_empty() {
            return Vec::new();
        }
        for task in &tasks {
            if let Some(location) = self.pool.location(self.sharing.place_of(*task)) {
                self.graph.place(*task, location.clone());
                self.partitions.start(&self.graph, *task);
            }
            self.move_task(*task, ExecutionState::Deploying, now);
        }
        match describe(&self.graph, &self.partitions, &tasks) {
            Ok(deployment) => vec![Action::Deploy(deployment)],
            Err(error) => {
                let cause = format!("the tasks cannot be described: {error}");
                self.fail(self.job_failure(cause, FailureKind::Cause, now), now)
            }
        }
    }

    /// The ResourceManager cannot get what the job asked for. What may pass is waited for, as long as slots may take.
    pub(super) fn not_enough_resources(&mut self, shortage: &Shortage, now: Now) -> Vec<Action> {
        if self.has_failed() || self.ending != Ending::NotYet {
            return Vec::new();
        }
        // Under the adaptive scheduler, a job runs with what there is.
        if shortage.may_pass() || self.adaptive.is_some() {
            self.start_failure = Some(shortage.to_string());
            return Vec::new();
        }
        let tasks = self.scheduler.give_up();
        let scope = match self.prepared {
            // Nothing is scheduled yet, and nothing could be.
            false => Scope::Job,
            true if tasks.is_empty() => return Vec::new(),
            true => Scope::Tasks(&tasks),
        };
        let cause = format!(
            "NoResourceAvailableException: the job needs {} slots, and {} were there: {shortage}",
            self.pool.required(),
            self.pool.len()
        );
        let failure = self.job_failure(cause, FailureKind::Cause, now);
        self.fail_or_restart(failure, Vec::new(), scope, now)
    }

    /// The slot of a task that has FINISHED is free for others when all that share it have.
    pub(super) fn release_slot_of(&mut self, task: TaskIndex, now: Now) {
        let place = self.sharing.place_of(task);
        let finished = |task: &TaskIndex| self.graph.run(*task).state() == ExecutionState::Finished;
        // An adaptive job keeps its slots: all of it may start over.
        if self.adaptive.is_none() && self.sharing.tasks_at(place).iter().all(finished) {
            self.pool.release(place, now.monotonic);
        }
    }

    /// Slots that did not come in time fail what waits for them.
    pub(super) fn give_up_waiting(&mut self, now: Now) -> Vec<Action> {
        let tasks = self.scheduler.timed_out(&self.pool, now.monotonic);
        if tasks.is_empty() || self.ending != Ending::NotYet {
            return Vec::new();
        }
        let failure = self.job_failure(self.no_resource_available(), FailureKind::Cause, now);
        self.fail_or_restart(failure, Vec::new(), Scope::Tasks(&tasks), now)
    }

    /// Slots that nothing has used for long go back to their workers.
    pub(super) fn return_idle_slots(&mut self, now: Now) -> Vec<Action> {
        let returned = self.pool.return_idle(now.monotonic);
        returned.into_iter().map(Action::ReturnSlot).collect()
    }

    pub(super) fn no_resource_available(&self) -> String {
        let start_failure = match &self.start_failure {
            Some(cause) => format!("; {cause}"),
            None => String::new(),
        };
        format!(
            "NoResourceAvailableException: the job needs {} slots, and {} were there after {} s (slot.request.timeout)\
             {start_failure}",
            self.pool.required(),
            self.pool.len(),
            self.slot_timeout.as_secs()
        )
    }
}
