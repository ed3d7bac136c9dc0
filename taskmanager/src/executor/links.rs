//! The worker's calls to others. Each runs beside the loop, is repeated until it is answered, and brings its answer back as
//! a notification.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use selvedge_core::{AllocationId, ExecutionAttemptId, InstanceId, LeaderSessionId, ResourceId};
use selvedge_runtime::gateway::convert::{WireId, required_attempt};
use selvedge_runtime::gateway::proto::{
    ConfirmTaskExecutorRequest, ConfirmTaskManagerRequest, DisconnectTaskExecutorRequest, FailSlotRequest,
    NotifySlotAvailableRequest, OfferSlotsRequest, RegisterTaskExecutorRequest, RegisterTaskExecutorResponse,
    RegisterTaskManagerRequest, SendSlotReportRequest, SlotOffer, TaskStateTransition,
    UpdateTaskExecutionStatesRequest,
};
use selvedge_runtime::gateway::{GatewayError, GatewayResult, JobMasterGateway, ResourceManagerGateway, handshake};
use selvedge_runtime::rpc::ConnectionWatch;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::event::Notification;
use super::leader::LeadingResourceManager;
use super::retry::{RegistrationPauses, answered};
use super::watch::gone;
use crate::exchange::JobKey;

/// States that are reported in one call.
const REPORT_BATCH: usize = 256;

/// Who the worker is.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub(super) resource_id: ResourceId,
    pub(super) instance_id: InstanceId,
    pub(super) rpc_address: String,
    pub(super) data_address: String,
    pub(super) node: String,
}

/// The connection to the ResourceManager.
#[derive(Clone)]
pub(super) struct ResourceManagerLink {
    pub(super) leader: LeadingResourceManager,
    pub(super) notifications: mpsc::Sender<Notification>,
    pub(super) last_error: Arc<Mutex<String>>,
    pub(super) pauses: RegistrationPauses,
    /// The present registration: it ends with the next one.
    pub(super) registration: Arc<Mutex<CancellationToken>>,
    pub(super) closed: CancellationToken,
}

impl ResourceManagerLink {
    /// Registers the worker, and watches the ResourceManager from then on. What stands against it for now, such as another
    /// leader, is waited out.
    pub(super) fn register(&self, request: RegisterTaskExecutorRequest) {
        let link = self.clone();
        let registration = self.closed.child_token();
        std::mem::replace(&mut *self.registration.lock(), registration.clone()).cancel();
        tokio::spawn(registration.run_until_cancelled_owned(async move {
            let attempt = || async {
                let gateway = link.leader.gateway()?;
                let connection = gateway.connection();
                let answer = gateway.register_task_executor(request.clone()).await?;
                Ok((gateway, connection, answer))
            };
            let answer = link.pauses.registered(attempt, |error| link.note(error)).await;
            let answer = answer.and_then(|(gateway, connection, answer)| {
                let resource_manager = accepted(&answer)?;
                Ok((gateway, connection, resource_manager, answer))
            });
            match answer {
                Ok((gateway, connection, resource_manager, answer)) => {
                    link.notify(Notification::Registered {
                        resource_manager,
                        heartbeat_timeout: Duration::from_millis(answer.heartbeat_timeout_ms),
                        blob_server: answer.blob_server_address,
                        master: answer.resource_id.into(),
                    })
                    .await;
                    link.watch(&*gateway, connection, resource_manager, request.resource_id)
                        .await;
                }
                Err(error) => link.notify(Notification::RegistrationRefused(error)).await,
            }
        }));
    }

    async fn watch(
        &self,
        gateway: &dyn ResourceManagerGateway,
        connection: ConnectionWatch,
        leader: LeaderSessionId,
        resource_id: String,
    ) {
        let request = ConfirmTaskExecutorRequest {
            resource_manager_id: leader.to_wire(),
            resource_id,
        };
        let lost = gone(connection, || gateway.confirm_task_executor(request.clone())).await;
        self.notify(Notification::ResourceManagerLost(leader, lost)).await;
    }

    async fn notify(&self, notification: Notification) {
        drop(self.notifications.send(notification).await);
    }

    /// Tells the loop of each new leader, until the worker ends.
    pub(super) fn follow(&self) {
        self.spawn(self.leader.clone().follow(self.notifications.clone()));
    }

    fn note(&self, error: &GatewayError) {
        tracing::debug!(%error, "not registered at the ResourceManager yet");
        *self.last_error.lock() = error.to_string();
    }

    /// Tells that a slot is free.
    pub(super) fn slot_free(&self, request: NotifySlotAvailableRequest, leader: LeaderSessionId) {
        let link = self.clone();
        self.spawn(async move {
            let told = || async { link.leader.gateway()?.notify_slot_available(request.clone()).await };
            match answered(told).await {
                Ok(()) => {}
                Err(error @ GatewayError::Fenced(_)) => {
                    link.notify(Notification::ResourceManagerLost(leader, error)).await;
                }
                // The next heartbeat's slot report says the same.
                Err(error) => tracing::warn!(%error, "the ResourceManager did not take the news of a free slot"),
            }
        });
    }

    /// Tells how the slots are; only tries, as each heartbeat says the same.
    pub(super) fn report_slots(&self, request: SendSlotReportRequest) {
        let link = self.clone();
        self.spawn(async move {
            let told = async { link.leader.gateway()?.send_slot_report(request).await };
            if let Err(error) = told.await {
                tracing::debug!(%error, "the ResourceManager did not take a slot report");
            }
        });
    }

    /// Tells that the worker ends; only tries.
    pub(super) async fn disconnect(&self, leader: LeaderSessionId, resource_id: &ResourceId, cause: &str) {
        let request = DisconnectTaskExecutorRequest {
            resource_manager_id: leader.to_wire(),
            resource_id: resource_id.0.clone(),
            cause: cause.to_owned(),
        };
        let told = async { self.leader.gateway()?.disconnect_task_executor(request).await };
        if let Ok(Err(error)) = tokio::time::timeout(Duration::from_secs(1), told).await {
            tracing::debug!(%error, "the ResourceManager was not told that the worker ends");
        }
    }

    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(self.closed.clone().run_until_cancelled_owned(work));
    }
}

/// The ResourceManager that has accepted the worker, where it is of the same build.
fn accepted(answer: &RegisterTaskExecutorResponse) -> GatewayResult<LeaderSessionId> {
    handshake::check("ResourceManager", answer.process.as_ref())?;
    LeaderSessionId::from_wire(&answer.resource_manager_id)
}

/// The connection to one JobMaster; closed when dropped.
pub(super) struct JobLink {
    shared: Arc<JobLinkShared>,
    /// Bounded by what tasks there are: three states each.
    reports: mpsc::UnboundedSender<TaskStateTransition>,
}

struct JobLinkShared {
    job: JobKey,
    identity: Identity,
    /// Of the worker's connections to JobMasters.
    number: u64,
    gateway: Arc<dyn JobMasterGateway>,
    pauses: RegistrationPauses,
    notifications: mpsc::Sender<Notification>,
    closed: CancellationToken,
}

impl Drop for JobLink {
    fn drop(&mut self) {
        self.shared.closed.cancel();
    }
}

impl JobLink {
    /// Registers the worker at the JobMaster and begins to report. `number` is that of the connection: each has its own.
    pub(super) fn open(
        job: JobKey,
        number: u64,
        identity: Identity,
        gateway: Arc<dyn JobMasterGateway>,
        pauses: RegistrationPauses,
        notifications: mpsc::Sender<Notification>,
    ) -> Self {
        let (reports, queue) = mpsc::unbounded_channel();
        let shared = Arc::new(JobLinkShared {
            job,
            identity,
            number,
            gateway,
            pauses,
            notifications,
            closed: CancellationToken::new(),
        });
        shared.spawn(shared.clone().register());
        shared.spawn(shared.clone().report(queue));
        Self { shared, reports }
    }

    pub(super) fn gateway(&self) -> Arc<dyn JobMasterGateway> {
        self.shared.gateway.clone()
    }

    /// Queues a state; states arrive in the order in which they are queued.
    pub(super) fn queue_report(&self, transition: TaskStateTransition) {
        drop(self.reports.send(transition));
    }

    /// Offers slots.
    pub(super) fn offer(&self, slots: Vec<SlotOffer>) {
        self.shared.spawn(self.shared.clone().offer(slots));
    }

    /// Tells that a slot is lost.
    pub(super) fn fail_slot(&self, allocation: AllocationId, cause: String) {
        let shared = self.shared.clone();
        self.shared.spawn(async move {
            let request = FailSlotRequest {
                job_id: shared.job.job_id.to_wire(),
                job_master_id: shared.job.job_master_id.to_wire(),
                resource_id: shared.identity.resource_id.0.clone(),
                allocation_id: allocation.to_wire(),
                cause,
            };
            let told = answered(|| shared.gateway.fail_slot(request.clone())).await;
            shared.unless_refused(told).await;
        });
    }
}

impl JobLinkShared {
    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(self.closed.clone().run_until_cancelled_owned(work));
    }

    async fn notify(&self, notification: Notification) {
        drop(self.notifications.send(notification).await);
    }

    async fn unless_refused<T>(&self, answer: GatewayResult<T>) -> Option<T> {
        match answer {
            Ok(answer) => Some(answer),
            Err(error) => {
                self.notify(Notification::JobMasterLost(self.job, error)).await;
                None
            }
        }
    }

    async fn register(self: Arc<Self>) {
        let request = RegisterTaskManagerRequest {
            job_id: self.job.job_id.to_wire(),
            job_master_id: self.job.job_master_id.to_wire(),
            resource_id: self.identity.resource_id.0.clone(),
            rpc_address: self.identity.rpc_address.clone(),
            data_address: self.identity.data_address.clone(),
            host: self.identity.node.clone(),
            process: Some(handshake::of_worker(self.identity.instance_id)),
            connection: self.number,
        };
        let connection = self.gateway.connection();
        // A stale or unknown job will not be there later either.
        let attempt = async || match self.gateway.register_task_manager(request.clone()).await {
            Err(GatewayError::Fenced(message)) => Err(GatewayError::Rejected(message)),
            answer => answer,
        };
        let note = |error: &GatewayError| tracing::debug!(%error, "not registered at {} yet", self.job);
        let answer = self.pauses.registered(attempt, note).await;
        let answer = answer.and_then(|answer| {
            handshake::check("JobMaster", answer.process.as_ref())?;
            Ok(answer)
        });
        if let Some(answer) = self.unless_refused(answer).await {
            let heartbeat_timeout = Duration::from_millis(answer.heartbeat_timeout_ms);
            let job = self.job;
            self.notify(Notification::JobRegistered { job, heartbeat_timeout })
                .await;
            self.watch(connection).await;
        }
    }

    async fn watch(&self, connection: ConnectionWatch) {
        let request = ConfirmTaskManagerRequest {
            job_id: self.job.job_id.to_wire(),
            job_master_id: self.job.job_master_id.to_wire(),
            resource_id: self.identity.resource_id.0.clone(),
        };
        let lost = gone(connection, || self.gateway.confirm_task_manager(request.clone())).await;
        self.notify(Notification::JobMasterLost(self.job, lost)).await;
    }

    async fn offer(self: Arc<Self>, slots: Vec<SlotOffer>) {
        let ids = |ids: &mut dyn Iterator<Item = &bytes::Bytes>| -> Vec<AllocationId> {
            ids.filter_map(|id| AllocationId::from_wire(id).ok()).collect()
        };
        let offered = ids(&mut slots.iter().map(|slot| &slot.allocation_id));
        let request = OfferSlotsRequest {
            job_id: self.job.job_id.to_wire(),
            job_master_id: self.job.job_master_id.to_wire(),
            resource_id: self.identity.resource_id.0.clone(),
            slots,
        };
        let answer = answered(|| self.gateway.offer_slots(request.clone())).await;
        if let Some(answer) = self.unless_refused(answer).await {
            let accepted = ids(&mut answer.accepted_allocation_ids.iter());
            let job = self.job;
            self.notify(Notification::SlotsAnswered {
                job,
                offered,
                accepted,
                version: answer.version,
            })
            .await;
        }
    }

    /// Delivers states in their order, each at least once.
    async fn report(self: Arc<Self>, mut queue: mpsc::UnboundedReceiver<TaskStateTransition>) {
        let mut transitions = Vec::new();
        while queue.recv_many(&mut transitions, REPORT_BATCH).await > 0 {
            let transitions = std::mem::take(&mut transitions);
            let ended = ended(&transitions);
            let request = UpdateTaskExecutionStatesRequest {
                job_id: self.job.job_id.to_wire(),
                job_master_id: self.job.job_master_id.to_wire(),
                resource_id: self.identity.resource_id.0.clone(),
                transitions,
            };
            let told = answered(|| self.gateway.update_task_execution_states(request.clone())).await;
            if self.unless_refused(told).await.is_none() {
                return;
            }
            self.notify(Notification::Delivered(self.job, ended)).await;
        }
    }
}

/// Metrics are set where a state is terminal.
fn ended(transitions: &[TaskStateTransition]) -> Vec<ExecutionAttemptId> {
    let terminal = transitions.iter().filter(|transition| transition.metrics.is_some());
    terminal
        .filter_map(|transition| required_attempt(transition.attempt.clone()).ok())
        .collect()
}
