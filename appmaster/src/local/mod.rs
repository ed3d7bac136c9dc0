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
    /// How often all workers were ended: one that was starting meanwhile belongs to a leadership that is over.
    epoch: u64,
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
        let workers = {
            let mut inner = self.inner();
            inner.epoch += 1;
            std::mem::take(&mut inner.workers)
        };
        futures::future::join_all(workers.values().map(|worker| worker.stop())).await;
    }

    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_start(
        &self,
        spec: TaskExecutorProcessSpec,
    ) -> Result<(WorkerStart, mpsc::Sender<DriverEvent>, u64), DriverError> {
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
        Ok((worker, start.events.clone(), inner.epoch))
    }

    /// Whether the worker is still wanted: nobody has ended the workers since it began to start.
    fn keep(&self, resource_id: &ResourceId, worker: &Arc<dyn LocalWorker>, epoch: u64) -> bool {
        let mut inner = self.inner();
        let wanted = inner.epoch == epoch;
        if wanted {
            inner.workers.insert(resource_id.clone(), worker.clone());
        }
        wanted
    }
}

#[async_trait]
impl ResourceManagerDriver for LocalDriver {
    async fn initialize(&self, start: DriverStart) -> Result<(), DriverError> {
        self.inner().start = Some(start);
        Ok(())
    }

    async fn request_worker(&self, spec: WorkerSpec) -> Result<(), DriverError> {
        let (start, events, epoch) = self.next_start(spec.process.clone())?;
        let resource_id = start.resource_id.clone();
        let worker: Arc<dyn LocalWorker> = Arc::from(self.launcher.start(start).await?);
        if !self.keep(&resource_id, &worker, epoch) {
            worker.stop().await;
            return Err(DriverError(format!(
                "{resource_id} has started too late: all workers were ended meanwhile"
            )));
        }
        let started = DriverEvent::WorkerStarted {
            resource_id: resource_id.clone(),
            node: "localhost".to_owned(),
            spec,
        };
        let _ = events.send(started).await;
        tokio::spawn(async move {
            let cause = format!("TaskManager {resource_id} ended: {}", worker.wait().await);
            let ended = DriverEvent::WorkerTerminated {
                resource_id,
                cause,
                // There is no other one.
                against_node: false,
            };
            let _ = events.send(ended).await;
        });
        Ok(())
    }

    async fn cancel_requests(&self, _spec: WorkerSpec, _count: u32) -> u32 {
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Notify;

    use super::*;

    /// Its workers start when they are let.
    #[derive(Debug, Default)]
    struct Slow {
        asked: Notify,
        let_start: Notify,
        stopped: Arc<AtomicUsize>,
    }

    #[derive(Debug)]
    struct Idle(Arc<AtomicUsize>);

    #[async_trait]
    impl LocalWorkerLauncher for Slow {
        async fn start(&self, _: WorkerStart) -> Result<Box<dyn LocalWorker>, DriverError> {
            self.asked.notify_one();
            self.let_start.notified().await;
            Ok(Box::new(Idle(self.stopped.clone())))
        }
    }

    #[async_trait]
    impl LocalWorker for Idle {
        async fn wait(&self) -> String {
            std::future::pending().await
        }

        async fn stop(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[tokio::test]
    async fn a_worker_that_starts_while_the_leadership_ends_is_stopped() {
        let launcher = Arc::new(Slow::default());
        let driver = LocalDriver::new(launcher.clone());
        let (events, mut told) = mpsc::channel(1);
        let start = || DriverStart {
            events: events.clone(),
            resource_manager_address: String::new(),
            rest_address: String::new(),
            secret: ApplicationSecret::from_bytes(&[7; 32]).unwrap(),
        };
        let process = TaskExecutorProcessSpec::derive(&selvedge_core::config::shipped()).unwrap();
        let ask = || {
            driver.request_worker(WorkerSpec {
                process: process.clone(),
            })
        };
        driver.initialize(start()).await.unwrap();
        let suspended = async {
            launcher.asked.notified().await;
            driver.suspend().await;
            // The next leadership is there before the worker is.
            driver.initialize(start()).await.unwrap();
            launcher.let_start.notify_one();
        };
        let (asked, ()) = tokio::join!(ask(), suspended);
        assert!(asked.unwrap_err().0.contains("too late"));
        assert_eq!(launcher.stopped.load(Ordering::Relaxed), 1);
        assert!(told.try_recv().is_err(), "the next leadership does not hear of it");
        launcher.let_start.notify_one();
        ask().await.unwrap();
        assert!(matches!(told.recv().await, Some(DriverEvent::WorkerStarted { .. })));
        driver.suspend().await;
        assert_eq!(launcher.stopped.load(Ordering::Relaxed), 2);
    }
}
