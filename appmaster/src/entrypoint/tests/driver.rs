//! The local driver, which asks the REST endpoint while it connects, and breaks down when a test says so.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use selvedge_core::ResourceId;
use selvedge_core::status::ApplicationStatus;
use tokio::sync::mpsc;

use super::super::ResourceManagerDriver;
use crate::local::LocalDriver;
use crate::resourcemanager::{DriverError, DriverEvent, DriverStart, WorkerSpec};
use crate::testing::http::{Answer, get};
use crate::testing::worker::Workers;

#[derive(Debug)]
pub(super) struct ProbingDriver {
    inner: LocalDriver,
    answers: Mutex<Vec<Answer>>,
    events: Mutex<Option<mpsc::Sender<DriverEvent>>>,
}

impl ProbingDriver {
    pub(super) fn new(workers: Arc<Workers>) -> Self {
        Self {
            inner: LocalDriver::new(workers),
            answers: Mutex::default(),
            events: Mutex::default(),
        }
    }

    /// What REST answered while the driver was connecting: the overview, the workers, the log of one.
    pub(super) fn answers(&self) -> [Answer; 3] {
        let answers = std::mem::take(&mut *self.answers.lock().unwrap());
        answers.try_into().unwrap()
    }

    pub(super) async fn break_down(&self, cause: &str) {
        let events = self.events.lock().unwrap().clone().unwrap();
        let fatal = DriverEvent::Fatal {
            cause: cause.to_owned(),
        };
        events.send(fatal).await.unwrap();
    }
}

#[async_trait]
impl ResourceManagerDriver for ProbingDriver {
    async fn initialize(&self, start: DriverStart) -> Result<(), DriverError> {
        for path in ["/overview", "/taskmanagers", "/taskmanagers/taskmanager-1/log"] {
            let answer = tokio::time::timeout(super::BOUND, get(&start.rest_address, path)).await;
            self.answers
                .lock()
                .unwrap()
                .push(answer.expect("an answer before the driver is connected"));
        }
        *self.events.lock().unwrap() = Some(start.events.clone());
        self.inner.initialize(start).await
    }

    async fn request_worker(&self, spec: WorkerSpec) -> Result<(), DriverError> {
        self.inner.request_worker(spec).await
    }

    async fn cancel_requests(&self, spec: WorkerSpec, count: u32) -> u32 {
        self.inner.cancel_requests(spec, count).await
    }

    async fn release_worker(&self, resource_id: &ResourceId) {
        self.inner.release_worker(resource_id).await;
    }

    async fn suspend(&self) {
        self.inner.suspend().await;
    }

    async fn deregister(&self, status: ApplicationStatus, diagnostics: &str) -> Result<(), DriverError> {
        self.inner.deregister(status, diagnostics).await
    }
}
