//! What the crates `yarn-*` cost beside Hadoop's own Java client, in one run on one bed:
//! `cargo bench --workspace --bench toolkit`, after `cargo build --release --workspace --bins`. The machine must be idle.
//! Both sides take turns; each figure is the median of seven pairs with the smallest and the largest, the ratio that of
//! each pair's two runs. What a figure is to be stands beside it, and whether its median is so.
//!
//! `cargo bench --workspace --bench toolkit -- NAME…` measures only the groups that are named: `register`, `containers`,
//! `heartbeats`, `calls`. `SELVEDGE_BENCH_RUNS` sets another number of pairs, `SELVEDGE_BENCH_SCALE` another part of
//! the containers, heartbeats and calls (1 is the whole). A build that is not optimised shows only that it works.

#![allow(clippy::print_stdout, reason = "a command-line program")]

mod groups;
mod ours;
mod sides;
mod stub;

use std::env;
use std::time::Duration;

use selvedge_it::bed::{Bed, BedOptions};
use selvedge_it::cli::usage;
use selvedge_it::figure::pairs::Table;

use sides::Sides;

/// What a NodeManager claims: enough for all containers at once.
const VCORES: u32 = 1000;
const CONTAINER_MB: u32 = 64;
/// How many containers a NodeManager's heartbeat may bring that ask for no place: one by default, and a second for each.
const PER_HEARTBEAT: &str = "yarn.scheduler.capacity.per-node-heartbeat.maximum-offswitch-assignments";
/// What a NodeManager does beside running containers, and would do five hundred times: it costs minutes, and neither side.
const UNWATCHED: [&str; 3] = [
    "yarn.nodemanager.log-container-debug-info.enabled",
    "yarn.nodemanager.container-monitor.enabled",
    "yarn.nodemanager.container-metrics.enable",
];

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match arguments.split_first() {
        Some((first, role)) if first == sides::ROLE => runtime.block_on(ours::play(role)),
        _ => runtime.block_on(measure(&arguments)),
    }
}

async fn measure(wanted: &[String]) -> anyhow::Result<()> {
    if cfg!(debug_assertions) {
        println!("NOT OPTIMISED: these figures say nothing about the crates");
    }
    println!("load average before: {}", usage::load_average());
    let bed = Bed::start(BedOptions {
        node_managers: 1,
        node_vcores: VCORES,
        node_memory_mb: VCORES * CONTAINER_MB,
        minimum_allocation_mb: CONTAINER_MB,
        capacity_scheduler: [(PER_HEARTBEAT.to_owned(), VCORES.to_string())].into(),
        yarn_site: UNWATCHED
            .map(|key| (key.to_owned(), "false".to_owned()))
            .into_iter()
            .collect(),
        ready_within: Duration::from_secs(300),
        ..BedOptions::default()
    })
    .await?;
    let sides = Sides::prepare(&bed)?;
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|one| one == name);
    let mut table = Table::default();
    if is_wanted("register") {
        groups::register(&bed, &sides, &mut table).await?;
    }
    if is_wanted("containers") {
        groups::containers(&bed, &sides, &mut table).await?;
    }
    if is_wanted("heartbeats") {
        groups::heartbeats(&sides, &mut table)?;
    }
    if is_wanted("calls") {
        groups::calls(&sides, &mut table)?;
    }
    println!("{table}");
    println!("load average after: {}", usage::load_average());
    bed.stop().await;
    Ok(())
}
