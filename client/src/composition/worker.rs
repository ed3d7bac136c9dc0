//! Workers in this process, for the local target.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use selvedge_appmaster::local::{LocalWorker, LocalWorkerLauncher, WorkerStart};
use selvedge_appmaster::resourcemanager::DriverError;
use selvedge_core::config::ConfigError;
use selvedge_core::memory::ConsumerWeights;
use selvedge_core::resource::Discovery;
use selvedge_core::{Configuration, InstanceId};
use selvedge_runtime::blob::BlobCacheSettings;
use selvedge_runtime::clock::SystemClock;
use selvedge_runtime::connector::report;
use selvedge_runtime::fs::FileSystems;
use selvedge_runtime::ha::LeaderRetrieval;
use selvedge_runtime::profiling::ProfilingSettings;
use selvedge_runtime::rpc::PortRange;
use selvedge_runtime::scratch::temp_dirs;
use selvedge_runtime::working_directory::{WorkingDirectory, WorkingDirectoryError, random_id};
use selvedge_taskmanager::executor::{TaskExecutor, TaskExecutorConfig, TaskExecutorHandle, TaskExecutorTimeouts};

use crate::role::WORKING_DIRECTORY;

/// Local workers are reached by this machine only.
const LOOPBACK: &str = "127.0.0.1";
/// How splits and pages name this machine.
const NODE: &str = "localhost";

/// Starts TaskExecutors on the runtime of this process.
#[derive(Debug)]
pub(super) struct LocalLauncher {
    pub(super) configuration: Configuration,
    pub(super) file_systems: FileSystems,
}

#[async_trait]
impl LocalWorkerLauncher for LocalLauncher {
    async fn start(&self, start: WorkerStart) -> Result<Box<dyn LocalWorker>, DriverError> {
        let directory = self.directory(&start).map_err(|error| DriverError(report(&error)))?;
        let config = self.config(start, directory.blob_storage());
        let config = config.map_err(|error| DriverError(error.to_string()))?;
        let started = TaskExecutor::start(config).await;
        let worker = started.map_err(|error| DriverError(report(&error)))?;
        let directory = Mutex::new(Some(directory));
        Ok(Box::new(Worker { worker, directory }))
    }
}

impl LocalLauncher {
    /// Each of this process's workers has its own; those of another process may have the same numbers.
    fn directory(&self, start: &WorkerStart) -> Result<WorkingDirectory, WorkingDirectoryError> {
        let id = format!("{}-{}", start.resource_id, random_id());
        WorkingDirectory::take_as(&self.configuration, &WORKING_DIRECTORY, id.into())
    }

    fn config(&self, start: WorkerStart, blob_storage: PathBuf) -> Result<TaskExecutorConfig, ConfigError> {
        Ok(TaskExecutorConfig {
            resource_id: start.resource_id,
            instance_id: InstanceId::random(&mut rand::rng()),
            host: LOOPBACK.to_owned(),
            bind_host: LOOPBACK.to_owned(),
            node: NODE.to_owned(),
            rpc_ports: PortRange::any(),
            data_ports: PortRange::any(),
            resource_manager: LeaderRetrieval::fixed(start.resource_manager_address),
            secret: start.secret,
            memory: start.spec,
            consumer_weights: ConsumerWeights::read(&self.configuration)?,
            discoveries: Discovery::read(&self.configuration)?,
            own_process: false,
            file_systems: self.file_systems.clone(),
            temp_dirs: temp_dirs(&self.configuration),
            blob_storage,
            log_file: None,
            stdout_file: None,
            profiling: ProfilingSettings::read(&self.configuration)?,
            planner: super::chain_planner(),
            runner: TaskExecutorConfig::thread_runner(),
            clock: Arc::new(SystemClock),
            blobs: BlobCacheSettings::read(&self.configuration)?,
            timeouts: TaskExecutorTimeouts::read(&self.configuration)?,
        })
    }
}

#[derive(Debug)]
struct Worker {
    worker: TaskExecutorHandle,
    /// Deleted when the worker has ended.
    directory: Mutex<Option<WorkingDirectory>>,
}

impl Worker {
    fn delete_directory(&self) {
        drop(self.directory.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

#[async_trait]
impl LocalWorker for Worker {
    async fn wait(&self) -> String {
        let ended = self.worker.terminated().await;
        self.delete_directory();
        match ended {
            Ok(()) => "it was told to".to_owned(),
            Err(error) => report(&error),
        }
    }

    async fn stop(&self) {
        self.worker.stop().await;
        self.delete_directory();
    }
}
