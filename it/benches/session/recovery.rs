//! The death of a worker, with a spare one at hand and a restart delay of nothing.

use std::collections::BTreeMap;

use anyhow::Context;
use rand::SeedableRng;
use rand::rngs::StdRng;
use selvedge_core::JobId;
use selvedge_it::bench::{ByHand, all_to_all};
use selvedge_it::cli::{BOUND, Running};
use selvedge_it::figure::{Samples, Table, runs};
use selvedge_runtime::clock::{Clock, SystemClock};
use tokio::time::Instant;

const SETTINGS: &str = "taskmanager.numberOfTaskSlots: 1\ntaskmanager.memory.process.size: 1728m\n";

pub(crate) async fn measure(table: &mut Table) -> anyhow::Result<()> {
    let cluster = ByHand::start(SETTINGS).await?;
    let mut workers: BTreeMap<String, Running> = BTreeMap::new();
    let mut names = (1..).map(|number| format!("worker-{number}"));
    let job = JobId::random(&mut StdRng::seed_from_u64(3));
    let mut took = Samples::default();
    for run in 0..=runs() {
        while workers.len() < 3 {
            let name = names.next().context("names do not end")?;
            workers.insert(name.clone(), cluster.worker(&name));
        }
        cluster.until_workers(3).await?;
        if run == 0 {
            cluster.rest.submit(job, &all_to_all(2)?).await?;
            cluster.until_running(job, 4, 0).await?;
        }
        let victim = busy(&cluster).await?;
        let process = workers
            .remove(&victim)
            .with_context(|| format!("{victim} is none of ours"))?;
        let (begun, since) = (Instant::now(), SystemClock.wall().millis());
        process.kill();
        let running = cluster.until_running(job, 4, since).await?;
        if run > 0 {
            took.push_seconds(running - begun);
        }
        process.ended_within(BOUND).await;
    }
    table.add(
        "worker kill -9 with a spare: to all RUNNING",
        "s",
        took,
        Some(0.5),
        "15–25",
    );
    cluster.cancel(job).await?;
    cluster.stop(workers.into_values().collect()).await
}

/// The name of a worker whose slot is taken.
async fn busy(cluster: &ByHand) -> anyhow::Result<String> {
    let workers = cluster.get("/taskmanagers").await.map_err(anyhow::Error::msg)?;
    let all = workers["taskmanagers"].as_array().into_iter().flatten();
    let mut taken = all.filter(|worker| worker["freeSlots"] == 0);
    let worker = taken.next().with_context(|| format!("no worker is busy: {workers}"))?;
    Ok(worker["id"].as_str().unwrap_or_default().to_owned())
}
