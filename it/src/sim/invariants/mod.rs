//! What holds in every run, whatever happens. Each file looks at one thing and tells in words where it does not hold.

mod attempts;
mod baseline;
mod commits;
mod containers;
mod jobs;
mod partitions;
mod requirements;
mod slots;

use std::collections::BTreeMap;
use std::time::Duration;

use super::history::{CommitStep, Happening, History};
use super::plan::Plan;
use super::yarn::Cluster;

pub(super) use jobs::is_terminal;

/// What the world has seen between the steps.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// The last state that a user saw of each job; nothing yet where empty.
    jobs: BTreeMap<String, String>,
    /// Jobs that are cancelled at some time.
    cancelled: Vec<String>,
    /// Jobs without an end, and whether all of their tasks were seen to run in the end.
    endless: BTreeMap<String, bool>,
    /// Jobs that have a reason to fail.
    may_fail: Vec<String>,
    /// How much of the history has been looked at.
    seen: usize,
    /// Containers that YARN holds for the application, asked for or granted, and processes in them.
    held: (usize, i32, usize),
    /// Containers that nothing ran in for too long, or that have another size than what runs in them.
    kept: Vec<String>,
    /// Jobs that need more than there is, and whether their users were told.
    too_large: BTreeMap<String, bool>,
    late: Vec<String>,
    /// What was kept for a next master when the run was over.
    pub(super) left_behind: Vec<String>,
    /// How the application ended, as YARN was told, in its number.
    final_status: Option<i32>,
}

impl Facts {
    pub(super) fn of(plan: &Plan) -> Self {
        let jobs = plan.jobs.iter().map(|job| (job.id.to_string(), String::new()));
        let cancelled = plan
            .jobs
            .iter()
            .filter(|job| job.cancel_at.is_some() || job.is_too_large || job.is_endless);
        let endless = plan.jobs.iter().filter(|job| job.is_endless);
        let too_large = plan.jobs.iter().filter(|job| job.is_too_large);
        Self {
            jobs: jobs.collect(),
            cancelled: cancelled.map(|job| job.id.to_string()).collect(),
            endless: endless.map(|job| (job.id.to_string(), false)).collect(),
            too_large: too_large.map(|job| (job.id.to_string(), false)).collect(),
            ..Self::default()
        }
    }

    /// After each step.
    pub(super) fn look(&mut self, cluster: &Cluster, history: &History, now: Duration) {
        let happenings = history.happenings();
        for (_, happening) in &happenings[self.seen..] {
            match happening {
                Happening::Job { job, status } => {
                    self.jobs.insert(job.clone(), status.clone());
                }
                Happening::Commit {
                    job,
                    step: CommitStep::NotPrepared | CommitStep::NotPublished,
                } => self.may_fail.push(job.clone()),
                Happening::Ran { job } => {
                    self.endless.insert(job.clone(), true);
                }
                Happening::Told { job } => {
                    self.too_large.insert(job.clone(), true);
                }
                _ => {}
            }
        }
        self.seen = happenings.len();
        self.held = (cluster.containers().len(), cluster.asked(), cluster.processes().count());
        self.final_status = cluster.final_status();
        containers::look(self, cluster, now);
    }

    /// The process of a container is being started: a worker of so much memory, where its command says how much.
    pub(super) fn launched(&mut self, cluster: &Cluster, container: u64, memory_mb: Option<u64>) {
        containers::launched(self, cluster, container, memory_mb);
    }

    pub(super) fn have_all_jobs_ended(&self) -> bool {
        self.jobs.values().all(|status| is_terminal(status))
    }

    pub(super) fn is_at_rest(&self) -> bool {
        self.held == (0, 0, 0)
    }

    /// A phase took too long.
    pub(super) fn late(&mut self, phase: &str) {
        self.late.push(phase.to_owned());
    }
}

/// Everything that does not hold.
pub(super) fn check(history: &History, facts: &Facts) -> Vec<String> {
    let happenings = history.happenings();
    [
        slots::check(happenings),
        attempts::check(happenings),
        partitions::check(happenings),
        jobs::check(happenings, facts),
        commits::check(happenings, facts),
        requirements::check(facts),
        containers::check(facts),
        baseline::check(happenings, facts),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn at(seconds: u64, happening: Happening) -> (Duration, Happening) {
        (Duration::from_secs(seconds), happening)
    }
}
