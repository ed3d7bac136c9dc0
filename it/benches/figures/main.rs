//! What a deployment costs, beside what Flink costs: `cargo bench --workspace --bench figures`, with the command built
//! by `cargo build --release --workspace --bins`. The machine must be idle; each figure is the median of seven runs
//! with the smallest and the largest.
//!
//! `cargo bench --workspace --bench figures -- NAME…` measures only the groups that are named: `local`, `yarn`,
//! `start`. `SELVEDGE_BENCH_RUNS` sets another number of runs.

#![allow(clippy::print_stdout, reason = "a command-line program")]

mod local;
mod start;
mod yarn;

use selvedge_it::cli::{target_directory, usage};

use selvedge_it::figure::Table;

fn main() -> anyhow::Result<()> {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|name| !name.starts_with('-')).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|one| one == name);
    if cfg!(debug_assertions) || !target_directory().ends_with("release") {
        anyhow::bail!("figures of a build that is not optimised say nothing: use `cargo bench`");
    }
    println!("load average before: {}", usage::load_average());
    let mut table = Table::default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    if is_wanted("local") {
        local::measure(&mut table)?;
    }
    if is_wanted("start") {
        runtime.block_on(start::measure(&mut table))?;
    }
    if is_wanted("yarn") {
        runtime.block_on(yarn::measure(&mut table))?;
    }
    println!("{table}");
    println!("load average after: {}", usage::load_average());
    Ok(())
}
