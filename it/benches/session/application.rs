//! An application on YARN, at Hadoop's default heartbeats: how soon its id is there, what is staged, and what of a job's run is
//! ours.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, ensure};
use selvedge_it::bed::{Bed, Hdfs};
use selvedge_it::cli::{BOUND, Selvedge, usage};
use selvedge_it::figure::{Samples, Table, runs};
use selvedge_it::wait;
use tokio::time::Instant;

use crate::share::Share;
use crate::yarn::job_file;

/// Where nothing is staged at first.
const EMPTY: &str = "/user/alice/bench-staging";
const LOOK: Duration = Duration::from_millis(2);

#[derive(Default)]
struct Figures {
    until_id: Samples,
    cpu: Samples,
    first: Samples,
    again: Samples,
    share: Share,
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
    table.add(
        "run-application -d: command to the application's id",
        "s",
        figures.until_id,
        Some(0.5),
        "2.0",
    );
    table.add("run-application -d: client CPU", "s", figures.cpu, Some(0.2), "3.4");
    table.add("bytes staged, the first time", "MiB", figures.first, Some(38.1), "200");
    table.add(
        "bytes staged, the binary there",
        "kB",
        figures.again,
        Some(100.0),
        "16 pre-staged",
    );
    figures.share.tell(table);
    Ok(())
}

async fn once(bed: &'static Bed, figures: &mut Figures) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let tiny = job_file(folder.path(), "tiny", Some(100))?;
    let command = Selvedge::on(bed, "run-application").args(["-t", "yarn-application", "-d"]);
    let command = command.arg(&tiny).command();
    let ran = tokio::task::spawn_blocking(move || run_application(command)).await??;
    figures.until_id.push_seconds(ran.until_id);
    figures.cpu.push_seconds(ran.cpu);
    until_ended(bed, &ran.application).await?;
    let (first, again) = staged(bed, &tiny).await?;
    figures.first.push_mebibytes(first);
    figures.again.push(again as f64 / 1000.0);
    figures.share.run(bed, &tiny).await
}

pub(crate) struct Ran {
    pub(crate) application: String,
    pub(crate) until_id: Duration,
    pub(crate) cpu: Duration,
}

/// Runs a command that starts an application and returns.
pub(crate) fn run_application(mut command: Command) -> anyhow::Result<Ran> {
    let scratch = tempfile::tempdir()?;
    let said = scratch.path().join("said");
    let output = File::create(&said)?;
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    let begun = Instant::now();
    let mut child = command.spawn()?;
    let (until_id, (status, cost)) = thread::scope(|scope| {
        let reader = scope.spawn(|| until_id(&said, begun));
        let ended = usage::wait_with_cost(&mut child);
        (reader.join().expect("reading a file does not panic"), ended)
    });
    let text = fs::read_to_string(&said)?;
    ensure!(status.success(), "run-application ended with {status}:\n{text}");
    Ok(Ran {
        application: application_in(&text).with_context(|| format!("no id in {text}"))?,
        until_id: until_id.with_context(|| format!("no application id was printed:\n{text}"))?,
        cpu: cost.cpu,
    })
}

/// When the id was there to be read.
fn until_id(said: &Path, begun: Instant) -> Option<Duration> {
    while begun.elapsed() < BOUND {
        if fs::read_to_string(said).is_ok_and(|text| application_in(&text).is_some()) {
            return Some(begun.elapsed());
        }
        thread::sleep(LOOK);
    }
    None
}

pub(crate) fn application_in(text: &str) -> Option<String> {
    let is_id = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut words = text.split(|c: char| !is_id(c));
    let id = words.find(|word| word.starts_with("application_") && word.split('_').count() == 3)?;
    Some(id.to_owned())
}

/// Waits until the application is gone, with all that it held.
pub(crate) async fn until_ended(bed: &Bed, application: &str) -> anyhow::Result<()> {
    let looks = || async {
        let processes = bed
            .container_processes(application)
            .map_err(|error| error.to_string())?;
        if processes.is_empty() {
            Ok(())
        } else {
            Err(format!("{processes:?}"))
        }
    };
    Ok(wait::until("the application to end", BOUND, looks).await?)
}

/// The bytes in HDFS of a session that has begun where nothing was staged, and of the next one there.
async fn staged(bed: &Bed, job: &Path) -> anyhow::Result<(u64, u64)> {
    let hdfs = bed.hdfs()?;
    hdfs.delete(EMPTY).await?;
    let mut staged = Vec::new();
    for _ in 0..2 {
        let before = bytes_below(&hdfs, EMPTY).await?;
        let started = Selvedge::on(bed, "run-application")
            .args([
                "-t",
                "yarn-application",
                "-d",
                "-Dexecution.shutdown-on-application-finish=false",
            ])
            .arg(format!("-Dyarn.staging-directory={EMPTY}"))
            .arg(job)
            .run()
            .await
            .ended_with(0);
        staged.push(bytes_below(&hdfs, EMPTY).await? - before);
        let application = started.stdout.trim().to_owned();
        end(bed, &application).await?;
        until_ended(bed, &application).await?;
        let directory = format!("{EMPTY}/.selvedge/{application}");
        hdfs.delete(&directory).await?;
    }
    hdfs.delete(EMPTY).await?;
    Ok((staged[0], staged[1]))
}

/// As an administrator does: nothing else is running.
pub(crate) async fn end(bed: &Bed, application: &str) -> anyhow::Result<()> {
    let url = format!("{}/ws/v1/cluster/apps/{application}/state", bed.rm_web());
    let http = reqwest::Client::builder().no_proxy().build()?;
    let request = http.put(&url).query(&[("user.name", bed.user())]);
    let answer = request.json(&serde_json::json!({"state": "KILLED"})).send().await?;
    ensure!(answer.status().is_success(), "{url}: {}", answer.status());
    Ok(())
}

async fn bytes_below(hdfs: &Hdfs, directory: &str) -> anyhow::Result<u64> {
    let (mut open, mut bytes) = (vec![directory.to_owned()], 0);
    while let Some(directory) = open.pop() {
        if hdfs.status(&directory).await?.is_none() {
            continue;
        }
        for entry in hdfs.list(&directory).await? {
            match entry.kind.as_str() {
                "DIRECTORY" => open.push(format!("{directory}/{}", entry.path_suffix)),
                _ => bytes += entry.length,
            }
        }
    }
    Ok(bytes)
}
