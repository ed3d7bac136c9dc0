//! The shell of the ResourceManager: owns slots, jobs and workers, and decides when their pure halves are asked for a plan.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use selvedge_core::resource::WorkerResourceSpec;
use selvedge_core::{JobId, LeaderSessionId, ResourceId};
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use super::avoidance::NodeAvoidance;
use super::driver::DriverEvent;
use super::gateway::reported_slots;
use super::gathering::Gathering;
use super::info::ResourceOverview;
use super::job_leader_ids::{JobLeaderIds, PendingClaim};
use super::job_leaders::JobLeaders;
use super::sizes::{self, WorkerSize};
use super::slot_manager::SlotManager;
use super::tracker::{Needed, StartLimits, WorkerKind, WorkerTracker};
use super::workers::{WorkerEvent, Workers};
use super::{Environment, JobMasterContact, QUEUE, Request, ResourceNotice, WorkerSpec};

/// Without a deadline nothing happens by itself; this bounds the sleep.
const LONG: Duration = Duration::from_secs(3600);

pub(super) struct Service {
    pub(super) leader: LeaderSessionId,
    pub(super) environment: Environment,
    pub(super) slots: SlotManager,
    pub(super) tracker: WorkerTracker,
    /// Nodes on which workers fail to start.
    pub(super) avoidance: NodeAvoidance,
    /// The driver is being told which nodes are not wanted.
    pub(super) telling_blocked: Option<tokio::task::JoinHandle<()>>,
    pub(super) workers: Workers,
    pub(super) leaders: JobLeaders,
    pub(super) leader_ids: JobLeaderIds,
    pub(super) claims: Vec<PendingClaim>,
    pub(super) jobs: BTreeMap<JobId, JobMasterContact>,
    /// How many workers in a row have said that they cannot run as they are configured.
    pub(super) unfit: u32,
    /// When slots are looked at again.
    pub(super) check: Gathering,
    /// When the driver is told how many workers are needed.
    pub(super) declaration: Gathering,
    /// How many workers must be on their way, by the last plan.
    pub(super) needed_workers: Needed,
    /// The sizes of workers; the usual one is the first.
    pub(super) sizes: Vec<WorkerSize>,
    /// A cluster whose workers come by themselves: until when jobs wait for them without being told.
    pub(super) set_up_until: Option<Instant>,
    requests: mpsc::Receiver<Request>,
    driver_events: mpsc::Receiver<DriverEvent>,
    worker_events: mpsc::Receiver<WorkerEvent>,
    own_events: mpsc::Receiver<OwnEvent>,
    pub(super) to_own_events: mpsc::Sender<OwnEvent>,
    hurry: Arc<Notify>,
}

/// What own tasks report.
#[derive(Debug)]
pub(super) enum OwnEvent {
    RequestFailed(WorkerKind, String),
    RequestsCancelled {
        kind: WorkerKind,
        asked: u32,
        cancelled: u32,
    },
    JobMasterEnded(JobId, LeaderSessionId),
    /// The election names who leads a job.
    JobLeaderIs(JobId, Option<LeaderSessionId>),
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
        let is_active = environment.driver.is_active();
        let process = environment.driver.as_started(environment.process.clone());
        let usual = WorkerSize {
            resources: WorkerResourceSpec::from(&process),
            spec: WorkerSpec {
                process: environment.process.clone(),
            },
        };
        let on_demand = is_active.then(|| WorkerResourceSpec::from(&process));
        let set_up_until = (!is_active).then(|| environment.clock.monotonic() + settings.standalone_start_up);
        let mut check = Gathering::new(settings.slots.requirement_check_delay);
        // The least that the cluster keeps is wanted before any job comes. Where it keeps nothing, the first job need not wait
        // for such a look to be over.
        if !settings.slots.bounds.least.is_nothing() {
            check.note(environment.clock.monotonic());
        }
        Self {
            workers: Workers::new(leader, settings.heartbeat, to_worker_events),
            slots: SlotManager::new(settings.slots.clone(), on_demand, is_active)
                .with_own_sizes(sizes::of_driver(environment.driver.clone())),
            tracker: WorkerTracker::new(StartLimits {
                failures_per_minute: settings.start_failures_per_minute,
                retry_interval: settings.start_retry_interval,
                registration_timeout: settings.registration_timeout,
                recovery_timeout: settings.recovery_timeout,
            }),
            avoidance: NodeAvoidance::default(),
            telling_blocked: None,
            leaders: JobLeaders::new(settings.job_timeout),
            leader_ids: JobLeaderIds::new(environment.ha.clone(), to_own_events.clone()),
            claims: Vec::new(),
            declaration: Gathering::new(settings.slots.declare_delay),
            check,
            leader,
            environment,
            jobs: BTreeMap::new(),
            unfit: 0,
            needed_workers: Needed::new(),
            sizes: vec![usual],
            set_up_until,
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
        let mut deadline = self.deadline();
        loop {
            tokio::select! {
                biased;
                Some(event) = self.driver_events.recv() => self.on_driver_event(event),
                Some(event) = self.own_events.recv() => self.on_own_event(event),
                Some(event) = self.worker_events.recv() => {
                    if !self.on_worker_event(event) {
                        continue;
                    }
                }
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
                () = tokio::time::sleep_until(deadline) => self.on_time(),
            }
            self.show();
            deadline = self.deadline();
        }
    }

    /// What metrics show of workers and slots.
    fn show(&self) {
        let gauges = &self.environment.gauges;
        gauges.set_workers(&self.slots.usage(), self.tracker.pending());
        gauges.set_start_failures(self.tracker.failed_starts());
    }

    pub(super) fn now(&self) -> Instant {
        self.environment.clock.monotonic()
    }

    pub(super) fn is_active(&self) -> bool {
        self.environment.driver.is_active()
    }

    /// Slots, needs or workers changed.
    pub(super) fn changed(&mut self) {
        self.check.note(self.now());
    }

    /// Slots are free again: a job that waits for such need not wait for more, unlike the driver.
    fn slots_came_free(&mut self) {
        match self.slots.is_waited_for() {
            true => self.check.hurry(self.now()),
            false => self.changed(),
        }
    }

    fn deadline(&self) -> Instant {
        let now = self.now();
        let deadlines = [
            self.check.due(),
            self.declaration.due(),
            self.slots.deadline(now),
            self.tracker.deadline(now),
            self.avoidance.deadline(),
            self.leaders.deadline(),
            self.set_up_until,
        ];
        deadlines.into_iter().flatten().min().unwrap_or(now + LONG)
    }

    /// Something is due: whatever it is, all that is due is done.
    fn on_time(&mut self) {
        let now = self.now();
        if self.set_up_until.is_some_and(|until| until <= now) {
            self.set_up_until = None;
            self.slots.set_fail_unfulfillable_request(true);
        }
        self.give_up_jobs();
        self.unblock_nodes(now);
        self.give_up_overdue(now);
        self.check.take(now);
        self.check_slots(now);
        if self.declaration.take(now) {
            self.declare_workers(now);
        }
        self.ask_idle(now);
    }

    fn on_request(&mut self, request: Request) {
        match request {
            Request::RegisterJobMaster { job_id, contact, reply } => {
                self.register_job_master(job_id, contact, reply);
            }
            Request::Declare {
                job_id,
                job_master_id,
                needs,
                reply,
            } => {
                let _ = reply.send(self.declare(job_id, job_master_id, needs));
            }
            Request::DisconnectJobMaster {
                job_id,
                job_master_id,
                reply,
            } => {
                let _ = reply.send(self.disconnect_job_master(&job_id, job_master_id));
            }
            Request::Register {
                registration,
                resources,
                slots,
                reply,
            } => {
                let _ = reply.send(self.register_worker(*registration, resources, &slots));
            }
            Request::SlotAvailable {
                resource_id,
                allocation_id,
                reply,
            } => {
                let freed = self.slots.freed(&resource_id, &allocation_id, self.now());
                if freed.is_ok() {
                    self.slots_came_free();
                }
                let _ = reply.send(freed.map_err(Into::into));
            }
            Request::SlotReport {
                resource_id,
                slots,
                reply,
            } => {
                let reported = self.slots.report(&resource_id, &slots, None, self.now());
                let reported = reported.map(|lost| {
                    self.tell_lost(lost);
                    self.slots_came_free();
                });
                let _ = reply.send(reported.map_err(Into::into));
            }
            Request::WorkerLeaves {
                resource_id,
                cause,
                reply,
            } => {
                let _ = reply.send(self.worker_leaves(&resource_id, &cause));
            }
            Request::BlockNodes {
                nodes,
                duration,
                cause,
                reply,
            } => {
                self.block_nodes(nodes, duration, &cause);
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
            Request::Overview(reply) => {
                let overview = ResourceOverview {
                    usage: self.slots.usage(),
                    pending_workers: self.tracker.pending(),
                    start_failures: self.tracker.recent_failures(self.now()),
                };
                let _ = reply.send(overview);
            }
            Request::ReadFile {
                resource_id,
                file,
                reply,
            } => self.read_file(resource_id, file, reply),
            Request::StartProfiling {
                resource_id,
                mode,
                duration,
                reply,
            } => self.start_profiling(resource_id, mode, duration, reply),
            // The loop takes it before.
            Request::Stop { .. } => {}
        }
    }

    fn on_driver_event(&mut self, event: DriverEvent) {
        match event {
            DriverEvent::WorkerStarted {
                resource_id,
                node,
                spec,
            } => {
                tracing::info!("worker {resource_id} starts on {node}");
                let kind = self.kind_of(&spec);
                if !self.tracker.started(&resource_id, &node, kind, self.now()) {
                    self.release(resource_id);
                }
            }
            DriverEvent::WorkerRecovered { resource_id, node } => {
                tracing::info!("worker {resource_id} on {node} was started by an earlier attempt: it is waited for");
                if !self.tracker.recovered(&resource_id, &node, self.now()) {
                    self.release(resource_id);
                }
            }
            DriverEvent::WorkerTerminated {
                resource_id,
                cause,
                against_node,
            } => self.worker_terminated(resource_id, cause, against_node),
            DriverEvent::RequestFailed { spec, cause } => self.request_failed(self.kind_of(&spec), cause),
            DriverEvent::Fatal { cause } => {
                let fatal = self.environment.fatal.clone();
                tokio::spawn(async move { fatal.send(cause).await });
            }
        }
        self.changed();
    }

    fn request_failed(&mut self, kind: WorkerKind, cause: String) {
        tracing::warn!("a worker could not be asked for: {cause}");
        self.tracker.request_failed(kind, self.now());
        self.notify_all(&ResourceNotice::StartFailed { cause });
    }

    fn on_own_event(&mut self, event: OwnEvent) {
        match event {
            OwnEvent::RequestFailed(kind, cause) => self.request_failed(kind, cause),
            // A wish that came meanwhile counted on what has now been taken back.
            OwnEvent::RequestsCancelled { kind, asked, cancelled } => {
                self.tracker.requests_cancelled(kind, asked, cancelled);
            }
            OwnEvent::JobMasterEnded(job_id, job_master_id) => self.job_master_ended(job_id, job_master_id),
            OwnEvent::JobLeaderIs(job_id, leader) => self.job_leader_is(job_id, leader),
        }
        self.changed();
    }

    /// Whether anything is different now: to find what follows takes a look at all workers, which is too much for each heartbeat
    /// of thousands.
    fn on_worker_event(&mut self, event: WorkerEvent) -> bool {
        let now = self.now();
        match event {
            WorkerEvent::SlotAnswered { allocation, outcome } => {
                if let Err(error) = &outcome {
                    let (job, worker) = (allocation.job_id, &allocation.resource_id);
                    tracing::warn!(%job, "a slot of {worker} was not given: {error}");
                    self.changed();
                }
                self.slots.answered(&allocation, outcome.is_ok(), now);
            }
            WorkerEvent::ReleaseAnswered {
                resource_id,
                idle_since,
                outcome,
            } => self.release_answered(resource_id, idle_since, outcome),
            WorkerEvent::Heartbeat {
                resource_id,
                report,
                sent,
            } => {
                let before = self.slots.standing(&resource_id);
                self.workers
                    .beat(&resource_id, self.environment.clock.wall(), report.memory);
                match reported_slots(&report.slots) {
                    Ok(slots) => {
                        let lost = self.slots.report(&resource_id, &slots, Some(sent), now);
                        self.tell_lost(lost.unwrap_or_default());
                    }
                    Err(error) => tracing::warn!("the slot report of {resource_id} says nothing: {error}"),
                }
                return before != self.slots.standing(&resource_id);
            }
            WorkerEvent::Silent { resource_id, cause } => {
                let cause = format!("TaskManager {resource_id} is no longer reachable: {cause}");
                self.lose_worker(&resource_id, &cause);
            }
        }
        true
    }

    pub(super) fn notify_all(&self, notice: &ResourceNotice) {
        for contact in self.jobs.values() {
            notify(contact, notice.clone());
        }
    }

    pub(super) fn notify_job(&self, job_id: &JobId, notice: ResourceNotice) {
        if let Some(contact) = self.jobs.get(job_id) {
            notify(contact, notice);
        }
    }

    pub(super) fn release(&self, resource_id: ResourceId) {
        let driver = self.environment.driver.clone();
        tokio::spawn(async move { driver.release_worker(&resource_id).await });
    }
}

/// A full queue may make the notice wait, but not this loop.
fn notify(contact: &JobMasterContact, notice: ResourceNotice) {
    if let Err(mpsc::error::TrySendError::Full(notice)) = contact.notices.try_send(notice) {
        let notices = contact.notices.clone();
        tokio::spawn(async move { notices.send(notice).await });
    }
}
