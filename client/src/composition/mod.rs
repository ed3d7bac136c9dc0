//! The parts that this program puts together: operators for the workers, connectors and the graph checker for the master
//! and the client, file systems for all of them.

mod worker;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use selvedge_appmaster::jobmaster::JobMasterPlugins;
use selvedge_appmaster::local::LocalWorkerLauncher;
use selvedge_appmaster::yarn::Composition;
use selvedge_core::config::options::yarn;
use selvedge_core::{Configuration, JobGraph};
use selvedge_runtime::artifact::{self, ArtifactError};
use selvedge_runtime::connector::{ConnectorError, Connectors, GraphChecker};
use selvedge_runtime::fs::{FileSystems, FsError, HdfsFileSystem, LocalFileSystem, Location};
use selvedge_runtime::ha::HaServicesRegistry;
use selvedge_taskmanager::connector::BuiltinConnectors;
use selvedge_taskmanager::planner::PlanChecker;
use selvedge_taskmanager::task::{ChainPlanner, OperatorPlanner};
use yarn_common::conf::{ConfError, HadoopConfiguration};
use yarn_common::environment::Environment;

use worker::LocalLauncher;

use crate::yarn::NodeLogs;

/// Plans a graph as a worker would, before it is sent anywhere.
pub fn graph_checker() -> Arc<dyn GraphChecker> {
    Arc::new(PlanChecker)
}

/// What the master needs of sources and sinks.
pub fn connectors(file_systems: FileSystems) -> Arc<dyn Connectors> {
    Arc::new(BuiltinConnectors::new(file_systems))
}

/// What `high-availability.type` may say.
pub fn high_availability() -> HaServicesRegistry {
    HaServicesRegistry::default()
}

/// The exchange's master, enrichers of failures and listeners to jobs.
pub fn plugins() -> JobMasterPlugins {
    JobMasterPlugins::default()
}

/// All that a master of its own is given.
pub fn of_master(file_systems: &FileSystems) -> Composition {
    Composition {
        connectors: connectors(file_systems.clone()),
        checker: graph_checker(),
        high_availability: high_availability(),
        plugins: plugins(),
        container_logs: Arc::new(NodeLogs),
    }
}

/// Plans the operators of a worker's tasks.
pub fn chain_planner() -> Arc<dyn ChainPlanner> {
    Arc::new(OperatorPlanner)
}

/// Starts the workers of a local cluster in this process.
pub fn worker_launcher(configuration: Configuration, file_systems: FileSystems) -> Arc<dyn LocalWorkerLauncher> {
    Arc::new(LocalLauncher {
        configuration,
        file_systems,
    })
}

/// Checks that every input is there and that every output may be written.
///
/// # Errors
/// [`ConnectorError`], naming operator and path.
pub async fn check_paths(file_systems: &FileSystems, graph: &JobGraph) -> Result<(), ConnectorError> {
    BuiltinConnectors::new(file_systems.clone()).check_paths(graph).await
}

/// Notes in the graph what the files on the local disk are that the job brings along: a change before they are read is seen.
///
/// # Errors
/// [`ArtifactError`], naming artifact and path.
pub async fn seal_artifacts(file_systems: &FileSystems, mut graph: JobGraph) -> Result<JobGraph, ArtifactError> {
    artifact::seal(file_systems, &mut graph).await?;
    Ok(graph)
}

/// The contents of the files on the local disk that the job brings along, by their names, for a master that reads another one.
///
/// # Errors
/// [`ArtifactError`], naming artifact and path.
pub async fn load_artifacts(
    file_systems: &FileSystems,
    graph: &JobGraph,
) -> Result<BTreeMap<String, Bytes>, ArtifactError> {
    artifact::load_local(file_systems, graph).await
}

/// The Hadoop configuration that the environment names, with the settings' `flink.hadoop.*` and `flink.yarn.*`.
///
/// # Errors
/// [`ConfError`] where no directory is named, or its files cannot be used.
pub fn hadoop_configuration(
    configuration: &Configuration,
    environment: Environment,
) -> Result<HadoopConfiguration, ConfError> {
    let mut hadoop = HadoopConfiguration::from_environment(environment)?;
    for (key, value) in configuration.with_prefix(yarn::HADOOP_PREFIX) {
        hadoop.set(key, value, "the setting flink.hadoop.*");
    }
    for (key, value) in configuration.with_prefix(yarn::YARN_PREFIX) {
        hadoop.set(format!("yarn.{key}"), value, "the setting flink.yarn.*");
    }
    Ok(hadoop)
}

/// The file systems of a cluster: a path without a scheme belongs to `fs.defaultFS`. Must be called inside a runtime.
///
/// # Errors
/// [`FsError`] where `fs.defaultFS` cannot be used.
pub fn hadoop_file_systems(hadoop: &HadoopConfiguration, user: &str) -> Result<FileSystems, FsError> {
    FileSystems::with_hadoop(properties(hadoop), Some(user))
}

/// The local disk, where paths without a scheme belong, and HDFS. Must be called inside a runtime.
///
/// # Errors
/// [`FsError`].
pub fn local_and_hdfs(hadoop: &HadoopConfiguration, user: &str) -> Result<FileSystems, FsError> {
    let local = Location::root("file", "");
    let hdfs = HdfsFileSystem::new(&local, properties(hadoop), Some(user))?;
    Ok(FileSystems::new(Arc::new(LocalFileSystem), Some(Arc::new(hdfs)), local))
}

/// All properties, with variables substituted where that is possible.
fn properties(hadoop: &HadoopConfiguration) -> Vec<(String, String)> {
    let value = |key: &str, raw: &str| hadoop.get(key).ok().flatten().unwrap_or_else(|| raw.to_owned());
    hadoop
        .iter()
        .map(|(key, property)| (key.to_owned(), value(key, property.raw_value())))
        .collect()
}
