//! The simulation: a whole cluster in one thread, on a simulated network and clock, ruled by one seed.
//!
//! ```text
//!   users ──REST──► am-1, then am-2 …: entrypoint, Dispatcher, JobMasters, ResourceManager, YARN driver
//!                    │ Hadoop IPC   │ election       ▲ gRPC
//!                    ▼              ▼                ▼
//!                   rm, nm-1 …     zk ◄── leader ── worker-2, worker-3 …: TaskExecutors, Flight between them
//! ```
//!
//! Real is everything of ours: master, driver, AmClient and NmClient, gateways, REST, TaskExecutors, the chains of tasks. The
//! servers of YARN, ZooKeeper, the users and the files are simulated. `plan` draws from the seed what happens, `world` lets it
//! happen, `invariants` look at what came of it; `docs/simulation.md` tells how to replay a seed.

mod bounds;
mod clock;
mod connectors;
mod faults;
mod files;
mod history;
mod invariants;
mod master;
mod network;
mod panics;
mod plan;
mod relay;
mod report;
mod settings;
mod shuffle;
mod sizes;
mod tasks;
mod user;
mod worker;
mod world;
mod yarn;
mod zookeeper;

pub use report::{Run, Seeds, replay_command};

use plan::Plan;

/// A fault planted into the simulated YARN, to see that it is found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Planted {
    /// None.
    #[default]
    Nothing,
    /// The scheduler grants more than was asked for, and does not hear that it is given back.
    DeafScheduler,
}

/// Runs one seed from its start to its end.
pub fn run(seed: u64, planted: Planted) -> Run {
    world::run(Plan::draw(seed), planted)
}

/// The same without faults.
pub fn run_undisturbed(seed: u64) -> Run {
    world::run(Plan::draw(seed).without_faults(), Planted::Nothing)
}
