//! A small WordCount on YARN, from the command to FINISHED, at Hadoop's default heartbeats, with the binary staged.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, ensure};
use selvedge_it::bed::Bed;
use selvedge_it::cli::{Selvedge, usage};
use tokio::time::Instant;

use selvedge_it::figure::{Samples, Table, runs};

const LINES: &str = "to be or not to be\nthat is the question\n";

pub(crate) async fn measure(table: &mut Table) -> anyhow::Result<()> {
    let bed = Bed::shared().await?;
    let hdfs = bed.hdfs()?;
    hdfs.put("/user/alice/small.txt", LINES.repeat(100)).await?;
    let [mut wall, mut id, mut cpu, mut pss, mut vm_peak] = <[Samples; 5]>::default();
    for run in 0..=runs() {
        hdfs.delete("/user/alice/small-out").await?;
        let sample = tokio::task::spawn_blocking(move || once(bed)).await??;
        // The first run stages the binary.
        if run > 0 {
            wall.push_seconds(sample.wall);
            id.push_seconds(sample.until_id);
            cpu.push_seconds(sample.cost.cpu);
            pss.push_mebibytes(sample.cost.peak_pss);
            vm_peak.push_mebibytes(sample.cost.vm_peak);
        }
    }
    table.add(
        "yarn-per-job WordCount: command to FINISHED",
        "s",
        wall,
        Some(4.0),
        "21.8; 15.2 pre-staged",
    );
    table.add(
        "yarn-per-job WordCount: application id printed",
        "s",
        id,
        Some(0.5),
        "6.9; 2.0 pre-staged",
    );
    table.add("yarn-per-job WordCount: client CPU", "s", cpu, Some(0.2), "4.8");
    table.add("yarn-per-job WordCount: client peak PSS", "MiB", pss, Some(40.0), "320");
    table.add("yarn-per-job WordCount: client VmPeak", "MiB", vm_peak, None, "");
    Ok(())
}

struct Sample {
    wall: Duration,
    until_id: Duration,
    cost: usage::Cost,
}

fn once(bed: &Bed) -> anyhow::Result<Sample> {
    let scratch = tempfile::tempdir()?;
    let said = scratch.path().join("said");
    let begun = Instant::now();
    let mut child = spawn(bed, &said)?;
    let (until_id, (status, cost)) = thread::scope(|scope| {
        let reader = scope.spawn(|| until_id(&said, begun));
        let ended = usage::wait_with_cost(&mut child);
        (reader.join().expect("reading a file does not panic"), ended)
    });
    let wall = begun.elapsed();
    let text = fs::read_to_string(&said)?;
    ensure!(status.success(), "the WordCount ended with {status}:\n{text}");
    let until_id = until_id.with_context(|| format!("no application id was printed:\n{text}"))?;
    Ok(Sample { wall, until_id, cost })
}

fn spawn(bed: &Bed, said: &Path) -> anyhow::Result<Child> {
    let uri = bed.hdfs_uri();
    let output = File::create(said)?;
    let mut command = Selvedge::on(bed, "run")
        .args(["-t", "yarn-per-job", "-p", "1"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/wordcount.json"))
        .args(["--input", &format!("{uri}/user/alice/small.txt")])
        .args(["--output", &format!("{uri}/user/alice/small-out")])
        .command();
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    Ok(command.spawn()?)
}

/// When the id was there to be read. Looked for every two milliseconds, for as long as the longest run takes.
fn until_id(said: &Path, begun: Instant) -> Option<Duration> {
    while begun.elapsed() < Duration::from_secs(60) {
        if fs::read_to_string(said).is_ok_and(|text| text.contains("application_")) {
            return Some(begun.elapsed());
        }
        thread::sleep(Duration::from_millis(2));
    }
    None
}
