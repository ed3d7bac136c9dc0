//! Workers on YARN at default heartbeats: the first, one that is killed, twenty at once.

use std::time::Duration;

use anyhow::Context;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rustix::process::{Pid, Signal, kill_process_group};
use selvedge_core::JobId;
use selvedge_it::bed::{Bed, BedOptions};
use selvedge_it::bench::all_to_all;
use selvedge_it::figure::{Samples, Table, runs};
use selvedge_runtime::clock::{Clock, SystemClock};
use tokio::time::Instant;

use crate::log;
use crate::session::Session;

const MANY: u32 = 20;
/// What YARN logs with us.
const ASKED: &str = "are asked for";
const GRANTED: &str = "container granted";

/// Besides these, all is as by default. Workers that no job uses are given back at once, so that the next run has none.
const OPTIONS: [&str; 6] = [
    "-tm",
    "600m",
    "-Dresourcemanager.taskmanager-timeout=200 ms",
    "-Drestart-strategy.type=fixed-delay",
    "-Drestart-strategy.fixed-delay.attempts=1000",
    "-Drestart-strategy.fixed-delay.delay=0 s",
];

pub(crate) async fn measure(table: &mut Table) -> anyhow::Result<()> {
    let bed = Bed::start(BedOptions {
        node_managers: 1,
        node_memory_mb: 65_536,
        node_vcores: 64,
        ..BedOptions::default()
    })
    .await?;
    let session = Session::start(&bed, &OPTIONS).await?;
    let mut rng = StdRng::seed_from_u64(7);
    first(&session, &mut rng, table).await?;
    killed(&session, &mut rng, table).await?;
    many(&session, &mut rng, table).await?;
    session.stop().await?;
    bed.stop().await;
    Ok(())
}

/// Until some moment within a second: what came before has set the beat of the NodeManager.
async fn some_moment(rng: &mut StdRng) {
    tokio::time::sleep(Duration::from_millis(rng.random_range(0..1000))).await;
}

async fn first(session: &Session<'_>, rng: &mut StdRng, table: &mut Table) -> anyhow::Result<()> {
    let [mut granted, mut running] = <[Samples; 2]>::default();
    let graph = all_to_all(1)?;
    for run in 0..=runs() {
        session.until_containers(1).await?;
        some_moment(rng).await;
        let (job, before) = (JobId::random(rng), session.log()?);
        let begun = Instant::now();
        session.submit(job, &graph).await?;
        let all_run = session.until_running(job, 2, 0).await?;
        let log = session.log()?;
        let waited = log::between(log::since(&log, &before), ASKED, GRANTED)?;
        // The first run copies the binary to the node.
        if run > 0 {
            granted.push_seconds(waited);
            running.push_seconds(all_run - begun);
        }
        session.cancel(job).await?;
    }
    table.add(
        "first worker on YARN: request to container",
        "s",
        granted,
        Some(1.2),
        "5.5",
    );
    table.add("… submission to all RUNNING", "s", running, None, "");
    Ok(())
}

async fn killed(session: &Session<'_>, rng: &mut StdRng, table: &mut Table) -> anyhow::Result<()> {
    let [mut took, mut asked] = <[Samples; 2]>::default();
    let job = JobId::random(rng);
    session.submit(job, &all_to_all(2)?).await?;
    session.until_running(job, 4, 0).await?;
    for run in 0..=runs() {
        session.until_containers(3).await?;
        some_moment(rng).await;
        let (before, workers) = (session.log()?, session.workers()?);
        let victim = workers.first().context("there is no worker")?;
        let (begun, since) = (Instant::now(), SystemClock.wall().millis());
        kill_process_group(Pid::from_raw(victim.pid).context("a process")?, Signal::KILL)?;
        let all_run = session.until_running(job, 4, since).await?;
        let log = session.log()?;
        let waited = log::between(log::since(&log, &before), ASKED, GRANTED)?;
        if run > 0 {
            took.push_seconds(all_run - begun);
            asked.push_seconds(waited);
        }
    }
    session.cancel(job).await?;
    table.add(
        "worker kill -9 on YARN without a spare: to all RUNNING",
        "s",
        took,
        Some(3.0),
        "11.0",
    );
    table.add("… of it request to container", "s", asked, None, "");
    Ok(())
}

async fn many(session: &Session<'_>, rng: &mut StdRng, table: &mut Table) -> anyhow::Result<()> {
    let mut took = Samples::default();
    let graph = all_to_all(MANY)?;
    for run in 0..=runs() {
        session.until_containers(1).await?;
        some_moment(rng).await;
        let job = JobId::random(rng);
        let begun = Instant::now();
        session.submit(job, &graph).await?;
        let all_run = session.until_running(job, u64::from(MANY) * 2, 0).await?;
        if run > 0 {
            took.push_seconds(all_run - begun);
        }
        session.until_containers(u64::from(MANY) + 1).await?;
        session.cancel(job).await?;
    }
    table.add(
        "20 workers of one slot on one NodeManager: to all RUNNING",
        "s",
        took,
        Some(6.0),
        "82",
    );
    Ok(())
}
