//! The ResourceManager's side of the gateway: fencing and the protocol's messages end here.

use async_trait::async_trait;
use selvedge_core::{AllocationId, JobId, LeaderSessionId};
use selvedge_runtime::gateway::convert::WireId;
use selvedge_runtime::gateway::proto::{
    DisconnectTaskExecutorRequest, NotifySlotAvailableRequest, NotifyWorkerUnfitRequest, RegisterTaskExecutorRequest,
    RegisterTaskExecutorResponse, SlotStatus,
};
use selvedge_runtime::gateway::{GatewayError, GatewayResult, ResourceManagerGateway};

use super::slots::ReportedSlot;
use super::{Reply, Request, ResourceManagerHandle};
use crate::settings::HeartbeatSettings;

/// The ResourceManager as workers see it.
#[derive(Clone, Debug)]
pub(crate) struct Gateway {
    pub(crate) handle: ResourceManagerHandle,
    pub(crate) heartbeat: HeartbeatSettings,
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
        let slots = request
            .slots
            .iter()
            .map(reported_slot)
            .collect::<GatewayResult<Vec<_>>>()?;
        self.call(|reply| Request::Register {
            request: Box::new(request),
            slots,
            reply,
        })
        .await??;
        Ok(RegisterTaskExecutorResponse {
            resource_manager_id: self.handle.leader.to_wire(),
            heartbeat_interval_ms: self.heartbeat.interval.as_millis() as u64,
            heartbeat_timeout_ms: self.heartbeat.timeout.as_millis() as u64,
        })
    }

    async fn notify_slot_available(&self, request: NotifySlotAvailableRequest) -> GatewayResult<()> {
        self.check(&request.resource_manager_id)?;
        let allocation_id = AllocationId::from_wire(&request.allocation_id)?;
        let (resource_id, slot_index) = (request.resource_id.into(), request.slot_index);
        self.call(|reply| Request::SlotAvailable {
            resource_id,
            slot_index,
            allocation_id,
            reply,
        })
        .await
    }

    async fn disconnect_task_executor(&self, request: DisconnectTaskExecutorRequest) -> GatewayResult<()> {
        self.check(&request.resource_manager_id)?;
        let (resource_id, cause) = (request.resource_id.into(), request.cause);
        self.call(|reply| Request::WorkerLeaves {
            resource_id,
            cause,
            reply,
        })
        .await
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

/// A slot as a worker reports it.
pub(super) fn reported_slot(status: &SlotStatus) -> GatewayResult<ReportedSlot> {
    let allocated = if status.allocation_id.is_empty() {
        None
    } else {
        Some((
            JobId::from_wire(&status.job_id)?,
            AllocationId::from_wire(&status.allocation_id)?,
        ))
    };
    let profile = status.profile.as_ref();
    let profile = profile.ok_or_else(|| GatewayError::Rejected("a slot without a profile".to_owned()))?;
    Ok(ReportedSlot {
        index: status.slot_index,
        profile: profile.into(),
        allocated,
    })
}
