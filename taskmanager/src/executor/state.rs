//! The worker's decisions: (state, now, event) -> actions. Pure.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use selvedge_core::resource::ResourceProfile;
use selvedge_core::status::ExecutionState;
use selvedge_core::{AllocationId, ExecutionAttemptId, JobId, LeaderSessionId};
use selvedge_runtime::gateway::{GatewayError, GatewayResult};

use super::TaskExecutorTimeouts;
use super::job::{Contact, Job, Phase, StopLimits, TaskRecord};
use crate::exchange::JobKey;
use crate::slot::{SlotError, SlotTable};

/// What the loop is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// Make the worker known to the ResourceManager, until it answers.
    Register,
    /// Make the worker known to the JobMaster there, until it answers.
    Connect { job: JobKey, address: String },
    /// Offer these to the JobMaster, until it answers.
    Offer {
        job: JobKey,
        slots: Vec<(AllocationId, u32)>,
    },
    /// Tasks in the slot may take this much of what the worker has, in place of a default slot's part.
    Divide {
        allocation: AllocationId,
        profile: ResourceProfile,
    },
    /// Tell the ResourceManager that the slot is free.
    SlotFree { index: u32, allocation: AllocationId },
    /// Tell the JobMaster that it has lost the slot.
    FailSlot {
        job: JobKey,
        allocation: AllocationId,
        cause: String,
    },
    /// End these tasks; with a cause, as FAILED.
    Stop {
        job: JobKey,
        attempts: Vec<ExecutionAttemptId>,
        cause: Option<String>,
    },
    /// These have been told to end and have not for a while: tell them, and the log, again.
    Remind {
        job: JobKey,
        attempts: Vec<ExecutionAttemptId>,
    },
    /// Give up the connection to the JobMaster; nothing more is reported.
    Disconnect(JobKey),
    /// The job has nothing left here.
    Forget(JobKey),
    /// The worker ends because of this task.
    EndStuck { job: JobKey, attempt: ExecutionAttemptId },
    /// The worker ends because it has no ResourceManager.
    EndUnregistered,
}

/// How the worker stands with the ResourceManager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Registration {
    Registering {
        since: Instant,
    },
    Registered {
        id: LeaderSessionId,
        last_heartbeat: Instant,
        timeout: Duration,
    },
}

/// All that the worker knows.
#[derive(Debug)]
pub(super) struct State {
    pub(super) slots: SlotTable,
    pub(super) registration: Registration,
    pub(super) jobs: BTreeMap<JobId, Job>,
    pub(super) timeouts: TaskExecutorTimeouts,
}

impl From<SlotError> for GatewayError {
    fn from(error: SlotError) -> Self {
        Self::Rejected(error.to_string())
    }
}

impl State {
    pub(super) const fn new(slots: SlotTable, timeouts: TaskExecutorTimeouts, now: Instant) -> Self {
        Self {
            slots,
            registration: Registration::Registering { since: now },
            jobs: BTreeMap::new(),
            timeouts,
        }
    }

    // ---- ResourceManager ----

    pub(super) fn registered(&mut self, id: LeaderSessionId, timeout: Duration, now: Instant) {
        self.registration = Registration::Registered {
            id,
            last_heartbeat: now,
            timeout,
        };
    }

    /// The leader under which the worker is registered.
    pub(super) const fn resource_manager(&self) -> Option<LeaderSessionId> {
        match self.registration {
            Registration::Registered { id, .. } => Some(id),
            Registration::Registering { .. } => None,
        }
    }

    /// The one place where a stale ResourceManager is refused.
    pub(super) fn check_resource_manager(&self, id: LeaderSessionId) -> GatewayResult<()> {
        match self.resource_manager() {
            Some(known) if known == id => Ok(()),
            // The answer to the registration is still on its way: the call overtook it.
            None => Err(GatewayError::Busy("the worker is not registered yet".to_owned())),
            Some(known) => {
                let message = format!("the worker is registered with ResourceManager {known}, the call is from {id}");
                tracing::warn!("{message}");
                Err(GatewayError::Fenced(message))
            }
        }
    }

    pub(super) fn resource_manager_heartbeat(&mut self, id: LeaderSessionId, now: Instant) -> GatewayResult<()> {
        self.check_resource_manager(id)?;
        if let Registration::Registered { last_heartbeat, .. } = &mut self.registration {
            *last_heartbeat = now;
        }
        Ok(())
    }

    /// The worker's ResourceManager is lost, where it still is this one.
    pub(super) fn lose_resource_manager(&mut self, id: LeaderSessionId, now: Instant) -> Vec<Action> {
        if self.resource_manager() != Some(id) {
            return Vec::new();
        }
        self.registration = Registration::Registering { since: now };
        vec![Action::Register]
    }

    /// This is the leader: a worker that is registered with another registers again, and one that tries to, tries at once.
    pub(super) fn leader_is(&mut self, leader: LeaderSessionId, now: Instant) -> Vec<Action> {
        match self.resource_manager() {
            Some(known) if known == leader => Vec::new(),
            Some(known) => {
                tracing::info!("ResourceManager {known} leads no more: registering with {leader}");
                self.lose_resource_manager(known, now)
            }
            None => vec![Action::Register],
        }
    }

    /// Whether the worker may end without a loss: no job has a slot, a task or a result here.
    pub(super) fn can_be_released(&self, resource_manager: LeaderSessionId) -> GatewayResult<bool> {
        self.check_resource_manager(resource_manager)?;
        Ok(self.jobs.is_empty())
    }

    // ---- JobMaster ----

    /// The one place where a stale JobMaster is refused.
    pub(super) fn check_job(&self, key: JobKey) -> GatewayResult<()> {
        match self.jobs.get(&key.job_id) {
            Some(job) if job.key == key && job.contact != Contact::Disconnected => Ok(()),
            other => {
                let known = other.map_or_else(
                    || "the worker has no slot of that job".to_owned(),
                    |job| format!("the worker knows {}", job.key),
                );
                let message = format!("{known}, the call is for {key}");
                tracing::warn!("{message}");
                Err(GatewayError::Fenced(message))
            }
        }
    }

    pub(super) fn job_registered(&mut self, key: JobKey, timeout: Duration, now: Instant) -> Vec<Action> {
        if self.check_job(key).is_err() {
            return Vec::new();
        }
        if let Some(job) = self.jobs.get_mut(&key.job_id) {
            job.contact = Contact::Connected {
                last_heartbeat: now,
                timeout,
            };
        }
        self.offers(key.job_id).into_iter().collect()
    }

    pub(super) fn job_heartbeat(&mut self, key: JobKey, now: Instant) -> GatewayResult<&Job> {
        self.check_job(key)?;
        let job = self.jobs.get_mut(&key.job_id).expect("the job was checked");
        if let Contact::Connected { last_heartbeat, .. } = &mut job.contact {
            *last_heartbeat = now;
        }
        Ok(job)
    }

    /// The job is over or its JobMaster lost: its tasks end, its slots become free.
    pub(super) fn disconnect(&mut self, key: JobKey, now: Instant) -> Vec<Action> {
        let limits = self.stop_limits(now);
        let Some(job) = self.jobs.get_mut(&key.job_id).filter(|job| job.key == key) else {
            return Vec::new();
        };
        job.contact = Contact::Disconnected;
        job.tasks.retain(|_, task| task.phase != Phase::Ended);
        let all: Vec<_> = job.tasks.keys().cloned().collect();
        let attempts = job.stop(&all, limits);
        let mut actions = vec![Action::Disconnect(key)];
        actions.extend(stop(key, attempts, None));
        for (allocation, ..) in self.slots.of_job(key.job_id) {
            actions.extend(self.free(key.job_id, allocation, None, now));
        }
        actions.extend(self.forget_if_unused(key.job_id));
        actions
    }

    // ---- tasks ----

    /// Whether the tasks may be deployed; changes nothing.
    pub(super) fn check_submission(
        &self,
        key: JobKey,
        tasks: &[(ExecutionAttemptId, AllocationId)],
    ) -> GatewayResult<()> {
        self.check_job(key)?;
        let job = &self.jobs[&key.job_id];
        for (index, (attempt, allocation)) in tasks.iter().enumerate() {
            self.slots.accepts(key.job_id, *allocation)?;
            if job.has_seen(attempt) || tasks[..index].iter().any(|(other, _)| other == attempt) {
                return Err(GatewayError::Rejected(format!("task {attempt} is deployed already")));
            }
        }
        Ok(())
    }

    /// The tasks are deployed; they have been checked.
    pub(super) fn accept_submission(&mut self, key: JobKey, tasks: &[(ExecutionAttemptId, AllocationId)]) {
        let Some(job) = self.jobs.get_mut(&key.job_id) else {
            return;
        };
        for (attempt, allocation) in tasks {
            let phase = Phase::Running;
            let allocation = *allocation;
            if self.slots.add_task(key.job_id, allocation, attempt.clone()).is_ok() {
                job.deployed(attempt.clone(), TaskRecord { allocation, phase });
            }
        }
    }

    pub(super) fn cancel(
        &mut self,
        key: JobKey,
        attempts: &[ExecutionAttemptId],
        now: Instant,
    ) -> GatewayResult<Vec<Action>> {
        self.check_job(key)?;
        let limits = self.stop_limits(now);
        let job = self.jobs.get_mut(&key.job_id).expect("the job was checked");
        let here = |attempt: &ExecutionAttemptId| job.tasks.contains_key(attempt);
        if !attempts.is_empty() && !attempts.iter().any(here) {
            let tasks: Vec<_> = attempts.iter().map(ToString::to_string).collect();
            return Err(GatewayError::Rejected(format!(
                "the worker has no task {}",
                tasks.join(", ")
            )));
        }
        let attempts = job.stop(attempts, limits);
        Ok(stop(key, attempts, None).into_iter().collect())
    }

    /// A task has reached a state. Whether the JobMaster is to be told.
    pub(super) fn task_changed(
        &mut self,
        key: JobKey,
        attempt: &ExecutionAttemptId,
        state: ExecutionState,
    ) -> (bool, Vec<Action>) {
        let Some(job) = self.jobs.get_mut(&key.job_id).filter(|job| job.key == key) else {
            return (false, Vec::new());
        };
        let told = job.contact != Contact::Disconnected;
        if !state.is_terminal() {
            return (told, Vec::new());
        }
        let Some(task) = job.tasks.get_mut(attempt) else {
            return (false, Vec::new());
        };
        task.phase = Phase::Ended;
        let allocation = task.allocation;
        if !told {
            job.tasks.remove(attempt);
        }
        let freed = self.slots.remove_task(allocation, attempt);
        let mut actions: Vec<_> = freed
            .map(|index| Action::SlotFree { index, allocation })
            .into_iter()
            .collect();
        actions.extend(self.forget_if_unused(key.job_id));
        (told, actions)
    }

    /// The JobMaster knows that these have ended.
    pub(super) fn delivered(&mut self, key: JobKey, attempts: &[ExecutionAttemptId]) -> Vec<Action> {
        if let Some(job) = self.jobs.get_mut(&key.job_id).filter(|job| job.key == key) {
            job.tasks
                .retain(|attempt, task| task.phase != Phase::Ended || !attempts.contains(attempt));
        }
        self.forget_if_unused(key.job_id).into_iter().collect()
    }

    pub(super) fn stop_limits(&self, now: Instant) -> StopLimits {
        let after = |time: Duration| (!time.is_zero()).then(|| now + time);
        StopLimits {
            until: after(self.timeouts.cancellation),
            remind_at: after(self.timeouts.cancellation_interval),
        }
    }

    /// Whether a task has not ended yet.
    pub(super) fn has_running_tasks(&self) -> bool {
        let mut tasks = self.jobs.values().flat_map(|job| job.tasks.values());
        tasks.any(|task| task.phase != Phase::Ended)
    }
}

/// Nothing where none of them runs.
pub(super) fn stop(job: JobKey, attempts: Vec<ExecutionAttemptId>, cause: Option<String>) -> Option<Action> {
    (!attempts.is_empty()).then_some(Action::Stop { job, attempts, cause })
}
