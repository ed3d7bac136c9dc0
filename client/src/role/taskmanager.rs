//! The TaskManager, from what it finds around it to its exit code: in a container that the master had YARN start, or started
//! by hand.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use selvedge_core::config::options::{cluster, jobmanager, process, taskmanager, yarn};
use selvedge_core::memory::ConsumerWeights;
use selvedge_core::resource::Discovery;
use selvedge_core::{Configuration, InstanceId, ResourceId, TaskExecutorProcessSpec};
use selvedge_runtime::blob::BlobCacheSettings;
use selvedge_runtime::clock::SystemClock;
use selvedge_runtime::connector::report;
use selvedge_runtime::container::Container;
use selvedge_runtime::fs::FileSystems;
use selvedge_runtime::ha::{HaData, HaServicesRegistry, HaStart, LeaderComponent, LeaderRetrieval};
use selvedge_runtime::logging::{self, LogHandle};
use selvedge_runtime::process::{Termination, raise_nofile_limit, report_file_size_limit};
use selvedge_runtime::profiling::ProfilingSettings;
use selvedge_runtime::rpc::{ApplicationSecret, PortRange};
use selvedge_runtime::scratch::temp_dirs;
use selvedge_runtime::shutdown::ShutdownWatch;
use selvedge_runtime::working_directory::{WorkingDirectory, WorkingDirectoryOptions};
use selvedge_taskmanager::executor::{TaskExecutor, TaskExecutorConfig, TaskExecutorTimeouts};
use selvedge_taskmanager::task::ChainPlanner;
use yarn_common::environment::Environment;

use super::WorkerError;

/// The control side waits most of the time; tasks have threads of their own.
const CONTROL_THREADS: usize = 2;
pub(super) const LOG_NAME: &str = "taskmanager";
/// The worker's own directory.
pub(crate) const WORKING_DIRECTORY: WorkingDirectoryOptions = WorkingDirectoryOptions {
    role: "tm",
    parent: &process::TASK_MANAGER_WORKING_DIR,
    resource_id: &taskmanager::RESOURCE_ID,
};

/// What a worker finds around it.
#[derive(Debug)]
pub(super) struct Surroundings {
    pub(super) configuration: Configuration,
    pub(super) resource_id: ResourceId,
    /// The name under which others reach it.
    pub(super) host: String,
    pub(super) bind_host: String,
    pub(super) secret: ApplicationSecret,
    pub(super) file_systems: FileSystems,
    pub(super) log_file: Option<PathBuf>,
    pub(super) stdout_file: Option<PathBuf>,
    pub(super) planner: Arc<dyn ChainPlanner>,
    pub(super) high_availability: HaServicesRegistry,
}

/// Runs the worker of this container until it is told to end, and tells its exit code. `assignments` is what the command
/// line sets.
pub fn run_worker(
    assignments: Configuration,
    planner: Arc<dyn ChainPlanner>,
    high_availability: HaServicesRegistry,
) -> u8 {
    start(assignments, planner, high_availability).unwrap_or_else(|error| failed(&error))
}

/// To the log, and to standard error, which is there before the log is.
pub(super) fn failed(error: &WorkerError) -> u8 {
    let cause = report(error);
    tracing::error!("the TaskManager failed: {cause}");
    // Without standard error there is nobody left to tell.
    let _ = writeln!(std::io::stderr(), "The TaskManager failed: {cause}");
    error.exit_code()
}

fn start(
    assignments: Configuration,
    planner: Arc<dyn ChainPlanner>,
    high_availability: HaServicesRegistry,
) -> Result<u8, WorkerError> {
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
    let ended = runtime.block_on(async { run(in_container(container, &log, planner, high_availability)?).await });
    // What still runs belongs to nobody.
    runtime.shutdown_background();
    ended
}

fn in_container(
    container: Container,
    log: &LogHandle,
    planner: Arc<dyn ChainPlanner>,
    high_availability: HaServicesRegistry,
) -> Result<Surroundings, WorkerError> {
    let file_systems = container.file_systems()?;
    let id = container.configuration.find(&taskmanager::RESOURCE_ID)?;
    let environment = container.environment;
    Ok(Surroundings {
        resource_id: ResourceId(id.unwrap_or_else(|| environment.container_id.to_string())),
        host: environment.node.host().to_owned(),
        bind_host: container.configuration.get(&taskmanager::BIND_HOST)?,
        secret: container.secret,
        file_systems,
        log_file: Some(log.path().to_owned()),
        stdout_file: Some(log.directory().join(format!("{LOG_NAME}.out"))),
        configuration: container.configuration,
        planner,
        high_availability,
    })
}

/// Runs a worker until it is told to end, and tells its exit code.
pub(super) async fn run(surroundings: Surroundings) -> Result<u8, WorkerError> {
    let termination = Termination::listen().map_err(WorkerError::Process)?;
    report_file_size_limit().map_err(WorkerError::Process)?;
    let master = master_address(&surroundings.configuration)?;
    let start = HaStart {
        configuration: &surroundings.configuration,
        seed: rand::random(),
        resource_manager: Some(&master),
    };
    let ha = surroundings.high_availability.create(start).await?;
    let leader = ha.retrieval(LeaderComponent::ResourceManager);
    let watch = ShutdownWatch::default();
    watch.guard(surroundings.configuration.get(&cluster::SHUTDOWN_TIMEOUT)?);
    let id = surroundings.resource_id.clone();
    let directory = WorkingDirectory::take_as(&surroundings.configuration, &WORKING_DIRECTORY, id)?;
    let config = executor_config(surroundings, leader, directory.blob_storage())?;
    let code = match serve(config, &termination, &watch).await {
        Ok(code) => code,
        Err(error) => {
            directory.keep();
            return Err(error);
        }
    };
    drop(directory);
    watch.ending("the services of high availability");
    ha.close(HaData::Keep).await;
    watch.ended();
    Ok(code)
}

/// From the worker's start to its end.
async fn serve(
    config: TaskExecutorConfig,
    termination: &Termination,
    watch: &ShutdownWatch,
) -> Result<u8, WorkerError> {
    let worker = TaskExecutor::start(config).await?;
    tokio::select! {
        biased;
        code = termination.asked() => {
            watch.ending("the TaskExecutor");
            worker.stop().await;
            Ok(code)
        }
        ended = worker.terminated() => {
            ended?;
            tracing::info!("this worker ends as it was told");
            Ok(0)
        }
    }
}

/// host:port of the master that is configured; where another can take over, the leader counts instead.
pub(super) fn master_address(configuration: &Configuration) -> Result<String, WorkerError> {
    let host = configuration.find(&jobmanager::RPC_ADDRESS)?;
    let host = host.unwrap_or_else(|| "localhost".to_owned());
    Ok(format!("{host}:{}", configuration.get(&jobmanager::RPC_PORT)?))
}

fn executor_config(
    surroundings: Surroundings,
    resource_manager: LeaderRetrieval,
    blob_storage: PathBuf,
) -> Result<TaskExecutorConfig, WorkerError> {
    let configuration = &surroundings.configuration;
    Ok(TaskExecutorConfig {
        resource_id: surroundings.resource_id,
        instance_id: InstanceId::random(&mut rand::rng()),
        bind_host: surroundings.bind_host,
        node: surroundings.host.clone(),
        host: surroundings.host,
        rpc_ports: PortRange::read(configuration, &taskmanager::RPC_PORT)?,
        data_ports: PortRange::read(configuration, &taskmanager::DATA_PORT)?,
        resource_manager,
        secret: surroundings.secret,
        memory: TaskExecutorProcessSpec::derive(configuration)?,
        consumer_weights: ConsumerWeights::read(configuration)?,
        discoveries: Discovery::read(configuration)?,
        own_process: true,
        file_systems: surroundings.file_systems,
        temp_dirs: temp_dirs(configuration),
        blob_storage,
        stdout_file: surroundings.stdout_file,
        log_file: surroundings.log_file,
        profiling: ProfilingSettings::read(configuration)?,
        planner: surroundings.planner,
        runner: TaskExecutorConfig::thread_runner(),
        clock: Arc::new(SystemClock),
        blobs: BlobCacheSettings::read(configuration)?,
        timeouts: TaskExecutorTimeouts::read(configuration)?,
    })
}
