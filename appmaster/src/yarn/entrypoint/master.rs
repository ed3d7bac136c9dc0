//! The parts of the ApplicationMaster, put together from its container.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use selvedge_core::config::ConfigError;
use selvedge_core::config::options::{cluster, high_availability, jobmanager, rest, yarn};
use selvedge_core::status::{ApplicationStatus, JobStatus};
use selvedge_core::{Configuration, JobGraph, JobId};
use selvedge_runtime::clock::SystemClock;
use selvedge_runtime::connector::report;
use selvedge_runtime::container::Container;
use selvedge_runtime::deployment::{
    APPLICATION_FILE, ApplicationProgram, JOB_GRAPH_FILE, MasterEnvironment, MasterRole,
};
use selvedge_runtime::fs::FileSystems;
use selvedge_runtime::outcome::JobOutcome;
use selvedge_runtime::process::Termination;
use selvedge_runtime::program::Program;
use selvedge_runtime::rpc::PortRange;
use yarn_common::environment::Environment;
use yarn_rpc::ipc::IpcOptions;

use super::staging::{self, StagingError};
use super::{Compose, Composition, MasterError, complain};
use crate::application::{ApplicationRun, Content};
use crate::dispatcher::DispatcherError;
use crate::entrypoint::{
    Cluster, ClusterConfig, ClusterEntrypoint, ClusterServices, DispatcherMode, Ended, WhenLeading,
};
use crate::yarn::driver::{YarnDriverError, YarnResourceManagerDriver};

/// What the master is made of, before it serves.
#[derive(Debug)]
pub(super) struct Master {
    container: Container,
    environment: MasterEnvironment,
    file_systems: FileSystems,
    driver: Arc<YarnResourceManagerDriver>,
    log_file: PathBuf,
}

impl Master {
    /// Looks at everything that can be wrong without asking anybody.
    pub(super) fn open(
        mut container: Container,
        variables: &Environment,
        log_file: &Path,
    ) -> Result<Self, MasterError> {
        container.environment.application_master()?;
        let environment = MasterEnvironment::from_env(variables)?;
        let host = container.environment.node.host().to_owned();
        settle(&mut container.configuration, &host);
        let token = container.credentials.am_rm_token().ok_or(MasterError::NoToken)?;
        let ipc = IpcOptions::default();
        let driver = YarnResourceManagerDriver::of_container(&container, environment.clone(), token.clone(), ipc)?;
        Ok(Self {
            file_systems: container.file_systems()?,
            driver: Arc::new(driver),
            environment,
            container,
            log_file: log_file.to_owned(),
        })
    }

    /// Serves its job, or whatever jobs come, until the cluster has ended or the process is told to.
    pub(super) async fn run(&self, compose: &Compose, termination: &Termination) -> Result<Ended, MasterError> {
        let composition = compose(&self.container.configuration, &self.file_systems);
        self.driver.read_logs_with(composition.container_logs.clone());
        let (registry, plugins) = (composition.high_availability.clone(), composition.plugins.clone());
        let config = self.cluster_config(composition)?;
        let mut services = ClusterServices::read(&registry, &config.configuration, config.seed).await?;
        services.plugins = plugins;
        services
            .shutdown
            .guard(config.configuration.get(&cluster::SHUTDOWN_TIMEOUT)?);
        let (cluster, leading) = ClusterEntrypoint::stand_by(config, services).await?;
        tokio::select! {
            biased;
            _ = termination.asked() => Ok(cluster.terminate().await),
            ended = self.serve(&cluster, leading) => ended,
        }
    }

    async fn serve(&self, cluster: &Cluster, leading: WhenLeading) -> Result<Ended, MasterError> {
        leading.wait(cluster).await?;
        tracing::info!(rest = cluster.rest_address(), rpc = cluster.rpc_address(), "serving");
        let job = match self.environment.role {
            MasterRole::PerJob(job) => job,
            MasterRole::Session => return Ok(cluster.wait_ended().await),
            MasterRole::Application => return self.run_application(cluster).await,
        };
        match self.submit(cluster, job).await {
            Ok(()) => Ok(cluster.wait_ended().await),
            Err(error) => {
                tracing::error!("the job does not run: {}", report(&error));
                let outcome = refused(job, &report(&error));
                let status = outcome.status.into();
                cluster.shutdown(status, &outcome.to_json()).await;
                Err(error)
            }
        }
    }

    /// Runs the application; the cluster ends with it.
    async fn run_application(&self, cluster: &Cluster) -> Result<Ended, MasterError> {
        let application = match self.application(cluster) {
            Ok(application) => application,
            Err(error) => {
                cluster.shutdown(ApplicationStatus::Failed, &report(&error)).await;
                return Err(error);
            }
        };
        let dispatcher = cluster.dispatcher();
        let ended = tokio::select! {
            biased;
            ended = cluster.wait_ended() => return Ok(ended),
            ended = application.run(&dispatcher) => ended,
        };
        match ended {
            Ok(end) => {
                // A Dispatcher that is gone ends the cluster in its own way.
                let _ = dispatcher.application_ended(end, application.stays).await;
            }
            Err(error) if error.is_of_the_cluster() => {}
            Err(error) if high_availability::is_enabled(&self.container.configuration)? => {
                complain("The application failed, and another attempt may go on", &report(&error));
                return Ok(cluster.terminate().await);
            }
            Err(error) => {
                cluster.shutdown(ApplicationStatus::Failed, &report(&error)).await;
            }
        }
        Ok(cluster.wait_ended().await)
    }

    fn application(&self, cluster: &Cluster) -> Result<ApplicationRun, MasterError> {
        let (configuration, directory) = (
            &self.container.configuration,
            &self.container.environment.working_directory,
        );
        let path = directory.join(APPLICATION_FILE);
        let content = match std::fs::read(&path) {
            Ok(text) => {
                let program: ApplicationProgram =
                    serde_json::from_slice(&text).map_err(|source| MasterError::Job { path, source })?;
                Content::Program(Program {
                    path: directory.join(program.file),
                    arguments: program.arguments.into_iter().map(Into::into).collect(),
                    rest_url: Some(format!("http://{}", cluster.rest_address())),
                    timeout: configuration.find(&cluster::PROGRAM_TIMEOUT)?,
                    // YARN ends the container's.
                    own_group: false,
                })
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Content::Job(Box::new(self.job_graph()?)),
            Err(source) => return Err(MasterError::JobFile { path, source }),
        };
        let cluster_id = self.cluster_id(configuration)?;
        Ok(ApplicationRun::new(content, configuration, &cluster_id)?)
    }

    /// Tells YARN that the application failed, unless it knows.
    pub(super) async fn tell_failure(&self, cause: &str) -> Result<(), YarnDriverError> {
        let told = match self.environment.role {
            MasterRole::PerJob(job) => refused(job, cause).to_diagnostics(),
            MasterRole::Session | MasterRole::Application => cause.to_owned(),
        };
        self.driver.tell_failure(&told).await
    }

    /// Whether YARN knows how the application ended, and starts no other attempt.
    pub(super) fn is_unregistered(&self) -> bool {
        self.driver.is_unregistered()
    }

    pub(super) async fn delete_staging(&self) -> Result<bool, StagingError> {
        let application = self.environment.application_id.to_string();
        staging::delete(&self.file_systems, &self.environment.staging_directory, &application).await
    }

    fn cluster_config(&self, composition: Composition) -> Result<ClusterConfig, MasterError> {
        let configuration = self.container.configuration.clone();
        // Flink's two keys: only a master that can be replaced is looked for elsewhere than at one address.
        let rpc_ports = match high_availability::is_enabled(&configuration)? {
            true => &high_availability::JOB_MANAGER_PORT,
            false => &yarn::APPLICATION_MASTER_PORT,
        };
        let mode = match self.environment.role {
            MasterRole::PerJob(_) => DispatcherMode::PerJob {
                attached: configuration.get(&cluster::ATTACHED)?,
            },
            MasterRole::Session => DispatcherMode::Session,
            MasterRole::Application => DispatcherMode::Application,
        };
        Ok(ClusterConfig {
            mode,
            secret: self.container.secret.clone(),
            host: self.container.environment.node.host().to_owned(),
            bind_host: configuration.get(&jobmanager::BIND_HOST)?,
            rest_bind_ports: PortRange::read(&configuration, &rest::BIND_PORT)?,
            rpc_ports: PortRange::read(&configuration, rpc_ports)?,
            driver: self.driver.clone(),
            cluster_id: Some(self.cluster_id(&configuration)?),
            file_systems: self.file_systems.clone(),
            connectors: composition.connectors,
            checker: composition.checker,
            clock: Arc::new(SystemClock),
            seed: rand::random(),
            log_file: Some(self.log_file.clone()),
            configuration,
        })
    }

    async fn submit(&self, cluster: &Cluster, job: JobId) -> Result<(), MasterError> {
        let graph = self.job_graph()?;
        let submitted = cluster.dispatcher().submit_job(Some(job), graph).await;
        match submitted {
            // It runs again, or its end is known already and is that of the application.
            Err(DispatcherError::Duplicate { .. }) => {
                tracing::info!("an earlier attempt of this application has taken the job");
                Ok(())
            }
            // The master breaks, or has lost its leadership: how it ends decides whether another attempt goes on.
            Err(DispatcherError::Gone | DispatcherError::ShuttingDown) => Ok(()),
            submitted => submitted.map(drop).map_err(MasterError::Refused),
        }
    }

    /// Under which name the attempts of this application know each other's jobs.
    fn cluster_id(&self, configuration: &Configuration) -> Result<String, ConfigError> {
        let named = configuration.find(&high_availability::CLUSTER_ID)?;
        Ok(named.unwrap_or_else(|| self.environment.application_id.to_string()))
    }

    fn job_graph(&self) -> Result<JobGraph, MasterError> {
        let path = self.container.environment.working_directory.join(JOB_GRAPH_FILE);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(source) => return Err(MasterError::JobFile { path, source }),
        };
        serde_json::from_slice(&text).map_err(|source| MasterError::Job { path, source })
    }
}

/// What a client reads of a job that never ran.
fn refused(job: JobId, cause: &str) -> JobOutcome {
    JobOutcome {
        job_id: job,
        status: JobStatus::Failed,
        net_runtime_ms: 0,
        cause: Some(cause.to_owned()),
        accumulators: BTreeMap::new(),
    }
}

/// Where this master is, for its own pages and its workers.
fn settle(configuration: &mut Configuration, host: &str) {
    let host = host.to_owned();
    configuration.set(&jobmanager::RPC_ADDRESS, &host);
    configuration.set(&rest::ADDRESS, &host);
}
