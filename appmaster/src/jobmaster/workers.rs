//! The workers of a job: connections, heartbeats, and the calls that go to them, each on a task of its own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use selvedge_core::{ExecutionAttemptId, JobId, LeaderSessionId, ResourceId};
use selvedge_runtime::gateway::convert::WireId;
use selvedge_runtime::gateway::proto::{
    CancelTasksRequest, DisconnectJobMasterRequest, HeartbeatFromJobMasterRequest, JobHeartbeatPayload,
    SubmitTasksRequest, TaskDeploymentDescriptor,
};
use selvedge_runtime::gateway::{GatewayError, GatewayResult};
use tokio::sync::{Notify, mpsc};
use tokio::task::{AbortHandle, JoinSet};

use crate::heartbeat;
use crate::settings::HeartbeatSettings;
use crate::worker::Gateway;

/// How long a cancellation that did not get through waits before it is sent again.
const CANCEL_RETRY: Duration = Duration::from_secs(1);

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

struct Worker {
    gateway: Gateway,
    wake: Arc<Notify>,
    heartbeat: AbortHandle,
    /// Its tasks are on the way. A cancellation must not overtake them.
    deploying: bool,
    cancel_when_deployed: Vec<ExecutionAttemptId>,
}

/// The connected workers of a job.
pub(super) struct Workers {
    job_id: JobId,
    job_master_id: LeaderSessionId,
    job_name: String,
    heartbeat: HeartbeatSettings,
    events: mpsc::Sender<WorkerEvent>,
    workers: BTreeMap<ResourceId, Worker>,
    calls: JoinSet<()>,
}

impl Workers {
    pub(super) fn new(
        job_id: JobId,
        job_master_id: LeaderSessionId,
        job_name: String,
        heartbeat: HeartbeatSettings,
        events: mpsc::Sender<WorkerEvent>,
    ) -> Self {
        Self {
            job_id,
            job_master_id,
            job_name,
            heartbeat,
            events,
            workers: BTreeMap::new(),
            calls: JoinSet::new(),
        }
    }

    /// Makes a worker known and watches it.
    pub(super) fn add(&mut self, resource_id: &ResourceId, gateway: Gateway) {
        let wake = Arc::new(Notify::new());
        let heartbeat = self.spawn(watch(
            self.heartbeat,
            resource_id.clone(),
            gateway.clone(),
            HeartbeatFromJobMasterRequest {
                job_id: self.job_id.to_wire(),
                job_master_id: self.job_master_id.to_wire(),
            },
            wake.clone(),
            self.events.clone(),
        ));
        let worker = Worker {
            gateway,
            wake,
            heartbeat,
            deploying: false,
            cancel_when_deployed: Vec::new(),
        };
        if let Some(earlier) = self.workers.insert(resource_id.clone(), worker) {
            earlier.heartbeat.abort();
        }
    }

    pub(super) fn remove(&mut self, resource_id: &ResourceId) {
        if let Some(worker) = self.workers.remove(resource_id) {
            worker.heartbeat.abort();
        }
    }

    /// Asks all workers for their figures now.
    pub(super) fn wake(&self) {
        for worker in self.workers.values() {
            worker.wake.notify_one();
        }
    }

    pub(super) fn deploy(&mut self, resource_id: ResourceId, tasks: Vec<TaskDeploymentDescriptor>) {
        let request = SubmitTasksRequest {
            job_id: self.job_id.to_wire(),
            job_master_id: self.job_master_id.to_wire(),
            job_name: self.job_name.clone(),
            tasks,
        };
        let events = self.events.clone();
        let gateway = self.workers.get_mut(&resource_id).map(|worker| {
            worker.deploying = true;
            worker.gateway.clone()
        });
        self.spawn(async move {
            let outcome = match gateway {
                Some(gateway) => gateway.submit_tasks(request).await,
                None => Err(GatewayError::Unreachable("the worker is gone".to_owned())),
            };
            let _ = events.send(WorkerEvent::Deployed { resource_id, outcome }).await;
        });
    }

    /// The worker has its tasks: what was to be cancelled meanwhile can be sent.
    pub(super) fn deployed(&mut self, resource_id: &ResourceId) {
        if let Some(worker) = self.workers.get_mut(resource_id) {
            worker.deploying = false;
            let waiting = std::mem::take(&mut worker.cancel_when_deployed);
            if !waiting.is_empty() {
                self.cancel(resource_id.clone(), waiting);
            }
        }
    }

    pub(super) fn cancel(&mut self, resource_id: ResourceId, attempts: Vec<ExecutionAttemptId>) {
        let request = CancelTasksRequest {
            job_id: self.job_id.to_wire(),
            job_master_id: self.job_master_id.to_wire(),
            attempts: attempts.iter().map(Into::into).collect(),
        };
        let events = self.events.clone();
        let gateway = match self.workers.get_mut(&resource_id) {
            Some(worker) if worker.deploying => return worker.cancel_when_deployed.extend(attempts),
            Some(worker) => Some(worker.gateway.clone()),
            None => None,
        };
        self.spawn(async move {
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
        let events = self.events.clone();
        self.spawn(async move {
            tokio::time::sleep(CANCEL_RETRY).await;
            let _ = events.send(WorkerEvent::CancelAgain { resource_id, attempts }).await;
        });
    }

    /// Tells all workers that the job has ended. These calls outlive the JobMaster; each has its deadline.
    pub(super) fn disconnect_all(&mut self, cause: &str) {
        for (resource_id, worker) in std::mem::take(&mut self.workers) {
            worker.heartbeat.abort();
            let request = DisconnectJobMasterRequest {
                job_id: self.job_id.to_wire(),
                job_master_id: self.job_master_id.to_wire(),
                cause: cause.to_owned(),
            };
            let job = self.job_id;
            tokio::spawn(async move {
                if let Err(error) = worker.gateway.disconnect_job_master(request).await {
                    tracing::info!(%job, "{resource_id} was not told that the job has ended: {error}");
                }
            });
        }
    }

    fn spawn(&mut self, call: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        while self.calls.try_join_next().is_some() {}
        self.calls.spawn(call)
    }
}

async fn watch(
    settings: HeartbeatSettings,
    resource_id: ResourceId,
    gateway: Gateway,
    request: HeartbeatFromJobMasterRequest,
    wake: Arc<Notify>,
    events: mpsc::Sender<WorkerEvent>,
) {
    let beat = || {
        let (gateway, request) = (gateway.clone(), request.clone());
        async move { gateway.heartbeat_from_job_master(request).await }
    };
    let answered = |payload, _| WorkerEvent::Heartbeat {
        resource_id: resource_id.clone(),
        payload,
    };
    let cause = heartbeat::monitor(settings, wake, events.clone(), beat, answered).await;
    let _ = events.send(WorkerEvent::Silent { resource_id, cause }).await;
}
