//! Taking a job: checked, stored, started, answered; in this order.

use std::sync::Arc;

use selvedge_core::{JobGraph, JobId, LeaderSessionId};
use selvedge_runtime::connector::{GraphChecker, report};
use selvedge_runtime::machine::run_blocking;

use super::service::{Event, Service};
use super::{DispatcherError, DispatcherMode, Reply};
use crate::jobmaster::{self, JobOrigin};
use crate::stores::JobGraphStore;

impl Service {
    pub(super) fn submit(&mut self, job: Option<JobId>, graph: JobGraph, reply: Reply<Result<JobId, DispatcherError>>) {
        let job = job.unwrap_or_else(|| JobId::random(&mut self.environment.rng));
        if let Err(error) = self.state.admit(job, &graph, self.now()) {
            let _ = reply.send(Err(error));
            return;
        }
        let checker = self.environment.checker.clone();
        let store = self.environment.stores.job_graphs.clone();
        self.spawn(async move {
            let outcome = accept(job, graph, checker, &*store).await;
            Event::Accepted { job, outcome, reply }
        });
    }

    pub(super) fn accepted(
        &mut self,
        job: JobId,
        outcome: Result<JobGraph, DispatcherError>,
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
                    DispatcherMode::PerJob { .. } => JobOrigin::Recovered,
                    DispatcherMode::Session => JobOrigin::Submitted,
                };
                self.start_job_master(job, graph, origin);
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
        let store = self.environment.stores.job_graphs.clone();
        tokio::spawn(async move {
            if let Err(error) = store.remove(job).await {
                tracing::warn!(%job, "the graph of a job that was refused is left behind: {}", report(&error));
            }
        });
    }
}

/// Checks a graph and stores it.
async fn accept(
    job: JobId,
    graph: JobGraph,
    checker: Arc<dyn GraphChecker>,
    store: &dyn JobGraphStore,
) -> Result<JobGraph, DispatcherError> {
    // Planning is CPU work: it must not hold up the runtime.
    let checked = run_blocking(move || checker.check(graph)).await;
    let graph = match checked {
        Ok(Ok(graph)) => graph,
        Ok(Err(error)) => return Err(DispatcherError::Graph(error.report())),
        Err(error) => return Err(DispatcherError::Graph(format!("checking the job broke down: {error}"))),
    };
    if let Err(error) = store.put(job, &graph).await {
        let cause = report(&error);
        // Perhaps it is there all the same, and would run one day.
        if let Err(error) = store.remove(job).await {
            tracing::warn!(%job, "the graph of a job that was refused may be left behind: {}", report(&error));
        }
        return Err(DispatcherError::NotStored { job, cause });
    }
    Ok(graph)
}
