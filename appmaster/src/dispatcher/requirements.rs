//! Between which bounds the adaptive scheduler chooses the parallelism of a running job: read, and changed. A change is checked
//! by the JobMaster, kept for the next master, and only then counts.

use std::sync::Arc;

use selvedge_core::JobId;
use selvedge_core::job_graph::JobRequirements;
use selvedge_runtime::connector::report;

use super::service::{Event, Service};
use super::state::Job;
use super::{DispatcherError, Reply};
use crate::jobmaster::{JobMasterError, JobMasterHandle};
use crate::stores::{JobGraphStore, ReplaceError};

impl Service {
    pub(super) fn requirements(&self, job: JobId, reply: Reply<Result<JobRequirements, DispatcherError>>) {
        match self.running(job) {
            Ok(handle) => {
                tokio::spawn(async move { reply.send(asked(&handle).await) });
            }
            Err(error) => drop(reply.send(Err(error))),
        }
    }

    pub(super) fn change_requirements(
        &mut self,
        job: JobId,
        requirements: JobRequirements,
        reply: Reply<Result<(), DispatcherError>>,
    ) {
        let handle = match self.running(job) {
            // Of two at once, one would be kept and the other would count.
            Ok(_) if !self.changing.insert(job) => Err(DispatcherError::Changing(job)),
            running => running,
        };
        match handle {
            Ok(handle) => {
                let store = self.environment.stores.job_graphs.clone();
                self.spawn(async move {
                    let outcome = change(job, &handle, requirements, store.as_ref()).await;
                    Event::RequirementsChanged { job, outcome, reply }
                });
            }
            Err(error) => drop(reply.send(Err(error))),
        }
    }

    pub(super) fn requirements_changed(
        &mut self,
        job: JobId,
        outcome: Result<(), DispatcherError>,
        reply: Reply<Result<(), DispatcherError>>,
    ) {
        self.changing.remove(&job);
        let _ = reply.send(outcome);
    }

    fn running(&self, job: JobId) -> Result<JobMasterHandle, DispatcherError> {
        match self.state.jobs.get(&job) {
            Some(Job::Running(handle)) => Ok(handle.clone()),
            Some(Job::Initializing(_) | Job::Ending(_)) => Err(DispatcherError::NotRunning(job)),
            None if self.state.has_ended(&job) => Err(DispatcherError::NotRunning(job)),
            None => Err(DispatcherError::UnknownJob(job)),
        }
    }
}

/// Checked, kept, and then counting.
pub(super) async fn change(
    job: JobId,
    handle: &JobMasterHandle,
    requirements: JobRequirements,
    store: &dyn JobGraphStore,
) -> Result<(), DispatcherError> {
    let graph = handle.with_requirements(requirements).await.map_err(ended)?;
    store.replace(job, &graph).await.map_err(|error| match error {
        ReplaceError::Kept(error) => DispatcherError::RequirementsNotStored {
            job,
            cause: report(&error),
        },
        ReplaceError::Unknown(error) => DispatcherError::RequirementsUnknown {
            job,
            cause: report(&error),
        },
    })?;
    handle.require(Arc::new(graph)).await.map_err(ended)
}

/// What the job may run with.
pub(super) async fn asked(handle: &JobMasterHandle) -> Result<JobRequirements, DispatcherError> {
    handle.requirements().await.map_err(ended)
}

/// A JobMaster that is gone before the Dispatcher knows it: the job has ended.
fn ended(error: JobMasterError) -> DispatcherError {
    match error {
        JobMasterError::Gone { job } => DispatcherError::NotRunning(job),
        error => error.into(),
    }
}
