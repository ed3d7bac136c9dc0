//! What the passing of time decides: pure.

use std::time::Instant;

use super::job::{Contact, Job};
use super::state::{Action, Registration, State};
use crate::exchange::JobKey;

impl State {
    /// What is due.
    pub(super) fn tick(&mut self, now: Instant) -> Vec<Action> {
        let mut actions = Vec::new();
        for (job_id, allocation) in self.slots.expired(now) {
            tracing::info!(job = %job_id, %allocation, "the job has not taken the slot in time");
            actions.extend(self.free(job_id, allocation, None, now));
            actions.extend(self.forget_if_unused(job_id));
        }
        for key in self.silent_jobs(now) {
            tracing::warn!("no heartbeat of the JobMaster of {key}: its tasks are cancelled");
            actions.extend(self.disconnect(key, now));
        }
        actions.extend(self.unended_tasks(now));
        match self.registration {
            Registration::Registered {
                id,
                last_heartbeat,
                timeout,
            } if last_heartbeat + timeout <= now => {
                tracing::warn!("no heartbeat of ResourceManager {id}: registering again");
                actions.extend(self.lose_resource_manager(id, now));
            }
            Registration::Registering { since } if since + self.timeouts.registration <= now => {
                actions.push(Action::EndUnregistered);
            }
            _ => {}
        }
        actions
    }

    fn unended_tasks(&mut self, now: Instant) -> Vec<Action> {
        let mut actions = Vec::new();
        for job in self.jobs.values_mut() {
            if let Some(attempt) = job.stuck(now).cloned() {
                return vec![Action::EndStuck { job: job.key, attempt }];
            }
            let attempts = job.remind(now, self.timeouts.cancellation_interval);
            if !attempts.is_empty() {
                actions.push(Action::Remind { job: job.key, attempts });
            }
        }
        actions
    }

    fn silent_jobs(&self, now: Instant) -> Vec<JobKey> {
        let silent = |job: &&Job| match job.contact {
            Contact::Connected {
                last_heartbeat,
                timeout,
            } => last_heartbeat + timeout <= now,
            Contact::Connecting | Contact::Disconnected => false,
        };
        self.jobs.values().filter(silent).map(|job| job.key).collect()
    }

    /// When [`Self::tick`] has something to do.
    pub(super) fn next_deadline(&self) -> Instant {
        let registration = match self.registration {
            Registration::Registered {
                last_heartbeat,
                timeout,
                ..
            } => last_heartbeat + timeout,
            Registration::Registering { since } => since + self.timeouts.registration,
        };
        let jobs = self.jobs.values().filter_map(Job::next_deadline);
        let due = jobs.chain(self.slots.next_expiry()).min();
        due.map_or(registration, |due| due.min(registration))
    }
}
