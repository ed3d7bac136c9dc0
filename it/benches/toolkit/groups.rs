//! What is measured. In every pair our side runs first, then Java's; the first pair warms up.

use std::time::Duration;

use anyhow::Context;
use selvedge_it::bed::Bed;
use selvedge_it::bench::{Child, Unmanaged};
use selvedge_it::figure::pairs::{Goal, Samples, Side, Table};
use selvedge_it::figure::{runs, scaled};

use crate::sides::Sides;
use crate::stub::Stub;

const CONTAINERS: u32 = 500;
const EMPTY_BEATS: u32 = 10_000;
const FULL_BEATS: u32 = 500;
const CALLS: u32 = 200_000;
/// The rate at which the cost of calls is told.
const CALL_RATE: f64 = 20_000.0;

fn pairs() -> impl Iterator<Item = (usize, Side)> {
    (0..=runs()).flat_map(|run| Side::BOTH.map(|side| (run, side)))
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// From the start of a process to an ApplicationMaster that is registered.
pub(crate) async fn register(bed: &Bed, sides: &Sides, table: &mut Table) -> anyhow::Result<()> {
    let [mut wall, mut cpu, mut pss] = <[Samples; 3]>::default();
    for (run, side) in pairs() {
        let application = Unmanaged::submit(bed).await?;
        let mut command = sides.command(side, &["register"]);
        command.env("HADOOP_TOKEN_FILE_LOCATION", application.token_file());
        let mut child = Child::start(command)?;
        let registered = child.step("registered")?;
        child.go()?;
        child.end()?;
        application.ended().await?;
        if run > 0 {
            wall.push(side, milliseconds(registered.at));
            cpu.push(side, milliseconds(registered.cpu));
            pss.push(side, mebibytes(registered.pss));
        }
    }
    table.add("process start to registered", "ms", wall, Goal::Ratio(10.0));
    table.add("… CPU", "ms", cpu, Goal::None);
    table.add("… PSS, registered", "MiB", pss, Goal::Ratio(15.0));
    Ok(())
}

/// Containers asked, granted, started with a trivial command, and completed.
pub(crate) async fn containers(bed: &Bed, sides: &Sides, table: &mut Table) -> anyhow::Result<()> {
    let count = scaled(CONTAINERS);
    let [mut wall, mut cpu, mut all, mut sum, mut pss, mut surplus, mut held] = <[Samples; 7]>::default();
    for (run, side) in pairs() {
        let application = Unmanaged::submit(bed).await?;
        let mut command = sides.command(side, &["containers", &count.to_string()]);
        command.env("HADOOP_TOKEN_FILE_LOCATION", application.token_file());
        let mut child = Child::start(command)?;
        let registered = child.step("registered")?;
        let begun = child.go()?;
        let completed = child.step("completed")?;
        let took = begun.elapsed();
        child.go()?;
        let cost = child.end()?;
        application.ended().await?;
        // A run takes minutes: whoever waits is told, and has something where it is stopped.
        println!(
            "pair {run} of {}, {side:?}: {:.1} s, client CPU {:.0} ms, surplus and held {}",
            runs(),
            took.as_secs_f64(),
            milliseconds(cost.cpu),
            completed.note
        );
        if run == 0 {
            continue;
        }
        let each = |cpu: Duration| milliseconds(cpu) / f64::from(count);
        wall.push(side, took.as_secs_f64());
        cpu.push(side, each(completed.cpu.saturating_sub(registered.cpu)));
        all.push(side, each(cost.cpu));
        sum.push(side, cost.cpu.as_secs_f64());
        pss.push(side, mebibytes(completed.pss));
        let mut counts = completed.note.split(' ').map(str::parse::<f64>);
        surplus.push(side, counts.next().context("no count of the surplus")??);
        if let Some(count) = counts.next() {
            held.push(side, count?);
        }
    }
    table.add("500 containers: asked to completed", "s", wall, Goal::None);
    table.add(
        "… client CPU per container, after registration",
        "ms",
        cpu,
        Goal::Ratio(10.0),
    );
    table.add(
        "… client CPU per container, whole process",
        "ms",
        all,
        Goal::Ratio(10.0),
    );
    table.add("… client CPU, whole process", "s", sum, Goal::None);
    table.add("… PSS, all completed", "MiB", pss, Goal::None);
    table.add("… surplus containers granted", "", surplus, Goal::None);
    table.add("… of them held longer than one heartbeat", "", held, Goal::Never);
    Ok(())
}

/// The client's cost of a heartbeat, against a ResourceManager that answers at once.
pub(crate) fn heartbeats(sides: &Sides, table: &mut Table) -> anyhow::Result<()> {
    let stub = Stub::start()?;
    let (empty, full) = (scaled(EMPTY_BEATS), scaled(FULL_BEATS));
    let [mut of_empty, mut of_full] = <[Samples; 2]>::default();
    for (run, side) in pairs() {
        stub.answer_with_updates(false);
        let role = ["heartbeats", &stub.address, &empty.to_string(), &full.to_string()];
        let mut child = Child::start(sides.command(side, &role))?;
        let empty_cost = between(&mut child, "warm", "empty")?;
        stub.answer_with_updates(true);
        child.go()?;
        child.step("full")?;
        child.go()?;
        let full_cost = between(&mut child, "warm", "done")?;
        child.go()?;
        child.end()?;
        if run > 0 {
            of_empty.push(side, milliseconds(empty_cost.cpu) * 1e3 / f64::from(empty));
            of_full.push(side, milliseconds(full_cost.cpu) / f64::from(full));
        }
    }
    table.add("empty heartbeat: CPU", "µs", of_empty, Goal::AtMost(30.0));
    table.add("heartbeat with 1,000 updates: CPU", "ms", of_full, Goal::AtMost(1.0));
    Ok(())
}

/// Many calls in flight on one connection.
pub(crate) fn calls(sides: &Sides, table: &mut Table) -> anyhow::Result<()> {
    let stub = Stub::start()?;
    let count = scaled(CALLS);
    let [mut rate, mut cores, mut pss] = <[Samples; 3]>::default();
    for (run, side) in pairs() {
        let mut child = Child::start(sides.command(side, &["calls", &stub.address, &count.to_string()]))?;
        let cost = between(&mut child, "warm", "done")?;
        child.go()?;
        child.end()?;
        if run > 0 {
            rate.push(side, f64::from(count) / cost.wall.as_secs_f64() / 1e3);
            cores.push(side, cost.cpu.as_secs_f64() / f64::from(count) * CALL_RATE);
            pss.push(side, mebibytes(cost.pss));
        }
    }
    table.add(
        "calls on one connection, 64 in flight",
        "1000/s",
        rate,
        Goal::AtLeast(20.0),
    );
    table.add("… cores at 20,000 calls/s", "", cores, Goal::Below(0.5));
    table.add("… PSS", "MiB", pss, Goal::None);
    Ok(())
}

struct Cost {
    wall: Duration,
    cpu: Duration,
    pss: u64,
}

/// What a process costs between two of its steps. It waits at the second.
fn between(child: &mut Child, first: &str, second: &str) -> anyhow::Result<Cost> {
    let before = child.step(first)?;
    let begun = child.go()?;
    let after = child.step(second)?;
    Ok(Cost {
        wall: begun.elapsed(),
        cpu: after.cpu.saturating_sub(before.cpu),
        pss: after.pss,
    })
}
