//! A master that follows a script: it records what workers tell it and answers as it is set.

mod gateways;

use std::net::TcpListener as StdListener;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use selvedge_core::memory::{ConsumerWeights, TaskExecutorProcessSpec};
use selvedge_core::{AllocationId, Configuration, InstanceId, LeaderSessionId, MemorySize};
use selvedge_runtime::blob::BlobCacheSettings;
use selvedge_runtime::clock::{Clock, SystemClock, Timestamp};
use selvedge_runtime::gateway::convert::WireId;
use selvedge_runtime::gateway::grpc::TaskExecutorClient;
use selvedge_runtime::gateway::proto::{
    ChannelPeer, HeartbeatFromResourceManagerRequest, InputGate, NotifySlotAvailableRequest, NotifyWorkerUnfitRequest,
    OfferSlotsRequest, ProcessIdentity, RegisterTaskExecutorRequest, RegisterTaskManagerRequest, RequestSlotRequest,
    ResultPartition, SlotStatus, SubmitTasksRequest, TaskDeploymentDescriptor, TaskStateTransition,
};
use selvedge_runtime::gateway::{TaskExecutorGateway, handshake};
use selvedge_runtime::ha::LeaderRetrieval;
use selvedge_runtime::profiling::ProfilingSettings;
use selvedge_runtime::rpc::{PortRange, RpcChannel};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;

use super::{TaskExecutor, TaskExecutorConfig, TaskExecutorHandle, TaskExecutorTimeouts};
use crate::exchange::JobKey;
use crate::exchange::testing::{attempt, job, no_files, secret};
use crate::task::testing::{TestPlanner, spec};
use gateways::Gateways;

/// What the master asks of workers, unless its script says otherwise: no test lasts so long.
pub(super) const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(60);

pub(super) const INSTANCE: InstanceId = InstanceId::from_bytes([7; 16]);

/// The machine's clock, put forward by a test in place of waiting.
#[derive(Debug, Default)]
pub(super) struct SkippingClock(Mutex<Duration>);

impl SkippingClock {
    pub(super) fn skip(&self, time: Duration) {
        *self.0.lock() += time;
    }
}

impl Clock for SkippingClock {
    fn wall(&self) -> Timestamp {
        SystemClock.wall() + *self.0.lock()
    }

    fn monotonic(&self) -> tokio::time::Instant {
        SystemClock.monotonic() + *self.0.lock()
    }
}

/// What a worker has told the master.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a test holds a few")]
pub(super) enum Told {
    Registered(RegisterTaskExecutorRequest),
    SlotFree(NotifySlotAvailableRequest),
    WorkerEnds(String),
    Unfit(NotifyWorkerUnfitRequest),
    JobRegistered(RegisterTaskManagerRequest),
    Offered(OfferSlotsRequest),
    States(Vec<TaskStateTransition>),
    SlotFailed,
    /// Whether the ResourceManager, or the JobMaster, is still the same.
    AskedAgain,
    JobAskedAgain,
}

/// How the master answers.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) heartbeat_timeout: Duration,
    pub(super) accept_slots: bool,
    /// Calls that are answered with `Busy` before one is taken.
    pub(super) busy_for: u32,
    pub(super) refuse_worker: bool,
    pub(super) process: ProcessIdentity,
    pub(super) splits: Vec<&'static str>,
    /// host:port of the BlobServer that workers are told of.
    pub(super) blob_server: String,
}

pub(super) struct Master {
    pub(super) script: Arc<Mutex<Script>>,
    pub(super) address: String,
    told: UnboundedReceiver<Told>,
    gateways: Arc<Gateways>,
    listener: StdListener,
    server: JoinHandle<()>,
}

pub(super) fn leader() -> LeaderSessionId {
    LeaderSessionId::from_bytes([9; 16])
}

pub(super) fn allocation(byte: u8) -> AllocationId {
    AllocationId::from_bytes([byte; 16])
}

impl Master {
    pub(super) async fn start() -> Self {
        let script = Arc::new(Mutex::new(Script {
            heartbeat_timeout: HEARTBEAT_TIMEOUT,
            accept_slots: true,
            busy_for: 0,
            refuse_worker: false,
            process: handshake::of_master(),
            splits: Vec::new(),
            blob_server: "127.0.0.1:1".to_owned(),
        }));
        let (sender, told) = unbounded_channel();
        let gateways = Arc::new(Gateways {
            script: script.clone(),
            told: sender,
        });
        let listener = StdListener::bind("127.0.0.1:0").unwrap();
        Self {
            script,
            address: listener.local_addr().unwrap().to_string(),
            told,
            server: gateways.clone().serve(&listener),
            gateways,
            listener,
        }
    }

    /// Its process ends: the kernel closes its port, and then all connections.
    pub(super) fn end(self) {
        drop(self.listener);
        self.server.abort();
    }

    /// All its connections break; new ones can be made.
    pub(super) async fn cut_connections(&mut self) {
        self.server.abort();
        assert!((&mut self.server).await.unwrap_err().is_cancelled());
        self.server = self.gateways.clone().serve(&self.listener);
    }

    /// The next thing that a worker tells.
    pub(super) async fn next(&mut self) -> Told {
        let next = tokio::time::timeout(Duration::from_secs(20), self.told.recv());
        next.await.expect("the worker is silent").unwrap()
    }

    /// States by name until this many tasks have ended, and the last transitions.
    pub(super) async fn states(&mut self, tasks: usize) -> (Vec<String>, Vec<TaskStateTransition>) {
        let (mut names, mut ended) = (Vec::new(), Vec::new());
        while ended.len() < tasks {
            let Told::States(transitions) = self.next().await else {
                continue;
            };
            for transition in transitions {
                let attempt = transition.attempt.clone().unwrap();
                names.push(format!("{} {}", attempt.vertex, transition.state));
                if transition.metrics.is_some() {
                    ended.push(transition);
                }
            }
        }
        (names, ended)
    }

    pub(super) async fn worker(&self, timeouts: TaskExecutorTimeouts) -> Worker {
        self.worker_with(timeouts, |_| {}).await
    }

    pub(super) async fn worker_with(
        &self,
        timeouts: TaskExecutorTimeouts,
        change: impl FnOnce(&mut TaskExecutorConfig),
    ) -> Worker {
        let planner = Arc::new(TestPlanner::default());
        let mut config = self.config(timeouts, planner.clone());
        change(&mut config);
        // No attempt to register is repeated only because the machine is slow: each is told.
        config.timeouts.registration_pauses.initial_timeout = Duration::from_secs(20);
        let handle = TaskExecutor::start(config).await.unwrap();
        let channel = RpcChannel::control(&handle.addresses().rpc, &secret(1), Duration::from_secs(10)).unwrap();
        Worker {
            gateway: TaskExecutorClient::new(&channel),
            handle,
            planner,
        }
    }

    pub(super) fn config(&self, timeouts: TaskExecutorTimeouts, planner: Arc<TestPlanner>) -> TaskExecutorConfig {
        TaskExecutorConfig {
            resource_id: "container_1".into(),
            instance_id: INSTANCE,
            host: "127.0.0.1".to_owned(),
            bind_host: "127.0.0.1".to_owned(),
            node: "node-1".to_owned(),
            rpc_ports: PortRange::any(),
            data_ports: PortRange::any(),
            resource_manager: LeaderRetrieval::fixed(self.address.clone()),
            secret: secret(1),
            memory: memory(),
            consumer_weights: ConsumerWeights::read(&Configuration::new()).unwrap(),
            discoveries: Vec::new(),
            own_process: false,
            file_systems: no_files(),
            temp_dirs: Vec::new(),
            blob_storage: std::env::temp_dir(),
            log_file: None,
            stdout_file: None,
            profiling: ProfilingSettings::read(&Configuration::new()).unwrap(),
            planner,
            runner: TaskExecutorConfig::thread_runner(),
            clock: Arc::new(SystemClock),
            blobs: blobs(),
            timeouts,
        }
    }
}

/// As by default, without a second try.
fn blobs() -> BlobCacheSettings {
    let mut settings = BlobCacheSettings::read(&Configuration::new()).unwrap();
    settings.limits.retries = 0;
    settings
}

fn memory() -> TaskExecutorProcessSpec {
    let size = MemorySize::from_mebibytes;
    TaskExecutorProcessSpec {
        cpu_cores: selvedge_core::resource::Quantity::from_whole(1),
        framework_heap: size(1),
        task_heap: size(8),
        framework_off_heap: size(1),
        task_off_heap: size(0),
        network: size(2),
        managed: size(8),
        jvm_metaspace: size(0),
        jvm_overhead: size(0),
        number_of_slots: 2,
        external_resources: std::collections::BTreeMap::new(),
    }
}

pub(super) struct Worker {
    pub(super) gateway: TaskExecutorClient,
    pub(super) handle: TaskExecutorHandle,
    pub(super) planner: Arc<TestPlanner>,
}

impl Worker {
    /// Waits until the worker knows that it is registered: the master knows it before.
    pub(super) async fn until_registered(&self) {
        self.until_reports(|_| true).await;
    }

    /// Waits until the worker answers the ResourceManager's heartbeat with such slots.
    pub(super) async fn until_reports(&self, is_so: impl Fn(&[SlotStatus]) -> bool) {
        let heartbeat = HeartbeatFromResourceManagerRequest {
            resource_manager_id: leader().to_wire(),
            instance_id: INSTANCE.to_wire(),
        };
        let reported = async {
            loop {
                let report = self.gateway.heartbeat_from_resource_manager(heartbeat.clone()).await;
                if report.is_ok_and(|report| is_so(&report.slots)) {
                    break;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), reported).await.unwrap();
    }
}

/// The ResourceManager's demand for a slot.
pub(super) fn demand(master: &Master, slot_index: u32, to: AllocationId) -> RequestSlotRequest {
    RequestSlotRequest {
        resource_manager_id: leader().to_wire(),
        slot_index,
        job_id: job(1).job_id.to_wire(),
        allocation_id: to.to_wire(),
        profile: None,
        job_master_address: master.address.clone(),
        job_master_id: job(1).job_master_id.to_wire(),
        dynamic: false,
    }
}

/// A submission of tasks.
pub(super) fn submission(key: JobKey, tasks: Vec<TaskDeploymentDescriptor>) -> SubmitTasksRequest {
    SubmitTasksRequest {
        job_id: key.job_id.to_wire(),
        job_master_id: key.job_master_id.to_wire(),
        job_name: "test".to_owned(),
        tasks,
        ..SubmitTasksRequest::default()
    }
}

/// A task with the planner's operator of this name as its vertex and only operator.
pub(super) fn task(operator: &str, slot: AllocationId) -> TaskDeploymentDescriptor {
    TaskDeploymentDescriptor {
        attempt: Some((&attempt(operator, 0)).into()),
        allocation_id: slot.to_wire(),
        task_name: operator.to_owned(),
        parallelism: 1,
        max_parallelism: 128,
        chain: serde_json::to_vec(&[spec(operator)]).unwrap().into(),
        inputs: Vec::new(),
        outputs: Vec::new(),
    }
}

const SCHEMA: &[u8] = br#"[{"name": "n", "type": "Int64", "nullable": false}]"#;

/// Joins two tasks of one worker by a hash edge.
pub(super) fn join(from: &mut TaskDeploymentDescriptor, to: &mut TaskDeploymentDescriptor, worker: &Worker) {
    let peer = |attempt: &TaskDeploymentDescriptor| ChannelPeer {
        attempt: attempt.attempt.clone(),
        resource_id: "container_1".to_owned(),
        data_address: worker.handle.addresses().data.clone(),
    };
    from.outputs.push(ResultPartition {
        edge: 0,
        schema: Bytes::from_static(SCHEMA),
        partitioner: Bytes::from_static(br#"{"type": "hash", "keys": ["n"]}"#),
        channels: vec![peer(to)],
        consumer_max_parallelism: 128,
        peer_group: 0,
    });
    to.inputs.push(InputGate {
        edge: 0,
        schema: Bytes::from_static(SCHEMA),
        channels: vec![peer(from)],
        peer_group: 0,
    });
}
