//! Questions about jobs, and wishes for their end.

use std::collections::BTreeMap;
use std::sync::Arc;

use selvedge_core::JobId;

use super::service::Service;
use super::state::Job;
use super::{DispatcherError, Reply};
use crate::jobmaster::{ArchivedExecutionGraph, JobMasterError, JobMasterHandle, JobResult};
use crate::stores::JobSummary;

impl Service {
    pub(super) fn summaries(&self, reply: Reply<Vec<JobSummary>>) {
        let kept = self.environment.stores.execution_graphs.summaries();
        let mut jobs: BTreeMap<_, _> = kept.into_iter().map(|job| (job.job_id, job)).collect();
        let mut running = Vec::new();
        for job in self.state.jobs.values() {
            let graph = match job {
                Job::Running(handle) => {
                    running.push(handle.clone());
                    continue;
                }
                Job::Initializing(graph) => graph.clone(),
                Job::Ending(ending) => ending.shown(),
            };
            jobs.insert(graph.job_id, JobSummary::from(&*graph));
        }
        tokio::spawn(async move {
            let summaries = futures::future::join_all(running.iter().map(JobMasterHandle::summary)).await;
            for summary in summaries.into_iter().flatten() {
                jobs.insert(summary.job_id, summary);
            }
            let _ = reply.send(jobs.into_values().collect());
        });
    }

    pub(super) fn look_up(&self, job: JobId, reply: Reply<Result<Arc<ArchivedExecutionGraph>, DispatcherError>>) {
        match self.state.jobs.get(&job) {
            Some(Job::Initializing(graph)) => {
                let _ = reply.send(Ok(graph.clone()));
            }
            Some(Job::Ending(ending)) => {
                let _ = reply.send(Ok(ending.shown()));
            }
            Some(Job::Running(handle)) => {
                let handle = handle.clone();
                tokio::spawn(async move { reply.send(handle.details().await.map_err(Into::into)) });
            }
            None => {
                let kept = self.environment.stores.execution_graphs.clone();
                tokio::spawn(async move { reply.send(kept.get(job).await.ok_or(DispatcherError::UnknownJob(job))) });
            }
        }
    }

    pub(super) fn cancel(&mut self, job: JobId, reply: Reply<Result<(), DispatcherError>>) {
        let status = match self.state.jobs.get(&job) {
            Some(Job::Running(handle)) => {
                let handle = handle.clone();
                tokio::spawn(async move { reply.send(handle.cancel().await.map_err(Into::into)) });
                return;
            }
            Some(Job::Initializing(_)) => {
                self.awaiting_cancel.entry(job).or_default().push(reply);
                return;
            }
            Some(Job::Ending(ending)) if !ending.stored => {
                let refused = JobMasterError::about_to_end(job, ending.shown().status());
                let _ = reply.send(Err(refused.into()));
                return;
            }
            Some(Job::Ending(ending)) => Some(ending.result.status),
            None => self
                .environment
                .stores
                .execution_graphs
                .summary(&job)
                .map(|kept| kept.status),
        };
        let refused = match status {
            Some(status) => JobMasterError::CannotCancel {
                job,
                status,
                detail: "",
            }
            .into(),
            None => DispatcherError::UnknownJob(job),
        };
        let _ = reply.send(Err(refused));
    }

    pub(super) fn result(&self, job: JobId, reply: Reply<Result<Option<JobResult>, DispatcherError>>) {
        match self.state.jobs.get(&job) {
            Some(Job::Ending(ending)) if ending.stored => {
                let _ = reply.send(Ok(Some(ending.result.clone())));
            }
            Some(_) => {
                let _ = reply.send(Ok(None));
            }
            None => self.kept_result(job, move |result| {
                let _ = reply.send(result.map(Some));
            }),
        }
    }

    pub(super) fn await_result(&mut self, job: JobId, reply: Reply<Result<JobResult, DispatcherError>>) {
        match self.state.jobs.get(&job) {
            Some(Job::Ending(ending)) if ending.stored => {
                let _ = reply.send(Ok(ending.result.clone()));
            }
            Some(_) => {
                let waiting = self.awaiting_results.entry(job).or_default();
                // Who asks with a bound is gone, and asks again.
                waiting.retain(|reply| !reply.is_closed());
                waiting.push(reply);
            }
            None => self.kept_result(job, move |result| {
                let _ = reply.send(result);
            }),
        }
    }

    /// The result of a job that is cleaned up.
    fn kept_result(&self, job: JobId, told: impl FnOnce(Result<JobResult, DispatcherError>) + Send + 'static) {
        if let Some(result) = self.state.recovered.get(&job) {
            return told(Ok(result.clone()));
        }
        let kept = self.environment.stores.execution_graphs.clone();
        tokio::spawn(async move {
            let graph = kept.get(job).await;
            let result = graph.and_then(|graph| JobResult::of(&graph));
            told(result.ok_or(DispatcherError::UnknownJob(job)));
        });
    }
}
