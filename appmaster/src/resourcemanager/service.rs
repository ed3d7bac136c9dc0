//! The shell of the ResourceManager: owns slots and workers, and carries out what their pure halves plan.

use std::collections::BTreeMap;
use std::sync::Arc;

use selvedge_core::{JobId, LeaderSessionId, ResourceId};
use selvedge_runtime::gateway::proto::RegisterTaskExecutorRequest;
use selvedge_runtime::gateway::{GatewayError, GatewayResult};
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use super::driver::DriverEvent;
use super::gateway::reported_slot;
use super::slots::{ReportedSlot, Requirement, SlotManager};
use super::tracker::{StartLimits, WorkerTracker};
use super::workers::{WorkerEvent, Workers};
use super::{Environment, JobMasterContact, QUEUE, Request, ResourceManagerError, ResourceNotice, WorkerSpec};

/// How long workers may take to hear that the cluster ends.
const SHUTDOWN_PATIENCE: std::time::Duration = std::time::Duration::from_secs(3);

/// After so many workers that cannot run as they are configured, no more are waited for.
const UNFIT_IN_A_ROW: u32 = 3;

pub(super) struct Service {
    leader: LeaderSessionId,
    environment: Environment,
    slots: SlotManager,
    tracker: WorkerTracker,
    workers: Workers,
    jobs: BTreeMap<JobId, JobMasterContact>,
    /// How many workers in a row have said that they cannot run as they are configured.
    unfit: u32,
    /// When slots and workers are looked at again because something changed.
    check_at: Option<Instant>,
    requests: mpsc::Receiver<Request>,
    driver_events: mpsc::Receiver<DriverEvent>,
    worker_events: mpsc::Receiver<WorkerEvent>,
    own_events: mpsc::Receiver<OwnEvent>,
    to_own_events: mpsc::Sender<OwnEvent>,
    hurry: Arc<Notify>,
}

/// What calls to the driver gave.
#[derive(Debug)]
enum OwnEvent {
    RequestFailed(String),
    RequestsCancelled(u32),
}

impl Service {
    pub(super) fn new(
        leader: LeaderSessionId,
        environment: Environment,
        requests: mpsc::Receiver<Request>,
        driver_events: mpsc::Receiver<DriverEvent>,
        hurry: Arc<Notify>,
    ) -> Self {
        let (to_worker_events, worker_events) = mpsc::channel(QUEUE);
        let (to_own_events, own_events) = mpsc::channel(QUEUE);
        let settings = &environment.settings;
        let limits = StartLimits {
            failures_per_minute: settings.start_failures_per_minute,
            retry_interval: settings.start_retry_interval,
            registration_timeout: settings.registration_timeout,
        };
        Self {
            workers: Workers::new(leader, settings.heartbeat, to_worker_events),
            leader,
            environment,
            slots: SlotManager::default(),
            tracker: WorkerTracker::new(limits),
            jobs: BTreeMap::new(),
            unfit: 0,
            check_at: None,
            requests,
            driver_events,
            worker_events,
            own_events,
            to_own_events,
            hurry,
        }
    }

    /// Runs until it is told to stop, or until nobody can call it any more.
    pub(super) async fn run(mut self) {
        loop {
            let deadline = self.deadline();
            tokio::select! {
                biased;
                Some(event) = self.driver_events.recv() => self.on_driver_event(event),
                Some(event) = self.own_events.recv() => self.on_own_event(event),
                Some(event) = self.worker_events.recv() => self.on_worker_event(event),
                request = self.requests.recv() => match request {
                    Some(Request::Stop { status, diagnostics, reply }) => {
                        self.stop(status, &diagnostics).await;
                        let _ = reply.send(());
                        return;
                    }
                    Some(request) => self.on_request(request),
                    None => return,
                },
                () = self.hurry.notified() => self.environment.driver.hurry(),
                () = tokio::time::sleep_until(deadline) => self.check(),
            }
            self.show();
        }
    }

    /// What metrics show of workers and slots.
    fn show(&self) {
        let (workers, slots, free) = self.slots.count();
        self.environment.gauges.set_workers(workers, slots, free);
    }

    fn now(&self) -> Instant {
        self.environment.clock.monotonic()
    }

    fn deadline(&self) -> Instant {
        let now = self.now();
        let idle = self
            .slots
            .deadline(self.environment.settings.idle_timeout, now)
            .filter(|_| self.is_active());
        let at = [self.check_at, idle, self.tracker.deadline(now)]
            .into_iter()
            .flatten()
            .min();
        // Without a deadline nothing happens by itself; an hour bounds the sleep.
        at.unwrap_or(now + std::time::Duration::from_secs(3600))
    }

    fn is_active(&self) -> bool {
        self.environment.driver.is_active()
    }

    fn changed(&mut self) {
        let at = self.now() + self.environment.settings.requirement_check_delay;
        self.check_at.get_or_insert(at);
    }

    fn on_request(&mut self, request: Request) {
        let now = self.now();
        match request {
            Request::DeclareSlots { job_id, contact, slots } => {
                tracing::info!(job = %job_id, "the job needs {slots} slots");
                self.jobs.insert(job_id, contact);
                let profile = self.environment.process.slot_profile();
                self.slots.declare(job_id, Requirement { profile, slots });
                // The first wish of a job need not wait for more.
                self.check_at = Some(now);
            }
            Request::DisconnectJob { job_id } => {
                self.jobs.remove(&job_id);
                self.slots.remove_job(&job_id);
                self.changed();
            }
            Request::Register { request, slots, reply } => {
                let _ = reply.send(self.register(*request, &slots, now));
            }
            Request::SlotAvailable {
                resource_id,
                slot_index,
                allocation_id,
                reply,
            } => {
                self.slots.freed(&resource_id, slot_index, &allocation_id, now);
                self.changed();
                let _ = reply.send(());
            }
            Request::WorkerLeaves {
                resource_id,
                cause,
                reply,
            } => {
                self.lose_worker(&resource_id, &format!("TaskManager {resource_id} left: {cause}"));
                let _ = reply.send(());
            }
            Request::WorkerUnfit {
                resource_id,
                cause,
                reply,
            } => {
                self.worker_unfit(&resource_id, cause);
                let _ = reply.send(());
            }
            Request::Workers(reply) => {
                let _ = reply.send(self.workers.info(|id| self.slots.slots_of(id)));
            }
            Request::ReadFile {
                resource_id,
                kind,
                reply,
            } => {
                let gateway = self.workers.gateway(&resource_id);
                tokio::spawn(async move {
                    let _ = reply.send(read_file(gateway, resource_id, kind).await);
                });
            }
            Request::Stop { .. } => {}
        }
    }

    fn register(
        &mut self,
        request: RegisterTaskExecutorRequest,
        slots: &[ReportedSlot],
        now: Instant,
    ) -> GatewayResult<()> {
        let gateway = self.environment.workers.connect(&request.rpc_address)?;
        let resource_id = ResourceId(request.resource_id.clone());
        if !self.tracker.registers(&resource_id) {
            let message = format!("TaskManager {resource_id} was given up by the ResourceManager: it must end");
            tracing::warn!("{message}");
            return Err(GatewayError::Rejected(message));
        }
        tracing::info!(
            "TaskManager {resource_id} on {} registered with {} slots",
            request.host,
            slots.len()
        );
        self.slots.add_worker(resource_id, slots, now);
        self.workers.add(request, gateway, self.environment.clock.wall());
        // A job may wait for just these slots.
        self.check_at = Some(now);
        self.unfit = 0;
        Ok(())
    }

    /// What keeps one worker from running may be its node's fault; what keeps several in a row is the setting's, and more of
    /// them would be started for nothing.
    fn worker_unfit(&mut self, resource_id: &ResourceId, cause: String) {
        self.unfit += 1;
        tracing::warn!(
            "worker {resource_id} cannot run as it is configured ({} in a row): {cause}",
            self.unfit
        );
        self.notify_all(&match self.unfit >= UNFIT_IN_A_ROW {
            true => ResourceNotice::Unfit { cause },
            false => ResourceNotice::StartFailed { cause },
        });
    }

    fn on_driver_event(&mut self, event: DriverEvent) {
        let now = self.now();
        match event {
            DriverEvent::WorkerStarted { resource_id, node } => {
                tracing::info!("worker {resource_id} starts on {node}");
                if !self.tracker.started(&resource_id, now) {
                    self.release(resource_id);
                }
            }
            DriverEvent::WorkerTerminated { resource_id, cause } => {
                tracing::info!("worker {resource_id} ended: {cause}");
                self.workers.remove(&resource_id);
                self.slots.remove_worker(&resource_id);
                if self.tracker.ended(&resource_id, now) {
                    self.notify_all(&ResourceNotice::StartFailed { cause: cause.clone() });
                }
                self.notify_all(&ResourceNotice::Terminated { resource_id, cause });
            }
            DriverEvent::RequestFailed { cause } => self.request_failed(cause),
            DriverEvent::Fatal { cause } => {
                let fatal = self.environment.fatal.clone();
                tokio::spawn(async move { fatal.send(cause).await });
            }
        }
        self.changed();
    }

    fn request_failed(&mut self, cause: String) {
        tracing::warn!("a worker could not be asked for: {cause}");
        let now = self.now();
        self.tracker.request_failed(now);
        self.notify_all(&ResourceNotice::StartFailed { cause });
        self.changed();
    }

    fn on_own_event(&mut self, event: OwnEvent) {
        match event {
            OwnEvent::RequestFailed(cause) => self.request_failed(cause),
            OwnEvent::RequestsCancelled(count) => {
                self.tracker.requests_cancelled(count);
                // A wish that came meanwhile counted on what has now been taken back.
                self.changed();
            }
        }
    }

    fn on_worker_event(&mut self, event: WorkerEvent) {
        let now = self.now();
        match event {
            WorkerEvent::SlotAnswered { allocation, outcome } => {
                if let Err(error) = &outcome {
                    let (index, worker) = (allocation.slot_index, &allocation.resource_id);
                    tracing::warn!(job = %allocation.job_id, "slot {index} of {worker} was not given: {error}");
                    self.changed();
                }
                self.slots.answered(&allocation, outcome.is_ok(), now);
            }
            WorkerEvent::Heartbeat {
                resource_id,
                report,
                sent,
            } => {
                self.workers
                    .beat(&resource_id, self.environment.clock.wall(), report.memory);
                let slots: Vec<_> = report
                    .slots
                    .iter()
                    .filter_map(|slot| reported_slot(slot).ok())
                    .collect();
                self.slots.report(&resource_id, &slots, sent, now);
                self.changed();
            }
            WorkerEvent::Silent { resource_id, cause } => {
                let cause = format!("TaskManager {resource_id} is no longer reachable: {cause}");
                self.lose_worker(&resource_id, &cause);
            }
        }
    }

    /// Gives a worker up that does not answer, and stops it where it may still run.
    fn lose_worker(&mut self, resource_id: &ResourceId, cause: &str) {
        if !self.workers.remove(resource_id) {
            return;
        }
        tracing::warn!("{cause}");
        self.slots.remove_worker(resource_id);
        self.tracker.released(resource_id);
        self.notify_all(&ResourceNotice::Silent {
            resource_id: resource_id.clone(),
            cause: cause.to_owned(),
        });
        self.release(resource_id.clone());
        self.changed();
    }

    fn release(&self, resource_id: ResourceId) {
        let driver = self.environment.driver.clone();
        tokio::spawn(async move { driver.release_worker(&resource_id).await });
    }

    fn notify_all(&self, notice: &ResourceNotice) {
        for contact in self.jobs.values() {
            // A full queue may make the notice wait, but not this loop.
            if let Err(mpsc::error::TrySendError::Full(notice)) = contact.notices.try_send(notice.clone()) {
                let notices = contact.notices.clone();
                tokio::spawn(async move { notices.send(notice).await });
            }
        }
    }

    /// Looks at slots and workers, and does what follows.
    fn check(&mut self) {
        let now = self.now();
        self.check_at = None;
        let (allocations, missing) = self.slots.allocate(now, &mut self.environment.rng);
        for allocation in allocations {
            if let Some(contact) = self.jobs.get(&allocation.job_id) {
                tracing::debug!(
                    "slot {} of {} is asked for",
                    allocation.slot_index,
                    allocation.resource_id
                );
                self.workers.request_slot(allocation, contact);
            }
        }
        if self.is_active() {
            self.give_up_overdue(now);
            let missing = missing.saturating_sub(self.slots.paused_slots(now));
            self.plan_workers(missing, now);
            self.release_idle(now);
        }
    }

    fn give_up_overdue(&mut self, now: Instant) {
        for resource_id in self.tracker.overdue(now) {
            let cause = format!(
                "worker {resource_id} did not register within {} s",
                self.environment.settings.registration_timeout.as_secs()
            );
            tracing::warn!("{cause}");
            self.tracker.ended(&resource_id, now);
            self.notify_all(&ResourceNotice::StartFailed { cause });
            self.release(resource_id);
        }
    }

    fn plan_workers(&mut self, missing: u32, now: Instant) {
        let process = &self.environment.process;
        let needed = missing.div_ceil(process.number_of_slots.max(1));
        let plan = self.tracker.plan(needed, now);
        if plan.request > 0 {
            tracing::info!("{missing} slots are missing: asking for {} workers", plan.request);
        }
        for _ in 0..plan.request {
            let (driver, events) = (self.environment.driver.clone(), self.to_own_events.clone());
            let process = process.clone();
            tokio::spawn(async move {
                if let Err(error) = driver.request_worker(WorkerSpec { process }).await {
                    let _ = events.send(OwnEvent::RequestFailed(error.to_string())).await;
                }
            });
        }
        if plan.cancel > 0 {
            let (driver, events) = (self.environment.driver.clone(), self.to_own_events.clone());
            tokio::spawn(async move {
                let cancelled = driver.cancel_requests(plan.cancel).await;
                let _ = events.send(OwnEvent::RequestsCancelled(cancelled)).await;
            });
        }
        for resource_id in plan.release {
            tracing::info!("worker {resource_id} is not needed any more");
            self.release(resource_id);
        }
    }

    fn release_idle(&mut self, now: Instant) {
        let timeout = self.environment.settings.idle_timeout;
        for resource_id in self.slots.idle_workers(timeout, now) {
            tracing::info!(
                "worker {resource_id} has been idle for {} s: it is released",
                timeout.as_secs()
            );
            let (gateway, leader) = (self.workers.gateway(&resource_id), self.leader);
            self.workers.remove(&resource_id);
            self.slots.remove_worker(&resource_id);
            self.tracker.released(&resource_id);
            let driver = self.environment.driver.clone();
            tokio::spawn(async move {
                if let Ok(gateway) = gateway {
                    Workers::shut_down(gateway, leader, "no job has used it for a while".to_owned()).await;
                }
                driver.release_worker(&resource_id).await;
            });
        }
    }

    async fn stop(&mut self, status: selvedge_core::status::ApplicationStatus, diagnostics: &str) {
        let leader = self.leader;
        let workers = self.workers.all();
        let shut_downs = workers.into_iter().map(|(resource_id, gateway)| {
            let driver = self.environment.driver.clone();
            async move {
                Workers::shut_down(gateway, leader, "the cluster ends".to_owned()).await;
                driver.release_worker(&resource_id).await;
            }
        });
        // A worker that does not answer is ended by its driver.
        let _ = tokio::time::timeout(SHUTDOWN_PATIENCE, futures::future::join_all(shut_downs)).await;
        if let Err(error) = self.environment.driver.deregister(status, diagnostics).await {
            tracing::error!("the end of the application could not be told: {error}");
        }
    }
}

async fn read_file(
    gateway: Result<crate::worker::Gateway, ResourceManagerError>,
    resource_id: ResourceId,
    kind: selvedge_runtime::gateway::proto::read_file_request::Kind,
) -> Result<selvedge_runtime::gateway::FileContent, ResourceManagerError> {
    let request = selvedge_runtime::gateway::proto::ReadFileRequest { kind: kind.into() };
    let read = gateway?.read_file(request).await;
    read.map_err(|source| ResourceManagerError::Worker {
        worker: resource_id,
        source,
    })
}
