//! What an earlier master has left: jobs that have ended are cleaned up, others run again; then requests are answered.

use selvedge_core::JobId;
use selvedge_runtime::connector::report;

use super::service::Service;
use super::sparse;
use crate::jobmaster::{JobOrigin, JobResult};
use crate::stores::{RecoveredGraph, RecoveredResults, StoreError};

impl Service {
    /// # Errors
    /// The stores cannot be read: nobody knows which jobs there are.
    pub(super) async fn recover(&mut self) -> Result<(), String> {
        let stores = self.environment.stores.clone();
        let results = stores.job_results.recover().await.map_err(|error| report(&error))?;
        let graphs = stores.job_graphs.recover().await.map_err(|error| report(&error))?;
        let known: Vec<JobId> = graphs.iter().map(|found| found.job).collect();
        let artifacts = self.environment.artifacts.clone();
        artifacts.remove_others(&known).await.map_err(|error| report(&error))?;
        self.recover_results(results, &graphs).await;
        for RecoveredGraph { job, graph } in graphs {
            match graph {
                // Its clean-up, which removes the graph, runs already.
                _ if self.state.jobs.contains_key(&job) => {}
                _ if self.state.has_ended(&job) => self.remove_orphan(job),
                Ok(graph) => match artifacts.recover(job, &graph).await {
                    Ok(()) => {
                        tracing::info!(%job, "job '{}' of an earlier master runs again", graph.name);
                        if let Err(error) = self.check_scheduler(&graph) {
                            tracing::warn!(%job, "the job runs without its resource requirements: {error}");
                        }
                        self.start_job_master(job, graph, JobOrigin::Recovered);
                    }
                    Err(error @ StoreError::Corrupt { .. }) => self.show_unreadable(job, &report(&error)).await,
                    // The next try may succeed.
                    Err(error) => return Err(report(&error)),
                },
                Err(error) => self.show_unreadable(job, &report(&error)).await,
            }
        }
        Ok(())
    }

    async fn recover_results(&mut self, results: RecoveredResults, graphs: &[RecoveredGraph]) {
        let now = self.now();
        for result in results.clean {
            self.show_ended(&result, None).await;
            self.state.recover_clean(result);
        }
        for result in results.dirty {
            let job = result.job_id;
            tracing::info!(%job, "the job of an earlier master has ended, {}, and is cleaned up", result.status);
            let graph = graphs.iter().find(|found| found.job == job);
            let name = graph.and_then(|found| Some(found.graph.as_ref().ok()?.name.clone()));
            let graph = sparse::ended(&result, name, now.wall);
            let ending = self.state.recover_dirty(graph, result);
            self.clean_up(&ending);
        }
    }

    async fn show_ended(&self, result: &JobResult, name: Option<String>) {
        let now = self.now();
        let graph = sparse::ended(result, name, now.wall);
        self.environment.stores.execution_graphs.put(graph, now.monotonic).await;
    }

    /// A job that nobody can run, nor should anybody forget: it is shown as FAILED, and its file stays.
    async fn show_unreadable(&self, job: JobId, cause: &str) {
        tracing::error!(%job, "the job of an earlier master cannot be run again: {cause}");
        let now = self.now();
        let cause = format!("the job cannot be run again: {cause}; repair or delete the file");
        let graph = sparse::failed(job, None, cause, now.wall);
        self.environment.stores.execution_graphs.put(graph, now.monotonic).await;
    }

    /// The graph of a job that is cleaned up: somebody put it back.
    fn remove_orphan(&self, job: JobId) {
        let store = self.environment.stores.job_graphs.clone();
        tokio::spawn(async move {
            match store.remove(job).await {
                Ok(()) => tracing::warn!(%job, "the graph of a job that has ended was still there: it is removed"),
                Err(error) => tracing::warn!(%job, "the graph of an ended job is left behind: {}", report(&error)),
            }
        });
    }
}
