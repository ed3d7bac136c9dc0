//! Workers in the master's own process: the driver of the local target. What a worker is, the program that builds the
//! cluster says by a [`LocalWorkerLauncher`].

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use selvedge_core::ResourceId;
use selvedge_core::memory::TaskExecutorProcessSpec;
use selvedge_core::status::ApplicationStatus;
use selvedge_runtime::rpc::ApplicationSecret;
use tokio::sync::mpsc;

use crate::resourcemanager::{DriverError, DriverEvent, DriverStart, ResourceManagerDriver, WorkerSpec};

/// What a worker of this process is started with.
#[derive(Debug, Clone)]
pub struct WorkerStart {
    /// Its identity.
    pub resource_id: ResourceId,
    /// host:port of the ResourceManager.
    pub resource_manager_address: String,
    /// What it must present on every call, and demand of others.
    pub secret: ApplicationSecret,
    /// Its memory, cores and slots.
    pub spec: TaskExecutorProcessSpec,
}

/// A worker that runs in this process.
#[async_trait]
pub trait LocalWorker: Send + Sync + std::fmt::Debug {
    /// Resolves when the worker has ended by itself, with the reason. Called once.
    async fn wait(&self) -> String;
    /// Ends the worker and waits until it has ended.
    async fn stop(&self);
}

/// Starts workers in this process.
#[async_trait]
pub trait LocalWorkerLauncher: Send + Sync + std::fmt::Debug + 'static {
    /// Starts a worker; it registers with the ResourceManager by itself.
    async fn start(&self, start: WorkerStart) -> Result<Box<dyn LocalWorker>, DriverError>;
}

/// Starts workers in this process.
#[derive(Debug)]
pub struct LocalDriver {
    launcher: Arc<dyn LocalWorkerLauncher>,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    start: Option<DriverStart>,
    next: u32,
    workers: BTreeMap<ResourceId, Arc<dyn LocalWorker>>,
}

impl LocalDriver {
    /// A driver that starts workers by this launcher.
    pub fn new(launcher: Arc<dyn LocalWorkerLauncher>) -> Self {
        Self {
            launcher,
            inner: Mutex::default(),
        }
    }

    async fn stop_all(&self) {
        let workers = std::mem::take(&mut self.inner().workers);
        futures::future::join_all(workers.values().map(|worker| worker.stop())).await;
    }

    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_start(
        &self,
        spec: TaskExecutorProcessSpec,
    ) -> Result<(WorkerStart, mpsc::Sender<DriverEvent>), DriverError> {
        let mut inner = self.inner();
        inner.next += 1;
        let resource_id = ResourceId(format!("taskmanager-{}", inner.next));
        let start = inner.start.as_ref();
        let start = start.ok_or_else(|| DriverError("the local driver is not initialised".to_owned()))?;
        let worker = WorkerStart {
            resource_id,
            resource_manager_address: start.resource_manager_address.clone(),
            secret: start.secret.clone(),
            spec,
        };
        Ok((worker, start.events.clone()))
    }
}

#[async_trait]
impl ResourceManagerDriver for LocalDriver {
    async fn initialize(&self, start: DriverStart) -> Result<(), DriverError> {
        self.inner().start = Some(start);
        Ok(())
    }

    async fn request_worker(&self, spec: WorkerSpec) -> Result<(), DriverError> {
        let (start, events) = self.next_start(spec.process)?;
        let resource_id = start.resource_id.clone();
        let worker: Arc<dyn LocalWorker> = Arc::from(self.launcher.start(start).await?);
        self.inner().workers.insert(resource_id.clone(), worker.clone());
        let started = DriverEvent::WorkerStarted {
            resource_id: resource_id.clone(),
            node: "localhost".to_owned(),
        };
        let _ = events.send(started).await;
        tokio::spawn(async move {
            let cause = format!("TaskManager {resource_id} ended: {}", worker.wait().await);
            let _ = events.send(DriverEvent::WorkerTerminated { resource_id, cause }).await;
        });
        Ok(())
    }

    async fn cancel_requests(&self, _count: u32) -> u32 {
        // A worker is started as soon as it is asked for.
        0
    }

    async fn release_worker(&self, resource_id: &ResourceId) {
        let worker = self.inner().workers.remove(resource_id);
        if let Some(worker) = worker {
            worker.stop().await;
        }
    }

    async fn deregister(&self, _status: ApplicationStatus, _diagnostics: &str) -> Result<(), DriverError> {
        self.stop_all().await;
        Ok(())
    }

    async fn suspend(&self) {
        self.stop_all().await;
    }
}
