//! The registered workers: connections, heartbeats, and the calls that go to them.

use std::collections::BTreeMap;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use selvedge_core::resource::ResourceProfile;
use selvedge_core::{JobId, LeaderSessionId, ResourceId};
use selvedge_runtime::clock::Timestamp;
use selvedge_runtime::gateway::convert::WireId;
use selvedge_runtime::gateway::proto::{
    CanBeReleasedRequest, ExternalResource, FreeInactiveSlotsRequest, HeartbeatFromResourceManagerRequest, MemoryUse,
    RegisterTaskExecutorRequest, RequestSlotRequest, ShutdownRequest, SlotReport,
};
use selvedge_runtime::gateway::{GatewayError, GatewayResult};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::info::TaskManagerInfo;
use super::slot_manager::{Allocation, SlotUse};
use super::{JobMasterContact, ResourceManagerError};
use crate::connections::{Connection, Connections};
use crate::settings::HeartbeatSettings;
use crate::worker::Gateway;

/// What workers answered.
#[derive(Debug)]
pub(super) enum WorkerEvent {
    SlotAnswered {
        allocation: Allocation,
        outcome: GatewayResult<()>,
    },
    /// Whether a worker that has been idle since then may be released.
    ReleaseAnswered {
        resource_id: ResourceId,
        idle_since: Instant,
        outcome: GatewayResult<bool>,
    },
    Heartbeat {
        resource_id: ResourceId,
        report: SlotReport,
        sent: Instant,
    },
    Silent {
        resource_id: ResourceId,
        cause: String,
    },
}

/// What is known of a worker.
struct Known {
    registration: RegisterTaskExecutorRequest,
    last_heartbeat: Timestamp,
    memory_use: MemoryUse,
}

/// The registered workers.
pub(super) struct Workers {
    leader: LeaderSessionId,
    connections: Connections<Known, WorkerEvent>,
}

impl Workers {
    pub(super) fn new(
        leader: LeaderSessionId,
        heartbeat: HeartbeatSettings,
        events: mpsc::Sender<WorkerEvent>,
    ) -> Self {
        Self {
            leader,
            connections: Connections::new(heartbeat, events),
        }
    }

    pub(super) fn add(&mut self, registration: RegisterTaskExecutorRequest, gateway: Gateway, now: Timestamp) {
        let resource_id = ResourceId(registration.resource_id.clone());
        let request = HeartbeatFromResourceManagerRequest {
            resource_manager_id: self.leader.to_wire(),
            instance_id: registration.process.clone().unwrap_or_default().instance_id,
        };
        let beat = move |gateway: Gateway| {
            let request = request.clone();
            async move { gateway.heartbeat_from_resource_manager(request).await }
        };
        let answered = |resource_id, report, sent| WorkerEvent::Heartbeat {
            resource_id,
            report,
            sent,
        };
        let silent = |resource_id, cause| WorkerEvent::Silent { resource_id, cause };
        let known = Known {
            registration,
            last_heartbeat: now,
            memory_use: MemoryUse::default(),
        };
        self.connections
            .add(resource_id.clone(), gateway, known, beat, answered, silent);
        // Before the first beat there is no connection that could tell the end of an idle worker.
        if let Some(worker) = self.connections.get(&resource_id) {
            worker.wake();
        }
    }

    /// Whether the process that registers is registered already.
    pub(super) fn is_of_known_process(&self, registration: &RegisterTaskExecutorRequest) -> bool {
        let known = self.connections.get(&ResourceId(registration.resource_id.clone()));
        known.is_some_and(|worker| {
            worker.known.registration.process.is_some() && worker.known.registration.process == registration.process
        })
    }

    /// Forgets a worker. `false` where it is not known.
    pub(super) fn remove(&mut self, resource_id: &ResourceId) -> bool {
        self.connections.remove(resource_id)
    }

    pub(super) fn beat(&mut self, resource_id: &ResourceId, now: Timestamp, memory_use: Option<MemoryUse>) {
        if let Some(worker) = self.connections.get_mut(resource_id) {
            worker.known.last_heartbeat = now;
            worker.known.memory_use = memory_use.unwrap_or(worker.known.memory_use);
        }
    }

    pub(super) fn request_slot(&mut self, allocation: Allocation, contact: &JobMasterContact) {
        let request = RequestSlotRequest {
            resource_manager_id: self.leader.to_wire(),
            slot_index: allocation.slot_index.unwrap_or_default(),
            dynamic: allocation.slot_index.is_none(),
            job_id: allocation.job_id.to_wire(),
            allocation_id: allocation.allocation_id.to_wire(),
            profile: Some((&allocation.profile).into()),
            job_master_address: contact.address.clone(),
            job_master_id: contact.job_master_id.to_wire(),
        };
        let gateway = self.connections.gateway(&allocation.resource_id);
        let events = self.connections.events.clone();
        self.connections.spawn(async move {
            let outcome = match gateway {
                Some(gateway) => request_slot(&gateway, request).await,
                None => Err(GatewayError::Unreachable("the worker is gone".to_owned())),
            };
            let _ = events.send(WorkerEvent::SlotAnswered { allocation, outcome }).await;
        });
    }

    /// The job needs nothing any more: what it has not taken of the worker need not wait for it.
    pub(super) fn free_inactive_slots(&mut self, resource_id: ResourceId, job: JobId) {
        let Some(gateway) = self.connections.gateway(&resource_id) else {
            return;
        };
        let request = FreeInactiveSlotsRequest {
            resource_manager_id: self.leader.to_wire(),
            job_id: job.to_wire(),
        };
        self.connections.spawn(async move {
            // The worker may have freed them already; what it keeps ends after `taskmanager.slot.timeout`.
            if let Err(error) = gateway.free_inactive_slots(request).await {
                tracing::debug!(%job, "{resource_id} has freed no slots: {error}");
            }
        });
    }

    /// Asks a worker that has been idle since then whether it may be released.
    pub(super) fn ask_release(&mut self, resource_id: ResourceId, idle_since: Instant) {
        let request = CanBeReleasedRequest {
            resource_manager_id: self.leader.to_wire(),
        };
        let (gateway, events) = (self.connections.gateway(&resource_id), self.connections.events.clone());
        self.connections.spawn(async move {
            let outcome = match gateway {
                Some(gateway) => gateway.can_be_released(request).await,
                None => Err(GatewayError::Unreachable("the worker is gone".to_owned())),
            };
            let answered = WorkerEvent::ReleaseAnswered {
                resource_id,
                idle_since,
                outcome: outcome.map(|answer| answer.can_be_released),
            };
            let _ = events.send(answered).await;
        });
    }

    /// A call of the worker's own log, to be made by the caller.
    pub(super) fn gateway(&self, resource_id: &ResourceId) -> Result<Gateway, ResourceManagerError> {
        self.connections
            .gateway(resource_id)
            .ok_or_else(|| ResourceManagerError::UnknownWorker(resource_id.clone()))
    }

    /// Tells a worker to end. It may be gone already.
    pub(super) async fn shut_down(gateway: Gateway, leader: LeaderSessionId, cause: String) {
        let request = ShutdownRequest {
            resource_manager_id: leader.to_wire(),
            cause,
        };
        if let Err(error) = gateway.shutdown(request).await {
            tracing::debug!("a worker was not told to end: {error}");
        }
    }

    pub(super) fn all(&self) -> Vec<(ResourceId, Gateway)> {
        self.connections
            .iter()
            .map(|(id, worker)| (id.clone(), worker.gateway.clone()))
            .collect()
    }

    pub(super) fn info(&self, slots_of: impl Fn(&ResourceId) -> SlotUse) -> Vec<TaskManagerInfo> {
        let info = |(resource_id, worker): (&ResourceId, &Connection<Known>)| {
            let registration = &worker.known.registration;
            TaskManagerInfo {
                resource_id: resource_id.clone(),
                rpc_address: registration.rpc_address.clone(),
                data_address: registration.data_address.clone(),
                host: registration.host.clone(),
                hardware: registration.hardware.unwrap_or_default(),
                memory: registration.memory.unwrap_or_default(),
                memory_use: worker.known.memory_use,
                total: ResourceProfile::from(&registration.total_resource.clone().unwrap_or_default()),
                slots: slots_of(resource_id),
                external_resources: external_resources(&registration.external_resources),
                last_heartbeat: worker.known.last_heartbeat,
            }
        };
        self.connections.iter().map(info).collect()
    }
}

fn external_resources(found: &[ExternalResource]) -> BTreeMap<String, Vec<String>> {
    found
        .iter()
        .map(|resource| (resource.name.clone(), resource.indices.clone()))
        .collect()
}

/// Asks a worker for a slot; again where it is busy: the first request may overtake the answer to its registration.
async fn request_slot(gateway: &Gateway, request: RequestSlotRequest) -> GatewayResult<()> {
    let retry = ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(5))
        .with_max_times(6)
        .with_jitter();
    (|| gateway.request_slot(request.clone()))
        .retry(retry)
        .when(|error| matches!(error, GatewayError::Busy(_)))
        .await
}
