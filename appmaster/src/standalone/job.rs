//! The only job of a cluster: submitted by each master that becomes leader, under an id that all of them know.

use async_trait::async_trait;
use selvedge_core::config::ConfigError;
use selvedge_core::config::options::high_availability;
use selvedge_core::{Configuration, JobGraph, JobId};

use crate::application::fixed_id;
use crate::dispatcher::{DispatcherError, DispatcherHandle};
use crate::entrypoint::Application;

/// Submits the job.
#[derive(Debug)]
pub(super) struct JobOfCluster {
    job: JobId,
    graph: JobGraph,
}

impl JobOfCluster {
    pub(super) fn new(graph: JobGraph, configuration: &Configuration) -> Result<Self, ConfigError> {
        let job = match high_availability::is_enabled(configuration)? {
            true => fixed_id(&configuration.get(&high_availability::CLUSTER_ID)?),
            false => JobId::random(&mut rand::rng()),
        };
        Ok(Self { job, graph })
    }
}

#[async_trait]
impl Application for JobOfCluster {
    async fn run(&self, dispatcher: DispatcherHandle) -> Result<(), String> {
        match dispatcher.submit_job(Some(self.job), self.graph.clone()).await {
            Ok(_) => Ok(()),
            Err(error @ DispatcherError::Duplicate { .. }) => {
                tracing::info!(job = %self.job, "an earlier leader has left the job to this one: {error}");
                Ok(())
            }
            // Its end is known by other ways.
            Err(DispatcherError::Gone | DispatcherError::ShuttingDown) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }
}
