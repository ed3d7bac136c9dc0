//! The shell of the Dispatcher.

use std::collections::BTreeMap;
use std::sync::Arc;

use selvedge_core::status::ApplicationStatus;
use selvedge_core::{JobGraph, JobId, LeaderSessionId};
use tokio::sync::{mpsc, oneshot};

use super::state::{ClusterEnd, Job, State};
use super::{DispatcherError, Environment, Reply, Request};
use crate::jobmaster::{self, ExecutionGraph, JobResult};

/// What own tasks report.
enum Event {
    Checked {
        job: JobId,
        outcome: Result<JobGraph, String>,
        reply: Reply<Result<JobId, DispatcherError>>,
    },
    /// `None` where the JobMaster broke down.
    Ended(JobId, Option<Arc<ExecutionGraph>>),
}

pub(super) struct Service {
    environment: Environment,
    end: Option<oneshot::Sender<ClusterEnd>>,
    state: State,
    waiting: BTreeMap<JobId, Vec<Reply<Result<JobResult, DispatcherError>>>>,
    requests: mpsc::Receiver<Request>,
    events: mpsc::Receiver<Event>,
    own_events: mpsc::Sender<Event>,
}

impl Service {
    pub(super) fn new(mut environment: Environment, requests: mpsc::Receiver<Request>) -> Self {
        let (own_events, events) = mpsc::channel(super::REQUEST_QUEUE);
        let (unused, _) = oneshot::channel();
        let end = std::mem::replace(&mut environment.end, unused);
        Self {
            state: State::new(environment.mode),
            environment,
            end: Some(end),
            waiting: BTreeMap::new(),
            requests,
            events,
            own_events,
        }
    }

    pub(super) async fn run(mut self) {
        loop {
            let deadline = self.state.deadline();
            tokio::select! {
                biased;
                Some(event) = self.events.recv() => self.on_event(event),
                request = self.requests.recv() => match request {
                    Some(request) => self.on_request(request),
                    None => return,
                },
                () = until(deadline) => {
                    let end = self.state.tick(self.environment.job_master.clock.monotonic());
                    self.end_with(end);
                }
            }
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
            Request::Submit { job, graph, reply } => self.submit(job, graph, reply),
            Request::Jobs(reply) => self.list(reply),
            Request::Job(job, reply) => self.look_up(job, reply),
            Request::Cancel(job, reply) => self.cancel(job, reply),
            Request::AwaitResult(job, reply) => self.await_result(job, reply),
            Request::Fetched(job, reply) => {
                let end = self.state.fetched(&job);
                self.end_with(end);
                let _ = reply.send(());
            }
            Request::ShutDown {
                status,
                diagnostics,
                reply,
            } => {
                let now = self.environment.job_master.clock.monotonic();
                for handle in self.state.shut_down(status, diagnostics.clone(), now) {
                    match status {
                        ApplicationStatus::Failed => {
                            let cause = diagnostics.clone();
                            tokio::spawn(async move { handle.fail(cause).await });
                        }
                        _ => {
                            tokio::spawn(async move { handle.cancel().await });
                        }
                    }
                }
                let end = self.state.tick(now);
                self.end_with(end);
                let _ = reply.send(());
            }
        }
    }

    fn submit(&mut self, job: Option<JobId>, graph: JobGraph, reply: Reply<Result<JobId, DispatcherError>>) {
        let job = job.unwrap_or_else(|| JobId::random(&mut self.environment.rng));
        if let Err(error) = self.state.admit(job) {
            let _ = reply.send(Err(error));
            return;
        }
        let (checker, events) = (self.environment.checker.clone(), self.own_events.clone());
        // Planning is CPU work: it must not hold up the runtime.
        tokio::spawn(async move {
            let checked = tokio::task::spawn_blocking(move || checker.check(graph)).await;
            let outcome = match checked {
                Ok(Ok(graph)) => Ok(graph),
                Ok(Err(error)) => Err(error.report()),
                Err(error) => Err(format!("checking the job broke down: {error}")),
            };
            let _ = events.send(Event::Checked { job, outcome, reply }).await;
        });
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Checked {
                job,
                outcome: Err(cause),
                reply,
            } => {
                self.state.refuse(&job);
                let _ = reply.send(Err(DispatcherError::Graph(cause)));
                let end = self.state.tick(self.environment.job_master.clock.monotonic());
                self.end_with(end);
            }
            Event::Checked {
                job,
                outcome: Ok(graph),
                reply,
            } => {
                self.start_job_master(job, graph);
                let _ = reply.send(Ok(job));
            }
            Event::Ended(job, graph) => self.ended(job, graph),
        }
    }

    fn start_job_master(&mut self, job: JobId, graph: JobGraph) {
        tracing::info!(%job, "job '{}' is taken", graph.name);
        let token = LeaderSessionId::random(&mut self.environment.rng);
        let (handle, ended) = jobmaster::start(job, token, Arc::new(graph), self.environment.job_master.clone());
        self.environment.job_masters.add(handle.clone());
        self.state.jobs.insert(job, Job::Running(handle));
        let events = self.own_events.clone();
        tokio::spawn(async move {
            let _ = events.send(Event::Ended(job, ended.await.ok())).await;
        });
    }

    fn ended(&mut self, job: JobId, graph: Option<Arc<ExecutionGraph>>) {
        self.environment.job_masters.remove(&job);
        let Some(graph) = graph else {
            tracing::error!(%job, "the JobMaster broke down");
            self.state.refuse(&job);
            let diagnostics = format!("the JobMaster of job {job} broke down");
            self.end_with(Some(ClusterEnd {
                status: ApplicationStatus::Failed,
                diagnostics,
            }));
            return;
        };
        let result = JobResult::of(&graph);
        tracing::info!(%job, "job '{}' is {}", graph.graph.name, graph.status());
        for waiting in self.waiting.remove(&job).unwrap_or_default() {
            let _ = waiting.send(result.clone().ok_or(DispatcherError::UnknownJob(job)));
        }
        let end = self.state.ended(graph, self.environment.job_master.clock.monotonic());
        self.end_with(end);
    }

    fn end_with(&mut self, end: Option<ClusterEnd>) {
        if let (Some(end), Some(sender)) = (&end, self.end.take_if(|_| end.is_some())) {
            let _ = sender.send(end.clone());
        }
    }

    fn list(&self, reply: Reply<Vec<Arc<ExecutionGraph>>>) {
        let mut running = Vec::new();
        let mut graphs = Vec::new();
        for job in self.state.jobs.values() {
            match job {
                Job::Running(handle) => running.push(handle.clone()),
                Job::Archived(graph) => graphs.push(graph.clone()),
                Job::Checking => {}
            }
        }
        tokio::spawn(async move {
            // A job that ends just now is missed once.
            let details = futures::future::join_all(running.iter().map(|handle| handle.details())).await;
            graphs.extend(details.into_iter().flatten());
            graphs.sort_by_key(|graph| graph.job_id);
            let _ = reply.send(graphs);
        });
    }

    fn look_up(&self, job: JobId, reply: Reply<Result<Arc<ExecutionGraph>, DispatcherError>>) {
        match self.state.jobs.get(&job) {
            Some(Job::Archived(graph)) => {
                let _ = reply.send(Ok(graph.clone()));
            }
            Some(Job::Running(handle)) => {
                let handle = handle.clone();
                tokio::spawn(async move {
                    let _ = reply.send(handle.details().await.map_err(Into::into));
                });
            }
            Some(Job::Checking) | None => {
                let _ = reply.send(Err(DispatcherError::UnknownJob(job)));
            }
        }
    }

    fn cancel(&self, job: JobId, reply: Reply<Result<(), DispatcherError>>) {
        match self.state.jobs.get(&job) {
            Some(Job::Running(handle)) => {
                let handle = handle.clone();
                tokio::spawn(async move {
                    let _ = reply.send(handle.cancel().await.map_err(Into::into));
                });
            }
            Some(Job::Archived(graph)) => {
                let status = graph.status();
                let _ = reply.send(Err(jobmaster::JobMasterError::CannotCancel {
                    job,
                    status,
                    detail: "",
                }
                .into()));
            }
            Some(Job::Checking) | None => {
                let _ = reply.send(Err(DispatcherError::UnknownJob(job)));
            }
        }
    }

    fn await_result(&mut self, job: JobId, reply: Reply<Result<JobResult, DispatcherError>>) {
        match self.state.jobs.get(&job) {
            Some(Job::Running(_) | Job::Checking) => self.waiting.entry(job).or_default().push(reply),
            Some(Job::Archived(graph)) => {
                let _ = reply.send(JobResult::of(graph).ok_or(DispatcherError::UnknownJob(job)));
            }
            None => {
                let _ = reply.send(Err(DispatcherError::UnknownJob(job)));
            }
        }
    }
}

async fn until(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
