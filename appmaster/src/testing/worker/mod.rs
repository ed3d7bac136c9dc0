//! A worker that speaks the gateway's protocol over gRPC as a real one does, and whose tasks do what a test says.

mod gateway;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use selvedge_core::{ExecutionAttemptId, InstanceId, ResourceId};
use selvedge_runtime::gateway::grpc::{JobMasterClient, ResourceManagerClient, serve_task_executor};
use selvedge_runtime::gateway::proto::{
    NotifySlotAvailableRequest, NotifyWorkerUnfitRequest, OfferSlotsRequest, RegisterTaskExecutorRequest,
    RegisterTaskManagerRequest, ReleasedPartitions, RequestNextInputSplitRequest, RequestSlotRequest, ResourceProfile,
    SlotOffer, SlotStatus, SubmitTasksRequest, TaskDeploymentDescriptor, TaskMetrics, TaskStateTransition,
    UpdateTaskExecutionStatesRequest,
};
use selvedge_runtime::gateway::{GatewayResult, JobMasterGateway, ResourceManagerGateway, handshake};
use selvedge_runtime::rpc::{self, PortRange, RpcChannel, RpcServer};
use tokio::sync::{Notify, watch};
use tonic::service::Routes;

use crate::local::{LocalWorker, LocalWorkerLauncher, WorkerStart};
use crate::resourcemanager::DriverError;

const INSTANCE: InstanceId = InstanceId::from_bytes([5; 16]);
const DEADLINE: Duration = Duration::from_secs(10);

/// What tasks do.
#[derive(Debug, Clone, Default)]
pub(crate) enum Behaviour {
    /// Read all splits, then FINISH.
    #[default]
    Finish,
    /// Tasks of this vertex fail with this cause; the others run until they are cancelled.
    Fail(&'static str, &'static str),
    /// Run until they are cancelled.
    Run,
    /// There are none: the worker cannot run as it is configured, for this reason.
    Unfit(&'static str),
}

/// Starts such workers, and can kill them.
#[derive(Debug, Default)]
pub(crate) struct Workers {
    pub(crate) behaviour: Behaviour,
    /// Starting a worker fails with this.
    pub(crate) refuse: Option<String>,
    pub(crate) running: Mutex<BTreeMap<ResourceId, Arc<Worker>>>,
}

impl Workers {
    pub(crate) fn new(behaviour: Behaviour) -> Arc<Self> {
        Arc::new(Self {
            behaviour,
            ..Self::default()
        })
    }

    pub(crate) fn get(&self, number: u32) -> Arc<Worker> {
        self.running.lock().unwrap()[&ResourceId(format!("taskmanager-{number}"))].clone()
    }

    /// How many tasks each worker has, by the number of calls that brought them.
    pub(crate) fn deployments(&self) -> Vec<Vec<usize>> {
        self.running
            .lock()
            .unwrap()
            .values()
            .map(|worker| worker.state.lock().unwrap().deployments.clone())
            .collect()
    }
}

#[derive(Debug)]
pub(crate) struct Worker {
    start: WorkerStart,
    rpc_address: String,
    behaviour: Behaviour,
    state: Mutex<State>,
    pub(crate) ended: watch::Sender<Option<String>>,
    cancelled: Notify,
}

/// A slot that a job has.
#[derive(Debug, Clone, Default)]
struct Taken {
    job_id: Bytes,
    allocation_id: Bytes,
    profile: ResourceProfile,
}

#[derive(Debug, Default)]
struct State {
    slots: BTreeMap<u32, Taken>,
    resource_manager_id: Bytes,
    job_master: Option<(String, Bytes)>,
    /// The allocations that a JobMaster has taken.
    active: BTreeSet<Bytes>,
    tasks: BTreeSet<ExecutionAttemptId>,
    job_of_tasks: Bytes,
    to_cancel: BTreeSet<ExecutionAttemptId>,
    deployments: Vec<usize>,
    released: Vec<ReleasedPartitions>,
    splits: u32,
    /// How often it has given up its jobs.
    connection: u64,
    /// The allocations that the JobMaster has here, by its last heartbeat.
    held: BTreeSet<Bytes>,
}

#[async_trait]
impl LocalWorkerLauncher for Workers {
    async fn start(&self, start: WorkerStart) -> Result<Box<dyn LocalWorker>, DriverError> {
        if let Some(cause) = &self.refuse {
            return Err(DriverError(cause.clone()));
        }
        if let Behaviour::Unfit(cause) = self.behaviour {
            let address = &start.resource_manager_address;
            let client = ResourceManagerClient::new(&RpcChannel::control(address, &start.secret, DEADLINE).unwrap());
            let told = NotifyWorkerUnfitRequest {
                resource_id: start.resource_id.0.clone(),
                cause: format!("{}: {cause}", start.resource_id),
            };
            client.notify_worker_unfit(told).await.unwrap();
            return Err(DriverError(format!("{} ended", start.resource_id)));
        }
        let listener = rpc::bind("127.0.0.1", &PortRange::any()).await.unwrap();
        let rpc_address = listener.local_addr().unwrap().to_string();
        let worker = Arc::new(Worker {
            start,
            rpc_address,
            behaviour: self.behaviour.clone(),
            state: Mutex::default(),
            ended: watch::Sender::new(None),
            cancelled: Notify::new(),
        });
        self.running
            .lock()
            .unwrap()
            .insert(worker.start.resource_id.clone(), worker.clone());
        let routes = Routes::new(serve_task_executor(
            Arc::new(Handler(worker.clone())),
            &worker.start.secret,
        ));
        let mut ended = worker.ended.subscribe();
        let server = RpcServer::new(listener).unwrap();
        tokio::spawn(server.serve(routes, async move {
            let _ = ended.wait_for(Option::is_some).await;
        }));
        worker
            .register()
            .await
            .map_err(|error| DriverError(error.to_string()))?;
        Ok(Box::new(Handler(worker)))
    }
}

#[async_trait]
impl LocalWorker for Handler {
    async fn wait(&self) -> String {
        self.0
            .ended
            .subscribe()
            .wait_for(Option::is_some)
            .await
            .unwrap()
            .clone()
            .unwrap()
    }

    async fn stop(&self) {
        self.0.ended.send_replace(Some("stopped".to_owned()));
    }
}

/// The gateway of a worker.
#[derive(Debug)]
struct Handler(Arc<Worker>);

impl Worker {
    fn resource_manager(&self) -> ResourceManagerClient {
        let address = &self.start.resource_manager_address;
        ResourceManagerClient::new(&RpcChannel::control(address, &self.start.secret, DEADLINE).unwrap())
    }

    fn job_master(&self, address: &str) -> JobMasterClient {
        JobMasterClient::new(&RpcChannel::control(address, &self.start.secret, DEADLINE).unwrap())
    }

    /// Ends as a killed process does: without a word to the master.
    pub(crate) fn kill(&self, cause: &str) {
        self.ended.send_replace(Some(cause.to_owned()));
    }

    /// Gives up all that jobs have here, as a worker does that was cut off from their masters.
    pub(crate) async fn give_up_jobs(&self) {
        let jobs: BTreeSet<_> = {
            let mut state = self.state.lock().unwrap();
            state.tasks.clear();
            state.connection += 1;
            state.slots.values().map(|taken| taken.job_id.clone()).collect()
        };
        for job in jobs {
            self.free_slots(&job, true).await;
        }
    }

    /// The slots of the default size, and those that were made on request.
    fn slot_statuses(&self) -> Vec<SlotStatus> {
        let slots = self.state.lock().unwrap().slots.clone();
        let default = Taken {
            profile: (&self.start.spec.slot_profile()).into(),
            ..Taken::default()
        };
        let number = self.start.spec.number_of_slots;
        let status = |slot_index| {
            let taken = slots.get(&slot_index).unwrap_or(&default).clone();
            SlotStatus {
                slot_index,
                profile: Some(taken.profile),
                job_id: taken.job_id,
                allocation_id: taken.allocation_id,
            }
        };
        let made = slots.keys().copied().filter(|index| *index >= number);
        (0..number).chain(made).map(status).collect()
    }

    /// The partitions that it was told to forget.
    pub(crate) fn released(&self) -> Vec<ReleasedPartitions> {
        self.state.lock().unwrap().released.clone()
    }

    /// The indices of the slots that jobs have.
    pub(crate) fn taken_slots(&self) -> Vec<u32> {
        self.state.lock().unwrap().slots.keys().copied().collect()
    }

    /// Whether JobMasters say that they have just what they have.
    pub(crate) fn is_held_right(&self) -> bool {
        let state = self.state.lock().unwrap();
        let taken: BTreeSet<_> = state.slots.values().map(|taken| taken.allocation_id.clone()).collect();
        taken == state.held
    }

    async fn register(&self) -> GatewayResult<()> {
        let request = RegisterTaskExecutorRequest {
            resource_id: self.start.resource_id.0.clone(),
            rpc_address: self.rpc_address.clone(),
            data_address: format!("{}-data:1", self.start.resource_id),
            host: "127.0.0.1".into(),
            total_resource: Some((&self.start.spec.total_profile()).into()),
            default_slot: Some((&self.start.spec.slot_profile()).into()),
            slots: self.slot_statuses(),
            number_of_slots: self.start.spec.number_of_slots,
            process: Some(handshake::of_worker(INSTANCE)),
            ..RegisterTaskExecutorRequest::default()
        };
        let answer = self.resource_manager().register_task_executor(request).await?;
        self.state.lock().unwrap().resource_manager_id = answer.resource_manager_id;
        Ok(())
    }

    async fn offer(&self, request: RequestSlotRequest) -> GatewayResult<()> {
        let master = self.job_master(&request.job_master_address);
        let register = RegisterTaskManagerRequest {
            job_id: request.job_id.clone(),
            job_master_id: request.job_master_id.clone(),
            resource_id: self.start.resource_id.0.clone(),
            rpc_address: self.rpc_address.clone(),
            data_address: format!("{}-data:1", self.start.resource_id),
            host: "127.0.0.1".into(),
            process: Some(handshake::of_worker(INSTANCE)),
            connection: self.state.lock().unwrap().connection,
        };
        master.register_task_manager(register).await?;
        let offer = SlotOffer {
            allocation_id: request.allocation_id.clone(),
            slot_index: request.slot_index,
            profile: request.profile,
        };
        let offers = OfferSlotsRequest {
            job_id: request.job_id,
            job_master_id: request.job_master_id,
            resource_id: self.start.resource_id.0.clone(),
            slots: vec![offer],
        };
        let accepted = master.offer_slots(offers).await?;
        assert_eq!(
            accepted.accepted_allocation_ids,
            std::slice::from_ref(&request.allocation_id)
        );
        self.state.lock().unwrap().active.insert(request.allocation_id);
        Ok(())
    }

    /// Frees what the job has not taken, or all that it has.
    async fn free_slots(&self, job: &Bytes, all: bool) {
        let (freed, resource_manager_id) = {
            let mut state = self.state.lock().unwrap();
            let active = std::mem::take(&mut state.active);
            let is_freed = |taken: &Taken| taken.job_id == *job && (all || !active.contains(&taken.allocation_id));
            let freed: Vec<_> = state.slots.extract_if(.., |_, taken| is_freed(taken)).collect();
            state.active = active;
            (freed, state.resource_manager_id.clone())
        };
        for (slot_index, Taken { allocation_id, .. }) in freed {
            let notify = NotifySlotAvailableRequest {
                resource_manager_id: resource_manager_id.clone(),
                resource_id: self.start.resource_id.0.clone(),
                slot_index,
                allocation_id,
            };
            let _ = self.resource_manager().notify_slot_available(notify).await;
        }
    }

    /// Runs a task as its test says.
    async fn run(self: Arc<Self>, request: SubmitTasksRequest, task: TaskDeploymentDescriptor) {
        let attempt: ExecutionAttemptId = task.attempt.clone().unwrap().into();
        for state in ["INITIALIZING", "RUNNING"] {
            self.report(&request, &attempt, state, "", false).await;
        }
        match &self.behaviour {
            Behaviour::Finish => {
                self.read_splits(&request, &task).await;
                self.report(&request, &attempt, "FINISHED", "", true).await;
            }
            Behaviour::Fail(vertex, cause) if attempt.vertex.as_str() == *vertex => {
                self.report(&request, &attempt, "FAILED", cause, true).await;
            }
            Behaviour::Fail(..) | Behaviour::Run | Behaviour::Unfit(_) => {
                self.wait_for_cancellation(&attempt).await;
                self.report(&request, &attempt, "CANCELED", "", true).await;
            }
        }
        self.state.lock().unwrap().tasks.remove(&attempt);
    }

    async fn wait_for_cancellation(&self, attempt: &ExecutionAttemptId) {
        loop {
            let notified = self.cancelled.notified();
            if self.state.lock().unwrap().to_cancel.contains(attempt) {
                return;
            }
            notified.await;
        }
    }

    async fn read_splits(&self, request: &SubmitTasksRequest, task: &TaskDeploymentDescriptor) {
        if !task.inputs.is_empty() {
            return;
        }
        let (address, _) = self.state.lock().unwrap().job_master.clone().unwrap();
        for sequence in 0.. {
            let ask = RequestNextInputSplitRequest {
                job_id: request.job_id.clone(),
                job_master_id: request.job_master_id.clone(),
                attempt: task.attempt.clone(),
                operator_id: "generate".into(),
                sequence,
            };
            let master = self.job_master(&address);
            // Each answer is lost once.
            let lost = master.request_next_input_split(ask.clone()).await.unwrap().split;
            let split = master.request_next_input_split(ask).await.unwrap().split;
            assert_eq!(split, lost);
            if split.is_empty() {
                return;
            }
            self.state.lock().unwrap().splits += 1;
        }
    }

    async fn report(
        &self,
        request: &SubmitTasksRequest,
        attempt: &ExecutionAttemptId,
        state: &str,
        cause: &str,
        terminal: bool,
    ) {
        let (address, _) = self.state.lock().unwrap().job_master.clone().unwrap();
        let metrics = TaskMetrics {
            records_in: 10,
            accumulators: BTreeMap::from([("drop.records".to_owned(), 5)]),
            ..TaskMetrics::default()
        };
        let transition = TaskStateTransition {
            attempt: Some(attempt.into()),
            state: state.into(),
            timestamp_ms: 0,
            cause: cause.into(),
            failure_type: 0,
            metrics: terminal.then_some(metrics),
            committables: (state == "FINISHED")
                .then(|| Bytes::from(attempt.to_string()))
                .into_iter()
                .collect(),
        };
        let update = UpdateTaskExecutionStatesRequest {
            job_id: request.job_id.clone(),
            job_master_id: request.job_master_id.clone(),
            resource_id: self.start.resource_id.0.clone(),
            transitions: vec![transition],
        };
        // A job that has ended does not want to know.
        let _ = self.job_master(&address).update_task_execution_states(update).await;
    }
}

impl Workers {
    pub(crate) fn splits_read(&self) -> u32 {
        self.running
            .lock()
            .unwrap()
            .values()
            .map(|worker| worker.state.lock().unwrap().splits)
            .sum()
    }
}
