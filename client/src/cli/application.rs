//! `selvedge run-application`: a program, or a job, in an application on YARN whose master runs the program too.
//!
//! ```text
//! staged ─► application ─┬─ -d ─► id on standard output
//!                        └─ attended: its jobs are shown, its end tells the exit code
//!                           Ctrl-C, SIGTERM ─► the application ends, CANCELED
//! ```

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use selvedge_core::config::options::cluster;
use selvedge_core::{Configuration, JobId};
use selvedge_runtime::deployment::CLIENT_OF_APPLICATION;
use selvedge_runtime::fs::FileSystems;
use tokio::time::Instant;

use super::error::{CommandError, Ended};
use super::interrupt::Interrupts;
use super::job_source::JobSource;
use super::on_yarn::{OnYarn, take_back};
use super::report::Report;
use super::target::YARN_APPLICATION;
use super::terminal::say_end;
use super::{RunArgs, run, say, say_always, settings};
use crate::cluster::{ClientHeartbeat, JobObserver, SessionCluster, beat};
use crate::composition;
use crate::progress;
use crate::yarn::{ApplicationContent, ApplicationDeployment, SessionEnd, YarnError, YarnSession};

/// Pauses between looks at the application: it is not kept waiting when it is short, and not asked often when it is long.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// For how long YARN may leave the question unanswered whether it is there.
const SILENCE: Duration = Duration::from_secs(15);

pub(super) async fn run_application(arguments: RunArgs) -> Result<Ended, CommandError> {
    let mut report = Report::new(arguments.output);
    let ended = match in_a_master(arguments) {
        Ok(arguments) => run::run_for(arguments, &mut report).await,
        Err(error) => Err(error),
    };
    report.finish(ended)
}

/// Only one target is meant.
fn in_a_master(mut arguments: RunArgs) -> Result<RunArgs, CommandError> {
    let configured = settings::read(&arguments.job.settings)?
        .configuration()
        .find(&cluster::TARGET)?;
    let given = arguments.cluster.target.clone().or(configured);
    if let Some(other) = given.filter(|target| target != YARN_APPLICATION) {
        return Err(CommandError::input(format!(
            "run-application runs the program in an application's master, -t {YARN_APPLICATION}: leave out -t {other} ({}), \
             or use selvedge run",
            cluster::TARGET.key()
        )));
    }
    arguments.cluster.target = Some(YARN_APPLICATION.to_owned());
    Ok(arguments)
}

/// Deploys the application, and attends it to its end unless it is detached.
pub(super) async fn deploy(
    source: JobSource,
    configuration: Configuration,
    detached: bool,
    mut interrupts: Interrupts,
    report: &mut Report,
) -> Result<Ended, CommandError> {
    let on_yarn = OnYarn::read(&configuration)?;
    let file_systems = on_yarn.file_systems.clone();
    let descriptor = on_yarn.descriptor()?;
    let content = tokio::select! {
        content = content(source, &configuration, &file_systems) => content?,
        // A NameNode may be long in answering. Nothing is begun yet.
        interruption = interrupts.next() => return Ok(Ended::Interrupted(interruption)),
    };
    let heartbeat = ClientHeartbeat::read(&configuration)?;
    let application = ApplicationDeployment { content, detached };
    let mut observer = progress::for_terminal(false);
    let deployed = tokio::select! {
        deployed = descriptor.deploy_application(&application, &mut *observer) => Ok(deployed?),
        interruption = interrupts.next() => Err(interruption),
    };
    let session = match deployed {
        Ok(session) => session,
        Err(interruption) => {
            return Ok(take_back(&descriptor, interrupts, interruption).await);
        }
    };
    report.cluster(session.place(), session.rest());
    if detached {
        say(how_to_stop(&session));
        report.leave(&session.application_id().to_string())?;
        return Ok(Ended::Done);
    }
    let mut attended = Attended {
        observer: &mut *observer,
        report,
    };
    attended.until_over(&session, heartbeat, interrupts).await
}

async fn content(
    source: JobSource,
    configuration: &Configuration,
    file_systems: &FileSystems,
) -> Result<ApplicationContent, CommandError> {
    let graph = match source {
        JobSource::Program { path, arguments } => return Ok(ApplicationContent::Program { path, arguments }),
        JobSource::File { path, parameters } => read(&path, &parameters, configuration)?,
    };
    composition::check_paths(file_systems, &graph).await?;
    let graph = composition::seal_artifacts(file_systems, graph).await?;
    Ok(ApplicationContent::Job(Box::new(graph)))
}

fn read(
    path: &Path,
    parameters: &BTreeMap<String, String>,
    configuration: &Configuration,
) -> Result<selvedge_core::JobGraph, CommandError> {
    let graph = crate::job_file::read(path, parameters, configuration.get(&cluster::PARALLELISM)?)?;
    Ok(composition::graph_checker().check(graph)?)
}

fn how_to_stop(session: &YarnSession) -> String {
    let id = session.application_id();
    format!(
        "to see its jobs: selvedge list -a -t {YARN_APPLICATION} -Dyarn.application.id={id}; to kill it, with its staging \
         directory left for a later client: yarn application -kill {id}"
    )
}

/// An application that the user waits for.
struct Attended<'a> {
    observer: &'a mut dyn JobObserver,
    report: &'a mut Report,
}

impl Attended<'_> {
    /// Shows the application's jobs until its end, or ends it by the user's wish.
    async fn until_over(
        &mut self,
        session: &YarnSession,
        heartbeat: Option<ClientHeartbeat>,
        mut interrupts: Interrupts,
    ) -> Result<Ended, CommandError> {
        if heartbeat.is_some() && session.rest().is_proxied() {
            self.observer
                .note("YARN's proxy passes no heartbeats: the application ends when client.heartbeat.timeout is over");
        }
        let ended = tokio::select! {
            never = beat(session.rest(), CLIENT_OF_APPLICATION, heartbeat) => match never {},
            ended = self.until_ended(session) => ControlFlow::Continue(ended?),
            interruption = interrupts.next() => ControlFlow::Break(interruption),
        };
        interrupts.end_process_on_next();
        match ended {
            ControlFlow::Continue(ended) => {
                self.report.cluster_ended(ended.status, &ended.told);
                say_end(ended.status, format_args!("the application has ended: {}", ended.told));
                if let Err(error) = session.clean_up().await {
                    say_always(format_args!("warning: {error}"));
                }
                Ok(Ended::of(ended.status))
            }
            ControlFlow::Break(interruption) => {
                say("ending the application and cancelling its jobs; Ctrl-C again leaves at once");
                let ended = session.shut_down(&mut *self.observer).await?;
                self.report.cluster_ended(ended.status, &ended.told);
                say_end(ended.status, &ended.told);
                Ok(Ended::Interrupted(interruption))
            }
        }
    }

    async fn until_ended(&mut self, session: &YarnSession) -> Result<SessionEnd, YarnError> {
        let (mut pause, mut silent_since) = (FIRST_PAUSE, None);
        let mut shown = BTreeMap::new();
        loop {
            match session.ended().await {
                Ok(Some(end)) => return Ok(end),
                Ok(None) => silent_since = None,
                Err(error) if silent_since.get_or_insert_with(Instant::now).elapsed() > SILENCE => return Err(error),
                Err(error) => tracing::debug!(%error, "YARN is asked again"),
            }
            self.show(session, &mut shown).await;
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// A line for each job whose state is another one. A master that does not answer has ended, or is being replaced: YARN
    /// tells.
    async fn show(&mut self, session: &YarnSession, shown: &mut BTreeMap<JobId, String>) {
        let mut jobs = session.rest().jobs().await.unwrap_or_default();
        jobs.sort_by_key(|job| job.start_time);
        for job in jobs {
            if shown.get(&job.jid) != Some(&job.state) {
                self.report.job(job.jid, &job.name, Some(&job.state));
                let line = format!("job {} ({}) is {}", job.jid, job.name, job.state);
                self.observer.note(&line);
                shown.insert(job.jid, job.state);
            }
        }
    }
}
