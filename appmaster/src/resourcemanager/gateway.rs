//! The ResourceManager's side of the gateway: fencing and the protocol's messages end here.

use async_trait::async_trait;
use selvedge_core::{AllocationId, JobId, LeaderSessionId, ResourceId};
use selvedge_runtime::gateway::convert::WireId;
use selvedge_runtime::gateway::proto::{
    ConfirmTaskExecutorRequest, DisconnectTaskExecutorRequest, NotifySlotAvailableRequest, NotifyWorkerUnfitRequest,
    RegisterTaskExecutorRequest, RegisterTaskExecutorResponse, SendSlotReportRequest, SlotStatus,
};
use selvedge_runtime::gateway::{GatewayError, GatewayResult, ResourceManagerGateway, handshake};

use super::slot_manager::{ReportedSlot, WorkerResources};
use super::{Reply, Request, ResourceManagerHandle};
use crate::settings::HeartbeatSettings;

/// The ResourceManager as workers see it.
#[derive(Clone, Debug)]
pub(crate) struct Gateway {
    pub(crate) handle: ResourceManagerHandle,
    pub(crate) heartbeat: HeartbeatSettings,
    /// host:port, for workers.
    pub(crate) blob_server_address: String,
    /// The id of this process.
    pub(crate) resource_id: ResourceId,
}

impl Gateway {
    /// The one place where stale calls are dropped.
    fn check(&self, token: &[u8]) -> GatewayResult<()> {
        let token = LeaderSessionId::from_wire(token)?;
        if token == self.handle.leader {
            return Ok(());
        }
        let message = format!("the ResourceManager is {}, the call is for {token}", self.handle.leader);
        tracing::warn!("dropped a stale call: {message}");
        Err(GatewayError::Fenced(message))
    }

    async fn call<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> GatewayResult<T> {
        self.handle
            .call(request)
            .await
            .map_err(|error| GatewayError::Fenced(error.to_string()))
    }
}

#[async_trait]
impl ResourceManagerGateway for Gateway {
    async fn register_task_executor(
        &self,
        request: RegisterTaskExecutorRequest,
    ) -> GatewayResult<RegisterTaskExecutorResponse> {
        handshake::check("worker", request.process.as_ref())?;
        let resources = worker_resources(&request)?;
        let slots = reported_slots(&request.slots)?;
        self.call(|reply| Request::Register {
            registration: Box::new(request),
            resources,
            slots,
            reply,
        })
        .await??;
        Ok(RegisterTaskExecutorResponse {
            resource_manager_id: self.handle.leader.to_wire(),
            heartbeat_interval_ms: self.heartbeat.interval.as_millis() as u64,
            heartbeat_timeout_ms: self.heartbeat.timeout.as_millis() as u64,
            process: Some(handshake::of_master()),
            blob_server_address: self.blob_server_address.clone(),
            resource_id: self.resource_id.0.clone(),
        })
    }

    async fn notify_slot_available(&self, request: NotifySlotAvailableRequest) -> GatewayResult<()> {
        self.check(&request.resource_manager_id)?;
        let allocation_id = AllocationId::from_wire(&request.allocation_id)?;
        let resource_id = request.resource_id.into();
        self.call(|reply| Request::SlotAvailable {
            resource_id,
            allocation_id,
            reply,
        })
        .await?
    }

    async fn send_slot_report(&self, request: SendSlotReportRequest) -> GatewayResult<()> {
        self.check(&request.resource_manager_id)?;
        let report = request.report;
        let report = report.ok_or_else(|| GatewayError::Rejected("the message has no slot report".to_owned()))?;
        let slots = reported_slots(&report.slots)?;
        let resource_id = report.resource_id.into();
        self.call(|reply| Request::SlotReport {
            resource_id,
            slots,
            reply,
        })
        .await?
    }

    async fn disconnect_task_executor(&self, request: DisconnectTaskExecutorRequest) -> GatewayResult<()> {
        self.check(&request.resource_manager_id)?;
        let (resource_id, cause) = (request.resource_id.into(), request.cause);
        self.call(|reply| Request::WorkerLeaves {
            resource_id,
            cause,
            reply,
        })
        .await?
    }

    async fn confirm_task_executor(&self, request: ConfirmTaskExecutorRequest) -> GatewayResult<()> {
        self.check(&request.resource_manager_id)
    }

    async fn notify_worker_unfit(&self, request: NotifyWorkerUnfitRequest) -> GatewayResult<()> {
        let (resource_id, cause) = (request.resource_id.into(), request.cause);
        self.call(|reply| Request::WorkerUnfit {
            resource_id,
            cause,
            reply,
        })
        .await
    }
}

fn worker_resources(request: &RegisterTaskExecutorRequest) -> GatewayResult<WorkerResources> {
    let missing =
        |what: &str| GatewayError::Rejected(format!("the registration of {} has no {what}", request.resource_id));
    let total = request
        .total_resource
        .as_ref()
        .ok_or_else(|| missing("total resource"))?;
    let default_slot = request.default_slot.as_ref().ok_or_else(|| missing("default slot"))?;
    Ok(WorkerResources {
        total: total.into(),
        default_slot: default_slot.into(),
        number_of_slots: request.number_of_slots,
        node: request.host.clone(),
    })
}

/// The slots that are taken, of those that a worker reports.
pub(super) fn reported_slots(slots: &[SlotStatus]) -> GatewayResult<Vec<ReportedSlot>> {
    let taken = slots.iter().filter(|slot| !slot.allocation_id.is_empty());
    taken.map(reported_slot).collect()
}

fn reported_slot(status: &SlotStatus) -> GatewayResult<ReportedSlot> {
    let profile = status.profile.as_ref();
    let profile = profile.ok_or_else(|| GatewayError::Rejected("a slot without a profile".to_owned()))?;
    Ok(ReportedSlot {
        index: status.slot_index,
        profile: profile.into(),
        job_id: JobId::from_wire(&status.job_id)?,
        allocation_id: AllocationId::from_wire(&status.allocation_id)?,
    })
}
