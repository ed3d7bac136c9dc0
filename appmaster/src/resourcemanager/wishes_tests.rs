//! The ResourceManager and a driver whose answers wait for the test.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rand::SeedableRng;
use rand::rngs::StdRng;
use selvedge_core::memory::TaskExecutorProcessSpec;
use selvedge_core::status::ApplicationStatus;
use selvedge_core::{JobId, LeaderSessionId, ResourceId};
use selvedge_runtime::clock::SystemClock;
use selvedge_runtime::rpc::ApplicationSecret;
use tokio::sync::{mpsc, oneshot, watch};

use super::{
    DriverError, DriverStart, Environment, JobMasterContact, Pending, ResourceManagerDriver, WorkerSpec, create,
};
use crate::MasterSettings;
use crate::metrics::ClusterGauges;
use crate::worker::WorkerConnector;

const BOUND: Duration = Duration::from_secs(120);

/// Tells the test of each call; a cancellation is answered by the test.
#[derive(Debug)]
struct TalkingDriver {
    requests: mpsc::UnboundedSender<()>,
    cancels: mpsc::UnboundedSender<(u32, oneshot::Sender<u32>)>,
    /// Each look at slots and workers asks once whether the driver is active.
    looks: watch::Sender<u32>,
}

#[async_trait]
impl ResourceManagerDriver for TalkingDriver {
    async fn initialize(&self, _start: DriverStart) -> Result<(), DriverError> {
        Ok(())
    }

    async fn request_worker(&self, _spec: WorkerSpec) -> Result<(), DriverError> {
        self.requests.send(()).map_err(|error| DriverError(error.to_string()))
    }

    async fn cancel_requests(&self, count: u32) -> u32 {
        let (answer, answered) = oneshot::channel();
        self.cancels.send((count, answer)).unwrap();
        answered.await.unwrap_or(0)
    }

    async fn release_worker(&self, _resource_id: &ResourceId) {}

    async fn deregister(&self, _status: ApplicationStatus, _diagnostics: &str) -> Result<(), DriverError> {
        Ok(())
    }

    fn is_active(&self) -> bool {
        self.looks.send_modify(|looks| *looks += 1);
        true
    }
}

fn resource_manager(driver: TalkingDriver) -> Pending {
    let configuration = selvedge_core::config::shipped();
    let settings = MasterSettings::read(&configuration).unwrap();
    let secret = ApplicationSecret::from_bytes(&[7; 32]).unwrap();
    create(Environment {
        process: TaskExecutorProcessSpec::derive(&configuration).unwrap(),
        driver: Arc::new(driver),
        workers: WorkerConnector::new(secret.clone(), settings.ask_timeout),
        clock: Arc::new(SystemClock),
        rng: StdRng::seed_from_u64(1),
        fatal: mpsc::channel(1).0,
        resource_manager_address: "127.0.0.1:1".to_owned(),
        rest_address: "127.0.0.1:2".to_owned(),
        secret,
        gauges: ClusterGauges::default(),
        settings,
    })
}

fn contact() -> JobMasterContact {
    JobMasterContact {
        job_master_id: LeaderSessionId::from_bytes([1; 16]),
        address: "127.0.0.1:3".to_owned(),
        notices: mpsc::channel(1).0,
    }
}

async fn within<T>(wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(BOUND, wait).await.expect("it comes in time")
}

#[tokio::test]
async fn a_job_that_comes_while_requests_are_taken_back_gets_a_request_of_its_own() {
    let (requests, mut requested) = mpsc::unbounded_channel();
    let (cancels, mut cancelled) = mpsc::unbounded_channel();
    let looks = watch::Sender::new(0);
    let mut looked = looks.subscribe();
    let pending = resource_manager(TalkingDriver {
        requests,
        cancels,
        looks,
    });
    let handle = pending.handle();
    pending.start().await.unwrap();

    let [first, second] = [1, 2].map(|byte| JobId::from_bytes([byte; 16]));
    handle.declare_slots(first, contact(), 1).await;
    within(requested.recv()).await.unwrap();
    handle.disconnect_job(first).await;
    let (count, answer) = within(cancelled.recv()).await.unwrap();
    assert_eq!(count, 1);

    looked.mark_unchanged();
    handle.declare_slots(second, contact(), 1).await;
    within(looked.changed()).await.unwrap();
    assert!(
        requested.try_recv().is_err(),
        "the request of the first job may yet serve the second"
    );
    answer.send(count).unwrap();
    within(requested.recv()).await.unwrap();
}
