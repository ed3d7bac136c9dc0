//! The commands against a session on YARN, at Hadoop's default heartbeats, with the binary staged.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::ensure;
use selvedge_it::bed::Bed;
use selvedge_it::cli::{BOUND, Selvedge, usage};
use selvedge_it::figure::{Samples, Table, runs};
use serde_json::json;
use tokio::time::Instant;

/// What a command printed and cost.
pub(crate) struct Ran {
    pub(crate) stdout: String,
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
}

#[derive(Default)]
struct Figures {
    start: Samples,
    start_cpu: Samples,
    no_worker: Samples,
    acknowledged: Samples,
    finished: Samples,
    list: Samples,
    list_cpu: Samples,
    cancel: Samples,
    cancel_cpu: Samples,
}

pub(crate) async fn measure(table: &mut Table) -> anyhow::Result<()> {
    let bed = Bed::shared().await?;
    let mut figures = Figures::default();
    for run in 0..=runs() {
        // The first run stages the binary.
        let mut unused = Figures::default();
        let counted = if run > 0 { &mut figures } else { &mut unused };
        once(bed, counted).await?;
    }
    let (start, tiny) = (
        "yarn-session -d: command to its return",
        "session on YARN: run of a tiny job",
    );
    table.add(start, "s", figures.start, Some(2.5), "9.6");
    table.add("yarn-session -d: client CPU", "s", figures.start_cpu, Some(0.2), "4.0");
    table.add(
        "session on YARN, no worker alive: run of a tiny job",
        "s",
        figures.no_worker,
        Some(2.5),
        "7–8",
    );
    table.add(
        "session on YARN: run -d of a tiny job",
        "ms",
        figures.acknowledged,
        Some(60.0),
        "1690",
    );
    table.add(tiny, "ms", figures.finished, Some(150.0), "4700");
    table.add("session on YARN: list", "ms", figures.list, Some(30.0), "1400");
    table.add("session on YARN: list, CPU", "ms", figures.list_cpu, Some(10.0), "2200");
    table.add("session on YARN: cancel", "ms", figures.cancel, Some(30.0), "1400");
    table.add(
        "session on YARN: cancel, CPU",
        "ms",
        figures.cancel_cpu,
        Some(10.0),
        "2200",
    );
    Ok(())
}

async fn once(bed: &Bed, figures: &mut Figures) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let place = format!("-Dyarn.properties-file.location={}", folder.path().display());
    let command = |subcommand: &str| Selvedge::on(bed, subcommand).arg(&place);
    let started = ran(command("yarn-session").arg("-d").command())?;
    figures.start.push_seconds(started.wall);
    figures.start_cpu.push_seconds(started.cpu);
    let tiny = job_file(folder.path(), "tiny", Some(100))?;
    let endless = job_file(folder.path(), "endless", None)?;
    figures
        .no_worker
        .push_seconds(ran(command("run").arg(&tiny).command())?.wall);
    figures
        .acknowledged
        .push_milliseconds(ran(command("run").arg("-d").arg(&tiny).command())?.wall);
    figures
        .finished
        .push_milliseconds(ran(command("run").arg(&tiny).command())?.wall);
    let listed = ran(command("list").arg("-a").command())?;
    figures.list.push_milliseconds(listed.wall);
    figures.list_cpu.push_milliseconds(listed.cpu);
    let job = ran(command("run").arg("-d").arg(&endless).command())?.stdout;
    let cancelled = ran(command("cancel").arg(job.trim()).command())?;
    figures.cancel.push_milliseconds(cancelled.wall);
    figures.cancel_cpu.push_milliseconds(cancelled.cpu);
    let stop = command("yarn-session")
        .args(["-id", started.stdout.trim()])
        .with_input();
    let mut stop = stop.start();
    stop.types("stop\n").await;
    stop.ended_within(BOUND).await.ended_with(0);
    Ok(())
}

/// Runs a command to its end, which must be a good one.
pub(crate) fn ran(mut command: Command) -> anyhow::Result<Ran> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let begun = Instant::now();
    let mut child = command.spawn()?;
    // It prints a line or two, which the pipe holds.
    let output = child.stdout.take();
    let (status, cost) = usage::wait_with_cost(&mut child);
    let wall = begun.elapsed();
    let stdout = output.map(std::io::read_to_string).transpose()?.unwrap_or_default();
    ensure!(status.success(), "{command:?} ended with {status}: {stdout}");
    Ok(Ran {
        stdout,
        wall,
        cpu: cost.cpu,
    })
}

/// Numbers into nothing: so many, or a few a second without end.
pub(crate) fn job_file(folder: &Path, name: &str, rows: Option<u64>) -> anyhow::Result<std::path::PathBuf> {
    let mut source = json!({"id": "numbers", "operator": "generator-source",
        "fields": [{"name": "n", "generator": {"type": "sequence"}}]});
    match rows {
        Some(rows) => source["rows"] = rows.into(),
        None => source["rows_per_second"] = 1.0.into(),
    }
    let job = json!({"name": name, "vertices": [
        {"id": "make", "chain": [source, {"id": "drop", "operator": "blackhole-sink"}]}]});
    let path = folder.join(format!("{name}.json"));
    std::fs::write(&path, job.to_string())?;
    Ok(path)
}
