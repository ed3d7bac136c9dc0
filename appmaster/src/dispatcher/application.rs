//! What the program of an application's cluster tells.

use selvedge_core::JobId;

use super::service::Service;
use super::{ClusterEnd, DispatcherError, sparse};

impl Service {
    /// A job that has FAILED before it was one.
    pub(super) fn submit_failed(&mut self, job: JobId, name: String, cause: String) -> Result<(), DispatcherError> {
        if !self.state.life.serves() {
            return Err(DispatcherError::ShuttingDown);
        }
        if self.state.has_ended(&job) || self.state.jobs.contains_key(&job) {
            let state = if self.state.has_ended(&job) { "ended" } else { "running" };
            return Err(DispatcherError::Duplicate { job, state });
        }
        tracing::info!(%job, "job '{name}' has failed before its start");
        let graph = sparse::failed(job, Some(name), cause, self.now().wall);
        self.ended(job, Some(graph));
        Ok(())
    }

    /// The application has ended. What it has left running is cancelled, where the cluster ends too.
    pub(super) fn application_ended(&mut self, end: ClusterEnd, stays: bool) {
        tracing::info!("the application has ended: {:?}", end.status);
        for handle in self.state.application_ended(end, stays, self.now()) {
            // One that has ended meanwhile is what is wanted.
            tokio::spawn(async move { handle.cancel().await });
        }
    }
}
