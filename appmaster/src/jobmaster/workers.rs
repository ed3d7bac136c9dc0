//! The workers of a job: connections, heartbeats, and the calls that go to them, each on a task of its own.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use selvedge_core::{ExecutionAttemptId, ResourceId};
use selvedge_runtime::gateway::convert::WireId;
use selvedge_runtime::gateway::proto::{
    CancelTasksRequest, DisconnectJobMasterRequest, FreeSlotRequest, HeartbeatFromJobMasterRequest, HeldSlots,
    JobHeartbeatPayload, ReleasePartitionsRequest, ReleasedPartitions, SubmitTasksRequest,
};
use selvedge_runtime::gateway::{GatewayError, GatewayResult};
use tokio::sync::{Semaphore, mpsc};

use super::deployment::{Deployment, JobHeader};
use super::execution_graph::TaskLocation;
use super::ledger::Held;
use crate::connections::Connections;
use crate::settings::HeartbeatSettings;
use crate::worker::Gateway;

/// How long a cancellation that did not get through waits before it is sent again.
const CANCEL_RETRY: Duration = Duration::from_secs(1);
/// How many workers are sent their tasks at once, or what they are to forget: the calls of a job with thousands of workers are
/// never all in memory.
const DEPLOYMENTS_AT_ONCE: usize = 64;

/// What workers answered.
#[derive(Debug)]
pub(super) enum WorkerEvent {
    Deployed {
        resource_id: ResourceId,
        outcome: GatewayResult<()>,
    },
    CancelAnswered {
        resource_id: ResourceId,
        attempts: Vec<ExecutionAttemptId>,
        outcome: GatewayResult<()>,
    },
    CancelAgain {
        resource_id: ResourceId,
        attempts: Vec<ExecutionAttemptId>,
    },
    Heartbeat {
        resource_id: ResourceId,
        payload: JobHeartbeatPayload,
    },
    Silent {
        resource_id: ResourceId,
        cause: String,
    },
}

/// A worker's connection to the JobMaster, as the worker counts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WorkerLink {
    /// The run of the worker's process.
    pub(super) instance_id: Bytes,
    pub(super) number: u64,
}

/// What a registration says of an earlier one of the same worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Registering {
    /// There is none.
    First,
    /// It is the same one: its answer was lost.
    Again,
    /// The worker has given that one up, with all that it had of the job.
    Anew,
    /// It is older: it was overtaken on its way.
    Late,
}

/// What is known of a worker.
struct Known {
    link: WorkerLink,
    /// What heartbeats say of its slots.
    held: Arc<Mutex<HeldSlots>>,
    /// How many calls with its tasks are on the way. A cancellation must not overtake them.
    deploying: usize,
    cancel_when_deployed: Vec<ExecutionAttemptId>,
}

/// The connected workers of a job.
pub(super) struct Workers {
    job: JobHeader,
    deployments: Arc<Semaphore>,
    releases: Arc<Semaphore>,
    connections: Connections<Known, WorkerEvent>,
}

impl Workers {
    pub(super) fn new(job: JobHeader, heartbeat: HeartbeatSettings, events: mpsc::Sender<WorkerEvent>) -> Self {
        Self {
            job,
            deployments: Arc::new(Semaphore::new(DEPLOYMENTS_AT_ONCE)),
            releases: Arc::new(Semaphore::new(DEPLOYMENTS_AT_ONCE)),
            connections: Connections::new(heartbeat, events),
        }
    }

    /// How a worker that registers was known before.
    pub(super) fn registering(&self, resource_id: &ResourceId, link: &WorkerLink) -> Registering {
        match self.connections.get(resource_id).map(|worker| &worker.known.link) {
            None => Registering::First,
            Some(known) if known == link => Registering::Again,
            Some(known) if known.instance_id == link.instance_id && known.number > link.number => Registering::Late,
            Some(_) => Registering::Anew,
        }
    }

    /// Makes a worker known and watches it.
    pub(super) fn add(&mut self, resource_id: &ResourceId, link: WorkerLink, gateway: Gateway) {
        let held = Arc::<Mutex<HeldSlots>>::default();
        let request = HeartbeatFromJobMasterRequest {
            job_id: self.job.job_id.to_wire(),
            job_master_id: self.job.job_master_id.to_wire(),
            instance_id: link.instance_id.clone(),
            slots: None,
        };
        let told = held.clone();
        let beat = move |gateway: Gateway| {
            let request = HeartbeatFromJobMasterRequest {
                slots: Some(told.lock().clone()),
                ..request.clone()
            };
            async move { gateway.heartbeat_from_job_master(request).await }
        };
        let answered = |resource_id, payload, _| WorkerEvent::Heartbeat { resource_id, payload };
        let silent = |resource_id, cause| WorkerEvent::Silent { resource_id, cause };
        let known = Known {
            link,
            held,
            deploying: 0,
            cancel_when_deployed: Vec::new(),
        };
        self.connections
            .add(resource_id.clone(), gateway, known, beat, answered, silent);
    }

    /// Heartbeats say from now on that the job has these slots of the worker.
    pub(super) fn hold(&self, resource_id: &ResourceId, held: &Held) {
        if let Some(worker) = self.connections.get(resource_id) {
            *worker.known.held.lock() = HeldSlots {
                version: held.version,
                allocation_ids: held.allocations.iter().map(WireId::to_wire).collect(),
            };
        }
    }

    pub(super) fn remove(&mut self, resource_id: &ResourceId) {
        self.connections.remove(resource_id);
    }

    /// Asks all workers for their figures now.
    pub(super) fn wake(&self) {
        self.connections.iter().for_each(|(_, worker)| worker.wake());
    }

    /// Sends each worker its tasks.
    pub(super) fn deploy(&mut self, deployment: Deployment) {
        for (resource_id, tasks) in deployment.workers {
            tracing::info!(job = %self.job.job_id, "deploying {} tasks to {resource_id}", tasks.len());
            let request = self.job.submission(tasks, &deployment.peer_groups);
            self.submit(resource_id, request);
        }
    }

    fn submit(&mut self, resource_id: ResourceId, request: SubmitTasksRequest) {
        let events = self.connections.events.clone();
        let turns = self.deployments.clone();
        let gateway = self.connections.get_mut(&resource_id).map(|worker| {
            worker.known.deploying += 1;
            worker.gateway.clone()
        });
        self.connections.spawn(async move {
            // The semaphore is never closed.
            let turn = turns.acquire().await;
            let outcome = match gateway {
                Some(gateway) => gateway.submit_tasks(request).await,
                None => Err(GatewayError::Unreachable("the worker is gone".to_owned())),
            };
            drop(turn);
            let _ = events.send(WorkerEvent::Deployed { resource_id, outcome }).await;
        });
    }

    /// Has workers forget partitions. One that cannot be told keeps them until the job ends.
    pub(super) fn release(&mut self, workers: Vec<ResourceId>, partitions: &Arc<[ReleasedPartitions]>) {
        for resource_id in workers {
            let Some(gateway) = self.connections.gateway(&resource_id) else {
                continue;
            };
            let (job_id, job_master_id) = (self.job.job_id, self.job.job_master_id);
            let (turns, partitions) = (self.releases.clone(), partitions.clone());
            self.connections.spawn(async move {
                // The semaphore is never closed.
                let _turn = turns.acquire().await;
                let request = ReleasePartitionsRequest {
                    job_id: job_id.to_wire(),
                    job_master_id: job_master_id.to_wire(),
                    partitions: partitions.to_vec(),
                };
                if let Err(error) = gateway.release_partitions(request).await {
                    tracing::info!(job = %job_id, "{resource_id} keeps what it was to forget of partitions: {error}");
                }
            });
        }
    }

    /// The job does not need a slot any more.
    pub(super) fn return_slot(&mut self, slot: &TaskLocation) {
        let Some(gateway) = self.connections.gateway(&slot.resource_id) else {
            return;
        };
        let request = FreeSlotRequest {
            job_id: self.job.job_id.to_wire(),
            job_master_id: self.job.job_master_id.to_wire(),
            allocation_id: slot.allocation_id.to_wire(),
            cause: "the job has not used it for slot.idle.timeout".to_owned(),
        };
        let (job, worker) = (self.job.job_id, slot.resource_id.clone());
        self.connections.spawn(async move {
            if let Err(error) = gateway.free_slot(request).await {
                tracing::info!(%job, "{worker} was not told that a slot is free: {error}");
            }
        });
    }

    /// The worker has its tasks: what was to be cancelled meanwhile can be sent.
    pub(super) fn deployed(&mut self, resource_id: &ResourceId) {
        if let Some(worker) = self.connections.get_mut(resource_id) {
            worker.known.deploying = worker.known.deploying.saturating_sub(1);
            if worker.known.deploying > 0 {
                return;
            }
            let waiting = std::mem::take(&mut worker.known.cancel_when_deployed);
            if !waiting.is_empty() {
                self.cancel(resource_id.clone(), waiting);
            }
        }
    }

    pub(super) fn cancel(&mut self, resource_id: ResourceId, attempts: Vec<ExecutionAttemptId>) {
        let request = CancelTasksRequest {
            job_id: self.job.job_id.to_wire(),
            job_master_id: self.job.job_master_id.to_wire(),
            attempts: attempts.iter().map(Into::into).collect(),
        };
        let events = self.connections.events.clone();
        let gateway = match self.connections.get_mut(&resource_id) {
            Some(worker) if worker.known.deploying > 0 => return worker.known.cancel_when_deployed.extend(attempts),
            Some(worker) => Some(worker.gateway.clone()),
            None => None,
        };
        self.connections.spawn(async move {
            let outcome = match gateway {
                Some(gateway) => gateway.cancel_tasks(request).await,
                None => Err(GatewayError::Fenced("the worker is gone".to_owned())),
            };
            let _ = events
                .send(WorkerEvent::CancelAnswered {
                    resource_id,
                    attempts,
                    outcome,
                })
                .await;
        });
    }

    pub(super) fn cancel_later(&mut self, resource_id: ResourceId, attempts: Vec<ExecutionAttemptId>) {
        let events = self.connections.events.clone();
        self.connections.spawn(async move {
            tokio::time::sleep(CANCEL_RETRY).await;
            let _ = events.send(WorkerEvent::CancelAgain { resource_id, attempts }).await;
        });
    }

    /// Tells all workers that the job has ended. These calls outlive the JobMaster; each has its deadline.
    pub(super) fn disconnect_all(&mut self, cause: &str) {
        for (resource_id, gateway) in self.connections.take_all() {
            let request = DisconnectJobMasterRequest {
                job_id: self.job.job_id.to_wire(),
                job_master_id: self.job.job_master_id.to_wire(),
                cause: cause.to_owned(),
            };
            let job = self.job.job_id;
            tokio::spawn(async move {
                if let Err(error) = gateway.disconnect_job_master(request).await {
                    tracing::info!(%job, "{resource_id} was not told that the job has ended: {error}");
                }
            });
        }
    }
}
