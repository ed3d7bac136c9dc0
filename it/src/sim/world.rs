//! One run: the hosts, and what is done to them between two steps.
//!
//! ```text
//! active ──last disturbance──► settling ──all jobs have ended──► resting ──nothing is held──► ending ──the master is gone──► over
//!                                 └────────────── too late: the run is over, the invariants say why ──────────────┘
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use selvedge_runtime::machine;
use turmoil::Sim;

use super::Planted;
use super::connectors::SimulatedConnectors;
use super::faults::Undo;
use super::files::Files;
use super::history::{Happening, SharedHistory, record};
use super::invariants::{self, Facts};
use super::master::MasterProcess;
use super::network::SimulatedMachine;
use super::panics;
use super::plan::Plan;
use super::relay::Disorder;
use super::report::Run;
use super::settings::{self, master_host};
use super::shuffle::BreakingShuffleMaster;
use super::user::Users;
use super::worker::{self, TaskFaults, WorkerProcess};
use super::yarn::{Cluster, NOWHERE, Order, RESOURCE_MANAGERS, SharedCluster, serve_node, serve_resource_manager};
use super::zookeeper::{self, SharedEnsemble, ZOOKEEPER};

/// How finely time passes: a message takes at least as long.
const TICK: Duration = Duration::from_millis(10);
/// How long a connection that lost a message may go unnoticed, and then some: keep-alive, registration, restart, the longest job.
const SETTLING: Duration = Duration::from_secs(90);
/// The time-out of idle workers, and then some.
const RESTING: Duration = Duration::from_secs(40);
const ENDING: Duration = Duration::from_secs(30);
/// How long YARN takes to start another attempt.
const NEXT_ATTEMPT: Duration = Duration::from_millis(700);
/// Where the users are.
const USERS: &str = "users";

/// How processes of containers have ended by themselves.
type Exits = Arc<Mutex<Vec<(u64, i32)>>>;
/// How attempts of the ApplicationMaster have ended by themselves: whether the application has.
type MasterExits = Arc<Mutex<Vec<(u32, bool)>>>;

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
    pub(super) shuffle: BreakingShuffleMaster,
    pub(super) ensemble: SharedEnsemble,
    files: Files,
    /// The attempt of the ApplicationMaster that was started last.
    pub(super) attempt: u32,
    exits: Exits,
    master_exits: MasterExits,
    /// The hosts of containers, by the container's number.
    pub(super) workers: BTreeMap<u64, String>,
    /// What is undone at its time.
    pub(super) undone: Vec<(Duration, Undo)>,
    is_calm: Arc<AtomicBool>,
    may_end: Arc<AtomicBool>,
    has_ended: bool,
    phase: Phase,
    deadline: Duration,
    facts: Facts,
}

/// Runs a plan.
pub(super) fn run(plan: Plan, planted: Planted) -> Run {
    let seed = plan.seed;
    panics::watch();
    let history = SharedHistory::default();
    let _log = record(&history);
    let disorder = plan.is_disorderly.then(|| Disorder::new(seed));
    let _machine = machine::stand_in(Arc::new(SimulatedMachine { disorder }));
    // What retries take their jitter from.
    fastrand::seed(seed);
    history.lock().say(&format!("{plan:?}"));
    let mut world = World::new(plan, planted, history.clone());
    let broken = world.run();
    world.facts.left_behind = [world.files.left_behind(), world.ensemble.lock().left_behind()].concat();
    let mut violations: Vec<_> = broken.into_iter().collect();
    violations.extend(invariants::check(&history.lock(), &world.facts));
    let simulated = world.sim.elapsed();
    // Hosts log what they drop.
    drop(world);
    violations.extend(panics::take_unplanned());
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
        if let Some(spoilt) = plan.spoilt {
            cluster.spoil_node(&plan.node(spoilt));
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
            ensemble: zookeeper::ensemble(plan.seed),
            files: Files::default(),
            attempt: 0,
            plan,
            sim,
            cluster: Arc::new(Mutex::new(cluster)),
            connectors: SimulatedConnectors {
                history: history.clone(),
                prepare_faults: Arc::<AtomicU32>::default(),
                publish_faults: Arc::default(),
            },
            history,
            task_faults: TaskFaults::default(),
            shuffle: BreakingShuffleMaster::default(),
            exits: Exits::default(),
            master_exits: MasterExits::default(),
            workers: BTreeMap::new(),
            undone: Vec::new(),
            is_calm: Arc::default(),
            may_end: Arc::default(),
            has_ended: false,
            phase: Phase::Active,
        };
        world.start_hosts(nodes);
        world
    }

    fn start_hosts(&mut self, nodes: impl Iterator<Item = String>) {
        for host in RESOURCE_MANAGERS {
            let cluster = self.cluster.clone();
            self.sim
                .host(host, move || serve_resource_manager(cluster.clone(), host));
        }
        // Nothing listens there.
        self.sim.host(NOWHERE, std::future::pending);
        for node in nodes {
            let (cluster, name) = (self.cluster.clone(), node.clone());
            self.sim.host(node, move || serve_node(cluster.clone(), name.clone()));
        }
        if self.plan.is_highly_available {
            let ensemble = self.ensemble.clone();
            self.sim.host(ZOOKEEPER, move || zookeeper::serve(ensemble.clone()));
        }
        self.start_master(1);
        self.start_users();
    }

    fn start_users(&mut self) {
        let users = Users {
            cluster: self.cluster.clone(),
            history: self.history.clone(),
            files: self.files.clone(),
            is_calm: self.is_calm.clone(),
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
            self.end_exited_masters(now);
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
            // What a master that was cut off has published goes with its session.
            Phase::Ending => self.has_ended && self.ensemble.lock().left_behind().is_empty(),
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
        match next {
            Phase::Settling => self.is_calm.store(true, Ordering::Relaxed),
            Phase::Ending => self.may_end.store(true, Ordering::Relaxed),
            _ => {}
        }
        (self.phase, self.deadline) = (next, now + lasts);
    }

    fn obey_yarn(&mut self) {
        let orders = self.cluster.lock().take_orders();
        for order in orders {
            match order {
                Order::Launch {
                    container,
                    command,
                    hangs,
                } => self.launch(container, command, hangs),
                Order::Kill { container } => self.end(container),
            }
        }
    }

    fn launch(&mut self, container: u64, command: String, hangs: bool) {
        let host = format!("worker-{container}");
        let memory_mb = worker::memory_mb(&command);
        let process = WorkerProcess {
            host: host.clone(),
            slots: self.plan.slots,
            is_highly_available: self.plan.is_highly_available,
            command,
            faults: self.task_faults.clone(),
        };
        let exits = self.exits.clone();
        self.facts.launched(&self.cluster.lock(), container, memory_mb);
        self.workers.insert(container, host.clone());
        self.sim.host(host, move || {
            let (process, exits) = (process.clone(), exits.clone());
            async move {
                if hangs {
                    return std::future::pending().await;
                }
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
            self.cluster.lock().exited(container, code);
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

    // ---- attempts of the ApplicationMaster ----

    /// The host of the attempt that was started last.
    pub(super) fn master(&self) -> String {
        master_host(self.attempt)
    }

    pub(super) fn start_master(&mut self, attempt: u32) {
        let process = MasterProcess {
            seed: self.plan.seed,
            attempt,
            slots: self.plan.slots,
            is_adaptive: self.plan.is_adaptive,
            is_impatient: self.plan.is_impatient,
            connectors: self.connectors.clone(),
            shuffle: self.shuffle.clone(),
            kept: self.plan.is_highly_available.then(|| self.files.clone()),
        };
        let exits = self.master_exits.clone();
        self.attempt = attempt;
        self.sim.host(self.master(), move || {
            let (process, exits) = (process.clone(), exits.clone());
            async move {
                let has_ended = process.run().await;
                exits.lock().push((attempt, has_ended));
                // Its sockets close when the world has ended the host.
                std::future::pending().await
            }
        });
    }

    fn end_exited_masters(&mut self, now: Duration) {
        let exits = std::mem::take(&mut *self.master_exits.lock());
        for (attempt, has_ended) in exits {
            if has_ended {
                self.has_ended = true;
            } else {
                self.end_master(attempt, now);
            }
        }
    }

    /// The process of an attempt is gone.
    pub(super) fn end_master(&mut self, attempt: u32, now: Duration) {
        let host = master_host(attempt);
        if !self.sim.is_host_running(host.as_str()) {
            return;
        }
        self.sim.crash(host);
        self.history.lock().note(Happening::MasterGone { attempt });
        self.give_up_attempt(attempt, now);
    }

    /// YARN gives the attempt up, unless it has already, and starts the next one.
    fn give_up_attempt(&mut self, attempt: u32, now: Duration) {
        let mut cluster = self.cluster.lock();
        if cluster.attempt() == attempt
            && let Some(next) = cluster.attempt_ended()
        {
            self.undone.push((now + NEXT_ATTEMPT, Undo::Master(next)));
        }
    }

    /// The ResourceManager hears no more of the master. Before the node ends its process, that may hear that it is given up.
    pub(super) fn isolate_master(&mut self, now: Duration, lasts: Duration) {
        for host in RESOURCE_MANAGERS {
            self.cut(host.to_owned(), self.master(), now + lasts / 2);
        }
        self.give_up_attempt(self.attempt, now);
        self.undone.push((now + lasts, Undo::EndMaster(self.attempt)));
    }
}
