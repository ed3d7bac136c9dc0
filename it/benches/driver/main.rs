//! What it costs to get workers, to lose them and to watch them: `cargo bench --workspace --bench driver [-- GROUP…]`, after
//! `cargo build --release --workspace --bins`. The machine must be idle; each figure is the median with the smallest and the
//! largest.
//!
//! - `workers`: a session on YARN at Hadoop's default heartbeats, with one NodeManager: the first worker, the death of one
//!   without a spare, and twenty at once.
//! - `containers`: the YARN driver alone gets 500 containers, with processes in place of workers that do nothing.
//! - `heartbeats`: a master that 5,000 workers are registered at, with heartbeats of a second; all of them live in one process.
//!
//! `SELVEDGE_BENCH_RUNS` sets another number of runs than seven, `SELVEDGE_BENCH_SCALE` another part of the containers and
//! the workers (1 is the whole). A build that is not optimised shows only that it works.

#![allow(clippy::print_stdout, reason = "a command-line program")]

mod containers;
mod heartbeats;
mod log;
mod session;
mod workers;

use std::env;
use std::process::Command;

use selvedge_it::cli::usage;
use selvedge_it::figure::Table;

/// What a process of this program is told first that is measured.
const ROLE: &str = "--side";

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    match arguments.split_first() {
        Some((first, role)) if first == ROLE => runtime.block_on(play(role)),
        _ => runtime.block_on(measure(&arguments)),
    }
}

async fn play(role: &[String]) -> anyhow::Result<()> {
    match role.split_first().map(|(name, rest)| (name.as_str(), rest)) {
        Some(("containers", rest)) => containers::play(rest).await,
        Some(("workers", rest)) => heartbeats::play(rest).await,
        _ => anyhow::bail!("no such role: {role:?}"),
    }
}

/// This program in another role.
fn role(words: &[&str]) -> anyhow::Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.arg(ROLE).args(words);
    Ok(command)
}

async fn measure(wanted: &[String]) -> anyhow::Result<()> {
    if cfg!(debug_assertions) {
        println!("NOT OPTIMISED: these figures say nothing");
    }
    println!("load average before: {}", usage::load_average());
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|one| one == name);
    let mut table = Table::default();
    if is_wanted("workers") {
        workers::measure(&mut table).await?;
    }
    if is_wanted("containers") {
        containers::measure(&mut table).await?;
    }
    if is_wanted("heartbeats") {
        heartbeats::measure(&mut table).await?;
    }
    println!("{table}");
    println!("load average after: {}", usage::load_average());
    Ok(())
}
