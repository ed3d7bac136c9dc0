//! Taking a job: checked, its artifacts taken, stored, started, answered; in this order.

use std::sync::Arc;

use selvedge_core::{JobGraph, JobId, LeaderSessionId};
use selvedge_runtime::connector::{GraphChecker, report};
use selvedge_runtime::machine::run_blocking;

use super::service::{Event, Service};
use super::{DispatcherError, DispatcherMode, Reply};
use crate::jobmaster::{self, JobOrigin};
use crate::stores::{ArtifactStore, JobGraphStore, StoreError, TakeError, Uploads};

impl Service {
    pub(super) fn submit(
        &mut self,
        job: Option<JobId>,
        graph: JobGraph,
        uploads: Uploads,
        reply: Reply<Result<JobId, DispatcherError>>,
    ) {
        let job = job.unwrap_or_else(|| JobId::random(&mut self.environment.rng));
        let graph = graph.with_runtime_mode(&self.environment.configuration);
        // A job that is there already is told as such, whatever else would be wrong with it.
        let admitted = self.state.admit(job, &graph, self.now()).and_then(|()| {
            let checked = self.check_scheduler(&graph);
            checked.inspect_err(|_| self.state.refuse(&job))
        });
        if let Err(error) = admitted {
            let _ = reply.send(Err(error));
            return;
        }
        let checker = self.environment.checker.clone();
        let most_slots = self.environment.most_slots.clone();
        let keeping = self.keeping();
        self.spawn(async move {
            let checked = check(graph, checker).await;
            let outcome = match checked.and_then(|graph| Ok(most_slots.check(&graph).map(|()| graph)?)) {
                Ok(graph) => keeping.keep(job, graph, &uploads).await.map(Box::new),
                Err(error) => Err(error),
            };
            Event::Accepted { job, outcome, reply }
        });
    }

    /// Requirements that nothing would go by are refused.
    pub(super) fn check_scheduler(&self, graph: &JobGraph) -> Result<(), DispatcherError> {
        if graph.resource_requirements.is_empty() {
            return Ok(());
        }
        let scheduling = self.environment.job_master.settings.scheduling;
        let why = match scheduling.scheduler.adaptive(graph) {
            Some(settings) if settings.reactive => "the workers that there are decide (scheduler-mode): leave them out",
            Some(_) => return Ok(()),
            None => {
                "its parallelism is fixed: leave them out, or set jobmanager.scheduler to Adaptive, and \
                 execution.runtime-mode to STREAMING where its sources end"
            }
        };
        let cause = format!("it states resource_requirements, but {why}");
        Err(DispatcherError::Graph(cause))
    }

    pub(super) fn accepted(
        &mut self,
        job: JobId,
        outcome: Result<Box<JobGraph>, DispatcherError>,
        reply: Reply<Result<JobId, DispatcherError>>,
    ) {
        let outcome = match outcome {
            Ok(_) if !self.state.life.serves() => {
                self.forget(job);
                Err(DispatcherError::ShuttingDown)
            }
            outcome => outcome,
        };
        match outcome {
            Ok(graph) => {
                tracing::info!(%job, "job '{}' is taken", graph.name);
                let origin = match self.environment.mode {
                    // The cluster's own job: a master that is gone may have run it under this id.
                    DispatcherMode::PerJob { .. } | DispatcherMode::Application => JobOrigin::Recovered,
                    DispatcherMode::Session => JobOrigin::Submitted,
                };
                self.start_job_master(job, *graph, origin);
                let _ = reply.send(Ok(job));
            }
            Err(error) => {
                self.state.refuse(&job);
                for waiting in self.awaiting_cancel.remove(&job).unwrap_or_default() {
                    let _ = waiting.send(Err(DispatcherError::UnknownJob(job)));
                }
                for waiting in self.awaiting_results.remove(&job).unwrap_or_default() {
                    let _ = waiting.send(Err(error.clone()));
                }
                let _ = reply.send(Err(error));
            }
        }
    }

    pub(super) fn start_job_master(&mut self, job: JobId, graph: JobGraph, origin: JobOrigin) {
        let token = LeaderSessionId::random(&mut self.environment.rng);
        let environment = self.environment.job_master.clone();
        let (handle, ended) = jobmaster::start(job, token, Arc::new(graph), origin, environment);
        self.environment.job_masters.add(handle.clone());
        self.state.run(handle.clone(), job, self.now());
        for waiting in self.awaiting_cancel.remove(&job).unwrap_or_default() {
            let handle = handle.clone();
            tokio::spawn(async move { waiting.send(handle.cancel().await.map_err(Into::into)) });
        }
        self.spawn(async move { Event::Ended(job, ended.await.ok()) });
    }

    /// A job that was stored does not run: the cluster has begun to end.
    fn forget(&self, job: JobId) {
        let keeping = self.keeping();
        tokio::spawn(async move { keeping.forget(job).await });
    }

    fn keeping(&self) -> Keeping {
        Keeping {
            graphs: self.environment.stores.job_graphs.clone(),
            artifacts: self.environment.artifacts.clone(),
        }
    }
}

/// Checks a graph and completes it.
async fn check(graph: JobGraph, checker: Arc<dyn GraphChecker>) -> Result<JobGraph, DispatcherError> {
    // Planning is CPU work: it must not hold up the runtime.
    match run_blocking(move || checker.check(graph)).await {
        Ok(checked) => checked.map_err(|error| DispatcherError::Graph(error.report())),
        Err(error) => Err(DispatcherError::Graph(format!("checking the job broke down: {error}"))),
    }
}

/// Where what belongs to a job is kept.
struct Keeping {
    graphs: Arc<dyn JobGraphStore>,
    artifacts: Arc<ArtifactStore>,
}

impl Keeping {
    /// Keeps all of it, or nothing. The graph comes last: whoever finds it finds the rest.
    async fn keep(&self, job: JobId, mut graph: JobGraph, uploads: &Uploads) -> Result<JobGraph, DispatcherError> {
        let not_stored = |error: &StoreError| DispatcherError::NotStored {
            job,
            cause: report(error),
        };
        let refused = match self.artifacts.take(job, &mut graph, uploads).await {
            Ok(()) => match self.graphs.put(job, &graph).await {
                Ok(()) => return Ok(graph),
                Err(error) => not_stored(&error),
            },
            Err(TakeError::Artifact(error)) => DispatcherError::Graph(report(&error)),
            Err(TakeError::Store(error)) => not_stored(&error),
        };
        // Perhaps it is there all the same, and would run one day.
        self.forget(job).await;
        Err(refused)
    }

    async fn forget(&self, job: JobId) {
        for removed in [self.graphs.remove(job).await, self.artifacts.remove(job).await] {
            if let Err(error) = removed {
                tracing::warn!(%job, "a part of a job that was refused is left behind: {}", report(&error));
            }
        }
    }
}
