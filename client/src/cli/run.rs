//! `selvedge run`: deploys a job, follows it to its end and tells how it ended.

use std::ops::ControlFlow;
use std::sync::Arc;

use indicatif::HumanDuration;
use selvedge_core::config::options::cluster;
use selvedge_core::status::ApplicationStatus;
use selvedge_core::{Configuration, JobGraph, JobId};
use selvedge_runtime::fs::FileSystems;
use selvedge_runtime::process::report_file_size_limit;
use yarn_common::conf::HadoopConfiguration;
use yarn_common::environment::Environment;

use super::error::{CommandError, Ended};
use super::interrupt::{Interruption, Interrupts};
use super::job_source::JobSource;
use super::on_yarn::{OnYarn, take_back};
use super::programs::{self, Named};
use super::report::{Report, state_of};
use super::target::{self, SessionAt, Target};
use super::terminal::say_end;
use super::{RunArgs, application, has_colors, say, say_always, settings, terminal};
use crate::cluster::{
    ClientHeartbeat, ClusterDescriptor, ClusterHandle, JobDeployment, JobObserver, JobResult, LocalDescriptor,
    SessionCluster, SessionDescriptor, follow,
};
use crate::composition;
use crate::job_file;
use crate::progress;
use crate::yarn::submitting_user;

/// A job that is ready to be deployed, and where.
pub(super) struct Prepared {
    pub(super) graph: JobGraph,
    pub(super) descriptor: Box<dyn ClusterDescriptor>,
}

pub(super) async fn run(arguments: RunArgs) -> Result<Ended, CommandError> {
    let mut report = Report::new(arguments.output);
    let ended = run_for(arguments, &mut report).await;
    report.finish(ended)
}

/// The same, with what is known of it in the report.
pub(super) async fn run_for(arguments: RunArgs, report: &mut Report) -> Result<Ended, CommandError> {
    let source = JobSource::look(&arguments.job)?;
    let mut configuration = settings::load_for_job(&arguments.job)?;
    if arguments.detached {
        configuration.set(&cluster::ATTACHED, &false);
    }
    if arguments.shutdown_on_attached_exit {
        configuration.set(&cluster::SHUTDOWN_ON_ATTACHED_EXIT, &true);
    }
    selvedge_runtime::logging::init_client(CLIENT_LOG_LEVEL, has_colors())?;
    let target = target::choose(&mut configuration, &arguments.cluster, &arguments.job.settings.set)?;
    let detached = !configuration.get(&cluster::ATTACHED)?;
    if detached && target == Target::Local {
        return Err(CommandError::input(
            "the local target runs the job in this process and cannot be left (--detached): use -t yarn-per-job or \
             yarn-session",
        ));
    }
    let mut interrupts = Interrupts::listen()?;
    report_file_size_limit()?;
    let target = match (&source, target) {
        (JobSource::Program { path, arguments }, Target::Local) => {
            return programs::here(Named { path, arguments }, configuration, interrupts, report).await;
        }
        (JobSource::Program { path, arguments }, Target::Session(at)) => {
            return programs::in_session(
                Named { path, arguments },
                at,
                &configuration,
                detached,
                interrupts,
                report,
            )
            .await;
        }
        (_, Target::YarnApplication) => {
            return application::deploy(source, configuration, detached, interrupts, report).await;
        }
        // Its cluster is made for the job.
        (_, target) => target,
    };
    let graph = match source.graph(&configuration, &mut interrupts).await? {
        ControlFlow::Continue(graph) => graph,
        ControlFlow::Break(interruption) => return Ok(Ended::Interrupted(interruption)),
    };
    let prepared = tokio::select! {
        prepared = prepare(target, configuration, graph) => prepared?,
        // A NameNode may be long in answering. Nothing is begun yet.
        interruption = interrupts.next() => return Ok(Ended::Interrupted(interruption)),
    };
    deploy_and_follow(prepared, detached, interrupts, report).await
}

/// The components of a local cluster log to the same terminal: only what a user should know is shown.
/// What HDFS's client warns of comes back as an error that says more.
pub(super) const CLIENT_LOG_LEVEL: &str = "warn,hdfs_native=error";

async fn prepare(target: Target, configuration: Configuration, graph: JobGraph) -> Result<Prepared, CommandError> {
    match target {
        Target::YarnApplication => unreachable!("an application is deployed as a whole"),
        Target::Local => {
            let file_systems = match job_file::uses_hdfs(&graph) {
                true => local_file_systems(&configuration, &Environment::of_process())?,
                false => FileSystems::local_only(),
            };
            composition::check_paths(&file_systems, &graph).await?;
            let graph = composition::seal_artifacts(&file_systems, graph).await?;
            let descriptor = Box::new(LocalDescriptor::new(configuration, file_systems));
            Ok(Prepared { graph, descriptor })
        }
        Target::YarnPerJob => {
            let on_yarn = OnYarn::read(&configuration)?;
            let file_systems = on_yarn.file_systems.clone();
            let descriptor = Box::new(on_yarn.descriptor()?);
            composition::check_paths(&file_systems, &graph).await?;
            let graph = composition::seal_artifacts(&file_systems, graph).await?;
            Ok(Prepared { graph, descriptor })
        }
        Target::Session(at) => {
            let file_systems = session_file_systems(&at, &configuration)?;
            if let Some(file_systems) = &file_systems {
                composition::check_paths(file_systems, &graph).await?;
            }
            let mut observer = progress::for_terminal(false);
            let session = target::find(at, &configuration, false, &mut *observer).await?;
            for_session(session, file_systems.as_ref(), &configuration, graph).await
        }
    }
}

/// Where the jobs of a session find their files, where this process can look there too: on YARN.
pub(super) fn session_file_systems(
    at: &SessionAt,
    configuration: &Configuration,
) -> Result<Option<FileSystems>, CommandError> {
    if !matches!(at, SessionAt::Yarn { .. }) {
        return Ok(None);
    }
    Ok(Some(OnYarn::read(configuration)?.file_systems))
}

/// A job for this session, with the files of this disk that it brings along.
pub(super) async fn for_session(
    session: Arc<dyn SessionCluster>,
    file_systems: Option<&FileSystems>,
    configuration: &Configuration,
    graph: JobGraph,
) -> Result<Prepared, CommandError> {
    let files = match file_systems {
        Some(file_systems) => composition::load_artifacts(file_systems, &graph).await?,
        None => composition::load_artifacts(&FileSystems::local_only(), &graph).await?,
    };
    let heartbeat = ClientHeartbeat::read(configuration)?;
    let descriptor = Box::new(SessionDescriptor::new(session, heartbeat).with_files(files));
    Ok(Prepared { graph, descriptor })
}

/// Here a path without a scheme is on the local disk; HDFS is there for paths that name it.
pub(super) fn local_file_systems(
    configuration: &Configuration,
    environment: &Environment,
) -> Result<FileSystems, CommandError> {
    let configured = ["HADOOP_CONF_DIR", "YARN_CONF_DIR"]
        .iter()
        .any(|name| environment.get(name).is_some());
    let hadoop = if configured {
        composition::hadoop_configuration(configuration, environment.clone())?
    } else {
        HadoopConfiguration::from_texts([], environment.clone())?
    };
    Ok(composition::local_and_hdfs(&hadoop, &submitting_user(environment)?)?)
}

pub(super) async fn deploy_and_follow(
    prepared: Prepared,
    detached: bool,
    mut interrupts: Interrupts,
    report: &mut Report,
) -> Result<Ended, CommandError> {
    let Prepared { graph, descriptor } = prepared;
    let mut observer = progress::for_terminal(terminal::is_interactive());
    let job_id = JobId::random(&mut rand::rng());
    let deployment = JobDeployment {
        graph: graph.clone(),
        job_id,
        detached,
    };
    let deployed = tokio::select! {
        deployed = descriptor.deploy_job(deployment, &mut *observer) => Ok(deployed?),
        interruption = interrupts.next() => Err(interruption),
    };
    let cluster = match deployed {
        Ok(cluster) => cluster,
        Err(interruption) => {
            drop(observer);
            return Ok(take_back(&*descriptor, interrupts, interruption).await);
        }
    };
    report.cluster(cluster.place(), cluster.rest());
    report.job(job_id, &graph.name, None);
    if detached {
        say(cluster.how_to_stop());
        report.leave(&cluster.id())?;
        return Ok(Ended::Done);
    }
    let (result, interrupted) = watch(&*cluster, job_id, &mut *observer, interrupts).await?;
    drop(observer);
    let places = job_file::result_places(&graph);
    report.job_ended(job_id, &graph.name, &places, &result);
    cluster.close().await?;
    tell(&graph.name, &places, &result);
    Ok(match (result.status, interrupted) {
        (ApplicationStatus::Succeeded, _) | (_, None) => Ended::of(result.status),
        (_, Some(interruption)) => Ended::Interrupted(interruption),
    })
}

/// How the job ended, and whether the user cancelled it. From its return on, Ctrl-C ends the process.
async fn watch(
    cluster: &dyn ClusterHandle,
    job: JobId,
    observer: &mut dyn JobObserver,
    mut interrupts: Interrupts,
) -> Result<(JobResult, Option<Interruption>), CommandError> {
    let followed = tokio::select! {
        followed = follow(cluster, job, observer) => Ok(followed),
        interruption = interrupts.next() => Err(interruption),
    };
    interrupts.end_process_on_next();
    match followed {
        Ok(Ok(result)) => Ok((result, None)),
        Ok(Err(error)) => Err(lost(cluster, error)),
        Err(interruption) => {
            observer.note("cancelling the job; Ctrl-C again leaves at once");
            if let Err(error) = cluster.rest().cancel(job).await {
                if cluster.is_shared() {
                    return Err(lost(cluster, error));
                }
                observer.note(&format!("the job cannot be cancelled ({error}): stopping its cluster"));
                cluster.stop().await?;
            }
            let result = follow(cluster, job, observer).await;
            Ok((result.map_err(|error| lost(cluster, error))?, Some(interruption)))
        }
    }
}

fn lost(cluster: &dyn ClusterHandle, error: impl std::error::Error + 'static) -> CommandError {
    CommandError::from(error).and(&format!("and the job may still run; {}", cluster.how_to_stop()))
}

/// How a job of this name ended, and where its results are.
pub(super) fn tell(name: &str, places: &[&str], result: &JobResult) {
    let ran = result
        .net_runtime
        .map_or_else(String::new, |runtime| format!(" after {}", runtime_text(runtime)));
    let state = match result.status {
        ApplicationStatus::Unknown => "ended in an unknown way",
        status => state_of(status),
    };
    say_end(result.status, format_args!("job {name} {state}{ran}"));
    for (name, value) in &result.accumulators {
        say(format_args!("  {name}: {value}"));
    }
    if result.status == ApplicationStatus::Succeeded {
        for place in places {
            say(format_args!("  result in {place}"));
        }
    } else if let Some(failure) = &result.failure {
        say_always(format_args!("error: {failure}"));
    }
}

/// Milliseconds below a minute, where they matter.
fn runtime_text(runtime: std::time::Duration) -> String {
    if runtime.as_secs() < 60 {
        format!("{:.3} s", runtime.as_secs_f64())
    } else {
        HumanDuration(runtime).to_string()
    }
}
