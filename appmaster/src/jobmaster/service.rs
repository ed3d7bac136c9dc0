//! The shell of a JobMaster: owns the state, turns what happens into its events, and carries its actions out.

use std::collections::BTreeMap;
use std::sync::Arc;

use selvedge_core::{JobGraph, JobId, LeaderSessionId, OperatorId, ResourceId};
use selvedge_runtime::gateway::convert::required_attempt;
use selvedge_runtime::gateway::proto::JobHeartbeatPayload;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::connectors::{self, Committers, Enumerators, PreparedConnectors};
use super::deployment::JobHeader;
use super::failover::Failover;
use super::requirements::Requirements;
use super::restart_strategy::RestartSettings;
use super::root_cause::FailureKind;
use super::scheduler::SchedulerKind;
use super::splits::{SplitCommand, return_splits, serve_splits};
use super::state::{Action, JobState, Now};
use super::status_listener::Listeners;
use super::workers::{WorkerEvent, Workers};
use super::{Environment, JobOrigin, Outcome, Request};
use crate::metrics::JobGauges;
use crate::resourcemanager::{JobMasterContact, ResourceNotice};

/// How many events of own tasks may wait.
const EVENT_QUEUE: usize = 1024;

/// What own tasks report.
#[derive(Debug)]
pub(super) enum Event {
    Prepared(Result<PreparedConnectors, String>),
    /// The output is visible, perhaps with something left beside it.
    Committed(Result<Option<String>, String>),
    Aborted(Option<String>),
    /// A source has failed; the sources are those of this number.
    SplitFailed(u64, String),
    /// The sources are ready for the ExecutionGraph of this number.
    Enumerated(u64, Result<Enumerators, String>),
    /// The sources have taken splits back, for the restart of this number.
    SplitsReturned(u64),
}

pub(super) struct Service {
    pub(super) job_id: JobId,
    job_master_id: LeaderSessionId,
    origin: JobOrigin,
    pub(super) environment: Environment,
    pub(super) state: JobState,
    pub(super) workers: Workers,
    committers: Committers,
    pub(super) splits: BTreeMap<OperatorId, mpsc::Sender<SplitCommand>>,
    /// How often the sources were made ready.
    sources: u64,
    pub(super) figures_asked: Instant,
    listeners: Listeners,
    /// Why the job cannot run whatever its connectors say.
    unusable: Option<String>,
    requests: mpsc::Receiver<Request>,
    events: mpsc::Receiver<Event>,
    own_events: mpsc::Sender<Event>,
    /// Slow work, which ends with the JobMaster: what a suspended one still did would meet the next leader's.
    work: JoinSet<()>,
    worker_events: mpsc::Receiver<WorkerEvent>,
    notices: mpsc::Receiver<ResourceNotice>,
    /// The ResourceManager does not count on this JobMaster any more.
    disconnected: bool,
    contact: JobMasterContact,
    gauges: JobGauges,
}

impl Service {
    pub(super) fn new(
        job_id: JobId,
        job_master_id: LeaderSessionId,
        graph: Arc<JobGraph>,
        origin: JobOrigin,
        environment: Environment,
        requests: mpsc::Receiver<Request>,
    ) -> Self {
        let (own_events, events) = mpsc::channel(EVENT_QUEUE);
        let (to_worker_events, worker_events) = mpsc::channel(EVENT_QUEUE);
        let (to_notices, notices) = mpsc::channel(EVENT_QUEUE);
        let now = Now {
            wall: environment.clock.wall(),
            monotonic: environment.clock.monotonic(),
        };
        let heartbeat = environment.settings.heartbeat;
        let mut failover = environment.settings.failover.clone();
        let restart = RestartSettings::of_job(&graph.configuration, &failover.restart);
        let scheduler = environment.settings.scheduling.scheduler;
        if scheduler != SchedulerKind::Default && scheduler.adaptive(&graph).is_none() {
            tracing::info!(job = %job_id, "all sources of the job end: it runs under the default scheduler, as execution.runtime-mode does not say STREAMING");
        }
        failover.full |= environment.settings.scheduling.scheduler.adaptive(&graph).is_some();
        let unusable = restart.map(|restart| failover.restart = restart).err();
        let header = JobHeader::new(job_id, job_master_id, &graph);
        let state = JobState::new(
            job_id,
            graph.clone(),
            environment.settings.scheduling,
            Failover::new(&graph, failover, seed(job_master_id)),
            environment.plugins.clone(),
            now,
        );
        let metrics = environment.metrics.job(job_id, &graph.name);
        Self {
            gauges: JobGauges::register(
                &metrics,
                &state.graph,
                environment.settings.job_status_metrics,
                &environment.clock,
            ),
            workers: Workers::new(header, heartbeat, to_worker_events),
            contact: JobMasterContact {
                job_master_id,
                address: environment.rpc_address.clone(),
                notices: to_notices,
            },
            state,
            committers: Committers::default(),
            splits: BTreeMap::new(),
            sources: 0,
            figures_asked: now.monotonic,
            listeners: environment.plugins.listeners.clone(),
            unusable: unusable.map(|error| format!("the job's configuration cannot be used: {error}")),
            job_id,
            job_master_id,
            origin,
            environment,
            requests,
            events,
            own_events,
            work: JoinSet::new(),
            worker_events,
            notices,
            disconnected: false,
        }
    }

    /// Runs the job to its end.
    pub(super) async fn run(mut self, outcome: Outcome) {
        tracing::info!(job = %self.job_id, "JobMaster {} starts", self.job_master_id);
        self.prepare();
        let requirements = Requirements::declare(
            self.environment.resource_manager.clone(),
            self.job_id,
            self.contact.clone(),
            self.environment.settings.refused_delay,
            self.state.pool.requirements(),
        );
        while !self.state.has_ended() {
            self.next().await;
            let changes = std::mem::take(&mut self.state.status_changes);
            self.listeners.tell(self.job_id, changes);
            if std::mem::take(&mut self.disconnected) {
                requirements.disconnected();
            }
            requirements.update(self.state.pool.requirements());
        }
        self.work.shutdown().await;
        // What workers give back then serves those who still need something.
        requirements.disconnect(self.notices);
        self.workers.disconnect_all("the job has ended");
        outcome.tell(self.state.graph.into_archived());
    }

    async fn next(&mut self) {
        let deadline = self.state.deadline();
        let actions = tokio::select! {
            biased;
            Some(event) = self.events.recv() => self.on_event(event),
            Some(event) = self.worker_events.recv() => self.on_worker_event(event),
            Some(notice) = self.notices.recv() => self.on_notice(notice),
            Some(request) = self.requests.recv() => self.on_request(request),
            () = until(deadline) => self.state.tick(self.now()),
        };
        let adapting = self.state.adapt(self.now());
        for action in actions.into_iter().chain(adapting) {
            self.carry_out(action);
        }
        for (resource_id, held) in self.state.pool.ledger().take_changed() {
            self.workers.hold(&resource_id, &held);
        }
        self.gauges.update(&self.state.graph);
    }

    pub(super) fn now(&self) -> Now {
        let clock = &self.environment.clock;
        Now {
            wall: clock.wall(),
            monotonic: clock.monotonic(),
        }
    }

    fn prepare(&mut self) {
        let (graph, connectors) = (self.state.graph.graph.clone(), self.environment.connectors.clone());
        let (job, origin) = (self.job_id, self.origin);
        if let Some(cause) = self.unusable.clone() {
            return self.spawn(async move {
                let begun = Committers::default();
                connectors::take_back(job, &graph, origin, connectors.as_ref(), begun).await;
                Event::Prepared(Err(cause))
            });
        }
        self.spawn(async move { Event::Prepared(connectors::prepare(job, &graph, origin, connectors.as_ref()).await) });
    }

    /// Slow work that comes back as an event.
    fn spawn(&mut self, work: impl Future<Output = Event> + Send + 'static) {
        while self.work.try_join_next().is_some() {}
        let events = self.own_events.clone();
        self.work.spawn(async move {
            let event = work.await;
            let _ = events.send(event).await;
        });
    }

    fn on_event(&mut self, event: Event) -> Vec<Action> {
        let now = self.now();
        match event {
            Event::Prepared(outcome) => {
                let outcome = outcome.map(|prepared| self.take_connectors(prepared));
                self.state.prepared(outcome, now)
            }
            Event::Committed(outcome) => self.state.committed(outcome, now),
            Event::Aborted(leftover) => self.state.aborted(leftover, now),
            Event::SplitFailed(sources, cause) if sources != self.sources => {
                tracing::info!(job = %self.job_id, "ignored: a source has failed that is replaced: {cause}");
                Vec::new()
            }
            Event::Enumerated(number, outcome) => {
                if !self.state.awaits_sources(number) {
                    tracing::info!(job = %self.job_id, "ignored: the sources are ready for ExecutionGraph {number}");
                    return Vec::new();
                }
                let outcome = outcome.map(|enumerators| self.take_enumerators(enumerators));
                self.state.enumerated(number, outcome, now)
            }
            Event::SplitFailed(_, cause) => self.state.source_failed(cause, now),
            Event::SplitsReturned(number) => self.state.splits_returned(number, now),
        }
    }

    fn take_connectors(&mut self, prepared: PreparedConnectors) {
        self.committers = prepared.committers;
        self.take_enumerators(prepared.enumerators);
    }

    /// In place of those that there were.
    fn take_enumerators(&mut self, enumerators: Enumerators) {
        self.splits.clear();
        self.sources += 1;
        let sources = self.sources;
        for (operator, enumerator) in enumerators {
            let events = self.own_events.clone();
            let failed = move |cause| {
                let events = events.clone();
                tokio::spawn(async move { events.send(Event::SplitFailed(sources, cause)).await });
            };
            self.splits
                .insert(operator.clone(), serve_splits(operator, enumerator, failed));
        }
    }

    fn on_worker_event(&mut self, event: WorkerEvent) -> Vec<Action> {
        let now = self.now();
        match event {
            WorkerEvent::Deployed { resource_id, outcome } => {
                self.workers.deployed(&resource_id);
                match outcome {
                    Ok(()) => Vec::new(),
                    Err(error) if error.retryable() => {
                        self.state.deployment_unanswered(&resource_id, &error.to_string(), now)
                    }
                    Err(error) => self.state.deployment_refused(&resource_id, &error.to_string(), now),
                }
            }
            WorkerEvent::CancelAnswered {
                resource_id,
                attempts,
                outcome,
            } => match outcome {
                Ok(()) => Vec::new(),
                Err(error) if error.retryable() => {
                    self.workers.cancel_later(resource_id, attempts);
                    Vec::new()
                }
                Err(_) => self.state.tasks_are_gone(&attempts, now),
            },
            WorkerEvent::CancelAgain { resource_id, attempts } => match self.state.still_canceling(attempts) {
                attempts if attempts.is_empty() => Vec::new(),
                attempts => vec![Action::CancelTasks { resource_id, attempts }],
            },
            WorkerEvent::Heartbeat { resource_id, payload } => self.on_heartbeat(&resource_id, payload, now),
            WorkerEvent::Silent { resource_id, cause } => {
                let cause = format!("TaskManager {resource_id} is no longer reachable: {cause}");
                self.worker_lost(&resource_id, &cause, FailureKind::Symptom, now)
            }
        }
    }

    fn on_heartbeat(&mut self, resource_id: &ResourceId, payload: JobHeartbeatPayload, now: Now) -> Vec<Action> {
        let running: Vec<_> = payload.running.into_iter().map(Into::into).collect();
        let named = |mut metrics: selvedge_runtime::gateway::proto::TaskMetrics| {
            let attempt = required_attempt(metrics.attempt.take()).ok()?;
            Some((attempt, metrics))
        };
        let metrics = payload.metrics.into_iter().filter_map(named).collect();
        self.state.heartbeat(resource_id, &running, metrics, now)
    }

    fn on_notice(&mut self, notice: ResourceNotice) -> Vec<Action> {
        let now = self.now();
        match notice {
            ResourceNotice::Terminated { resource_id, cause } => {
                self.worker_lost(&resource_id, &cause, FailureKind::Cause, now)
            }
            ResourceNotice::Silent { resource_id, cause } => {
                self.worker_lost(&resource_id, &cause, FailureKind::Symptom, now)
            }
            ResourceNotice::StartFailed { cause } => {
                self.state.start_failure = Some(format!("the last worker could not start: {cause}"));
                Vec::new()
            }
            ResourceNotice::Disconnected { cause } => {
                tracing::warn!(job = %self.job_id, "disconnected from the ResourceManager: {cause}");
                self.disconnected = true;
                Vec::new()
            }
            ResourceNotice::SlotLost { allocation_id, cause } => self.state.slot_failed(&allocation_id, &cause, now),
            ResourceNotice::NotEnoughResources { shortage, .. } => self.state.not_enough_resources(&shortage, now),
        }
    }

    pub(super) fn worker_lost(
        &mut self,
        resource_id: &ResourceId,
        cause: &str,
        kind: FailureKind,
        now: Now,
    ) -> Vec<Action> {
        self.workers.remove(resource_id);
        self.state.worker_lost(resource_id, cause, kind, now)
    }

    fn carry_out(&mut self, action: Action) {
        match action {
            Action::Deploy(deployment) => self.workers.deploy(deployment),
            Action::ReturnSlot(slot) => self.workers.return_slot(&slot),
            Action::CancelTasks { resource_id, attempts } => self.workers.cancel(resource_id, attempts),
            Action::ReleasePartitions { workers, partitions } => self.workers.release(workers, &partitions),
            Action::Enumerate { number, graph } => {
                let connectors = self.environment.connectors.clone();
                self.spawn(async move {
                    Event::Enumerated(number, connectors::enumerators(&graph, connectors.as_ref()).await)
                });
            }
            Action::ReturnSplits { number, attempts } => {
                let sources: Vec<_> = self.splits.values().cloned().collect();
                self.spawn(async move {
                    return_splits(sources, attempts).await;
                    Event::SplitsReturned(number)
                });
            }
            Action::Commit(committables) => {
                let committers = self.committers.clone();
                self.spawn(async move { Event::Committed(committers.commit(&committables).await) });
            }
            Action::Abort => {
                let committers = self.committers.clone();
                self.spawn(async move { Event::Aborted(committers.abort().await) });
            }
            Action::Hurry => self.environment.resource_manager.hurry(),
            Action::End => {}
        }
    }
}

/// Ids are random: each JobMaster varies its pauses in its own way.
fn seed(job_master_id: LeaderSessionId) -> u64 {
    let bytes = job_master_id.as_bytes();
    bytes
        .iter()
        .fold(0, |seed, byte| seed.rotate_left(8) ^ u64::from(*byte))
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
