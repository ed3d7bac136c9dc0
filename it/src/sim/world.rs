//! One run: the hosts, and what is done to them between two steps.
//!
//! ```text
//! active ──last disturbance──► settling ──all jobs have ended──► resting ──nothing is held──► ending ──the master is gone──► over
//!                                 └────────────── too late: the run is over, the invariants say why ──────────────┘
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use selvedge_runtime::machine;
use turmoil::Sim;

use super::Planted;
use super::connectors::SimulatedConnectors;
use super::faults::Undo;
use super::history::{Happening, SharedHistory, record};
use super::invariants::{self, Facts};
use super::master;
use super::network::SimulatedMachine;
use super::plan::Plan;
use super::report::Run;
use super::settings::{self, MASTER};
use super::user::Users;
use super::worker::{self, TaskFaults, WorkerProcess};
use super::yarn::{Cluster, Order, RESOURCE_MANAGER, SharedCluster, serve_node, serve_resource_manager};

/// How finely time passes: a message takes at least as long.
const TICK: Duration = Duration::from_millis(10);
/// How long a connection that lost a message may go unnoticed, and then some: keep-alive, registration, restart, the longest job.
const SETTLING: Duration = Duration::from_secs(90);
/// The time-out of idle workers, and then some.
const RESTING: Duration = Duration::from_secs(40);
const ENDING: Duration = Duration::from_secs(30);
/// Where the users are.
const USERS: &str = "users";

/// How processes of containers have ended by themselves.
type Exits = Arc<Mutex<Vec<(u64, i32)>>>;

/// Where the run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Active,
    Settling,
    Resting,
    Ending,
    Over,
}

/// The hosts of a run, and what is known of them.
pub(super) struct World {
    pub(super) plan: Plan,
    pub(super) sim: Sim<'static>,
    pub(super) cluster: SharedCluster,
    pub(super) history: SharedHistory,
    pub(super) task_faults: TaskFaults,
    pub(super) connectors: SimulatedConnectors,
    exits: Exits,
    /// The hosts of containers, by the container's number.
    pub(super) workers: BTreeMap<u64, String>,
    /// What is undone at its time.
    pub(super) undone: Vec<(Duration, Undo)>,
    may_end: Arc<AtomicBool>,
    has_ended: Arc<AtomicBool>,
    phase: Phase,
    deadline: Duration,
    facts: Facts,
}

/// Runs a plan.
pub(super) fn run(plan: Plan, planted: Planted) -> Run {
    let seed = plan.seed;
    let history = SharedHistory::default();
    let _log = record(&history);
    let _machine = machine::stand_in(Arc::new(SimulatedMachine));
    // What retries take their jitter from.
    fastrand::seed(seed);
    history.lock().say(&format!("{plan:?}"));
    let mut world = World::new(plan, planted, history.clone());
    let broken = world.run();
    let mut violations: Vec<_> = broken.into_iter().collect();
    violations.extend(invariants::check(&history.lock(), &world.facts));
    let simulated = world.sim.elapsed();
    // Hosts log what they drop.
    drop(world);
    let history = history.lock();
    Run {
        seed,
        violations,
        fingerprint: history.fingerprint(),
        log: history.log().to_owned(),
        simulated,
    }
}

impl World {
    fn new(plan: Plan, planted: Planted, history: SharedHistory) -> Self {
        let nodes = (1..=plan.nodes).map(|number| format!("nm-{number}"));
        let mut cluster = Cluster::new(nodes.clone(), &settings::node_size());
        if planted == Planted::DeafScheduler {
            cluster.plant_deafness();
        }
        let sim = turmoil::Builder::new()
            .rng_seed(plan.seed)
            .tick_duration(TICK)
            .min_message_latency(TICK)
            .max_message_latency(plan.latency)
            .tcp_capacity(1 << 20)
            .simulation_duration(Duration::from_secs(86_400))
            .build();
        let mut world = Self {
            facts: Facts::of(&plan),
            deadline: plan.last_disturbance(),
            plan,
            sim,
            cluster: Arc::new(Mutex::new(cluster)),
            connectors: SimulatedConnectors {
                history: history.clone(),
                faults: Arc::default(),
            },
            history,
            task_faults: TaskFaults::default(),
            exits: Exits::default(),
            workers: BTreeMap::new(),
            undone: Vec::new(),
            may_end: Arc::default(),
            has_ended: Arc::default(),
            phase: Phase::Active,
        };
        world.start_hosts(nodes);
        world
    }

    fn start_hosts(&mut self, nodes: impl Iterator<Item = String>) {
        let cluster = self.cluster.clone();
        self.sim
            .host(RESOURCE_MANAGER, move || serve_resource_manager(cluster.clone()));
        for node in nodes {
            let (cluster, name) = (self.cluster.clone(), node.clone());
            self.sim.host(node, move || serve_node(cluster.clone(), name.clone()));
        }
        let (seed, slots, has_ended) = (self.plan.seed, self.plan.slots, self.has_ended.clone());
        let connectors = self.connectors.clone();
        self.sim.host(MASTER, move || {
            let (has_ended, connectors) = (has_ended.clone(), connectors.clone());
            async move {
                master::serve(seed, slots, connectors).await?;
                has_ended.store(true, Ordering::Relaxed);
                std::future::pending().await
            }
        });
        let users = Users {
            cluster: self.cluster.clone(),
            history: self.history.clone(),
        };
        let (jobs, may_end) = (self.plan.jobs.clone(), self.may_end.clone());
        self.sim.client(USERS, async move {
            for job in jobs {
                tokio::spawn(users.clone().follow(job));
            }
            loop {
                tokio::time::sleep(TICK).await;
                if may_end.load(Ordering::Relaxed) && users.shut_down().await {
                    return std::future::pending().await;
                }
            }
        });
    }

    /// Until the run is over; what broke, where something broke that no component answers for.
    fn run(&mut self) -> Option<String> {
        while self.phase != Phase::Over {
            if let Err(error) = self.sim.step() {
                return Some(format!("a host broke down: {error}"));
            }
            let now = self.sim.elapsed();
            self.history.lock().advance(now);
            self.obey_yarn();
            self.end_exited();
            self.undo(now);
            self.disturb(now);
            self.facts.look(&self.cluster.lock(), &self.history.lock(), now);
            self.advance(now);
        }
        None
    }

    fn advance(&mut self, now: Duration) {
        let is_done = match self.phase {
            Phase::Active => now >= self.deadline,
            Phase::Settling => self.facts.have_all_jobs_ended(),
            Phase::Resting => self.facts.is_at_rest(),
            Phase::Ending => self.has_ended.load(Ordering::Relaxed),
            Phase::Over => true,
        };
        if !is_done && now < self.deadline {
            return;
        }
        let (next, lasts) = match self.phase {
            Phase::Active => (Phase::Settling, SETTLING),
            Phase::Settling if is_done => (Phase::Resting, RESTING),
            Phase::Resting if is_done => (Phase::Ending, ENDING),
            Phase::Settling | Phase::Resting | Phase::Ending | Phase::Over => (Phase::Over, Duration::ZERO),
        };
        if !is_done {
            self.facts.late(&format!("{:?}", self.phase));
        }
        self.history.lock().say(&format!("{:?} -> {next:?}", self.phase));
        if next == Phase::Ending {
            self.may_end.store(true, Ordering::Relaxed);
        }
        (self.phase, self.deadline) = (next, now + lasts);
    }

    fn obey_yarn(&mut self) {
        let orders = self.cluster.lock().take_orders();
        for order in orders {
            match order {
                Order::Launch { container, command } => self.launch(container, command),
                Order::Kill { container } => self.end(container),
            }
        }
    }

    fn launch(&mut self, container: u64, command: String) {
        let host = format!("worker-{container}");
        let process = WorkerProcess {
            host: host.clone(),
            slots: self.plan.slots,
            command,
            faults: self.task_faults.clone(),
        };
        let exits = self.exits.clone();
        self.facts.launched(&self.cluster.lock(), container);
        self.workers.insert(container, host.clone());
        self.sim.host(host, move || {
            let (process, exits) = (process.clone(), exits.clone());
            async move {
                let code = worker::run(process).await;
                exits.lock().push((container, code));
                // Its sockets close when the world has ended the host.
                std::future::pending().await
            }
        });
    }

    fn end_exited(&mut self) {
        let exits = std::mem::take(&mut *self.exits.lock());
        for (container, code) in exits {
            self.cluster.lock().exited(container, Some(code));
            self.end(container);
        }
    }

    /// Ends the host of a container, where there is one.
    pub(super) fn end(&mut self, container: u64) {
        if let Some(worker) = self.workers.remove(&container) {
            self.sim.crash(worker.as_str());
            self.history.lock().note(Happening::WorkerGone { worker });
        }
    }
}
