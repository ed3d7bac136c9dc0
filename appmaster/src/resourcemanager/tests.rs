//! The ResourceManager as JobMasters, workers and its driver see it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rand::SeedableRng;
use rand::rngs::StdRng;
use selvedge_core::memory::TaskExecutorProcessSpec;
use selvedge_core::resource::ProfileSpec;
use selvedge_core::status::ApplicationStatus;
use selvedge_core::{AllocationId, InstanceId, JobId, LeaderSessionId, ResourceId};
use selvedge_runtime::clock::SystemClock;
use selvedge_runtime::gateway::convert::WireId;
use selvedge_runtime::gateway::proto::{NotifySlotAvailableRequest, RegisterTaskExecutorRequest, SlotStatus};
use selvedge_runtime::gateway::{ResourceManagerGateway, handshake};
use selvedge_runtime::ha::{HaServices, InMemoryEnsemble, InMemoryHaServices, LeaderComponent, LeaderInformation};
use selvedge_runtime::rpc::ApplicationSecret;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::gateway::Gateway;
use super::*;
use crate::testing::profile;

mod job_leaders;
mod refusals;
mod starts;

const BOUND: Duration = Duration::from_secs(1000);

/// Tells the test of each call; a cancellation is answered by the test.
#[derive(Debug)]
struct TalkingDriver {
    requests: mpsc::UnboundedSender<()>,
    cancels: mpsc::UnboundedSender<(u32, oneshot::Sender<u32>)>,
}

#[async_trait]
impl ResourceManagerDriver for TalkingDriver {
    async fn initialize(&self, _start: DriverStart) -> Result<(), DriverError> {
        Ok(())
    }

    async fn request_worker(&self, _spec: WorkerSpec) -> Result<(), DriverError> {
        self.requests.send(()).map_err(|error| DriverError(error.to_string()))
    }

    async fn cancel_requests(&self, _spec: WorkerSpec, count: u32) -> u32 {
        let (answer, answered) = oneshot::channel();
        self.cancels.send((count, answer)).unwrap();
        answered.await.unwrap_or(0)
    }

    async fn release_worker(&self, _resource_id: &ResourceId) {}

    async fn deregister(&self, _status: ApplicationStatus, _diagnostics: &str) -> Result<(), DriverError> {
        Ok(())
    }
}

/// Tells the test which nodes are blocked.
#[derive(Debug)]
struct BlockingDriver(mpsc::UnboundedSender<UnwantedNodes>);

#[async_trait]
impl ResourceManagerDriver for BlockingDriver {
    async fn initialize(&self, _start: DriverStart) -> Result<(), DriverError> {
        Ok(())
    }

    async fn request_worker(&self, _spec: WorkerSpec) -> Result<(), DriverError> {
        Ok(())
    }

    async fn cancel_requests(&self, _spec: WorkerSpec, _count: u32) -> u32 {
        0
    }

    async fn release_worker(&self, _resource_id: &ResourceId) {}

    async fn deregister(&self, _status: ApplicationStatus, _diagnostics: &str) -> Result<(), DriverError> {
        Ok(())
    }

    async fn block_nodes(&self, nodes: UnwantedNodes) {
        self.0.send(nodes).unwrap();
    }
}

struct Bed {
    handle: ResourceManagerHandle,
    gateway: Gateway,
    ha: Arc<InMemoryHaServices>,
}

async fn bed(driver: impl ResourceManagerDriver, settings: &[(&str, &str)]) -> Bed {
    let mut configuration = selvedge_core::config::shipped();
    for (key, value) in settings {
        configuration.set_text(*key, *value);
    }
    let settings = MasterSettings::read(&configuration).unwrap();
    let secret = ApplicationSecret::from_bytes(&[7; 32]).unwrap();
    let ha = Arc::new(InMemoryEnsemble::new(1).join());
    let pending = create(Environment {
        leader: LeaderSessionId::from_bytes([3; 16]),
        resource_id: "master-1".into(),
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
        ha: ha.clone(),
        settings,
    });
    let bed = Bed {
        handle: pending.handle(),
        gateway: pending.gateway(),
        ha,
    };
    pending.start().await.unwrap();
    bed
}

impl Bed {
    /// The election names the JobMaster as the leader of its job; or nobody.
    async fn elect(&self, number: u8, job_master: Option<&JobMasterContact>) {
        let (election, component) = (self.ha.election(), LeaderComponent::JobMaster(job(number)));
        let session = election.leadership().borrow().session().unwrap();
        let told = match job_master {
            Some(contact) => {
                let information = LeaderInformation {
                    session: contact.job_master_id,
                    address: contact.address.clone(),
                };
                election.publish_as(session, component, information).await
            }
            None => election.withdraw(session, component).await,
        };
        told.unwrap();
    }

    /// A JobMaster that leads its job registers.
    async fn join(&self, number: u8, contact: &JobMasterContact) {
        self.elect(number, Some(contact)).await;
        within(self.handle.register_job_master(job(number), contact.clone()))
            .await
            .unwrap();
    }

    async fn declare(&self, number: u8, contact: &JobMasterContact, slots: u32) -> Result<(), ResourceManagerError> {
        let required = vec![(ProfileSpec::Unknown, slots)];
        self.handle
            .declare_required_resources(job(number), contact.job_master_id, required)
            .await
    }

    /// Waits until the plan says so.
    async fn until(&self, is_so: impl Fn(&ResourceOverview) -> bool) {
        within(async {
            while !is_so(&self.handle.overview().await.unwrap()) {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    fn leader(&self) -> bytes::Bytes {
        self.handle.leader.to_wire()
    }
}

fn job(number: u8) -> JobId {
    JobId::from_bytes([number; 16])
}

fn contact(number: u8) -> (JobMasterContact, mpsc::Receiver<ResourceNotice>) {
    let (notices, told) = mpsc::channel(8);
    let contact = JobMasterContact {
        job_master_id: LeaderSessionId::from_bytes([number; 16]),
        address: "127.0.0.1:3".to_owned(),
        notices,
    };
    (contact, told)
}

async fn within<T>(wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(BOUND, wait).await.expect("it comes in time")
}

/// The registration of a worker with one slot, which job 1 has.
fn registration(worker: &str) -> RegisterTaskExecutorRequest {
    RegisterTaskExecutorRequest {
        resource_id: worker.to_owned(),
        rpc_address: "127.0.0.1:1".to_owned(),
        host: "node".to_owned(),
        total_resource: Some((&profile()).into()),
        default_slot: Some((&profile()).into()),
        number_of_slots: 1,
        slots: vec![held_slot()],
        process: Some(handshake::of_worker(InstanceId::from_bytes([5; 16]))),
        ..RegisterTaskExecutorRequest::default()
    }
}

fn held_slot() -> SlotStatus {
    SlotStatus {
        slot_index: 0,
        profile: Some((&profile()).into()),
        job_id: job(1).to_wire(),
        allocation_id: AllocationId::from_bytes([1; 16]).to_wire(),
    }
}

#[tokio::test]
async fn a_job_that_comes_while_requests_are_taken_back_gets_a_request_of_its_own() {
    let (requests, mut requested) = mpsc::unbounded_channel();
    let (cancels, mut cancelled) = mpsc::unbounded_channel();
    let bed = bed(TalkingDriver { requests, cancels }, &[]).await;
    let ((first, _first), (second, _second)) = (contact(1), contact(2));
    bed.join(1, &first).await;
    bed.declare(1, &first, 1).await.unwrap();
    within(requested.recv()).await.unwrap();
    bed.handle
        .disconnect_job_master(job(1), first.job_master_id)
        .await
        .unwrap();
    let (count, answer) = within(cancelled.recv()).await.unwrap();
    assert_eq!(count, 1);

    bed.join(2, &second).await;
    bed.declare(2, &second, 1).await.unwrap();
    bed.until(|overview| overview.usage.pending_slots == 1).await;
    assert!(
        requested.try_recv().is_err(),
        "the request of the first job may yet serve the second"
    );
    answer.send(count).unwrap();
    within(requested.recv()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_job_whose_job_master_ended_silently_is_given_up_after_its_timeout() {
    let (requests, mut requested) = mpsc::unbounded_channel();
    let (cancels, mut cancelled) = mpsc::unbounded_channel();
    let bed = bed(
        TalkingDriver { requests, cancels },
        &[("resourcemanager.job.timeout", "7 min")],
    )
    .await;
    let (first, told) = contact(1);
    bed.join(1, &first).await;
    bed.declare(1, &first, 1).await.unwrap();
    within(requested.recv()).await.unwrap();
    let start = Instant::now();
    drop(told);
    let (count, _answer) = within(cancelled.recv()).await.unwrap();
    assert_eq!(count, 1);
    assert!(start.elapsed() >= Duration::from_secs(7 * 60));
    let unknown = ResourceManagerError::UnknownJob(job(1));
    assert_eq!(bed.declare(1, &first, 1).await, Err(unknown));
    let ended = ResourceManagerError::JobMasterEnded {
        job: job(1),
        job_master: first.job_master_id,
    };
    let again = bed.handle.register_job_master(job(1), first).await;
    assert_eq!(again, Err(ended));
}

#[tokio::test(start_paused = true)]
async fn a_standalone_cluster_fails_what_it_cannot_serve_when_its_set_up_period_is_over() {
    let bed = bed(
        StandaloneDriver,
        &[("resourcemanager.standalone.start-up-time", "20 s")],
    )
    .await;
    let (first, mut told) = contact(1);
    let start = Instant::now();
    bed.join(1, &first).await;
    bed.declare(1, &first, 2).await.unwrap();
    let notice = within(told.recv()).await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(20));
    let expected = ResourceNotice::NotEnoughResources {
        shortage: Shortage::NoWorkersOnDemand,
        required: vec![(ProfileSpec::Unknown, 2)],
        acquired: vec![],
    };
    assert_eq!(notice, expected);
}

#[tokio::test]
async fn a_slot_that_its_worker_does_not_know_any_more_is_told_to_its_job() {
    let bed = bed(StandaloneDriver, &[]).await;
    let (first, mut told) = contact(1);
    bed.join(1, &first).await;
    bed.gateway.register_task_executor(registration("a")).await.unwrap();
    let again = RegisterTaskExecutorRequest {
        slots: vec![],
        ..registration("a")
    };
    bed.gateway.register_task_executor(again.clone()).await.unwrap();
    let worker = bed.handle.task_manager(&"a".into()).await.unwrap();
    assert_eq!(
        worker.slots.free, 0,
        "the same process: the call may have been overtaken"
    );
    let restarted = RegisterTaskExecutorRequest {
        process: Some(handshake::of_worker(InstanceId::from_bytes([6; 16]))),
        ..again
    };
    bed.gateway.register_task_executor(restarted).await.unwrap();
    let notice = within(told.recv()).await.unwrap();
    assert!(
        matches!(&notice, ResourceNotice::SlotLost { allocation_id, .. } if *allocation_id.as_bytes() == [1; 16]),
        "{notice:?}"
    );
}

#[tokio::test]
async fn a_slot_that_comes_free_goes_to_the_job_that_waits_for_it_without_delay() {
    let bed = bed(StandaloneDriver, &[("slotmanager.requirement-check.delay", "1 h")]).await;
    let ((first, _first), (second, _second)) = (contact(1), contact(2));
    bed.join(1, &first).await;
    bed.declare(1, &first, 1).await.unwrap();
    bed.gateway.register_task_executor(registration("a")).await.unwrap();
    bed.join(2, &second).await;
    bed.declare(2, &second, 1).await.unwrap();
    bed.until(|overview| overview.usage.pending_slots == 1).await;
    bed.handle
        .disconnect_job_master(job(1), first.job_master_id)
        .await
        .unwrap();
    let available = NotifySlotAvailableRequest {
        resource_manager_id: bed.leader(),
        resource_id: "a".to_owned(),
        slot_index: 0,
        allocation_id: AllocationId::from_bytes([1; 16]).to_wire(),
    };
    bed.gateway.notify_slot_available(available).await.unwrap();
    let given = bed.until(|overview| overview.usage.pending_slots == 0);
    tokio::time::timeout(Duration::from_secs(60), given)
        .await
        .expect("it is given before the delay is over");
}

#[tokio::test]
async fn nodes_that_are_blocked_are_told_to_the_driver_and_shown() {
    let (blocked, mut told) = mpsc::unbounded_channel();
    let bed = bed(BlockingDriver(blocked), &[]).await;
    bed.gateway.register_task_executor(registration("a")).await.unwrap();
    let hour = Duration::from_secs(3600);
    bed.handle
        .block_nodes(vec!["node".to_owned()], hour, "its disk is slow")
        .await
        .unwrap();
    let expected = UnwantedNodes {
        blocked: BTreeSet::from(["node".to_owned()]),
        avoided: Vec::new(),
    };
    assert_eq!(within(told.recv()).await.unwrap(), expected);
    assert_eq!(bed.handle.overview().await.unwrap().usage.blocked_workers, 1);
    assert!(bed.handle.task_manager(&"a".into()).await.unwrap().slots.blocked);
}
