//! The local target: Dispatcher, ResourceManager, JobMaster and TaskExecutors in this process, on loopback, over the same
//! gateways as in a cluster.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use selvedge_appmaster::dispatcher::DispatcherError;
use selvedge_appmaster::entrypoint::{
    Cluster, ClusterConfig, ClusterEnd, ClusterEntrypoint, ClusterServices, DispatcherMode, StartError,
};
use selvedge_appmaster::local::LocalDriver;
use selvedge_core::Configuration;
use selvedge_core::config::ConfigError;
use selvedge_core::config::options::{high_availability, rest};
use selvedge_core::status::ApplicationStatus;
use selvedge_runtime::clock::SystemClock;
use selvedge_runtime::fs::FileSystems;
use selvedge_runtime::outcome::JobOutcome;
use selvedge_runtime::rpc::{ApplicationSecret, PortRange};
use thiserror::Error;

use super::{
    ClientHeartbeat, ClusterClientError, ClusterDescriptor, ClusterHandle, DeployError, JobDeployment, JobObserver,
    JobResult, RestClusterClient, SessionCluster,
};
use crate::composition;

/// Nobody outside of this machine reaches a local cluster.
const LOOPBACK: &str = "127.0.0.1";

/// A local cluster that could not be started, or did not take its job.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LocalError {
    /// A setting.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The master.
    #[error("the local cluster cannot start")]
    Start(#[from] StartError),
    /// The Dispatcher.
    #[error("the job was refused")]
    Refused(#[from] DispatcherError),
    /// The client of the REST endpoint.
    #[error(transparent)]
    Client(#[from] ClusterClientError),
}

/// Starts a cluster in this process for each job. Must be used inside a multi-threaded tokio runtime.
#[derive(Debug)]
pub struct LocalDescriptor {
    configuration: Configuration,
    file_systems: FileSystems,
    started: Mutex<Option<Arc<Cluster>>>,
}

impl LocalDescriptor {
    /// Deploys with these settings; sources and sinks use these file systems.
    pub const fn new(configuration: Configuration, file_systems: FileSystems) -> Self {
        Self {
            configuration,
            file_systems,
            started: Mutex::new(None),
        }
    }

    async fn deploy(&self, job: JobDeployment) -> Result<LocalCluster, LocalError> {
        // Nobody goes on with the job of a command that has ended.
        let mode = DispatcherMode::PerJob {
            attached: !job.detached,
        };
        let cluster = Arc::new(self.start(self.cluster_config(mode, None)?).await?);
        *self.started.lock() = Some(Arc::clone(&cluster));
        cluster.dispatcher().submit_job(Some(job.job_id), job.graph).await?;
        let rest = RestClusterClient::direct(cluster.rest_address())?;
        *self.started.lock() = None;
        let heartbeat = ClientHeartbeat::read(&self.configuration)?;
        Ok(LocalCluster {
            cluster,
            rest,
            heartbeat,
        })
    }

    /// Starts a cluster here that takes jobs until it is told to end. What `high-availability.storageDir` holds for
    /// `high-availability.cluster-id` is its own: jobs that an earlier process took run again.
    ///
    /// # Errors
    /// [`DeployError::Local`]; nothing is left behind then.
    pub async fn deploy_session(&self) -> Result<LocalSession, DeployError> {
        let cluster_id = self.configuration.get(&high_availability::CLUSTER_ID);
        let cluster_id = cluster_id.map_err(LocalError::from)?;
        Ok(self.session(Some(cluster_id)).await?)
    }

    /// Starts a cluster here for a program that submits jobs to it. Nobody else's jobs run there, and nobody goes on with
    /// them.
    ///
    /// # Errors
    /// [`DeployError::Local`]; nothing is left behind then.
    pub async fn deploy_for_program(&self) -> Result<LocalSession, DeployError> {
        Ok(self.session(None).await?)
    }

    async fn session(&self, cluster_id: Option<String>) -> Result<LocalSession, LocalError> {
        let config = self.cluster_config(DispatcherMode::Session, cluster_id)?;
        let cluster = self.start(config).await?;
        let rest = RestClusterClient::direct(cluster.rest_address())?;
        Ok(LocalSession { cluster, rest })
    }

    /// The cluster ends with this process, whoever is configured to keep others alive.
    async fn start(&self, config: ClusterConfig) -> Result<Cluster, LocalError> {
        let mut services = ClusterServices::standalone(config.seed);
        services.plugins = composition::plugins();
        Ok(ClusterEntrypoint::start_with(config, services).await?)
    }

    fn cluster_config(&self, mode: DispatcherMode, cluster_id: Option<String>) -> Result<ClusterConfig, LocalError> {
        let launcher = composition::worker_launcher(self.configuration.clone(), self.file_systems.clone());
        let mut configuration = self.configuration.clone();
        for key in rest::BIND_ADDRESS.keys() {
            configuration.remove(key);
        }
        Ok(ClusterConfig {
            configuration,
            mode,
            secret: ApplicationSecret::random(&mut rand::rng()),
            host: LOOPBACK.to_owned(),
            bind_host: LOOPBACK.to_owned(),
            rest_bind_ports: PortRange::read(&self.configuration, &rest::BIND_PORT)?,
            rpc_ports: PortRange::any(),
            driver: Arc::new(LocalDriver::new(launcher)),
            cluster_id,
            file_systems: self.file_systems.clone(),
            connectors: composition::connectors(self.file_systems.clone()),
            checker: composition::graph_checker(),
            clock: Arc::new(SystemClock),
            seed: rand::random(),
            log_file: None,
        })
    }
}

#[async_trait]
impl ClusterDescriptor for LocalDescriptor {
    async fn deploy_job(
        &self,
        job: JobDeployment,
        observer: &mut dyn JobObserver,
    ) -> Result<Box<dyn ClusterHandle>, DeployError> {
        match self.deploy(job).await {
            Ok(cluster) => {
                observer.note(&format!("local cluster at http://{}", cluster.id()));
                Ok(Box::new(cluster))
            }
            Err(error) => {
                self.abort().await;
                Err(error.into())
            }
        }
    }

    async fn abort(&self) {
        let started = self.started.lock().take();
        if let Some(cluster) = started {
            cluster
                .shutdown(ApplicationStatus::Canceled, "given up by the client")
                .await;
        }
    }
}

/// A cluster in this process that takes jobs until it is told to end.
#[derive(Debug)]
pub struct LocalSession {
    cluster: Cluster,
    rest: RestClusterClient,
}

impl LocalSession {
    /// host:port of its REST endpoint.
    pub fn rest_address(&self) -> &str {
        self.cluster.rest_address()
    }

    /// A client of its REST endpoint.
    pub const fn rest(&self) -> &RestClusterClient {
        &self.rest
    }

    /// Waits until the cluster has ended: it was told to, or cannot go on. How, in words.
    pub async fn wait_terminated(&self) -> JobResult {
        result_of(self.cluster.wait_terminated().await)
    }

    /// Cancels what runs and ends the cluster; returns when all is given back.
    pub async fn shut_down(&self) {
        self.cluster
            .shutdown(ApplicationStatus::Succeeded, "shut down by its program")
            .await;
    }
}

#[async_trait]
impl SessionCluster for LocalSession {
    fn name(&self) -> String {
        "the local cluster".to_owned()
    }

    fn options(&self) -> String {
        format!("-m {}", self.rest_address())
    }

    fn rest(&self) -> &RestClusterClient {
        &self.rest
    }

    async fn end(&self) -> Result<Option<String>, DeployError> {
        let ended = futures::FutureExt::now_or_never(self.wait_terminated());
        let told = |end: JobResult| end.failure.unwrap_or_else(|| format!("{:?}", end.status));
        Ok(ended.map(told))
    }
}

/// A cluster in this process.
#[derive(Debug)]
struct LocalCluster {
    cluster: Arc<Cluster>,
    rest: RestClusterClient,
    heartbeat: Option<ClientHeartbeat>,
}

#[async_trait]
impl ClusterHandle for LocalCluster {
    fn id(&self) -> String {
        self.cluster.rest_address().to_owned()
    }

    fn rest(&self) -> &RestClusterClient {
        &self.rest
    }

    fn client_heartbeat(&self) -> Option<ClientHeartbeat> {
        self.heartbeat
    }

    async fn fate(&self) -> Result<Option<JobResult>, DeployError> {
        let ended = futures::FutureExt::now_or_never(self.cluster.wait_terminated());
        Ok(ended.map(result_of))
    }

    async fn stop(&self) -> Result<(), DeployError> {
        let stopped = "stopped by the client";
        self.cluster.shutdown(ApplicationStatus::Canceled, stopped).await;
        Ok(())
    }

    async fn close(&self) -> Result<(), DeployError> {
        self.cluster.wait_terminated().await;
        Ok(())
    }

    fn how_to_stop(&self) -> String {
        "it ends with this process".to_owned()
    }
}

/// The diagnostics of a cluster whose job has ended are the job's outcome; otherwise they say what broke.
fn result_of(end: ClusterEnd) -> JobResult {
    match JobOutcome::from_json(&end.diagnostics) {
        Some(outcome) => outcome.into(),
        None => JobResult {
            failure: (end.status != ApplicationStatus::Succeeded).then_some(end.diagnostics),
            status: end.status,
            net_runtime: None,
            accumulators: BTreeMap::new(),
        },
    }
}
