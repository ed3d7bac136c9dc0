//! The worker's loop: owns all state, carries out what it decides.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use selvedge_core::status::{ExecutionState, FailureType};
use selvedge_core::{ExecutionAttemptId, JobId};
use selvedge_runtime::gateway::convert::WireId;
use selvedge_runtime::gateway::grpc::JobMasterClient;
use selvedge_runtime::gateway::proto::{
    ExternalResource, JobHeartbeatPayload, NotifySlotAvailableRequest, SendSlotReportRequest, SlotOffer, SlotReport,
    TaskStateTransition,
};
use selvedge_runtime::gateway::{GatewayError, GatewayResult, proto};
use selvedge_runtime::rpc::RpcChannel;
use tokio::sync::mpsc;

use super::deploy::{Deployed, Deployer};
use super::end::End;
use super::event::{Notification, Request, Submission, Urgent};
use super::links::{Identity, JobLink, ResourceManagerLink};
use super::state::{Action, State};
use super::{TaskExecutorConfig, TaskExecutorError};
use crate::exchange::{JobKey, ReleasedPartitions};
use crate::task::{TaskFailure, TaskTransition};

pub(super) struct Service {
    pub(super) config: Arc<TaskExecutorConfig>,
    pub(super) identity: Identity,
    pub(super) external_resources: Vec<ExternalResource>,
    pub(super) state: State,
    pub(super) deployer: Deployer,
    pub(super) resource_manager: ResourceManagerLink,
    pub(super) notifications: mpsc::Sender<Notification>,
    pub(super) links: BTreeMap<JobId, JobLink>,
    /// How many connections to JobMasters there have been.
    pub(super) connections: u64,
    pub(super) tasks: BTreeMap<(JobId, ExecutionAttemptId), Deployed>,
    pub(super) end: Option<End>,
}

/// What the loop reads.
pub(super) struct Queues {
    pub(super) urgent: mpsc::Receiver<Urgent>,
    pub(super) notifications: mpsc::Receiver<Notification>,
    pub(super) requests: mpsc::Receiver<Request>,
}

impl Service {
    /// Runs until the worker is told to end or cannot go on.
    pub(super) async fn run(mut self, mut queues: Queues) -> Result<(), TaskExecutorError> {
        self.resource_manager.follow();
        self.register();
        let end = loop {
            if let Some(end) = self.end.take() {
                break end;
            }
            let due = tokio::time::Instant::from_std(self.state.next_deadline());
            tokio::select! {
                biased;
                Some(urgent) = queues.urgent.recv() => self.on_urgent(urgent),
                Some(notification) = queues.notifications.recv() => self.on_notification(notification),
                Some(request) = queues.requests.recv() => self.on_request(request),
                () = tokio::time::sleep_until(due) => {}
            }
            let due = self.state.tick(self.now());
            self.perform(due);
        };
        tracing::info!(worker = %self.identity.resource_id, cause = end.cause, "the worker ends");
        self.farewell(&end, &mut queues.notifications).await;
        end.result
    }

    fn now(&self) -> Instant {
        self.config.clock.monotonic().into_std()
    }

    fn on_urgent(&mut self, urgent: Urgent) {
        let now = self.now();
        match urgent {
            Urgent::ResourceManagerHeartbeat(id, reply) => {
                let alive = self.state.resource_manager_heartbeat(id, now);
                drop(reply.send(alive.map(|()| self.slot_report())));
            }
            Urgent::JobMasterHeartbeat(job, held, reply) => {
                let payload = self.job_heartbeat(job, now);
                if payload.is_ok() {
                    let actions = self.state.reconcile_slots(job, &held, now);
                    self.perform(actions);
                }
                drop(reply.send(payload));
            }
            Urgent::DisconnectJob(job, cause, reply) => {
                let checked = self.state.check_job(job);
                if checked.is_ok() {
                    tracing::info!(cause, "{job} is over here");
                    let actions = self.state.disconnect(job, now);
                    self.perform(actions);
                }
                drop(reply.send(checked));
            }
            Urgent::TaskDump(reply) => drop(reply.send(Ok(self.task_dump()))),
            Urgent::CheckResourceManager(id, reply) => drop(reply.send(self.state.check_resource_manager(id))),
            Urgent::CanBeReleased(id, reply) => drop(reply.send(self.state.can_be_released(id))),
            Urgent::Shutdown(id, cause, reply) => {
                let checked = self.state.check_resource_manager(id);
                if checked.is_ok() {
                    self.end.get_or_insert(End::asked(cause));
                }
                drop(reply.send(checked));
            }
            Urgent::Stop => {
                self.end.get_or_insert_with(End::stopped);
            }
        }
    }

    fn on_request(&mut self, request: Request) {
        let now = self.now();
        match request {
            Request::Slot(demand, reply) => {
                let (actions, result) = self.state.request_slot(&demand, now);
                self.perform(actions);
                let job = demand.job.job_id;
                let mut given = self.state.slots.of_job(job).into_iter();
                if result.is_ok()
                    && let Some((_, slot, _)) = given.find(|(allocation, ..)| *allocation == demand.allocation)
                {
                    tracing::info!(slot, %job, allocation = %demand.allocation, "slot given");
                }
                drop(reply.send(result));
            }
            Request::Submit(submission, reply) => drop(reply.send(self.submit(submission))),
            Request::Cancel(job, attempts, reply) => {
                let actions = self.state.cancel(job, &attempts, now);
                drop(reply.send(actions.map(|actions| self.perform(actions))));
            }
            Request::ReleasePartitions(job, partitions, reply) => {
                drop(reply.send(self.release_partitions(job, &partitions)));
            }
            Request::FreeSlot(job, allocation, cause, reply) => {
                let actions = self.state.free_slot(job, allocation, cause, now);
                drop(reply.send(actions.map(|actions| self.perform(actions))));
            }
            Request::FreeInactiveSlots(resource_manager, job, reply) => {
                let actions = self.state.free_inactive_slots(resource_manager, job, now);
                drop(reply.send(actions.map(|actions| self.perform(actions))));
            }
        }
    }

    fn release_partitions(&self, job: JobKey, partitions: &[ReleasedPartitions]) -> GatewayResult<()> {
        self.state.check_job(job)?;
        for released in partitions {
            tracing::info!(job = %job.job_id, job_master = %job.job_master_id, partitions = %released, "partitions released");
        }
        self.deployer.exchange.release_partitions(job, partitions);
        Ok(())
    }

    pub(super) fn on_notification(&mut self, notification: Notification) {
        let now = self.now();
        let actions = match notification {
            Notification::Registered {
                resource_manager,
                heartbeat_timeout,
                blob_server,
                master,
            } => {
                tracing::info!(leader = %resource_manager, blob_server, "registered at the ResourceManager");
                // By chance where no setting names it: a simulation's log is to be the same each time.
                tracing::debug!(%master, "the ResourceManager's process");
                // Before the registration counts: a slot, and with it a deployment, comes only after.
                if let Err(error) = self.deployer.blob_server.set(&blob_server) {
                    tracing::warn!("what is too large for a message cannot be fetched: {error}");
                }
                self.state.registered(resource_manager, heartbeat_timeout, now);
                // What changed while the registration was on its way was told to nobody.
                self.resource_manager.report_slots(SendSlotReportRequest {
                    resource_manager_id: resource_manager.to_wire(),
                    report: Some(self.slot_report()),
                });
                // It may have been deposed while its answer was on the way.
                let leader = self.resource_manager.leader.session();
                leader.map_or_else(Vec::new, |leader| self.state.leader_is(leader, now))
            }
            Notification::RegistrationRefused(error) => {
                self.end_refused(&error);
                Vec::new()
            }
            Notification::LeaderIs(id) => self.state.leader_is(id, now),
            Notification::ResourceManagerLost(id, error) => {
                tracing::warn!(%error, "ResourceManager {id} is lost");
                self.state.lose_resource_manager(id, now)
            }
            Notification::JobRegistered { job, heartbeat_timeout } => {
                self.state.job_registered(job, heartbeat_timeout, now)
            }
            Notification::SlotsAnswered {
                job,
                offered,
                accepted,
                version,
            } => self.state.slots_answered(job, &offered, &accepted, version, now),
            Notification::JobMasterLost(job, error) => {
                tracing::warn!(%error, "the JobMaster of {job} is lost: its tasks are cancelled");
                self.state.disconnect(job, now)
            }
            Notification::Task(job, attempt, transition) => self.task_changed(job, &attempt, transition),
            Notification::Delivered(job, attempts) => {
                for attempt in &attempts {
                    self.tasks.remove(&(job.job_id, attempt.clone()));
                }
                self.state.delivered(job, &attempts)
            }
            Notification::ServerFailed(error) => {
                self.end.get_or_insert(End::failed(error));
                Vec::new()
            }
        };
        self.perform(actions);
    }

    fn submit(&mut self, submission: Submission) -> GatewayResult<()> {
        let job = submission.job;
        let pairs = submission
            .tasks
            .iter()
            .map(|task| (task.attempt.clone(), task.allocation));
        let pairs: Vec<_> = pairs.collect();
        self.state.check_submission(job, &pairs)?;
        let link = self.links.get(&job.job_id);
        let link = link.ok_or_else(|| GatewayError::Fenced(format!("the worker has no connection to {job}")))?;
        let prepared = self.deployer.prepare(submission, &link.gateway())?;
        self.state.accept_submission(job, &pairs);
        for (attempt, task, deployed) in prepared {
            self.tasks.insert((job.job_id, attempt.clone()), deployed);
            if let Err(error) = self.config.runner.start(task) {
                self.task_not_started(job, &attempt, &error);
            }
        }
        Ok(())
    }

    fn task_not_started(&mut self, job: JobKey, attempt: &ExecutionAttemptId, error: &std::io::Error) {
        let failed = TaskTransition {
            state: ExecutionState::Failed,
            at: self.config.clock.wall(),
            failure: Some(TaskFailure {
                cause: format!("the worker cannot start a thread for the task: {error}"),
                failure_type: FailureType::Environment,
            }),
            committables: Vec::new(),
        };
        let actions = self.task_changed(job, attempt, failed);
        self.perform(actions);
    }

    fn task_changed(&mut self, job: JobKey, attempt: &ExecutionAttemptId, transition: TaskTransition) -> Vec<Action> {
        let (id, job_master, state) = (job.job_id, job.job_master_id, transition.state);
        let cause = transition.failure.as_ref().map(|failure| failure.cause.as_str());
        tracing::info!(job = %id, %job_master, task = %attempt, %state, cause, "task");
        let (told, actions) = self.state.task_changed(job, attempt, transition.state);
        let key = (job.job_id, attempt.clone());
        if told && let Some(link) = self.links.get(&job.job_id) {
            link.queue_report(self.report_of(&key, transition.clone()));
        }
        if transition.state.is_terminal() {
            if let Some(deployed) = self.tasks.get_mut(&key) {
                deployed.release(&mut self.deployer.budget);
            }
            if !told {
                self.tasks.remove(&key);
            }
        }
        actions
    }

    fn report_of(&self, key: &(JobId, ExecutionAttemptId), transition: TaskTransition) -> TaskStateTransition {
        let (_, attempt) = key;
        let figures = self.tasks.get(key).map(|task| task.counters.snapshot(attempt));
        let is_terminal = transition.state.is_terminal();
        let (cause, failure_type) = match transition.failure {
            Some(failure) => (failure.cause, failure.failure_type),
            None => (String::new(), FailureType::default()),
        };
        TaskStateTransition {
            attempt: Some(attempt.into()),
            state: transition.state.to_string(),
            timestamp_ms: transition.at.millis(),
            cause,
            failure_type: proto::FailureType::from(failure_type).into(),
            metrics: is_terminal.then(|| figures.unwrap_or_default()),
            committables: transition
                .committables
                .into_iter()
                .map(|committable| committable.0)
                .collect(),
        }
    }

    fn slot_report(&self) -> SlotReport {
        SlotReport {
            resource_id: self.identity.resource_id.0.clone(),
            slots: self.state.slots.report(),
            memory: None,
        }
    }

    fn job_heartbeat(&mut self, key: JobKey, now: Instant) -> GatewayResult<JobHeartbeatPayload> {
        let job = self.state.job_heartbeat(key, now)?;
        let attempts = job.tasks.keys();
        let figures = |attempt: &ExecutionAttemptId| {
            let task = self.tasks.get(&(key.job_id, attempt.clone()))?;
            Some(task.counters.snapshot(attempt))
        };
        Ok(JobHeartbeatPayload {
            resource_id: self.identity.resource_id.0.clone(),
            // Those whose end is not delivered too: the JobMaster would miss them.
            running: attempts.clone().map(Into::into).collect(),
            metrics: attempts.filter_map(figures).collect(),
        })
    }

    fn perform(&mut self, actions: Vec<Action>) {
        for action in actions {
            tracing::debug!(?action, "worker");
            match action {
                Action::Register => self.register(),
                Action::Connect { job, address } => self.connect(job, &address),
                Action::Offer { job, slots } => self.offer(job, &slots),
                Action::Divide { allocation, profile } => self.deployer.divide(allocation, &profile),
                Action::SlotFree { index, allocation } => {
                    self.deployer.forget_slot(allocation);
                    self.slot_free(index, allocation);
                }
                Action::FailSlot { job, allocation, cause } => {
                    if let Some(link) = self.links.get(&job.job_id) {
                        link.fail_slot(allocation, cause);
                    }
                }
                Action::Stop { job, attempts, cause } => self.stop(job, attempts, cause.as_deref()),
                Action::Disconnect(job) | Action::Forget(job) => {
                    self.links.remove(&job.job_id);
                    self.deployer.exchange.end_job(job);
                }
                Action::Remind { job, attempts } => self.remind(job, attempts),
                Action::EndStuck { job, attempt } => self.end_stuck(job, attempt),
                Action::EndUnregistered => self.end_unregistered(),
            }
        }
    }

    fn connect(&mut self, job: JobKey, address: &str) {
        self.deployer.exchange.begin_job(job);
        let channel = match RpcChannel::control(address, &self.config.secret, self.config.timeouts.ask) {
            Ok(channel) => channel,
            Err(error) => {
                tracing::warn!(%error, "'{address}' is no address of a JobMaster");
                let actions = self.state.disconnect(job, self.now());
                return self.perform(actions);
            }
        };
        let gateway = Arc::new(JobMasterClient::new(&channel));
        let pauses = self.config.timeouts.registration_pauses.clone();
        self.connections += 1;
        let (number, identity) = (self.connections, self.identity.clone());
        let link = JobLink::open(job, number, identity, gateway, pauses, self.notifications.clone());
        self.links.insert(job.job_id, link);
    }

    fn offer(&self, job: JobKey, slots: &[(selvedge_core::AllocationId, u32)]) {
        let table = &self.state.slots;
        let offer = |(allocation, slot_index): &(selvedge_core::AllocationId, u32)| SlotOffer {
            allocation_id: allocation.to_wire(),
            slot_index: *slot_index,
            profile: table.profile_of(*allocation).map(Into::into),
        };
        if let Some(link) = self.links.get(&job.job_id) {
            link.offer(slots.iter().map(offer).collect());
        }
    }

    fn slot_free(&self, slot_index: u32, allocation: selvedge_core::AllocationId) {
        tracing::info!(slot = slot_index, %allocation, "slot free");
        // An unregistered worker tells of its slots when it registers.
        let Some(leader) = self.state.resource_manager() else {
            return;
        };
        let request = NotifySlotAvailableRequest {
            resource_manager_id: leader.to_wire(),
            resource_id: self.identity.resource_id.0.clone(),
            slot_index,
            allocation_id: allocation.to_wire(),
        };
        self.resource_manager.slot_free(request, leader);
    }

    fn remind(&self, job: JobKey, attempts: Vec<ExecutionAttemptId>) {
        for attempt in &attempts {
            if let Some(task) = self.tasks.get(&(job.job_id, attempt.clone())) {
                let name = &task.name;
                tracing::warn!(job = %job.job_id, "task '{name}' ({attempt}) was told to end and has not");
            }
        }
        self.stop(job, attempts, None);
    }

    fn stop(&self, job: JobKey, attempts: Vec<ExecutionAttemptId>, cause: Option<&str>) {
        for attempt in attempts {
            if let Some(task) = self.tasks.get(&(job.job_id, attempt)) {
                task.stop(cause);
            }
        }
    }
}
