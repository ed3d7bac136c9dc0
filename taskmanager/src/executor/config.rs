//! What a worker is started with.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use selvedge_core::config::ConfigError;
use selvedge_core::config::options::{cluster, taskmanager};
use selvedge_core::memory::{ConsumerWeights, TaskExecutorProcessSpec};
use selvedge_core::resource::Discovery;
use selvedge_core::{Configuration, InstanceId, ResourceId};
use selvedge_runtime::blob::BlobCacheSettings;
use selvedge_runtime::clock::Clock;
use selvedge_runtime::fs::FileSystems;
use selvedge_runtime::gateway::proto::MemoryConfiguration;
use selvedge_runtime::ha::LeaderRetrieval;
use selvedge_runtime::metrics::Scope;
use selvedge_runtime::profiling::ProfilingSettings;
use selvedge_runtime::rpc::{ApplicationSecret, PortRange};

use super::retry::RegistrationPauses;
use crate::exchange::ExchangeConfig;
use crate::task::{ChainPlanner, TaskRunner, ThreadRunner};

/// Identity, addresses, memory and services of one worker. Several may live in one process.
#[derive(Debug, Clone)]
pub struct TaskExecutorConfig {
    /// The worker's name; on YARN its container id.
    pub resource_id: ResourceId,
    /// This run of it, made anew at each start.
    pub instance_id: InstanceId,
    /// The name under which others reach it.
    pub host: String,
    /// The address that its servers bind to.
    pub bind_host: String,
    /// The node that it runs on, for the locality of splits.
    pub node: String,
    /// Ports of its control server.
    pub rpc_ports: PortRange,
    /// Ports of its data server.
    pub data_ports: PortRange,
    /// Where the ResourceManager is.
    pub resource_manager: LeaderRetrieval,
    /// The application's secret.
    pub secret: ApplicationSecret,
    /// The memory by use, the cores and the number of slots.
    pub memory: TaskExecutorProcessSpec,
    /// How kinds of consumers share a slot's managed memory.
    pub consumer_weights: ConsumerWeights,
    /// The scripts that find external resources on this node.
    pub discoveries: Vec<Discovery>,
    /// Whether the process is this worker's alone: its memory is then the worker's.
    pub own_process: bool,
    /// Files that tasks read and write.
    pub file_systems: FileSystems,
    /// Directories for temporary files.
    pub temp_dirs: Vec<PathBuf>,
    /// Where the blobs of its jobs are, unless `blobs` names another place; made when the first one comes.
    pub blob_storage: PathBuf,
    /// The worker's log, where it writes one.
    pub log_file: Option<PathBuf>,
    /// Its standard output, where that goes to a file.
    pub stdout_file: Option<PathBuf>,
    /// How its process is profiled.
    pub profiling: ProfilingSettings,
    /// Plans the chains of tasks.
    pub planner: Arc<dyn ChainPlanner>,
    /// What tasks run on.
    pub runner: Arc<dyn TaskRunner>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How what jobs bring along is fetched and kept.
    pub blobs: BlobCacheSettings,
    /// How long things may take.
    pub timeouts: TaskExecutorTimeouts,
}

impl TaskExecutorConfig {
    /// Threads as Rust's standard library has them.
    pub fn thread_runner() -> Arc<dyn TaskRunner> {
        Arc::new(ThreadRunner::default())
    }

    /// The sizes as the master is told them.
    pub(super) fn memory_configuration(&self) -> MemoryConfiguration {
        let memory = &self.memory;
        MemoryConfiguration {
            framework_heap: memory.framework_heap.bytes(),
            task_heap: memory.task_heap.bytes(),
            framework_off_heap: memory.framework_off_heap.bytes(),
            task_off_heap: memory.task_off_heap.bytes(),
            network: memory.network.bytes(),
            managed: memory.managed.bytes(),
            jvm_metaspace: memory.jvm_metaspace.bytes(),
            jvm_overhead: memory.jvm_overhead.bytes(),
            total_flink: memory.total_flink().bytes(),
            total_process: memory.total_process().bytes(),
        }
    }

    /// Whose the worker's own metrics are.
    pub(super) fn metric_scope(&self) -> Scope {
        Scope::task_manager(&self.node, &self.resource_id)
    }

    pub(super) const fn exchange(&self) -> ExchangeConfig {
        ExchangeConfig::new(self.memory.network)
    }
}

/// Bounds, with Flink's defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskExecutorTimeouts {
    /// `taskmanager.slot.timeout`: how long a slot waits to be taken by its job.
    pub slot: Duration,
    /// `taskmanager.registration.timeout`: how long the worker lives without a ResourceManager.
    pub registration: Duration,
    /// Between attempts to register.
    pub registration_pauses: RegistrationPauses,
    /// `task.cancellation.timeout`: how long a cancelled task may take to end; 0 is for ever.
    pub cancellation: Duration,
    /// `task.cancellation.interval`: how often it is told again.
    pub cancellation_interval: Duration,
    /// `pekko.ask.timeout`: how long a call may take.
    pub ask: Duration,
}

impl TaskExecutorTimeouts {
    /// Reads the settings; an unusable value is an error that names its key.
    pub fn read(configuration: &Configuration) -> Result<Self, ConfigError> {
        Ok(Self {
            slot: configuration.get(&taskmanager::SLOT_TIMEOUT)?,
            registration: configuration.get(&taskmanager::REGISTRATION_TIMEOUT)?,
            registration_pauses: RegistrationPauses {
                initial_timeout: configuration.get(&cluster::REGISTRATION_INITIAL_TIMEOUT)?,
                max_timeout: configuration.get(&cluster::REGISTRATION_MAX_TIMEOUT)?,
                error_delay: configuration.get(&cluster::REGISTRATION_ERROR_DELAY)?,
                refused_delay: configuration.get(&cluster::REGISTRATION_REFUSED_DELAY)?,
            },
            cancellation: configuration.get(&taskmanager::TASK_CANCELLATION_TIMEOUT)?,
            cancellation_interval: configuration.get(&taskmanager::TASK_CANCELLATION_INTERVAL)?,
            ask: configuration.get(&cluster::ASK_TIMEOUT)?,
        })
    }
}

impl Default for TaskExecutorTimeouts {
    fn default() -> Self {
        Self::read(&Configuration::new()).expect("the defaults are usable")
    }
}
