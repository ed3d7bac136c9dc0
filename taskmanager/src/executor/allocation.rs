//! Which job has which slot, part of the worker's decisions: pure.

use std::collections::BTreeSet;
use std::time::Instant;

use selvedge_core::{AllocationId, JobId, LeaderSessionId};
use selvedge_runtime::gateway::{GatewayError, GatewayResult};

use super::event::{HeldSlots, SlotDemand, WantedSlot};
use super::job::{Contact, Job};
use super::state::{Action, State, stop};
use crate::exchange::JobKey;
use crate::slot::{Freed, SlotError};

impl State {
    /// Gives a slot to a job. Where an earlier leader's tasks must end first, the answer is `Busy`; the actions hold in
    /// any case.
    pub(super) fn request_slot(&mut self, demand: &SlotDemand, now: Instant) -> (Vec<Action>, GatewayResult<()>) {
        if let Err(stale) = self.check_resource_manager(demand.resource_manager) {
            return (Vec::new(), Err(stale));
        }
        let known = self.jobs.get(&demand.job.job_id).map(|job| (job.key, job.contact));
        let mut actions = match known {
            Some((stale, contact)) if stale != demand.job || contact == Contact::Disconnected => {
                self.disconnect(stale, now)
            }
            _ => Vec::new(),
        };
        let allocated = self.allocate(demand, now);
        let result = allocated.map(|allocated| actions.extend(allocated));
        (actions, result)
    }

    fn allocate(&mut self, demand: &SlotDemand, now: Instant) -> GatewayResult<Vec<Action>> {
        let job_id = demand.job.job_id;
        if let Some(job) = self.jobs.get(&job_id)
            && job.contact == Contact::Disconnected
        {
            let message = format!("tasks of {} are still ending on the worker", job.key);
            return Err(GatewayError::Busy(message));
        }
        let mut actions = Vec::new();
        match &demand.slot {
            WantedSlot::Fixed(index) => self.slots.allocate(*index, job_id, demand.allocation, now)?,
            WantedSlot::Made(profile) => {
                self.slots
                    .allocate_dynamic(profile.clone(), job_id, demand.allocation, now)?;
                actions.push(Action::Divide {
                    allocation: demand.allocation,
                    profile: profile.clone(),
                });
            }
        }
        if self.jobs.contains_key(&job_id) {
            actions.extend(self.offers(job_id));
            return Ok(actions);
        }
        self.jobs.insert(job_id, Job::new(demand.job));
        actions.push(Action::Connect {
            job: demand.job,
            address: demand.job_master_address.clone(),
        });
        Ok(actions)
    }

    /// An offer of what the job has not taken, unless one is on its way.
    pub(super) fn offers(&mut self, job_id: JobId) -> Option<Action> {
        let job = self.jobs.get_mut(&job_id)?;
        if !matches!(job.contact, Contact::Connected { .. }) || !job.offered.is_empty() {
            return None;
        }
        let untaken = self.slots.of_job(job_id).into_iter().filter(|(_, _, taken)| !taken);
        let slots: Vec<_> = untaken.map(|(allocation, index, _)| (allocation, index)).collect();
        job.offered.extend(slots.iter().map(|(allocation, _)| *allocation));
        let job = job.key;
        (!slots.is_empty()).then_some(Action::Offer { job, slots })
    }

    pub(super) fn slots_answered(
        &mut self,
        key: JobKey,
        offered: &[AllocationId],
        accepted: &[AllocationId],
        version: u64,
        now: Instant,
    ) -> Vec<Action> {
        if self.check_job(key).is_err() {
            return Vec::new();
        }
        if let Some(job) = self.jobs.get_mut(&key.job_id) {
            job.offered.clear();
            job.accepted
                .extend(accepted.iter().map(|allocation| (*allocation, version)));
        }
        let mut actions = Vec::new();
        for allocation in offered {
            if accepted.contains(allocation) {
                if self.slots.activate(key.job_id, *allocation).is_err() {
                    let cause = "the slot was given up before the JobMaster took it".to_owned();
                    actions.push(fail_slot(key, *allocation, cause));
                }
                continue;
            }
            if self
                .slots
                .of_job(key.job_id)
                .iter()
                .any(|(untaken, _, taken)| untaken == allocation && !taken)
            {
                actions.extend(self.free(key.job_id, *allocation, None, now));
            }
        }
        actions.extend(self.offers(key.job_id));
        actions.extend(self.forget_if_unused(key.job_id));
        actions
    }

    /// What the JobMaster says that it has here, against what it has: what it does not know of is free, and it is told of
    /// what is not here. An offer whose answer is on its way decides later.
    pub(super) fn reconcile_slots(&mut self, key: JobKey, said: &HeldSlots, now: Instant) -> Vec<Action> {
        let Some(job) = self.jobs.get(&key.job_id).filter(|job| job.key == key) else {
            return Vec::new();
        };
        let here: BTreeSet<_> = self.slots.of_job(key.job_id).into_iter().map(|(own, ..)| own).collect();
        let missing = said.allocations.difference(&here).map(|allocation| {
            let cause = "the worker has no such slot of the job any more".to_owned();
            fail_slot(key, *allocation, cause)
        });
        let mut actions: Vec<_> = missing.collect();
        let heard_of = |version: &u64| *version <= said.version;
        let unknown: Vec<_> = here
            .difference(&said.allocations)
            .filter(|allocation| job.accepted.get(*allocation).is_some_and(heard_of))
            .copied()
            .collect();
        for allocation in unknown {
            tracing::warn!("{key} does not know that it has slot {allocation} here: it is free");
            let cause = "the JobMaster does not have its slot any more".to_owned();
            actions.extend(self.free(key.job_id, allocation, Some(cause), now));
        }
        actions.extend(self.forget_if_unused(key.job_id));
        actions
    }

    /// The job gives up one of its slots.
    pub(super) fn free_slot(
        &mut self,
        key: JobKey,
        allocation: AllocationId,
        cause: String,
        now: Instant,
    ) -> GatewayResult<Vec<Action>> {
        self.check_job(key)?;
        let (job, held) = (key.job_id, self.slots.of_job(key.job_id));
        if !held.iter().any(|(own, ..)| *own == allocation) {
            return Err(SlotError::NotAllocated { job, allocation }.into());
        }
        let mut actions = self.free(job, allocation, Some(cause), now);
        actions.extend(self.forget_if_unused(job));
        Ok(actions)
    }

    /// The ResourceManager knows that the job needs nothing any more: what it has not taken is free.
    pub(super) fn free_inactive_slots(
        &mut self,
        resource_manager: LeaderSessionId,
        job: JobId,
        now: Instant,
    ) -> GatewayResult<Vec<Action>> {
        self.check_resource_manager(resource_manager)?;
        let held = self.slots.of_job(job);
        if held.is_empty() {
            return Err(GatewayError::Fenced(format!("the worker has no slot of job {job}")));
        }
        let untaken = held.into_iter().filter(|(_, _, taken)| !taken);
        let mut actions = Vec::new();
        for (allocation, ..) in untaken {
            actions.extend(self.free(job, allocation, None, now));
        }
        actions.extend(self.forget_if_unused(job));
        Ok(actions)
    }

    pub(super) fn free(
        &mut self,
        job_id: JobId,
        allocation: AllocationId,
        cause: Option<String>,
        now: Instant,
    ) -> Vec<Action> {
        let limits = self.stop_limits(now);
        if let Some(job) = self.jobs.get_mut(&job_id) {
            job.accepted.remove(&allocation);
        }
        match self.slots.free(job_id, allocation) {
            None => Vec::new(),
            Some(Freed::Now { index }) => vec![Action::SlotFree { index, allocation }],
            Some(Freed::After(tasks)) => {
                let Some(job) = self.jobs.get_mut(&job_id) else {
                    return Vec::new();
                };
                let attempts = job.stop(&tasks, limits);
                stop(job.key, attempts, cause).into_iter().collect()
            }
        }
    }

    pub(super) fn forget_if_unused(&mut self, job_id: JobId) -> Option<Action> {
        let job = self.jobs.get(&job_id)?;
        if !job.tasks.is_empty() || !self.slots.of_job(job_id).is_empty() {
            return None;
        }
        self.jobs.remove(&job_id).map(|job| Action::Forget(job.key))
    }
}

const fn fail_slot(job: JobKey, allocation: AllocationId, cause: String) -> Action {
    Action::FailSlot { job, allocation, cause }
}
