//! The TaskManager of a container: what the master had YARN start, from its environment to its exit code.

use std::io::Write;
use std::sync::Arc;

use selvedge_core::config::options::{blob, jobmanager, taskmanager, yarn};
use selvedge_core::memory::ConsumerWeights;
use selvedge_core::resource::Discovery;
use selvedge_core::{Configuration, InstanceId, ResourceId, TaskExecutorProcessSpec};
use selvedge_runtime::clock::SystemClock;
use selvedge_runtime::connector::report;
use selvedge_runtime::container::Container;
use selvedge_runtime::logging::{self, LogHandle};
use selvedge_runtime::process::{raise_nofile_limit, report_file_size_limit};
use selvedge_runtime::scratch::temp_dirs;
use selvedge_taskmanager::executor::{TaskExecutor, TaskExecutorConfig, TaskExecutorHandle, TaskExecutorTimeouts};
use selvedge_taskmanager::task::ChainPlanner;
use tokio::signal::unix::{Signal, SignalKind, signal};
use yarn_common::environment::Environment;

use super::WorkerError;

/// What a shell calls a process that SIGTERM ended; YARN ends containers so.
const EXIT_TERMINATED: u8 = 143;
/// The control side waits most of the time; tasks have threads of their own.
const CONTROL_THREADS: usize = 2;
const LOG_NAME: &str = "taskmanager";

/// Runs the worker of this container until it is told to end, and tells its exit code. `assignments` is what the command
/// line sets.
pub fn run_worker(assignments: Configuration, planner: Arc<dyn ChainPlanner>) -> u8 {
    start(assignments, planner).unwrap_or_else(|error| {
        let cause = report(&error);
        tracing::error!("the TaskManager failed: {cause}");
        // Without standard error there is nobody left to tell.
        let _ = writeln!(std::io::stderr(), "The TaskManager failed: {cause}");
        error.exit_code()
    })
}

fn start(assignments: Configuration, planner: Arc<dyn ChainPlanner>) -> Result<u8, WorkerError> {
    let container = Container::open(&Environment::of_process(), assignments)?;
    container.set_secret_variables(yarn::TASKMANAGER_ENV_PREFIX)?;
    let log = logging::init_process(&container.log_files(LOG_NAME)?)?;
    container.log_introduction();
    if let Err(error) = raise_nofile_limit() {
        tracing::warn!("{error}");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(CONTROL_THREADS)
        .thread_name("control")
        .enable_all()
        .build()
        .map_err(WorkerError::Process)?;
    let ended = runtime.block_on(run(&container, &log, planner));
    // What still runs belongs to nobody.
    runtime.shutdown_background();
    ended
}

async fn run(container: &Container, log: &LogHandle, planner: Arc<dyn ChainPlanner>) -> Result<u8, WorkerError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(WorkerError::Process)?;
    report_file_size_limit().map_err(WorkerError::Process)?;
    let worker = TaskExecutor::start(executor_config(container, log, planner)?).await?;
    tokio::select! {
        biased;
        _ = terminate.recv() => {
            drain(&worker, &mut terminate).await;
            Ok(EXIT_TERMINATED)
        }
        ended = worker.terminated() => {
            ended?;
            tracing::info!("this worker ends as it was told");
            Ok(0)
        }
    }
}

/// Ends the tasks and says good-bye, which has its bound; another signal ends the worker at once.
async fn drain(worker: &TaskExecutorHandle, terminate: &mut Signal) {
    tracing::warn!("SIGTERM: this worker ends when its tasks have; another SIGTERM ends it at once");
    tokio::select! {
        biased;
        _ = terminate.recv() => tracing::warn!("SIGTERM again: this worker ends at once"),
        () = worker.stop() => {}
    }
}

fn executor_config(
    container: &Container,
    log: &LogHandle,
    planner: Arc<dyn ChainPlanner>,
) -> Result<TaskExecutorConfig, WorkerError> {
    let (configuration, environment) = (&container.configuration, &container.environment);
    let host = environment.node.host().to_owned();
    let id = configuration.find(&taskmanager::RESOURCE_ID)?;
    let (master, port) = (
        configuration.get(&jobmanager::RPC_ADDRESS)?,
        configuration.get(&jobmanager::RPC_PORT)?,
    );
    Ok(TaskExecutorConfig {
        resource_id: ResourceId(id.unwrap_or_else(|| environment.container_id.to_string())),
        instance_id: InstanceId::random(&mut rand::rng()),
        bind_host: configuration.get(&taskmanager::BIND_HOST)?,
        node: host.clone(),
        host,
        rpc_ports: configuration.get(&taskmanager::RPC_PORT)?.parse()?,
        data_ports: configuration.get(&taskmanager::DATA_PORT)?.parse()?,
        resource_manager_address: format!("{master}:{port}"),
        secret: container.secret.clone(),
        memory: TaskExecutorProcessSpec::derive(configuration)?,
        consumer_weights: ConsumerWeights::read(configuration)?,
        discoveries: Discovery::read(configuration)?,
        own_process: true,
        file_systems: container.file_systems()?,
        temp_dirs: temp_dirs(configuration),
        stdout_file: Some(log.directory().join(format!("{LOG_NAME}.out"))),
        log_file: Some(log.path().to_owned()),
        planner,
        runner: TaskExecutorConfig::thread_runner(),
        clock: Arc::new(SystemClock),
        blob_retries: configuration.get(&blob::FETCH_RETRIES)? as usize,
        timeouts: TaskExecutorTimeouts::read(configuration)?,
    })
}
