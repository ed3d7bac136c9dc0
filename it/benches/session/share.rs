//! What of a per-job run is ours: its whole time, less what YARN takes to start the two containers, as its daemons and our master
//! have logged it.
//!
//! ```text
//! command ─ ours ─► RM: SUBMITTED ═ YARN ═► NM: master RUNNING ─ ours ─► master asks for a worker
//!         ═ YARN ═► NM: worker RUNNING ─ ours ─► the master unregisters ═ YARN ═► RM: FINISHING ─ ours ─► the command ends
//! ```
//!
//! All processes are on one machine, and so on one clock; logs have milliseconds.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use selvedge_it::bed::{Bed, Daemon};
use selvedge_it::cli::Selvedge;

use crate::application::application_in;

/// A time of day, from midnight.
type OfDay = Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Runs the job once.
pub(crate) async fn of_a_run(bed: &Bed, job: &Path) -> anyhow::Result<Duration> {
    let outcome = Selvedge::on(bed, "run")
        .args(["-t", "yarn-per-job", "-p", "1"])
        .arg(job)
        .run()
        .await
        .ended_with(0);
    let application = application_in(&outcome.stderr).context("no application id was printed")?;
    let waits = waits(bed, &application)?;
    let all: Duration = waits.iter().sum();
    ensure!(
        all < outcome.took,
        "{application} waited {waits:?} of {:?}",
        outcome.took
    );
    Ok(outcome.took - all)
}

/// For the master's container, for the worker's, and for the end to be noted.
fn waits(bed: &Bed, application: &str) -> anyhow::Result<[Duration; 3]> {
    let number = application.trim_start_matches("application_");
    let rm = bed.daemon_log(Daemon::ResourceManager)?;
    let nodes = (0..bed.node_managers().len()).map(|node| bed.daemon_log(Daemon::NodeManager(node)));
    let nodes = nodes.collect::<Result<Vec<_>, _>>()?.concat();
    let of_rm = |change: &str| at(&rm, &[application, change]);
    let starts = |container: &str| at(&nodes, &[number, container, "to RUNNING"]);
    let master = master_log(bed, application)?;
    let asked = at(&master, &["are asked for"])?;
    Ok([
        since(of_rm("State change from NEW")?, starts("_000001 ")?),
        since(asked, starts("_000002 ")?),
        since(
            of_rm("State change from RUNNING to FINAL_SAVING")?,
            of_rm("to FINISHING")?,
        ),
    ])
}

fn master_log(bed: &Bed, application: &str) -> anyhow::Result<String> {
    let logs = bed.container_logs(application)?;
    let log = logs
        .iter()
        .find(|log| log.file == "jobmanager.log" && log.container.ends_with("_000001"));
    Ok(log
        .with_context(|| format!("{application} has no log of its master"))?
        .text()?)
}

fn since(begin: OfDay, end: OfDay) -> Duration {
    // Past midnight the clock begins anew.
    end.checked_sub(begin).unwrap_or_else(|| end + DAY - begin)
}

fn line<'a>(log: &'a str, words: &[&str]) -> anyhow::Result<&'a str> {
    let mut lines = log.lines();
    let found = lines.find(|line| words.iter().all(|word| line.contains(word)));
    found.with_context(|| format!("no line with {words:?}"))
}

/// The daemons': `2026-11-29 04:10:01,123 INFO …`, in the time of the place; our own: `2026-11-29T04:10:01.123456Z INFO …`. Only
/// where that is UTC they are the same.
fn at(log: &str, words: &[&str]) -> anyhow::Result<OfDay> {
    let line = line(log, words)?;
    of_day(line.get(11..23).with_context(|| line.to_owned())?)
}

fn of_day(text: &str) -> anyhow::Result<OfDay> {
    let numbers = text.split([':', ',', '.']).map(str::parse::<u64>);
    let numbers: Vec<_> = numbers.collect::<Result<_, _>>().with_context(|| text.to_owned())?;
    let [hours, minutes, seconds, millis] = numbers[..] else {
        anyhow::bail!("'{text}' is no time of day");
    };
    Ok(Duration::from_millis(
        (hours * 3600 + minutes * 60 + seconds) * 1000 + millis,
    ))
}
