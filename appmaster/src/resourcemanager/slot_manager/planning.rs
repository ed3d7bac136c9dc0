//! From needs and free slots to a plan.

use std::collections::BTreeMap;

use rand::Rng;
use selvedge_core::JobId;
use selvedge_core::resource::{ProfileSpec, ResourceProfile};
use tokio::time::Instant;

use super::SlotManager;
use super::bounds::Capacity;
use super::matching::Demand;
use super::pending::PendingWorkers;
use super::plan::{Shortage, SlotPlan, Unfulfillable};
use super::requirements::{Need, compare};
use super::worker::{HeldSlot, Worker};

/// What a job needs and cannot get of the registered workers.
type Rest = (JobId, ProfileSpec, u32);

impl SlotManager {
    /// Gives what is free to jobs that need it, and says what must be done for the rest.
    pub(in crate::resourcemanager) fn plan(&mut self, now: Instant, rng: &mut impl Rng) -> SlotPlan {
        let mut plan = SlotPlan::default();
        let mut rest = Vec::new();
        for (job_id, missing) in self.missing() {
            for (profile, count) in missing {
                let demand = Demand {
                    job_id,
                    profile: &profile,
                    count,
                };
                let blocked = &self.blocked;
                // A worker that came for one large slot is kept for such.
                let larger = self.on_demand.as_ref().filter(|_| self.own_sizes.is_some());
                let is_kept = |worker: &Worker| {
                    profile == ProfileSpec::Unknown
                        && larger.is_some_and(|usual| !usual.total.covers(&worker.resources.total))
                };
                let is_usable = |worker: &Worker| {
                    !worker.is_paused(now) && !blocked.contains(&worker.resources.node) && !is_kept(worker)
                };
                let given = self
                    .settings
                    .matching
                    .take(&mut self.workers, is_usable, demand, now, rng);
                let left = count - given.len() as u32;
                plan.allocations.extend(given);
                plan.pending_slots += left;
                rest.push((job_id, profile, left));
            }
        }
        self.plan_workers(&mut plan, rest, now);
        self.pending_slots = plan.pending_slots;
        plan
    }

    /// What each job needs and does not have, in the order in which jobs get slots.
    fn missing(&self) -> Vec<(JobId, Vec<Need>)> {
        let mut held = self.held_by_job();
        let jobs = self.requirements.in_order().into_iter();
        jobs.map(|job_id| {
            let needs = self.requirements.get(&job_id).map_or(&[][..], |job| &job.needs);
            (job_id, compare(needs, held.remove(&job_id).unwrap_or_default()).0)
        })
        .collect()
    }

    fn held_by_job(&self) -> BTreeMap<JobId, Vec<&ResourceProfile>> {
        let mut by_job = BTreeMap::<JobId, Vec<_>>::new();
        for slot in self.held() {
            by_job.entry(slot.job_id).or_default().push(&slot.profile);
        }
        by_job
    }

    pub(super) fn held(&self) -> impl Iterator<Item = &HeldSlot> {
        let slots = self.workers.values().flat_map(Worker::held);
        slots.map(|(_, slot)| slot)
    }

    fn plan_workers(&mut self, plan: &mut SlotPlan, rest: Vec<Rest>, now: Instant) {
        let Some(spec) = self.on_demand.clone() else {
            return self.wait_for_workers(plan, &rest);
        };
        let bounds = self.settings.bounds;
        let is_coming_back = |worker: &&Worker| worker.is_paused(now) && !self.blocked.contains(&worker.resources.node);
        let paused = self.workers.values().filter(is_coming_back);
        let paused = paused.map(|worker| worker.free().clone()).collect();
        let own_sizes = self.own_sizes.clone();
        let pending = PendingWorkers::new(&spec, &bounds, self.capacity(), paused);
        let mut pending = pending.with_own_sizes(own_sizes.as_deref());
        for (job_id, profile, count) in rest {
            for _ in 0..count {
                if let Err(shortage) = pending.place(&profile) {
                    self.tell_unfulfillable(plan, job_id, shortage);
                    break;
                }
            }
        }
        pending.add(self.redundant(&pending, &spec));
        pending.reach_least();
        plan.workers = pending.count();
        plan.alone = pending.alone();
    }

    /// Workers come by themselves; slots that serve no job any more come back.
    fn wait_for_workers(&mut self, plan: &mut SlotPlan, rest: &[Rest]) {
        let mut coming = self.surplus();
        for (job_id, _, count) in rest.iter().filter(|(_, _, count)| *count > 0) {
            match coming.checked_sub(*count) {
                Some(left) => coming = left,
                None => self.tell_unfulfillable(plan, *job_id, Shortage::NoWorkersOnDemand),
            }
        }
    }

    /// Slots whose jobs do not need them any more.
    fn surplus(&self) -> u32 {
        let surplus = |(job_id, held): (JobId, Vec<_>)| {
            let needs = self.requirements.get(&job_id).map_or(&[][..], |job| &job.needs);
            compare(needs, held).1.len() as u32
        };
        self.held_by_job().into_iter().map(surplus).sum()
    }

    /// A job is told once of what it declared.
    fn tell_unfulfillable(&mut self, plan: &mut SlotPlan, job_id: JobId, shortage: Shortage) {
        let acquired = self.held().filter(|slot| slot.job_id == job_id);
        let acquired = acquired.map(|slot| slot.profile.clone()).collect();
        let fail = self.fail_unfulfillable;
        let Some(job) = self.requirements.get_mut(&job_id).filter(|job| fail && !job.told) else {
            return;
        };
        job.told = true;
        plan.unfulfillable.push(Unfulfillable {
            job_id,
            shortage,
            required: job.needs.clone(),
            acquired,
        });
    }

    pub(super) fn capacity(&self) -> Capacity {
        let workers = self.workers.values();
        workers.fold(Capacity::default(), |sum, worker| sum.plus(&worker.capacity()))
    }
}
