//! What of a per-job run is ours, part by part, as RM, NM and our master have logged it.
//!
//! ```text
//! command ─ ours ─► RM has the application ═ YARN ═► the NM's script hands over ─ ours ─► master asks for a worker
//!         ═ YARN ═► RM: ALLOCATED ─ ours: heartbeat, start ─► NM is asked ═ YARN ═► the NM's script hands over
//!         ─ ours: worker, job, result ─► RM is told the end ═ YARN ═► RM: FINISHING ─ ours ─► the command ends
//! ```
//!
//! YARN's is only the time in which one of its daemons owes the next step. That a grant waits for our next heartbeat is ours;
//! so is what HDFS takes to store what we stage. An ask is with the ResourceManager some 2 ms after it is logged. When a
//! NodeManager has prepared a container, its script says so in `prelaunch.out` and becomes our process: the file's time is
//! that of the hand-over.
//!
//! All processes are on one machine, and so on one clock; the daemons of a bed log in UTC, as we do, with milliseconds.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context, ensure};
use selvedge_it::bed::{Bed, ContainerLog, Daemon};
use selvedge_it::cli::Selvedge;
use selvedge_it::figure::{Samples, Table};
use selvedge_runtime::clock::{Clock, SystemClock};

use crate::application::application_in;

/// What our share of a run may be.
const AT_MOST_MS: f64 = 150.0;
/// By so much the times of two processes may be in the wrong order: a file's is that of the kernel's last tick.
const TOLERANCE: Duration = Duration::from_millis(20);
const MASTER: &str = "_000001 ";
const WORKER: &str = "_000002 ";

/// Who owes the next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Ours,
    Yarns,
}

/// The parts of a run, in their order: each begins where the one before ends.
const PARTS: [(Whose, &str); 15] = [
    (Whose::Ours, "— ours: command to RM's NEW"),
    (Whose::Yarns, "— YARN: to the master's container, ALLOCATED"),
    (Whose::Yarns, "— YARN: to the NM's start request"),
    (Whose::Yarns, "— YARN: localisation and script, to the master's process"),
    (Whose::Ours, "— ours: to the master's registration"),
    (Whose::Ours, "— ours: to the ask for a worker"),
    (Whose::Yarns, "— YARN: to the worker's container, ALLOCATED"),
    (Whose::Ours, "— ours: to ACQUIRED, by the next heartbeat"),
    (Whose::Ours, "— ours: to the NM's start request"),
    (Whose::Yarns, "— YARN: localisation and script, to the worker's process"),
    (Whose::Ours, "— ours: to the worker's registration"),
    (Whose::Ours, "— ours: to the job's end"),
    (Whose::Ours, "— ours: result told, to RM's FINAL_SAVING"),
    (Whose::Yarns, "— YARN: to FINISHING"),
    (Whose::Ours, "— ours: to the command's end"),
];

/// The moments between them, with the beginning and the end.
type Moments = [SystemTime; PARTS.len() + 1];

/// The parts of all runs.
#[derive(Debug, Default)]
pub(crate) struct Share {
    parts: [Samples; PARTS.len()],
    ours: Samples,
}

impl Share {
    /// Runs the job once.
    pub(crate) async fn run(&mut self, bed: &Bed, job: &Path) -> anyhow::Result<()> {
        let begun = SystemTime::UNIX_EPOCH + Duration::from_millis(SystemClock.wall().millis());
        let outcome = Selvedge::on(bed, "run")
            .args(["-t", "yarn-per-job", "-p", "1"])
            .arg(job)
            .run()
            .await
            .ended_with(0);
        let application = application_in(&outcome.stderr).context("no application id was printed")?;
        let ended = begun + outcome.took;
        let lasted = lasted(moments(bed, &application, begun, ended)?).context(application)?;
        let mut ours = Duration::ZERO;
        for ((samples, (whose, _)), lasted) in self.parts.iter_mut().zip(PARTS).zip(lasted) {
            samples.push_milliseconds(lasted);
            if whose == Whose::Ours {
                ours += lasted;
            }
        }
        self.ours.push_milliseconds(ours);
        Ok(())
    }

    /// Our share of the runs, and all parts.
    pub(crate) fn tell(self, table: &mut Table) {
        table.add(
            "yarn-per-job, tiny job: run less YARN's steps",
            "ms",
            self.ours,
            Some(AT_MOST_MS),
            "",
        );
        for ((_, name), samples) in PARTS.into_iter().zip(self.parts) {
            table.add(name, "ms", samples, None, "");
        }
    }
}

fn moments(bed: &Bed, application: &str, begun: SystemTime, ended: SystemTime) -> anyhow::Result<Moments> {
    let number = application.trim_start_matches("application_");
    let rm = bed.daemon_log(Daemon::ResourceManager)?;
    let nodes = (0..bed.node_managers().len()).map(|node| bed.daemon_log(Daemon::NodeManager(node)));
    let nodes = nodes.collect::<Result<Vec<_>, _>>()?.concat();
    let containers = bed.container_logs(application)?;
    let master = log_of(&containers, MASTER, "jobmanager.log")?.text()?;
    let application_is = |change: &str| of_daemon(&rm, &[application, change]);
    let container_is = |container: &str, change: &str| of_daemon(&rm, &[number, container, change]);
    // The line ends with who asks, which has the attempt's number in it.
    let start_of = |container: &str| {
        of_daemon(
            &nodes,
            &[&format!("Start request for container_{number}_01{container}by")],
        )
    };
    Ok([
        begun,
        application_is("State change from NEW to")?,
        container_is(MASTER, "from NEW to ALLOCATED")?,
        start_of(MASTER)?,
        handed_over(&containers, MASTER)?,
        of_master(&master, &["registered at the YARN ResourceManager"])?,
        of_master(&master, &["workers of", "are asked for"])?,
        container_is(WORKER, "from NEW to ALLOCATED")?,
        container_is(WORKER, "from ALLOCATED to ACQUIRED")?,
        start_of(WORKER)?,
        handed_over(&containers, WORKER)?,
        of_master(&master, &["TaskManager container_", "registered with"])?,
        of_master(&master, &["job '", "is FINISHED"])?,
        application_is("State change from RUNNING to FINAL_SAVING")?,
        application_is("State change from FINAL_SAVING to FINISHING")?,
        ended,
    ])
}

fn lasted(moments: Moments) -> anyhow::Result<[Duration; PARTS.len()]> {
    let mut lasted = [Duration::ZERO; PARTS.len()];
    let mut latest = moments[0];
    for (index, moment) in moments.into_iter().skip(1).enumerate() {
        let (_, name) = PARTS[index];
        ensure!(
            moment + TOLERANCE >= latest,
            "'{name}' ends before it begins: do all daemons log in UTC?"
        );
        lasted[index] = moment.duration_since(latest).unwrap_or_default();
        latest = latest.max(moment);
    }
    Ok(lasted)
}

fn log_of<'a>(logs: &'a [ContainerLog], container: &str, file: &str) -> anyhow::Result<&'a ContainerLog> {
    let container = container.trim_end();
    let mut found = logs.iter().filter(|log| log.container.ends_with(container));
    found
        .find(|log| log.file == file)
        .with_context(|| format!("container …{container} has no {file}"))
}

/// When the NodeManager's script has become our process.
fn handed_over(logs: &[ContainerLog], container: &str) -> anyhow::Result<SystemTime> {
    let log = log_of(logs, container, "prelaunch.out")?;
    let said = log.text()?;
    ensure!(
        said.trim_end().ends_with("Launching container"),
        "{} does not end with the launch:\n{said}",
        log.path.display()
    );
    Ok(fs::metadata(&log.path)?.modified()?)
}

fn line<'a>(log: &'a str, words: &[&str]) -> anyhow::Result<&'a str> {
    let mut lines = log.lines();
    let found = lines.find(|line| words.iter().all(|word| line.contains(word)));
    found.with_context(|| format!("no line with {words:?}"))
}

/// `2026-11-29T04:10:01.123Z  INFO …`
fn of_master(log: &str, words: &[&str]) -> anyhow::Result<SystemTime> {
    let line = line(log, words)?;
    let time = line.split(' ').next().unwrap_or_default();
    humantime::parse_rfc3339(time).with_context(|| line.to_owned())
}

/// `2026-11-29 04:10:01,123 INFO …`
fn of_daemon(log: &str, words: &[&str]) -> anyhow::Result<SystemTime> {
    let line = line(log, words)?;
    let time = line.get(..23).with_context(|| line.to_owned())?.replace(',', ".");
    humantime::parse_rfc3339_weak(&time).with_context(|| line.to_owned())
}
