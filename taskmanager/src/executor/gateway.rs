//! The worker as others call it: turns messages into requests to the loop.

use std::sync::Arc;

use async_trait::async_trait;
use selvedge_core::resource::ResourceProfile;
use selvedge_core::{AllocationId, InstanceId, JobId, LeaderSessionId};
use selvedge_runtime::connector::report;
use selvedge_runtime::gateway::convert::{WireId, required_attempt};
use selvedge_runtime::gateway::proto::read_file_request::Kind;
use selvedge_runtime::gateway::proto::{
    CanBeReleasedRequest, CanBeReleasedResponse, CancelTasksRequest, DisconnectJobMasterRequest,
    FreeInactiveSlotsRequest, FreeSlotRequest, HeartbeatFromJobMasterRequest, HeartbeatFromResourceManagerRequest,
    JobHeartbeatPayload, MetricsDump, QueryMetricsRequest, ReadFileRequest, ReleasePartitionsRequest,
    RequestSlotRequest, ShutdownRequest, SlotReport, StartProfilingRequest, StartedProfiling, SubmitTasksRequest,
};
use selvedge_runtime::gateway::{FileContent, GatewayError, GatewayResult, TaskExecutorGateway, proto};
use selvedge_runtime::machine::run_blocking;
use selvedge_runtime::metrics::{self, MetricRegistry};
use selvedge_runtime::threads;
use tokio::sync::{mpsc, oneshot};

use super::event::{HeldSlots, Reply, Request, SlotDemand, Submission, Urgent, WantedSlot};
use super::files::{WorkerFiles, content};
use super::payload::{Payloads, named_blobs};
use crate::exchange::{JobKey, ReleasedPartitions};
use crate::memory::MemoryAccount;
use crate::task::TaskDeployment;

/// The ways into the loop.
#[derive(Debug, Clone)]
pub(super) struct Inbox {
    pub(super) requests: mpsc::Sender<Request>,
    pub(super) urgent: mpsc::Sender<Urgent>,
    pub(super) instance_id: InstanceId,
    pub(super) payloads: Payloads,
    pub(super) files: Arc<WorkerFiles>,
    pub(super) memory: MemoryAccount,
    pub(super) metrics: MetricRegistry,
}

fn gone<E>(_: E) -> GatewayError {
    GatewayError::Unreachable("the worker is shutting down".to_owned())
}

impl Inbox {
    /// A call that means another run of a worker at this address is answered so that its caller gives that one up.
    fn check_instance(&self, meant: &[u8]) -> GatewayResult<()> {
        let meant = InstanceId::from_wire(meant)?;
        if meant == self.instance_id {
            return Ok(());
        }
        let message = format!("this worker is instance {}, the call is for {meant}", self.instance_id);
        tracing::warn!("{message}");
        Err(GatewayError::Fenced(message))
    }

    async fn ask<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> GatewayResult<T> {
        let (reply, answer) = oneshot::channel();
        match self.requests.try_send(request(reply)) {
            Ok(()) => answer.await.map_err(gone)?,
            Err(mpsc::error::TrySendError::Full(_)) => {
                Err(GatewayError::Busy("the worker's queue of requests is full".to_owned()))
            }
            Err(closed) => Err(gone(closed)),
        }
    }

    async fn ask_urgently<T>(&self, request: impl FnOnce(Reply<T>) -> Urgent) -> GatewayResult<T> {
        let (reply, answer) = oneshot::channel();
        self.urgent.send(request(reply)).await.map_err(gone)?;
        answer.await.map_err(gone)?
    }
}

fn job_key(job_id: &[u8], job_master_id: &[u8]) -> GatewayResult<JobKey> {
    Ok(JobKey {
        job_id: JobId::from_wire(job_id)?,
        job_master_id: LeaderSessionId::from_wire(job_master_id)?,
    })
}

fn wanted_slot(request: &RequestSlotRequest) -> GatewayResult<WantedSlot> {
    if !request.dynamic {
        return Ok(WantedSlot::Fixed(request.slot_index));
    }
    let profile = request.profile.as_ref().map(ResourceProfile::from);
    let profile = profile.filter(|profile| *profile != ResourceProfile::ZERO);
    let unsaid = || GatewayError::Rejected("a slot is to be made, and its profile holds nothing".to_owned());
    profile.map(WantedSlot::Made).ok_or_else(unsaid)
}

fn held_slots(held: proto::HeldSlots) -> GatewayResult<HeldSlots> {
    let allocations = held.allocation_ids.iter().map(|id| AllocationId::from_wire(id));
    Ok(HeldSlots {
        version: held.version,
        allocations: allocations.collect::<GatewayResult<_>>()?,
    })
}

fn released(partitions: proto::ReleasedPartitions) -> GatewayResult<ReleasedPartitions> {
    let (subtasks, attempts) = (partitions.subtasks, partitions.attempts);
    if subtasks.len() != attempts.len() {
        return Err(GatewayError::Rejected(format!(
            "{} subtasks of {} with {} attempts are to be released",
            subtasks.len(),
            partitions.vertex,
            attempts.len()
        )));
    }
    Ok(ReleasedPartitions {
        edge: partitions.edge,
        vertex: partitions.vertex.into(),
        attempts: subtasks.into_iter().zip(attempts).collect(),
    })
}

#[async_trait]
impl TaskExecutorGateway for Inbox {
    async fn request_slot(&self, request: RequestSlotRequest) -> GatewayResult<()> {
        let demand = SlotDemand {
            resource_manager: LeaderSessionId::from_wire(&request.resource_manager_id)?,
            slot: wanted_slot(&request)?,
            job: job_key(&request.job_id, &request.job_master_id)?,
            allocation: AllocationId::from_wire(&request.allocation_id)?,
            job_master_address: request.job_master_address,
        };
        self.ask(|reply| Request::Slot(demand, reply)).await
    }

    async fn submit_tasks(&self, request: SubmitTasksRequest) -> GatewayResult<()> {
        let job = job_key(&request.job_id, &request.job_master_id)?;
        let request = self.payloads.whole(request).await?;
        let tasks = TaskDeployment::read_all(request.tasks, &request.peer_groups);
        let tasks = tasks.map_err(|error| GatewayError::Rejected(report(&error)))?;
        let submission = Submission {
            job,
            job_name: request.job_name,
            artifacts: named_blobs(request.artifacts)?,
            tasks,
        };
        self.ask(|reply| Request::Submit(submission, reply)).await
    }

    async fn cancel_tasks(&self, request: CancelTasksRequest) -> GatewayResult<()> {
        let job = job_key(&request.job_id, &request.job_master_id)?;
        let attempts = request
            .attempts
            .into_iter()
            .map(|attempt| required_attempt(Some(attempt)));
        let attempts = attempts.collect::<GatewayResult<_>>()?;
        self.ask(|reply| Request::Cancel(job, attempts, reply)).await
    }

    async fn release_partitions(&self, request: ReleasePartitionsRequest) -> GatewayResult<()> {
        let job = job_key(&request.job_id, &request.job_master_id)?;
        let partitions = request.partitions.into_iter().map(released);
        let partitions = partitions.collect::<GatewayResult<_>>()?;
        self.ask(|reply| Request::ReleasePartitions(job, partitions, reply))
            .await
    }

    async fn free_slot(&self, request: FreeSlotRequest) -> GatewayResult<()> {
        let job = job_key(&request.job_id, &request.job_master_id)?;
        let allocation = AllocationId::from_wire(&request.allocation_id)?;
        self.ask(|reply| Request::FreeSlot(job, allocation, request.cause, reply))
            .await
    }

    async fn free_inactive_slots(&self, request: FreeInactiveSlotsRequest) -> GatewayResult<()> {
        let resource_manager = LeaderSessionId::from_wire(&request.resource_manager_id)?;
        let job = JobId::from_wire(&request.job_id)?;
        self.ask(|reply| Request::FreeInactiveSlots(resource_manager, job, reply))
            .await
    }

    async fn heartbeat_from_resource_manager(
        &self,
        request: HeartbeatFromResourceManagerRequest,
    ) -> GatewayResult<SlotReport> {
        self.check_instance(&request.instance_id)?;
        let id = LeaderSessionId::from_wire(&request.resource_manager_id)?;
        let mut report = self
            .ask_urgently(|reply| Urgent::ResourceManagerHeartbeat(id, reply))
            .await?;
        // Counting the pages of a large worker takes a while: neither the loop nor the runtime waits for it.
        let account = self.memory.clone();
        report.memory = run_blocking(move || account.read()).await.ok();
        Ok(report)
    }

    async fn heartbeat_from_job_master(
        &self,
        request: HeartbeatFromJobMasterRequest,
    ) -> GatewayResult<JobHeartbeatPayload> {
        self.check_instance(&request.instance_id)?;
        let job = job_key(&request.job_id, &request.job_master_id)?;
        let held = held_slots(request.slots.unwrap_or_default())?;
        self.ask_urgently(|reply| Urgent::JobMasterHeartbeat(job, held, reply))
            .await
    }

    async fn disconnect_job_master(&self, request: DisconnectJobMasterRequest) -> GatewayResult<()> {
        let job = job_key(&request.job_id, &request.job_master_id)?;
        self.ask_urgently(|reply| Urgent::DisconnectJob(job, request.cause, reply))
            .await
    }

    async fn can_be_released(&self, request: CanBeReleasedRequest) -> GatewayResult<CanBeReleasedResponse> {
        let id = LeaderSessionId::from_wire(&request.resource_manager_id)?;
        let can_be_released = self.ask_urgently(|reply| Urgent::CanBeReleased(id, reply)).await?;
        Ok(CanBeReleasedResponse { can_be_released })
    }

    async fn start_profiling(&self, request: StartProfilingRequest) -> GatewayResult<StartedProfiling> {
        let id = LeaderSessionId::from_wire(&request.resource_manager_id)?;
        self.ask_urgently(|reply| Urgent::CheckResourceManager(id, reply))
            .await?;
        let files = self.files.clone();
        // A thread is started.
        run_blocking(move || files.profile_for(&request)).await.map_err(gone)?
    }

    async fn query_metrics(&self, _: QueryMetricsRequest) -> GatewayResult<MetricsDump> {
        let registry = self.metrics.clone();
        // Some gauges read files of the system.
        let dump = run_blocking(move || metrics::dump(registry.read())).await;
        dump.map_err(gone)
    }

    async fn read_file(&self, request: ReadFileRequest) -> GatewayResult<FileContent> {
        match request.kind() {
            Kind::ThreadDump => {
                let tasks = self.ask_urgently(Urgent::TaskDump).await?;
                // Reading the threads of a large worker takes a while.
                let dump = run_blocking(move || threads::dump(tasks)).await.map_err(gone)?;
                let dump = dump.map_err(|error| GatewayError::Internal(report(&error)))?;
                Ok(content(dump.to_string()))
            }
            _ => self.files.read(&request).await,
        }
    }

    async fn shutdown(&self, request: ShutdownRequest) -> GatewayResult<()> {
        let id = LeaderSessionId::from_wire(&request.resource_manager_id)?;
        self.ask_urgently(|reply| Urgent::Shutdown(id, request.cause, reply))
            .await
    }
}
