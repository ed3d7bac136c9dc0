//! The host of a container: what its command says is started, the real TaskExecutor.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use arrow::datatypes::SchemaRef;
use selvedge_core::config::options::{jobmanager, taskmanager};
use selvedge_core::job_graph::OperatorSpec;
use selvedge_core::memory::ConsumerWeights;
use selvedge_core::status::FailureType;
use selvedge_core::{Configuration, InstanceId, MemorySize, ResourceId, TaskExecutorProcessSpec};
use selvedge_runtime::blob::BlobCacheSettings;
use selvedge_runtime::fs::FileSystems;
use selvedge_runtime::ha::{HaServices, LeaderComponent, LeaderRetrieval};
use selvedge_runtime::profiling::ProfilingSettings;
use selvedge_runtime::rpc::PortRange;
use selvedge_taskmanager::exchange::BatchPartitioner;
use selvedge_taskmanager::executor::{TaskExecutor, TaskExecutorConfig, TaskExecutorTimeouts};
use selvedge_taskmanager::operator::{Chain, TaskContext, TaskError};
use selvedge_taskmanager::task::{ChainPlanner, OperatorPlanner};
use sha2::{Digest, Sha256};

use super::clock::SimulatedClock;
use super::settings;
use super::tasks::FutureRunner;
use super::zookeeper::ZooKeeperServices;

/// How many of the next tasks shall fail; shared by all workers.
pub(crate) type TaskFaults = Arc<AtomicU32>;

/// What a container is started with.
#[derive(Debug, Clone)]
pub(crate) struct WorkerProcess {
    /// Its host.
    pub(crate) host: String,
    pub(crate) slots: u32,
    /// The leader is looked for in ZooKeeper.
    pub(crate) is_highly_available: bool,
    /// The command of its launch context.
    pub(crate) command: String,
    pub(crate) faults: TaskFaults,
}

/// The exit code of a worker that could not go on.
const FAILED: i32 = 1;

/// Runs the process to its end, and tells its exit code.
pub(crate) async fn run(process: WorkerProcess) -> i32 {
    let started = match config(&process) {
        Ok(config) => TaskExecutor::start(config).await.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    let ended = match started {
        Ok(worker) => worker.terminated().await.map_err(|error| error.to_string()),
        Err(error) => Err(error),
    };
    match ended {
        Ok(()) => 0,
        Err(error) => {
            tracing::error!("the TaskManager failed: {error}");
            FAILED
        }
    }
}

fn config(process: &WorkerProcess) -> anyhow::Result<TaskExecutorConfig> {
    let mut configuration = settings::configuration(process.slots);
    configuration.merge(&assignments(&process.command)?);
    let (master, port) = (
        configuration.get(&jobmanager::RPC_ADDRESS)?,
        configuration.get(&jobmanager::RPC_PORT)?,
    );
    let id = configuration.find(&taskmanager::RESOURCE_ID)?;
    let id = id.ok_or_else(|| anyhow::anyhow!("the command names no worker"))?;
    let resource_manager = match process.is_highly_available {
        true => ZooKeeperServices::start().retrieval(LeaderComponent::ResourceManager),
        false => LeaderRetrieval::fixed(format!("{master}:{port}")),
    };
    Ok(TaskExecutorConfig {
        instance_id: instance_of(&id),
        resource_id: ResourceId(id),
        host: process.host.clone(),
        bind_host: process.host.clone(),
        node: process.host.clone(),
        rpc_ports: PortRange::any(),
        data_ports: PortRange::any(),
        resource_manager,
        secret: settings::secret(),
        memory: TaskExecutorProcessSpec::derive(&configuration)?,
        consumer_weights: ConsumerWeights::read(&configuration)?,
        discoveries: Vec::new(),
        own_process: false,
        file_systems: FileSystems::local_only(),
        temp_dirs: Vec::new(),
        blob_storage: std::env::temp_dir(),
        log_file: None,
        stdout_file: None,
        profiling: ProfilingSettings::read(&configuration)?,
        planner: Arc::new(FaultyPlanner {
            faults: process.faults.clone(),
        }),
        runner: Arc::new(FutureRunner),
        clock: Arc::new(SimulatedClock::of_this_host()),
        blobs: BlobCacheSettings::read(&configuration)?,
        timeouts: TaskExecutorTimeouts::read(&configuration)?,
    })
}

/// A container runs once: its id tells its run, and is the same whenever the seed is.
fn instance_of(container: &str) -> InstanceId {
    let digest: [u8; 32] = Sha256::digest(container).into();
    let (half, _) = digest
        .split_first_chunk()
        .expect("a digest has more than sixteen bytes");
    InstanceId::from_bytes(*half)
}

/// The memory of the worker that a command starts, in MiB, where it says so.
pub(crate) fn memory_mb(command: &str) -> Option<u64> {
    let size = assignments(command)
        .ok()?
        .find(&taskmanager::TOTAL_PROCESS_MEMORY)
        .ok()?;
    size.map(MemorySize::mebibytes)
}

/// What the command line sets. A NodeManager hands the command to `bash -c "…"`, so it is read twice.
fn assignments(command: &str) -> anyhow::Result<Configuration> {
    let unreadable = || anyhow::anyhow!("no shell can read the command {command}");
    let script = shlex::split(&format!("\"{command}\"")).ok_or_else(unreadable)?.concat();
    let words = shlex::split(&script).ok_or_else(unreadable)?;
    let settings = words.iter().filter_map(|word| word.strip_prefix("-D")?.split_once('='));
    Ok(settings.collect())
}

/// Plans as the real workers do, but for tasks that shall fail.
struct FaultyPlanner {
    faults: TaskFaults,
}

impl fmt::Debug for FaultyPlanner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaultyPlanner")
    }
}

impl ChainPlanner for FaultyPlanner {
    fn plan(
        &self,
        context: &TaskContext,
        chain: &[OperatorSpec],
        input: Option<SchemaRef>,
    ) -> Result<Box<dyn Chain>, TaskError> {
        let is_due = self
            .faults
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if is_due.is_ok() {
            let reason = "the simulation wants this task to fail".to_owned();
            return Err(TaskError::Exchange {
                peer: "nobody".to_owned(),
                reason,
                failure_type: FailureType::PartitionDataMissing,
            });
        }
        OperatorPlanner.plan(context, chain, input)
    }

    fn hash_partitioner(
        &self,
        schema: &SchemaRef,
        keys: &[String],
        max_parallelism: u32,
        channels: u32,
    ) -> Result<Box<dyn BatchPartitioner>, TaskError> {
        OperatorPlanner.hash_partitioner(schema, keys, max_parallelism, channels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_of_a_command_are_read_as_a_shell_reads_them() {
        let command = r"./selvedge-dist/selvedge taskmanager -Da.b=1 '-Dc=it'\\''s \$x' 1><LOG_DIR>/out";
        let settings = assignments(command).unwrap();
        assert_eq!((settings.text("a.b"), settings.text("c")), (Some("1"), Some("it's $x")));
    }

    #[test]
    fn a_command_says_how_large_its_worker_is() {
        let command = |size| {
            format!(
                "./selvedge taskmanager -D{}={size}",
                taskmanager::TOTAL_PROCESS_MEMORY.key()
            )
        };
        assert_eq!(memory_mb(&command("1073741823b")), Some(1023));
        assert_eq!(memory_mb("./selvedge taskmanager"), None);
    }
}
