//! The only job of a cluster: submitted by each master that becomes leader, under an id that all of them know.

use async_trait::async_trait;
use selvedge_core::config::ConfigError;
use selvedge_core::config::options::high_availability;
use selvedge_core::{Configuration, JobGraph, JobId};

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

/// The same for every master of the cluster, as in Flink's application clusters: Java's hash of the cluster's name, then
/// zeros.
fn fixed_id(cluster_id: &str) -> JobId {
    let units = cluster_id.encode_utf16();
    let hash = units.fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&i64::from(hash).to_be_bytes());
    JobId::from_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_javas_hash_of_the_clusters_name() {
        for (name, id) in [
            ("a", "00000000000000610000000000000000"),
            ("/default", "000000006e6b13320000000000000000"),
            ("orders", "ffffffffc3df62e50000000000000000"),
        ] {
            assert_eq!(fixed_id(name).to_string(), id, "{name}");
        }
    }
}
