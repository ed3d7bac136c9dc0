//! Running a job here, from a program.

use selvedge_core::{Configuration, JobGraph, JobId};
use selvedge_runtime::artifact::ArtifactError;
use selvedge_runtime::connector::ConnectorError;
use selvedge_runtime::fs::FileSystems;
use thiserror::Error;

use super::{
    ClusterDescriptor, DeployError, FollowError, JobDeployment, JobObserver, JobResult, LocalDescriptor, follow,
};
use crate::composition;

/// A job that could not be run, or whose end is not known.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RunError {
    /// The graph, an expression in it, or a path.
    #[error(transparent)]
    Job(#[from] ConnectorError),
    /// A file that the job brings along.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// The cluster.
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// Its end.
    #[error(transparent)]
    Follow(#[from] FollowError),
}

/// Runs a job on a local cluster, on files of the local disk, and waits for its end: a job that FAILED is a result too.
/// Must be called inside a multi-threaded tokio runtime.
///
/// # Errors
/// [`RunError`] where the job is not sound, a path is missing, or the cluster cannot start.
pub async fn run_locally(
    graph: JobGraph,
    configuration: Configuration,
    observer: &mut dyn JobObserver,
) -> Result<JobResult, RunError> {
    let file_systems = FileSystems::local_only();
    let graph = composition::graph_checker().check(graph)?;
    composition::check_paths(&file_systems, &graph).await?;
    let graph = composition::seal_artifacts(&file_systems, graph).await?;
    let job = JobDeployment {
        graph,
        job_id: JobId::random(&mut rand::rng()),
        detached: false,
    };
    let job_id = job.job_id;
    let cluster = LocalDescriptor::new(configuration, file_systems)
        .deploy_job(job, observer)
        .await?;
    let result = follow(&*cluster, job_id, observer).await?;
    cluster.close().await?;
    Ok(result)
}

#[cfg(test)]
mod tests {
    use selvedge_core::status::ApplicationStatus;
    use serde_json::json;

    use super::*;
    use crate::cluster::JobDetails;

    #[derive(Default)]
    struct States(Vec<String>);

    impl JobObserver for States {
        fn note(&mut self, _: &str) {}

        fn update(&mut self, job: &JobDetails) {
            self.0.push(job.state.clone());
        }
    }

    fn job(predicate: &str) -> JobGraph {
        serde_json::from_value(json!({"name": "j", "vertices": [
            {"id": "make", "parallelism": 2, "chain": [
                {"id": "numbers", "operator": "generator-source", "rows": 1000,
                 "fields": [{"name": "n", "generator": {"type": "sequence"}}]},
                {"id": "keep", "operator": "filter", "predicate": predicate}]},
            {"id": "out", "chain": [{"id": "drop", "operator": "blackhole-sink"}]}],
            "edges": [{"source": "make", "target": "out", "partitioner": {"type": "rebalance"}}]}))
        .unwrap()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_job_runs_here_to_its_end_and_tells_what_it_counted() {
        let mut states = States::default();
        let configuration = selvedge_core::config::shipped();
        let result = run_locally(job("n < 300"), configuration, &mut states).await.unwrap();
        assert_eq!(result.status, ApplicationStatus::Succeeded);
        assert_eq!(result.accumulators["drop.records"], 300);
        assert_eq!(states.0.last().map(String::as_str), Some("FINISHED"));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_fault_in_an_expression_is_found_before_anything_starts() {
        let mut states = States::default();
        let configuration = selvedge_core::config::shipped();
        let error = run_locally(job("m < 300"), configuration, &mut states)
            .await
            .unwrap_err();
        assert!(matches!(error, RunError::Job(_)), "{error}");
        assert!(error.to_string().contains("'m'") && states.0.is_empty(), "{error}");
    }
}
