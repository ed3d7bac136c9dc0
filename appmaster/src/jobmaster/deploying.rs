//! From slots to running tasks. Part of [`JobState`]'s decisions.

use std::collections::BTreeSet;

use selvedge_core::status::{ExecutionState, JobStatus};
use selvedge_core::{AllocationId, ResourceId};

use super::deployment::describe;
use super::execution_graph::{Execution, TaskLocation};
use super::root_cause::FailureKind;
use super::slot_pool::{PooledSlot, assign_slots};
use super::state::{Action, Ending, JobState, Now};

impl JobState {
    /// A worker offers slots; those taken come back.
    pub(super) fn offer_slots(
        &mut self,
        resource_id: &ResourceId,
        offers: impl Iterator<Item = (AllocationId, u32)>,
        now: Now,
    ) -> (Vec<AllocationId>, Vec<Action>) {
        if self.ending != Ending::NotYet || !self.workers.contains_key(resource_id) {
            return (Vec::new(), Vec::new());
        }
        let mut accepted = Vec::new();
        for (allocation_id, slot_index) in offers {
            if self.pool.offer(PooledSlot {
                allocation_id,
                slot_index,
                resource_id: resource_id.clone(),
            }) {
                accepted.push(allocation_id);
            }
        }
        (accepted, self.deploy_when_complete(now))
    }

    /// New attempts wait for slots, for so long.
    pub(super) fn await_slots(&mut self, now: Now) {
        self.deployed = false;
        self.slot_deadline = now.monotonic + self.slot_timeout;
    }

    pub(super) fn deploy_when_complete(&mut self, now: Now) -> Vec<Action> {
        let may_run = matches!(self.graph.status(), JobStatus::Running | JobStatus::Restarting);
        if !self.prepared || self.deployed || !may_run || !self.pool.is_complete() {
            return Vec::new();
        }
        let slots = self.pool.assigned();
        let mut tasks = BTreeSet::new();
        for (vertex, subtask, slot) in assign_slots(&self.graph.graph) {
            let (Some(slot), Some(id)) = (slots.get(slot), self.graph.current_attempt(&vertex, subtask)) else {
                continue;
            };
            let waits = |run: &Execution| run.state() == ExecutionState::Scheduled;
            let Some(worker) = self.workers.get(&slot.resource_id) else {
                continue;
            };
            if !self.graph.execution(&id).is_some_and(waits) {
                continue;
            }
            let location = TaskLocation {
                resource_id: slot.resource_id.clone(),
                host: worker.host.clone(),
                data_address: worker.data_address.clone(),
                allocation_id: slot.allocation_id,
            };
            if let Some(execution) = self.graph.execution_mut(&id) {
                execution.location = Some(location);
            }
            tasks.insert(id);
        }
        self.deployed = true;
        for id in &tasks {
            self.move_attempt(id, ExecutionState::Deploying, now);
        }
        match describe(&self.graph, &tasks) {
            Ok(deployment) => vec![Action::Deploy(deployment)],
            Err(error) => {
                let cause = format!("the tasks cannot be described: {error}");
                self.fail(self.job_failure(cause, FailureKind::Cause, now), now)
            }
        }
    }

    /// No worker can run as it is configured: a job that waits for slots would wait for nothing, and another attempt too.
    pub(super) fn workers_are_unfit(&mut self, cause: String, now: Now) -> Vec<Action> {
        let waits = !self.deployed && !self.has_failed() && self.ending == Ending::NotYet;
        if !waits {
            self.start_failure = Some(cause);
            return Vec::new();
        }
        let cause = format!("no worker can run as it is configured: {cause}");
        self.fail(self.job_failure(cause, FailureKind::Cause, now), now)
    }

    pub(super) fn no_resource_available(&self) -> String {
        let start_failure = match &self.start_failure {
            Some(cause) => format!("; the last worker could not start: {cause}"),
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
