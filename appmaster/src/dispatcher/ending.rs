//! What happens when a job has ended: its result is stored, those who wait are told, and what was kept for it goes.

use std::sync::Arc;

use selvedge_core::JobId;
use selvedge_runtime::connector::report;

use super::cleanup::clean_up;
use super::service::{Event, Service};
use super::state::EndingJob;
use crate::jobmaster::{ArchivedExecutionGraph, JobResult};
use crate::rest;

impl Service {
    pub(super) fn ended(&mut self, job: JobId, graph: Option<Arc<ArchivedExecutionGraph>>) {
        self.environment.job_masters.remove(&job);
        let Some(graph) = graph else {
            self.state.refuse(&job);
            self.break_down(format!("the JobMaster of job {job} broke down"));
            return;
        };
        tracing::info!(%job, "job '{}' is {}", graph.graph.name, graph.status());
        match JobResult::of(&graph) {
            Some(result) => {
                let ending = self.state.job_ended(graph, result);
                self.store_result(&ending);
            }
            // Whoever leads next goes on with it: its graph stays where it is.
            None => self.state.job_suspended(&job),
        }
    }

    fn store_result(&mut self, ending: &EndingJob) {
        let (job, result, graph) = (ending.result.job_id, ending.result.clone(), ending.graph.clone());
        let (stores, strategy) = (self.environment.stores.clone(), self.environment.cleanup);
        let answers = stores.history.as_ref().map(|_| {
            let now = self.environment.job_master.clock.wall();
            rest::archive(&graph, &self.environment.configuration, now)
        });
        self.spawn(async move {
            if let (Some(history), Some(answers)) = (&stores.history, answers)
                && let Err(error) = history.archive(job, &answers).await
            {
                tracing::error!(%job, "the job is not archived for the history server: {}", report(&error));
            }
            let step = || stores.job_results.create_dirty(&result);
            let outcome = strategy.retry(job, "the job's result cannot be stored", step).await;
            Event::ResultStored(job, outcome)
        });
    }

    pub(super) fn result_stored(&mut self, job: JobId, outcome: Result<(), String>) {
        if let Err(cause) = outcome {
            // Nobody waits for what cannot be stored; its graph stays, for a master that can.
            self.state.cleaned_up(&job);
            self.break_down(cause);
            return;
        }
        let Some(ending) = self.state.result_stored(&job, self.now()) else {
            return;
        };
        for waiting in self.awaiting_results.remove(&job).unwrap_or_default() {
            let _ = waiting.send(Ok(ending.result.clone()));
        }
        self.clean_up(&ending);
    }

    /// Keeps an ended job for its pages, and removes everything else.
    pub(super) fn clean_up(&mut self, ending: &EndingJob) {
        let (job, graph) = (ending.result.job_id, ending.graph.clone());
        let (stores, strategy) = (self.environment.stores.clone(), self.environment.cleanup);
        let resources = self.environment.resources.clone();
        let now = self.now().monotonic;
        self.spawn(async move {
            stores.execution_graphs.put(graph, now).await;
            let outcome = match clean_up(job, &resources, strategy).await {
                Ok(()) => {
                    let step = || stores.job_results.mark_clean(job);
                    let what = "the job's result cannot be marked as cleaned up";
                    strategy.retry(job, what, step).await
                }
                failed => failed,
            };
            Event::CleanedUp(job, outcome)
        });
    }

    pub(super) fn cleaned_up(&mut self, job: JobId, outcome: Result<(), String>) {
        if let Err(cause) = outcome {
            tracing::error!(%job, "the job is not cleaned up; the next start of the cluster tries it again: {cause}");
        }
        self.state.cleaned_up(&job);
    }
}
