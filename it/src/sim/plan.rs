//! What a seed stands for: how large the cluster is, which jobs come, and what goes wrong and when. Printable, and drawn
//! whole before anything runs.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use selvedge_core::JobId;

use super::yarn::NodeFault;
use super::yarn::cluster::GrantFault;

/// After so long a job that does not get its slots must have been told so: `slot.request.timeout`, and then some.
const UNFULFILLED: Duration = Duration::from_secs(30);
/// Jobs and faults come within so much time.
const ACTIVE: Duration = Duration::from_secs(20);

/// A run, as drawn.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    /// NodeManagers; each has room for two workers.
    pub(crate) nodes: usize,
    /// Slots of each worker.
    pub(crate) slots: u32,
    /// The longest time that a message takes.
    pub(crate) latency: Duration,
    pub(crate) jobs: Vec<JobPlan>,
    /// In order of time.
    pub(crate) faults: Vec<(Duration, Fault)>,
}

/// One job and what its user does with it.
#[derive(Debug, Clone)]
pub(crate) struct JobPlan {
    pub(crate) id: JobId,
    pub(crate) at: Duration,
    pub(crate) parallelism: u32,
    /// Seconds of input; without an end where `None`, and then it is cancelled.
    pub(crate) seconds: Option<u64>,
    pub(crate) cancel_at: Option<Duration>,
    /// It needs more slots than the cluster has: its user must be told.
    pub(crate) is_too_large: bool,
}

/// What goes wrong. `which` picks one of those that there are then.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fault {
    /// The process of a worker is gone from one moment to the next.
    KillWorker { which: usize },
    /// No message passes between a worker and the master for a while; all arrive afterwards.
    Hold { which: usize, lasts: Duration },
    /// All messages between a worker and the master are lost for a while.
    Cut { which: usize, lasts: Duration },
    /// Messages of a worker take so long from now on.
    Delay { which: usize, latency: Duration },
    /// The ResourceManager is away for a while, and has forgotten the application's asks.
    RestartResourceManager { lasts: Duration },
    /// The scheduler's next grant is wrong.
    Grant(GrantFault),
    /// The next start on a node goes wrong.
    Node { which: usize, fault: NodeFault },
    /// A node is lost with all that runs on it; another comes in its place.
    LoseNode { which: usize },
    /// No message passes between master and ResourceManager for a while; all arrive afterwards.
    HoldResourceManager { lasts: Duration },
    /// No message passes between two workers for a while; all arrive afterwards.
    HoldWorkers { which: (usize, usize), lasts: Duration },
    /// The next task that is planned fails.
    FailTask,
    /// The next job that would publish its output cannot: the whole job fails.
    FailCommit,
}

impl Plan {
    /// The run of this seed.
    pub(crate) fn draw(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let nodes = rng.random_range(2..=3);
        let slots = rng.random_range(1..=2);
        let capacity = u32::try_from(nodes * 2).unwrap_or(1) * slots;
        let count = rng.random_range(1..=3);
        let mut jobs: Vec<_> = (0..count).map(|_| JobPlan::draw(&mut rng, capacity / count)).collect();
        if rng.random_bool(0.15) {
            jobs.push(JobPlan::too_large(&mut rng, capacity));
        }
        let mut faults: Vec<_> = (0..rng.random_range(0..=4)).map(|_| draw_fault(&mut rng)).collect();
        faults.sort_by_key(|(at, _)| *at);
        let latency = *[20, 50, 200].choose(&mut rng).unwrap_or(&20);
        Self {
            seed,
            nodes,
            slots,
            latency: Duration::from_millis(latency),
            jobs,
            faults,
        }
    }

    /// The same without anything going wrong.
    pub(crate) fn without_faults(mut self) -> Self {
        self.faults.clear();
        self
    }

    /// After it, nothing is done to the cluster any more.
    pub(crate) fn last_disturbance(&self) -> Duration {
        let jobs = self.jobs.iter().map(|job| job.cancel_at.unwrap_or(job.at));
        let faults = self.faults.iter().map(|(at, fault)| *at + fault.lasts());
        jobs.chain(faults).max().unwrap_or_default()
    }
}

impl JobPlan {
    fn draw(rng: &mut StdRng, slots: u32) -> Self {
        let at = moment(rng);
        let seconds = rng.random_bool(0.8).then(|| rng.random_range(1..=8));
        let is_cancelled = seconds.is_none() || rng.random_bool(0.2);
        Self {
            id: JobId::random(rng),
            at,
            parallelism: rng.random_range(1..=slots.max(1)),
            seconds,
            cancel_at: is_cancelled.then(|| at + moment(rng)),
            is_too_large: false,
        }
    }

    /// Given up by its user when the slots had to be there.
    fn too_large(rng: &mut StdRng, capacity: u32) -> Self {
        let at = moment(rng);
        Self {
            id: JobId::random(rng),
            at,
            parallelism: capacity + rng.random_range(1..=3),
            seconds: Some(1),
            cancel_at: Some(at + UNFULFILLED),
            is_too_large: true,
        }
    }
}

impl Fault {
    const fn lasts(self) -> Duration {
        match self {
            Self::Hold { lasts, .. }
            | Self::Cut { lasts, .. }
            | Self::RestartResourceManager { lasts }
            | Self::HoldResourceManager { lasts }
            | Self::HoldWorkers { lasts, .. } => lasts,
            _ => Duration::ZERO,
        }
    }
}

fn draw_fault(rng: &mut StdRng) -> (Duration, Fault) {
    let which = rng.random_range(0..8);
    let lasts = Duration::from_millis(rng.random_range(500..8000));
    let fault = match rng.random_range(0..15) {
        0 | 1 => Fault::KillWorker { which },
        2 => Fault::Hold { which, lasts },
        3 => Fault::Cut { which, lasts },
        4 => Fault::Delay {
            which,
            latency: lasts / 20,
        },
        5 => Fault::RestartResourceManager { lasts },
        6 | 7 => {
            let faults = [GrantFault::Surplus, GrantFault::Undersized, GrantFault::Foreign];
            Fault::Grant(*faults.choose(rng).unwrap_or(&GrantFault::Surplus))
        }
        8 | 9 => {
            let faults = [NodeFault::Refuse, NodeFault::FailLaunch, NodeFault::Slow(lasts)];
            let fault = *faults.choose(rng).unwrap_or(&NodeFault::Refuse);
            Fault::Node { which, fault }
        }
        10 => Fault::LoseNode { which },
        11 => Fault::HoldResourceManager { lasts },
        12 => Fault::HoldWorkers {
            which: (which, rng.random_range(0..8)),
            lasts,
        },
        13 => Fault::FailCommit,
        _ => Fault::FailTask,
    };
    (moment(rng), fault)
}

fn moment(rng: &mut StdRng) -> Duration {
    Duration::from_millis(rng.random_range(0..ACTIVE.as_millis() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_stands_for_one_plan_and_seeds_differ() {
        let shown = |seed| format!("{:?}", Plan::draw(seed));
        assert_eq!(shown(7), shown(7));
        assert_ne!(shown(7), shown(8));
    }

    #[test]
    fn all_faults_are_drawn_and_no_job_needs_more_than_there_is() {
        let plans: Vec<_> = (0..500).map(Plan::draw).collect();
        let faults = plans.iter().flat_map(|plan| &plan.faults);
        let kinds: std::collections::BTreeSet<_> = faults
            .map(|(_, fault)| format!("{fault:?}").split([' ', '(']).next().map(str::to_owned))
            .collect();
        assert_eq!(kinds.len(), 12, "{kinds:?}");
        for plan in plans {
            let modest = plan.jobs.iter().filter(|job| !job.is_too_large);
            let slots: u32 = modest.map(|job| job.parallelism).sum();
            assert!(slots <= u32::try_from(plan.nodes * 2).unwrap() * plan.slots, "{plan:?}");
            assert!(
                plan.jobs
                    .iter()
                    .all(|job| job.seconds.is_some() || job.cancel_at.is_some())
            );
        }
    }
}
