//! The same commands on the same bed in turns, ours and Flink's: sessions, jobs and applications on YARN, at Hadoop's default
//! heartbeats. Flink has its libraries in HDFS beforehand, as we have our binary after the pair that warms up.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use selvedge_it::bed::{Bed, Hdfs};
use selvedge_it::cli::Selvedge;
use selvedge_it::figure::pairs::{Goal, Samples, Side, Table};
use selvedge_it::figure::runs;
use selvedge_it::flink::Flink;

use crate::application::{end, run_application, until_ended};
use crate::yarn::{job_file, ran};

const COMMANDS: &str = "org.apache.flink.client.cli.CliFrontend";
const YARN_SESSION: &str = "org.apache.flink.yarn.cli.FlinkYarnSessionCli";
/// Flink's libraries in HDFS: it wants them where everybody can read them.
const PROVIDED: &str = "/flink-1.20.5";
/// A job's id: so many hexadecimal digits.
const JOB_ID: usize = 32;

/// Both sides' commands.
struct Sides<'a> {
    bed: &'a Bed,
    flink: Flink,
    folder: &'a Path,
}

/// What a session is asked to run: it ends at once, or not at all.
#[derive(Clone, Copy)]
enum Job {
    Tiny,
    Endless,
}

#[derive(Default)]
struct Figures {
    start: Samples,
    start_cpu: Samples,
    no_worker: Samples,
    acknowledged: Samples,
    acknowledged_cpu: Samples,
    finished: Samples,
    list: Samples,
    list_cpu: Samples,
    cancel: Samples,
    cancel_cpu: Samples,
    application: Samples,
    application_cpu: Samples,
}

pub(crate) async fn measure() -> anyhow::Result<Table> {
    let bed = Bed::shared().await?;
    let folder = tempfile::tempdir()?;
    let sides = Sides::prepare(bed, folder.path()).await?;
    let mut figures = Figures::default();
    for run in 0..=runs() {
        let mut unused = Figures::default();
        let counted = if run > 0 { &mut figures } else { &mut unused };
        for side in Side::BOTH {
            session(&sides, side, counted).await?;
            application(&sides, side, counted).await?;
        }
    }
    let mut table = Table::default();
    table.add("yarn-session -d: to its return", "s", figures.start, Goal::AtMost(2.5));
    table.add("… client CPU", "s", figures.start_cpu, Goal::AtMost(0.2));
    table.add(
        "no worker alive: run of a tiny job",
        "s",
        figures.no_worker,
        Goal::AtMost(2.5),
    );
    table.add(
        "worker alive: run -d of a tiny job",
        "s",
        figures.acknowledged,
        Goal::AtMost(0.06),
    );
    table.add("… client CPU", "s", figures.acknowledged_cpu, Goal::None);
    table.add("… run, to seen FINISHED", "s", figures.finished, Goal::AtMost(0.15));
    table.add("list", "s", figures.list, Goal::AtMost(0.03));
    table.add("… client CPU", "s", figures.list_cpu, Goal::AtMost(0.01));
    table.add("cancel", "s", figures.cancel, Goal::AtMost(0.03));
    table.add("… client CPU", "s", figures.cancel_cpu, Goal::AtMost(0.01));
    table.add(
        "run-application -d: to the application's id",
        "s",
        figures.application,
        Goal::AtMost(0.5),
    );
    table.add("… client CPU", "s", figures.application_cpu, Goal::AtMost(0.2));
    Ok(table)
}

async fn session(sides: &Sides<'_>, side: Side, figures: &mut Figures) -> anyhow::Result<()> {
    let started = ran(sides.start_session(side)?)?;
    let session = sides.session_started()?;
    figures.start.push_seconds(side, started.wall);
    figures.start_cpu.push_seconds(side, started.cpu);
    let run = |job, detached: bool| {
        let more = if detached { &["-d"][..] } else { &[] };
        ran(sides.on_session(side, "run", &session, more, Some(job))?)
    };
    figures.no_worker.push_seconds(side, run(Job::Tiny, false)?.wall);
    let acknowledged = run(Job::Tiny, true)?;
    figures.acknowledged.push_seconds(side, acknowledged.wall);
    figures.acknowledged_cpu.push_seconds(side, acknowledged.cpu);
    figures.finished.push_seconds(side, run(Job::Tiny, false)?.wall);
    let listed = ran(sides.on_session(side, "list", &session, &["-a"], None)?)?;
    figures.list.push_seconds(side, listed.wall);
    figures.list_cpu.push_seconds(side, listed.cpu);
    let job = run(Job::Endless, true)?.stdout;
    let job = job_in(&job).with_context(|| format!("no job's id in {job}"))?;
    let cancelled = ran(sides.on_session(side, "cancel", &session, &[job], None)?)?;
    figures.cancel.push_seconds(side, cancelled.wall);
    figures.cancel_cpu.push_seconds(side, cancelled.cpu);
    end(sides.bed, &session).await?;
    until_ended(sides.bed, &session).await
}

async fn application(sides: &Sides<'_>, side: Side, figures: &mut Figures) -> anyhow::Result<()> {
    let command = sides.run_application(side)?;
    let ran = tokio::task::spawn_blocking(move || run_application(command)).await??;
    figures.application.push_seconds(side, ran.until_id);
    figures.application_cpu.push_seconds(side, ran.cpu);
    until_ended(sides.bed, &ran.application).await
}

/// The first word that is a job's id.
fn job_in(text: &str) -> Option<&str> {
    let mut words = text.split(|c: char| !c.is_ascii_alphanumeric());
    words.find(|word| word.len() == JOB_ID && word.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

impl<'a> Sides<'a> {
    async fn prepare(bed: &'a Bed, folder: &'a Path) -> anyhow::Result<Self> {
        let flink = tokio::task::spawn_blocking(Flink::fetch).await??;
        let hdfs = bed.hdfs_as(bed.daemon_user())?;
        stage(&hdfs, &flink.lib(), &format!("{PROVIDED}/lib")).await?;
        stage(&hdfs, &flink.plugins(), &format!("{PROVIDED}/plugins")).await?;
        let provided = |name: &str| format!("{}{PROVIDED}/{name}", bed.hdfs_uri());
        let configuration = Flink::configuration(&[
            format!("yarn.provided.lib.dirs: {};{}", provided("lib"), provided("plugins")),
            format!("yarn.properties-file.location: {}", folder.display()),
        ]);
        fs::write(folder.join("config.yaml"), configuration)?;
        fs::write(folder.join("log4j-cli.properties"), LOGGING)?;
        job_file(folder, "tiny", Some(100))?;
        job_file(folder, "endless", None)?;
        Ok(Self { bed, flink, folder })
    }

    fn ours(&self, subcommand: &str) -> Selvedge {
        let place = format!("-Dyarn.properties-file.location={}", self.folder.display());
        Selvedge::on(self.bed, subcommand).arg(place)
    }

    fn flinks(&self, main: &str, arguments: &[&str]) -> anyhow::Result<Command> {
        let logging = format!(
            "-Dlog4j.configurationFile=file:{}",
            self.folder.join("log4j-cli.properties").display()
        );
        let mut command = self.flink.command(self.bed, self.folder, main)?;
        command.env("JDK_JAVA_OPTIONS", logging).args(arguments);
        Ok(command)
    }

    fn start_session(&self, side: Side) -> anyhow::Result<Command> {
        match side {
            Side::Ours => Ok(self.ours("yarn-session").arg("-d").command()),
            Side::Java => {
                let mut command = self.flinks(YARN_SESSION, &["-d", "-j"])?;
                command.arg(self.flink.jar()?);
                Ok(command)
            }
        }
    }

    /// The id that the last session's start has left in the properties file, which is removed: both sides write the same.
    fn session_started(&self) -> anyhow::Result<String> {
        let files = fs::read_dir(self.folder)?.collect::<Result<Vec<_>, _>>()?;
        let mut files = files.iter().map(fs::DirEntry::path);
        let is_properties = |path: &PathBuf| path.to_string_lossy().contains("/.yarn-properties-");
        let file = files
            .find(is_properties)
            .context("a session leaves its properties file")?;
        let text = fs::read_to_string(&file)?;
        fs::remove_file(&file)?;
        let id = text.lines().find_map(|line| line.strip_prefix("applicationID="));
        Ok(id.with_context(|| text.clone())?.trim().to_owned())
    }

    fn on_session(
        &self,
        side: Side,
        subcommand: &str,
        session: &str,
        more: &[&str],
        job: Option<Job>,
    ) -> anyhow::Result<Command> {
        let target = ["-t", "yarn-session", &format!("-Dyarn.application.id={session}")];
        match side {
            Side::Ours => {
                let command = self.ours(subcommand).args(target).args(more);
                Ok(command.args(job.map(|job| self.job(side, job))).command())
            }
            Side::Java => {
                let mut command = self.flinks(COMMANDS, &[subcommand])?;
                command.args(target).args(more).args(job.map(|job| self.job(side, job)));
                Ok(command)
            }
        }
    }

    fn run_application(&self, side: Side) -> anyhow::Result<Command> {
        let arguments = ["-t", "yarn-application", "-d"];
        let job = self.job(side, Job::Tiny);
        match side {
            Side::Ours => Ok(self.ours("run-application").args(arguments).arg(job).command()),
            Side::Java => {
                let mut command = self.flinks(COMMANDS, &["run-application"])?;
                command.args(arguments).arg(job);
                Ok(command)
            }
        }
    }

    fn job(&self, side: Side, job: Job) -> PathBuf {
        match (side, job) {
            (Side::Ours, Job::Tiny) => self.folder.join("tiny.json"),
            (Side::Ours, Job::Endless) => self.folder.join("endless.json"),
            (Side::Java, Job::Tiny) => self.flink.example("WordCount"),
            (Side::Java, Job::Endless) => self.flink.example("TopSpeedWindowing"),
        }
    }
}

/// As Flink ships it for its commands: its YARN classes speak to the terminal, which shows the application's id.
const LOGGING: &str = "\
rootLogger.level = WARN
rootLogger.appenderRef.stdout.ref = STDOUT
logger.yarn.name = org.apache.flink.yarn
logger.yarn.level = INFO
appender.stdout.name = STDOUT
appender.stdout.type = CONSOLE
appender.stdout.layout.type = PatternLayout
appender.stdout.layout.pattern = %d{HH:mm:ss,SSS} %-5p %-60c %x - %m%n
";

/// All files of a folder, at any depth, into HDFS; what is there stays.
async fn stage(hdfs: &Hdfs, folder: &Path, target: &str) -> anyhow::Result<()> {
    let mut open = vec![(folder.to_path_buf(), target.to_owned())];
    while let Some((folder, target)) = open.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let name = entry.file_name().into_string().ok().context("a name in Unicode")?;
            let target = format!("{target}/{name}");
            if entry.file_type()?.is_dir() {
                open.push((entry.path(), target));
            } else if hdfs.status(&target).await?.is_none() {
                hdfs.put(&target, fs::read(entry.path())?).await?;
            }
        }
    }
    let staged = hdfs.list(target).await?;
    ensure!(!staged.is_empty(), "nothing of {} is in {target}", folder.display());
    Ok(())
}
