//! What sessions cost: `cargo bench --workspace --bench session [-- GROUP…]`. The machine must be idle; each figure is the
//! median with the smallest and the largest.
//!
//! - `warm`: jobs on a session that is warm, in this process; twenty in a run.
//! - `deployment`: a large job on a master and workers that are started by hand, from its submission to all running.
//! - `recovery`: the same cluster with a small job, from the death of a worker to all running; there is a spare one.
//! - `yarn`: the commands against a session on YARN.
//! - `application`: an application on YARN: its id, what is staged, and what of a job's run is ours.
//! - `flink`: the commands of the two groups before, ours and those of Flink 1.20.5 in turns, with the ratio of each pair. Fetches
//!   Flink once, 230 MB.
//!
//! `SELVEDGE_BENCH_RUNS` sets another number of runs than seven.

#![allow(clippy::print_stdout, reason = "a command-line program")]

mod application;
mod deployment;
mod flink;
mod recovery;
mod share;
mod yarn;

use anyhow::bail;
use rand::SeedableRng;
use rand::rngs::StdRng;
use selvedge::cluster::{LocalDescriptor, RestClusterClient};
use selvedge_core::{JobGraph, JobId};
use selvedge_it::cli::{target_directory, usage};
use selvedge_runtime::fs::FileSystems;
use serde_json::json;
use tokio::time::Instant;

use selvedge_it::figure::{Samples, Table, runs};

const JOBS_IN_A_RUN: usize = 20;

fn main() -> anyhow::Result<()> {
    if cfg!(debug_assertions) || !target_directory().ends_with("release") {
        bail!("figures of a build that is not optimised say nothing: use `cargo bench`");
    }
    println!("load average before: {}", usage::load_average());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let asked: Vec<_> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let wanted = |group: &str| asked.is_empty() || asked.iter().any(|one| one == group);
    let mut table = Table::default();
    runtime.block_on(async {
        if wanted("warm") {
            warm(&mut table).await?;
        }
        if wanted("deployment") {
            deployment::measure(&mut table).await?;
        }
        if wanted("recovery") {
            recovery::measure(&mut table).await?;
        }
        if wanted("yarn") {
            yarn::measure(&mut table).await?;
        }
        if wanted("application") {
            application::measure(&mut table).await?;
        }
        if wanted("flink") {
            println!("{}", flink::measure().await?);
        }
        anyhow::Ok(())
    })?;
    println!("{table}");
    println!("load average after: {}", usage::load_average());
    Ok(())
}

async fn warm(table: &mut Table) -> anyhow::Result<()> {
    let configuration = selvedge_core::config::shipped();
    let descriptor = LocalDescriptor::new(configuration, FileSystems::local_only());
    let session = descriptor.deploy_session().await?;
    let [mut acknowledged, mut done] = <[Samples; 2]>::default();
    let mut ids = StdRng::seed_from_u64(1);
    for run in 0..=runs() {
        for _ in 0..JOBS_IN_A_RUN {
            let begun = Instant::now();
            let job = JobId::random(&mut ids);
            session.rest().submit(job, &tiny_job()?).await?;
            let taken = begun.elapsed();
            until_finished(session.rest(), job).await?;
            // The first run starts the worker.
            if run > 0 {
                acknowledged.push_milliseconds(taken);
                done.push_milliseconds(begun.elapsed());
            }
        }
    }
    session.shut_down().await;
    table.add(
        "Session: submission to acknowledgement",
        "ms",
        acknowledged,
        Some(5.0),
        "67",
    );
    table.add(
        "Session: submission of a tiny job to its visible end",
        "ms",
        done,
        Some(40.0),
        "3070",
    );
    Ok(())
}

/// A hundred numbers into nothing.
fn tiny_job() -> anyhow::Result<JobGraph> {
    Ok(serde_json::from_value(json!({"name": "tiny", "vertices": [
        {"id": "make", "chain": [
            {"id": "numbers", "operator": "generator-source", "rows": 100,
             "fields": [{"name": "n", "generator": {"type": "sequence"}}]},
            {"id": "drop", "operator": "blackhole-sink"}]}]}))?)
}

/// Asks again and again, without a pause: what is measured is the cluster.
async fn until_finished(rest: &RestClusterClient, job: JobId) -> anyhow::Result<()> {
    loop {
        let state = rest.job(job).await?.state;
        match state.as_str() {
            "FINISHED" => return Ok(()),
            "FAILED" | "CANCELED" => bail!("the job is {state}"),
            _ => tokio::task::yield_now().await,
        }
    }
}
