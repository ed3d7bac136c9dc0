//! What a seed stands for: how large the cluster is, which jobs come, and what goes wrong and when. Printable, and drawn
//! whole before anything runs.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use selvedge_core::JobId;

use super::bounds::{NewBounds, draw_bounds};
use super::network::IMPATIENCE;
use super::sizes::choose_large;
use super::yarn::{End, GrantFault, HeartbeatFault, NodeFault};

/// Jobs and faults come within so much time.
const ACTIVE: Duration = Duration::from_secs(20);

/// A run, as drawn.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    /// NodeManagers; each has room for two workers.
    pub(crate) nodes: usize,
    /// A node on which nothing that is started ever runs: the application is to do without it.
    pub(crate) spoilt: Option<usize>,
    /// Slots of each worker.
    pub(crate) slots: u32,
    /// The longest time that a message takes.
    pub(crate) latency: Duration,
    /// Where the ApplicationMaster's process is gone, another attempt goes on with its jobs.
    pub(crate) is_highly_available: bool,
    /// Calls between master and workers arrive twice, and overtake each other.
    pub(crate) is_disorderly: bool,
    /// The adaptive scheduler runs the streaming jobs.
    pub(crate) is_adaptive: bool,
    /// The master soon gives up calls that YARN does not answer, and some of its heartbeats go astray.
    pub(crate) is_impatient: bool,
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
    /// It has no end, and is cancelled when all of its tasks run though nothing is done to the cluster any more.
    pub(crate) is_endless: bool,
    /// It needs more slots than the cluster has: its user must be told, and cancels it then.
    pub(crate) is_too_large: bool,
    /// It is run as a stream, though its input may end: under the adaptive scheduler it may be rescaled.
    pub(crate) is_streaming: bool,
    /// Its slots are larger than a usual worker, and each has one of its own.
    pub(crate) is_large: bool,
    /// Bounds that its user gives it later, in order of time.
    pub(crate) bounds: Vec<NewBounds>,
}

/// What goes wrong. `which` picks one of those that there are then.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fault {
    /// The container of a worker is ended from one moment to the next.
    EndWorker { which: usize, how: End },
    /// The application is asked to give a container back, and a while later it is taken.
    Preempt { which: usize, lasts: Duration },
    /// No message passes between a worker and the master for a while; all arrive afterwards.
    Hold { which: usize, lasts: Duration },
    /// All messages between a worker and the master are lost for a while.
    Cut { which: usize, lasts: Duration },
    /// Messages of a worker take so long from now on.
    Delay { which: usize, latency: Duration },
    /// No message passes between two workers for a while; all arrive afterwards.
    HoldWorkers { which: (usize, usize), lasts: Duration },
    /// The ResourceManager is away for a while, and has forgotten the application's asks.
    RestartResourceManager { lasts: Duration },
    /// The active ResourceManager steps down or is killed, and after a while the other one is active, which knows as little.
    FailOver { is_killed: bool, lasts: Duration },
    /// No message passes between master and ResourceManager for a while; all arrive afterwards.
    HoldResourceManager { lasts: Duration },
    /// The next answer of the ResourceManager is lost with its connection.
    LoseAnswer,
    /// What the scheduler grants next is wrong, or told wrongly.
    Grant(GrantFault),
    /// So many of the master's next heartbeats go astray.
    Heartbeats { fault: HeartbeatFault, count: u32 },
    /// The next start on a node goes wrong.
    Node { which: usize, fault: NodeFault },
    /// Everything that is started on a node fails for a while.
    BreakNode { which: usize, lasts: Duration },
    /// A NodeManager is away for a while; with recovery its containers go on.
    RestartNode {
        which: usize,
        recovers: bool,
        lasts: Duration,
    },
    /// No message passes between master and a NodeManager for a while; all arrive afterwards.
    HoldNode { which: usize, lasts: Duration },
    /// The next answer of a NodeManager is lost with its connection.
    LoseNodeAnswer { which: usize },
    /// A node is lost with all that runs on it; another comes in its place.
    LoseNode { which: usize },
    /// The next task that is planned fails.
    FailTask,
    /// The next job that begins cannot: its JobMaster finds that the output may not be written.
    FailPrepare,
    /// The next job that would publish its output cannot: the whole job fails.
    FailCommit,
    /// The next JobMaster that deploys a task breaks down, alone.
    BreakJobMaster,
    /// The process of the ApplicationMaster is gone from one moment to the next.
    KillMaster,
    /// The ResourceManager hears no more of the master, and starts another attempt, while the process goes on for a while.
    IsolateMaster { lasts: Duration },
    /// ZooKeeper hears no more of the master, and ends its session.
    ExpireSession,
    /// No message passes between master and ZooKeeper for a while; all arrive afterwards.
    HoldZooKeeper { lasts: Duration },
    /// All messages between master and ZooKeeper are lost for a while.
    CutZooKeeper { lasts: Duration },
}

impl Plan {
    /// The run of this seed.
    pub(crate) fn draw(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let nodes = rng.random_range(2..=3);
        let slots = rng.random_range(1..=2);
        let spoilt = (nodes == 3 && rng.random_bool(0.3)).then(|| rng.random_range(0..nodes));
        let slots_of = |nodes: usize| u32::try_from(nodes * 2).unwrap_or(1) * slots;
        let capacity = slots_of(nodes - usize::from(spoilt.is_some()));
        let count = rng.random_range(1..=3);
        let mut jobs: Vec<_> = (0..count).map(|_| JobPlan::draw(&mut rng, capacity / count)).collect();
        if rng.random_bool(0.15) {
            jobs.push(JobPlan::too_large(&mut rng, slots_of(nodes)));
        }
        let is_highly_available = rng.random_bool(0.5);
        let count = rng.random_range(0..=5);
        let mut faults: Vec<_> = (0..count).map(|_| draw_fault(&mut rng, is_highly_available)).collect();
        let astray = draw_heartbeat_faults(seed);
        let is_impatient = !astray.is_empty();
        faults.extend(astray);
        faults.sort_by_key(|(at, _)| *at);
        let latency = *[20, 50, 200].choose(&mut rng).unwrap_or(&20);
        let is_adaptive = choose_adaptive(seed, &mut jobs);
        draw_bounds(seed, &mut jobs);
        choose_large(seed, slots, &mut jobs);
        Self {
            seed,
            nodes,
            spoilt,
            slots,
            latency: Duration::from_millis(latency),
            is_highly_available,
            is_disorderly: rng.random_bool(0.2),
            is_adaptive,
            is_impatient,
            jobs,
            faults,
        }
    }

    /// The same without anything going wrong.
    pub(crate) fn without_faults(mut self) -> Self {
        self.faults.clear();
        self.spoilt = None;
        self.is_disorderly = false;
        self.is_impatient = false;
        self
    }

    /// The name of a node.
    pub(crate) fn node(&self, which: usize) -> String {
        format!("nm-{}", which % self.nodes + 1)
    }

    /// After it, nothing is done to the cluster any more.
    pub(crate) fn last_disturbance(&self) -> Duration {
        let jobs = self.jobs.iter().map(|job| job.cancel_at.unwrap_or(job.at));
        let faults = self.faults.iter().map(|(at, fault)| *at + fault.lasts());
        let bounds = self.jobs.iter().flat_map(|job| &job.bounds).map(|bounds| bounds.at);
        jobs.chain(bounds).chain(faults).max().unwrap_or_default()
    }
}

impl JobPlan {
    fn draw(rng: &mut StdRng, slots: u32) -> Self {
        let at = moment(rng);
        let seconds = rng.random_bool(0.8).then(|| rng.random_range(1..=8));
        let is_endless = seconds.is_none() && rng.random_bool(0.5);
        let is_cancelled = !is_endless && (seconds.is_none() || rng.random_bool(0.2));
        Self {
            id: JobId::random(rng),
            at,
            parallelism: rng.random_range(1..=slots.max(1)),
            seconds,
            cancel_at: is_cancelled.then(|| at + until_cancelled(rng)),
            is_endless,
            is_too_large: false,
            is_streaming: false,
            is_large: false,
            bounds: Vec::new(),
        }
    }

    fn too_large(rng: &mut StdRng, capacity: u32) -> Self {
        let at = moment(rng);
        Self {
            id: JobId::random(rng),
            at,
            parallelism: capacity + rng.random_range(1..=3),
            seconds: Some(1),
            cancel_at: None,
            is_endless: false,
            is_too_large: true,
            is_streaming: false,
            is_large: false,
            bounds: Vec::new(),
        }
    }
}

/// Whether the adaptive scheduler runs the cluster's streaming jobs, and which jobs are some. It would run one that is too large
/// with less, and nobody would be told. Drawn apart, so that a seed stands for the same faults as without.
fn choose_adaptive(seed: u64, jobs: &mut [JobPlan]) -> bool {
    let mut rng = StdRng::seed_from_u64(!seed);
    let is_adaptive = rng.random_bool(0.3);
    for job in jobs.iter_mut().filter(|job| !job.is_too_large) {
        job.is_streaming = is_adaptive && rng.random_bool(0.7);
    }
    is_adaptive
}

impl Fault {
    const fn lasts(self) -> Duration {
        match self {
            Self::Preempt { lasts, .. }
            | Self::Hold { lasts, .. }
            | Self::Cut { lasts, .. }
            | Self::HoldWorkers { lasts, .. }
            | Self::RestartResourceManager { lasts }
            | Self::FailOver { lasts, .. }
            | Self::HoldResourceManager { lasts }
            | Self::BreakNode { lasts, .. }
            | Self::RestartNode { lasts, .. }
            | Self::HoldNode { lasts, .. }
            | Self::IsolateMaster { lasts }
            | Self::HoldZooKeeper { lasts }
            | Self::CutZooKeeper { lasts } => lasts,
            // At worst each is given up once.
            Self::Heartbeats { count, .. } => IMPATIENCE.saturating_mul(count),
            _ => Duration::ZERO,
        }
    }
}

fn draw_fault(rng: &mut StdRng, is_highly_available: bool) -> (Duration, Fault) {
    let kinds = if is_highly_available { 10 } else { 8 };
    let fault = match rng.random_range(0..kinds) {
        0..=2 => draw_worker_fault(rng),
        3 | 4 => draw_grant_fault(rng),
        5 | 6 => draw_node_fault(rng),
        7 => *[Fault::FailTask, Fault::FailTask, Fault::FailPrepare, Fault::FailCommit]
            .choose(rng)
            .unwrap_or(&Fault::FailTask),
        _ => draw_master_fault(rng),
    };
    (moment(rng), fault)
}

/// What befalls heartbeats, in a quarter of all seeds. Drawn apart, as the scheduler is.
fn draw_heartbeat_faults(seed: u64) -> Vec<(Duration, Fault)> {
    let mut rng = StdRng::seed_from_u64(!seed.rotate_left(1));
    let count = if rng.random_bool(0.25) {
        rng.random_range(1..=3)
    } else {
        0
    };
    let faults = (0..count).map(|_| {
        let fault = match rng.random_range(0..3) {
            0 => HeartbeatFault::Unanswered,
            1 => HeartbeatFault::Repeated,
            _ => HeartbeatFault::Late(some_seconds(&mut rng)),
        };
        let count = rng.random_range(1..=3);
        (moment(&mut rng), Fault::Heartbeats { fault, count })
    });
    faults.collect()
}

fn draw_worker_fault(rng: &mut StdRng) -> Fault {
    let (which, lasts) = (rng.random_range(0..8), some_seconds(rng));
    match rng.random_range(0..8) {
        0 | 1 => Fault::EndWorker {
            which,
            how: End::Killed,
        },
        2 => Fault::EndWorker {
            which,
            how: End::OutOfMemory,
        },
        3 => Fault::Preempt { which, lasts },
        4 => Fault::Hold { which, lasts },
        5 => Fault::Cut { which, lasts },
        6 => Fault::Delay {
            which,
            latency: lasts / 20,
        },
        _ => Fault::HoldWorkers {
            which: (which, rng.random_range(0..8)),
            lasts,
        },
    }
}

fn draw_grant_fault(rng: &mut StdRng) -> Fault {
    let lasts = some_seconds(rng);
    match rng.random_range(0..11) {
        0 => Fault::RestartResourceManager { lasts },
        1 => Fault::HoldResourceManager { lasts },
        2 => Fault::LoseAnswer,
        3 => Fault::Grant(GrantFault::Surplus),
        4 => Fault::Grant(GrantFault::Undersized),
        5 => Fault::Grant(GrantFault::Foreign),
        6 => Fault::Grant(GrantFault::Duplicated),
        7 => Fault::Grant(GrantFault::Nowhere),
        8 | 9 => Fault::FailOver {
            is_killed: rng.random_bool(0.5),
            lasts,
        },
        _ => Fault::Grant(GrantFault::Reordered),
    }
}

fn draw_node_fault(rng: &mut StdRng) -> Fault {
    let (which, lasts) = (rng.random_range(0..3), some_seconds(rng));
    let next_start = |fault| Fault::Node { which, fault };
    match rng.random_range(0..9) {
        0 => next_start(NodeFault::Refuse),
        1 => next_start(NodeFault::FailLaunch),
        2 => next_start(NodeFault::Slow(lasts)),
        3 => next_start(NodeFault::Hang),
        4 => Fault::BreakNode { which, lasts },
        5 => Fault::RestartNode {
            which,
            recovers: rng.random_bool(0.5),
            lasts,
        },
        6 => Fault::HoldNode { which, lasts },
        7 => Fault::LoseNodeAnswer { which },
        _ => Fault::LoseNode { which },
    }
}

fn draw_master_fault(rng: &mut StdRng) -> Fault {
    let lasts = some_seconds(rng);
    match rng.random_range(0..8) {
        0 | 1 => Fault::KillMaster,
        2 => Fault::IsolateMaster { lasts },
        3 => Fault::ExpireSession,
        4 => Fault::HoldZooKeeper { lasts },
        5 => Fault::CutZooKeeper { lasts },
        _ => Fault::BreakJobMaster,
    }
}

fn some_seconds(rng: &mut StdRng) -> Duration {
    Duration::from_millis(rng.random_range(500..8000))
}

/// A third is cancelled while its workers are being started.
fn until_cancelled(rng: &mut StdRng) -> Duration {
    match rng.random_range(0..3) {
        0 => Duration::from_millis(rng.random_range(100..2000)),
        _ => moment(rng),
    }
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
        let plans: Vec<_> = (0..2000).map(Plan::draw).collect();
        let faults = plans.iter().flat_map(|plan| &plan.faults);
        let kinds: std::collections::BTreeSet<_> = faults
            .map(|(_, fault)| {
                let shown = format!("{fault:?}");
                // What a fault is drawn with besides numbers tells it from others.
                let words = shown
                    .split(|c: char| !c.is_alphabetic() && c != '_')
                    .filter(|word| word.len() > 2);
                words.map(str::to_owned).collect::<Vec<_>>().join(" ")
            })
            .collect();
        assert_eq!(kinds.len(), 40, "{kinds:#?}");
        let streams = |plan: &&Plan| plan.is_adaptive && plan.jobs.iter().any(|job| job.is_streaming);
        assert!(
            plans.iter().filter(streams).count() > 300,
            "some run under the adaptive scheduler"
        );
        for plan in plans {
            let modest = plan.jobs.iter().filter(|job| !job.is_too_large);
            let slots: u32 = modest.map(|job| job.parallelism).sum();
            let nodes = plan.nodes - usize::from(plan.spoilt.is_some());
            assert!(slots <= u32::try_from(nodes * 2).unwrap() * plan.slots, "{plan:?}");
            assert!(
                plan.jobs
                    .iter()
                    .all(|job| job.seconds.is_some() || job.cancel_at.is_some() || job.is_endless),
                "{plan:?}"
            );
        }
    }
}
