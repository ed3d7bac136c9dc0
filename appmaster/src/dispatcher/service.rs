//! The shell of the Dispatcher: owns the state; slow work is spawned and comes back as an event.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use selvedge_core::status::ApplicationStatus;
use selvedge_core::{JobGraph, JobId};
use selvedge_runtime::deployment::CLIENT_OF_APPLICATION;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use super::state::{Job, Now, State};
use super::{ClusterEnd, DispatcherError, Environment, Reply, Request};
use crate::jobmaster::{ArchivedExecutionGraph, JobResult};

/// Why an application ends that was to end with its client.
const CLIENT_GONE: &str = "the application's client has not been heard in time (client.heartbeat.interval, \
                           client.heartbeat.timeout), and execution.shutdown-on-attached-exit is set";

/// What own tasks report.
pub(super) enum Event {
    /// A submitted job was checked and stored, or not.
    Accepted {
        job: JobId,
        outcome: Result<Box<JobGraph>, DispatcherError>,
        reply: Reply<Result<JobId, DispatcherError>>,
    },
    /// `None` where the JobMaster broke down.
    Ended(JobId, Option<Arc<ArchivedExecutionGraph>>),
    RequirementsChanged {
        job: JobId,
        outcome: Result<(), DispatcherError>,
        reply: Reply<Result<(), DispatcherError>>,
    },
    ResultStored(JobId, Result<(), String>),
    CleanedUp(JobId, Result<(), String>),
}

pub(super) struct Service {
    pub(super) environment: Environment,
    end: Option<oneshot::Sender<ClusterEnd>>,
    pub(super) state: State,
    pub(super) awaiting_results: BTreeMap<JobId, Vec<Reply<Result<JobResult, DispatcherError>>>>,
    /// Those who want jobs cancelled that are still initialising.
    pub(super) awaiting_cancel: BTreeMap<JobId, Vec<Reply<Result<(), DispatcherError>>>>,
    /// Jobs whose resource requirements are being changed.
    pub(super) changing: BTreeSet<JobId>,
    requests: mpsc::Receiver<Request>,
    /// What goes on beside the loop. It ends with the Dispatcher: nothing is stored in the name of one that has lost its
    /// leadership.
    work: JoinSet<Event>,
}

impl Service {
    pub(super) fn new(mut environment: Environment, requests: mpsc::Receiver<Request>) -> Self {
        let (unused, _) = oneshot::channel();
        let end = std::mem::replace(&mut environment.end, unused);
        Self {
            state: State::new(environment.mode, environment.client_timeout),
            environment,
            end: Some(end),
            awaiting_results: BTreeMap::new(),
            awaiting_cancel: BTreeMap::new(),
            changing: BTreeSet::new(),
            requests,
            work: JoinSet::new(),
        }
    }

    pub(super) async fn run(mut self) {
        if let Err(cause) = self.recover().await {
            self.break_down(format!("what an earlier master has left cannot be recovered: {cause}"));
        }
        self.state.begin(self.now());
        loop {
            let deadline = self.deadline();
            tokio::select! {
                biased;
                Some(done) = self.work.join_next() => self.on_done(done),
                request = self.requests.recv() => match request {
                    Some(request) => self.on_request(request),
                    None => return,
                },
                () = until(deadline) => self.on_deadline(),
            }
            let end = self.state.tick(self.now());
            self.end_with(end);
            self.show();
        }
    }

    /// What metrics show of the jobs.
    fn show(&self) {
        let jobs = self.state.jobs.values();
        let running = jobs.filter(|job| matches!(job, Job::Running(_))).count();
        self.environment
            .gauges
            .set_running_jobs(u32::try_from(running).unwrap_or(u32::MAX));
    }

    fn on_request(&mut self, request: Request) {
        match request {
            Request::Submit {
                job,
                graph,
                uploads,
                reply,
            } => self.submit(job, *graph, uploads, reply),
            Request::BlobServerPort(reply) => drop(reply.send(self.environment.blob_server_port)),
            Request::Serves(reply) => drop(reply.send(self.state.life.serves())),
            Request::Summaries(reply) => self.summaries(reply),
            Request::Job(job, reply) => self.look_up(job, reply),
            Request::Cancel(job, reply) => self.cancel(job, reply),
            Request::Requirements(job, reply) => self.requirements(job, reply),
            Request::ChangeRequirements {
                job,
                requirements,
                reply,
            } => self.change_requirements(job, requirements, reply),
            Request::Result(job, reply) => self.result(job, reply),
            Request::AwaitResult(job, reply) => self.await_result(job, reply),
            Request::Fetched(job, reply) => {
                self.state.life.fetched(&job);
                let _ = reply.send(());
            }
            Request::ClientHeartbeat { job, expiry, reply } => {
                self.state.client_heard(job, expiry);
                let _ = reply.send(());
            }
            Request::SubmitFailed {
                job,
                name,
                cause,
                reply,
            } => drop(reply.send(self.submit_failed(job, name, cause))),
            Request::ApplicationEnded { end, stays, reply } => {
                self.application_ended(end, stays);
                let _ = reply.send(());
            }
            Request::ShutDown {
                status,
                diagnostics,
                reply,
            } => {
                self.shut_down(status, &diagnostics);
                let _ = reply.send(());
            }
        }
    }

    fn on_done(&mut self, done: Result<Event, JoinError>) {
        match done {
            Ok(Event::Accepted { job, outcome, reply }) => self.accepted(job, outcome, reply),
            Ok(Event::Ended(job, graph)) => self.ended(job, graph),
            Ok(Event::RequirementsChanged { job, outcome, reply }) => self.requirements_changed(job, outcome, reply),
            Ok(Event::ResultStored(job, outcome)) => self.result_stored(job, outcome),
            Ok(Event::CleanedUp(job, outcome)) => self.cleaned_up(job, outcome),
            Err(error) => self.break_down(format!("a part of the Dispatcher broke down: {error}")),
        }
    }

    fn on_deadline(&mut self) {
        let now = self.now();
        self.environment.stores.execution_graphs.expire(now.monotonic);
        for job in self.state.clients.overdue(now.wall) {
            if job == CLIENT_OF_APPLICATION {
                self.shut_down(ApplicationStatus::Canceled, CLIENT_GONE);
                continue;
            }
            let Some(Job::Running(handle)) = self.state.jobs.get(&job) else {
                continue;
            };
            tracing::warn!(
                %job,
                "the job's client has not been heard in time: the job is cancelled (client.heartbeat.interval, \
                 client.heartbeat.timeout)"
            );
            let handle = handle.clone();
            tokio::spawn(async move { handle.cancel().await });
        }
    }

    fn shut_down(&mut self, status: ApplicationStatus, diagnostics: &str) {
        for handle in self.state.shut_down(status, diagnostics.to_owned(), self.now()) {
            let cause = diagnostics.to_owned();
            tokio::spawn(async move {
                // One that has ended meanwhile is what is wanted.
                let _ = match status {
                    ApplicationStatus::Failed => handle.fail(cause).await,
                    _ => handle.cancel().await,
                };
            });
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let deadlines = [
            self.state.deadline(self.now()),
            self.environment.stores.execution_graphs.deadline(),
        ];
        deadlines.into_iter().flatten().min()
    }

    pub(super) fn now(&self) -> Now {
        let clock = &self.environment.job_master.clock;
        Now {
            wall: clock.wall(),
            monotonic: clock.monotonic(),
        }
    }

    /// Slow work that comes back as an event.
    pub(super) fn spawn(&mut self, work: impl Future<Output = Event> + Send + 'static) {
        self.work.spawn(work);
    }

    /// The Dispatcher cannot go on: the process decides whether its cluster ends with that, or another master takes over.
    pub(super) fn break_down(&mut self, cause: String) {
        self.state.life.break_down();
        if let Err(unheard) = self.environment.fatal.try_send(cause) {
            // Something else has broken before, or the process ends already.
            tracing::error!("{}", unheard.into_inner());
        }
    }

    fn end_with(&mut self, end: Option<ClusterEnd>) {
        if let (Some(end), Some(sender)) = (&end, self.end.take_if(|_| end.is_some())) {
            let _ = sender.send(end.clone());
        }
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
