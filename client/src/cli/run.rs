//! `selvedge run`: deploys a job, follows it to its end and tells how it ended.

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
use super::target::{self, SessionAt, Target};
use super::{RunArgs, parse_parameters, say, settings, terminal};
use crate::cluster::{
    ClientHeartbeat, ClusterDescriptor, ClusterHandle, JobDeployment, JobObserver, JobResult, LocalDescriptor,
    SessionDescriptor, follow,
};
use crate::composition;
use crate::job_file;
use crate::progress;
use crate::yarn::{self, YarnDescriptor, submitting_user};

/// A job that is ready to be deployed, and where.
struct Prepared {
    graph: JobGraph,
    descriptor: Box<dyn ClusterDescriptor>,
}

pub(super) async fn run(arguments: RunArgs) -> Result<Ended, CommandError> {
    let parameters = parse_parameters(&arguments.job.parameters).map_err(|error| CommandError::usage(&error))?;
    let mut configuration = settings::load_for_job(&arguments.job)?;
    if arguments.detached {
        configuration.set(&cluster::ATTACHED, &false);
    }
    if arguments.shutdown_on_attached_exit {
        configuration.set(&cluster::SHUTDOWN_ON_ATTACHED_EXIT, &true);
    }
    selvedge_runtime::logging::init_client(CLIENT_LOG_LEVEL)?;
    let target = target::choose(&mut configuration, &arguments.cluster, &arguments.job.settings.set)?;
    let parallelism = configuration.get(&cluster::PARALLELISM)?;
    let graph = job_file::read(&arguments.job.job, &parameters, parallelism)?;
    let graph = composition::graph_checker().check(graph)?;
    let detached = !configuration.get(&cluster::ATTACHED)?;
    let mut interrupts = Interrupts::listen()?;
    report_file_size_limit()?;
    let prepared = tokio::select! {
        prepared = prepare(target, configuration, graph, detached) => prepared?,
        // A NameNode may be long in answering. Nothing is begun yet.
        interruption = interrupts.next() => return Ok(Ended::Interrupted(interruption)),
    };
    deploy_and_follow(prepared, detached, interrupts).await
}

/// The components of a local cluster log to the same terminal: only what a user should know is shown.
/// What HDFS's client warns of comes back as an error that says more.
pub(super) const CLIENT_LOG_LEVEL: &str = "warn,hdfs_native=error";

async fn prepare(
    target: Target,
    configuration: Configuration,
    graph: JobGraph,
    detached: bool,
) -> Result<Prepared, CommandError> {
    let environment = Environment::of_process();
    match target {
        Target::Local if detached => Err(CommandError::new(
            "the local target runs the job in this process and cannot be left (--detached): use -t yarn-per-job or \
             yarn-session",
        )),
        Target::Local => {
            let file_systems = match job_file::uses_hdfs(&graph) {
                true => local_file_systems(&configuration, &environment)?,
                false => FileSystems::local_only(),
            };
            composition::check_paths(&file_systems, &graph).await?;
            let graph = composition::seal_artifacts(&file_systems, graph).await?;
            let descriptor = Box::new(LocalDescriptor::new(configuration, file_systems));
            Ok(Prepared { graph, descriptor })
        }
        Target::YarnPerJob => {
            let hadoop = composition::hadoop_configuration(&configuration, environment.clone())?;
            let user = submitting_user(&environment)?;
            let file_systems = yarn::file_systems(&configuration, &hadoop, &user)?;
            composition::check_paths(&file_systems, &graph).await?;
            let graph = composition::seal_artifacts(&file_systems, graph).await?;
            let binary = std::env::current_exe()?;
            let descriptor = YarnDescriptor::new(configuration, hadoop, file_systems, &user, binary)?;
            Ok(Prepared {
                graph,
                descriptor: Box::new(descriptor),
            })
        }
        Target::Session(at) => {
            let mut file_systems = FileSystems::local_only();
            if matches!(at, SessionAt::Yarn { .. }) {
                let hadoop = composition::hadoop_configuration(&configuration, environment.clone())?;
                file_systems = yarn::file_systems(&configuration, &hadoop, &submitting_user(&environment)?)?;
                composition::check_paths(&file_systems, &graph).await?;
            }
            let files = composition::load_artifacts(&file_systems, &graph).await?;
            let mut observer = progress::for_terminal(false);
            let session = target::find(at, &configuration, false, &mut *observer).await?;
            let heartbeat = ClientHeartbeat::read(&configuration)?;
            let descriptor = Box::new(SessionDescriptor::new(session, heartbeat).with_files(files));
            Ok(Prepared { graph, descriptor })
        }
    }
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

async fn deploy_and_follow(
    prepared: Prepared,
    detached: bool,
    mut interrupts: Interrupts,
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
            say("interrupted: taking back what was started; Ctrl-C again leaves at once");
            interrupts.end_process_on_next();
            descriptor.abort().await;
            return Ok(Ended::Interrupted(interruption));
        }
    };
    if detached {
        say(cluster.how_to_stop());
        terminal::print(&format!("{}\n", cluster.id()))?;
        return Ok(Ended::Done);
    }
    let (result, interrupted) = watch(&*cluster, job_id, &mut *observer, interrupts).await?;
    drop(observer);
    cluster.close().await?;
    tell(&graph, &result);
    Ok(match (result.status, interrupted) {
        (ApplicationStatus::Succeeded, _) => Ended::Done,
        (_, Some(interruption)) => Ended::Interrupted(interruption),
        (_, None) => Ended::Failed,
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
        Ok(Err(error)) => Err(lost(cluster, &error)),
        Err(interruption) => {
            observer.note("cancelling the job; Ctrl-C again leaves at once");
            if let Err(error) = cluster.rest().cancel(job).await {
                if cluster.is_shared() {
                    return Err(lost(cluster, &error));
                }
                observer.note(&format!("the job cannot be cancelled ({error}): stopping its cluster"));
                cluster.stop().await?;
            }
            let result = follow(cluster, job, observer).await;
            Ok((result.map_err(|error| lost(cluster, &error))?, Some(interruption)))
        }
    }
}

fn lost(cluster: &dyn ClusterHandle, error: &(dyn std::error::Error + 'static)) -> CommandError {
    let error = selvedge_runtime::connector::report(error);
    CommandError::new(format!("{error}; the job may still run; {}", cluster.how_to_stop()))
}

fn tell(graph: &JobGraph, result: &JobResult) {
    let ran = result
        .net_runtime
        .map_or_else(String::new, |runtime| format!(" after {}", runtime_text(runtime)));
    let state = match result.status {
        ApplicationStatus::Succeeded => "FINISHED",
        ApplicationStatus::Failed => "FAILED",
        ApplicationStatus::Canceled => "CANCELED",
        ApplicationStatus::Unknown => "ended in an unknown way",
    };
    say(format_args!("job {} {state}{ran}", graph.name));
    for (name, value) in &result.accumulators {
        say(format_args!("  {name}: {value}"));
    }
    if result.status == ApplicationStatus::Succeeded {
        for place in job_file::result_places(graph) {
            say(format_args!("  result in {place}"));
        }
    } else if let Some(failure) = &result.failure {
        say(format_args!("error: {failure}"));
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
