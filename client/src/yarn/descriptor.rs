//! Deploying one job as one YARN application.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use selvedge_core::Configuration;
use selvedge_core::config::options::{cluster, rest, yarn};
use selvedge_runtime::connector::JobCommitter;
use selvedge_runtime::deployment::{CONFIG_FILE, HADOOP_SITE_FILE, JOB_GRAPH_FILE, MasterEnvironment, ShippedFile};
use selvedge_runtime::fs::{FileSystems, Location};
use selvedge_runtime::outcome::JobOutcome;
use yarn_common::conf::HadoopConfiguration;
use yarn_common::id::ApplicationId;
use yarn_rest::auth::Simple;
use yarn_rest::model::{Application, ApplicationState};
use yarn_rest::rm::RmClient;
use yarn_rest::transport::{Proxies, Transport};

use super::checks::{self, Request};
use super::cluster::{Pauses, YarnCluster};
use super::staging::Staging;
use super::{YarnError, failure, leftovers, submission};
use crate::cluster::{
    ClientHeartbeat, ClusterDescriptor, ClusterHandle, DeployError, JobDeployment, JobObserver, ProxyRoute,
    RestClusterClient,
};
use crate::composition;

/// Starts a YARN application for each job.
#[derive(Debug)]
pub struct YarnPerJobDescriptor {
    configuration: Configuration,
    hadoop: HadoopConfiguration,
    file_systems: FileSystems,
    rm: RmClient,
    user: String,
    binary: PathBuf,
    begun: Mutex<Option<Begun>>,
}

/// What must be taken back when the deployment does not come to its end.
#[derive(Debug, Clone)]
struct Begun {
    application: ApplicationId,
    submitted: bool,
    staging: Staging,
    directory: Location,
}

/// The files in the application's directory.
struct StagedFiles {
    config: ShippedFile,
    hadoop: ShippedFile,
    graph: ShippedFile,
}

impl YarnPerJobDescriptor {
    /// Deploys with these settings, as `user`, the given binary (this program's own, as a rule).
    ///
    /// # Errors
    /// [`YarnError`] where the Hadoop configuration does not say where the ResourceManager is.
    pub fn new(
        configuration: Configuration,
        hadoop: HadoopConfiguration,
        file_systems: FileSystems,
        user: &str,
        binary: PathBuf,
    ) -> Result<Self, YarnError> {
        // As Hadoop's own clients: a proxy for the web is none for the cluster.
        let transport = Transport::new().authenticator(Simple::new(user)).proxies(Proxies::None);
        let rm = RmClient::builder()
            .configuration(&hadoop)?
            .transport(transport)
            .build()?;
        Ok(Self {
            configuration,
            hadoop,
            file_systems,
            rm,
            user: user.to_owned(),
            binary,
            begun: Mutex::new(None),
        })
    }

    async fn deploy(&self, job: &JobDeployment, observer: &mut dyn JobObserver) -> Result<YarnCluster, YarnError> {
        let request = Request::read(&self.configuration, &job.graph)?;
        let staging = Staging::new(&self.configuration, &self.file_systems, &self.user, &self.superusers())?;
        let application =
            checks::new_application(&self.rm, &self.hadoop, &request, &mut |line| observer.note(line)).await?;
        observer.note(&format!("{application} (job {})", job.job_id));
        let directory = staging.application_directory(&application.to_string());
        *self.begun.lock() = Some(Begun {
            application,
            submitted: false,
            staging: staging.clone(),
            directory: directory.clone(),
        });
        self.submit(job, &request, &staging, application, &directory, observer)
            .await?;
        // Ends with this process at the latest; the next one goes on with it.
        tokio::spawn(leftovers::sweep(self.rm.clone(), staging.clone(), directory.clone()));
        let report = self.wait_for_master(application, observer).await?;
        let rest = if report.state.is_final() {
            RestClusterClient::proxied(self.proxy(application))
        } else {
            self.connect(&report, observer).await?
        };
        *self.begun.lock() = None;
        Ok(YarnCluster {
            rm: self.rm.clone(),
            application,
            job: job.job_id,
            staging,
            directory,
            rest,
            heartbeat: ClientHeartbeat::read(&self.configuration)?,
            sinks: self.sinks(job)?,
        })
    }

    /// The committers of the job's sinks, for a master that dies before it could use its own.
    fn sinks(&self, job: &JobDeployment) -> Result<Vec<Arc<dyn JobCommitter>>, YarnError> {
        let connectors = composition::connectors(self.file_systems.clone());
        let operators = job.graph.vertices.iter();
        let operators = operators.flat_map(|vertex| vertex.chain.iter().map(move |operator| (&vertex.id, operator)));
        operators
            .filter_map(|(vertex, operator)| connectors.committer(job.job_id, vertex, operator).transpose())
            .collect::<Result<_, _>>()
            .map_err(YarnError::Sink)
    }

    async fn submit(
        &self,
        job: &JobDeployment,
        request: &Request,
        staging: &Staging,
        application: ApplicationId,
        directory: &Location,
        observer: &mut dyn JobObserver,
    ) -> Result<(), YarnError> {
        let provided = self.provided_directories()?;
        staging.prepare().await?;
        let mut note = |line: &str| observer.note(line);
        // Neither waits for the other: each is some round trips to the NameNode.
        let (dist, files) = tokio::join!(
            staging.archive(&self.binary, &provided, &mut note),
            self.stage_files(job, staging, directory),
        );
        let (dist, StagedFiles { config, hadoop, graph }) = (dist?, files?);
        let environment = MasterEnvironment {
            application_id: application,
            job_id: job.job_id,
            staging_directory: directory.to_string(),
            dist,
            shipped: vec![config, hadoop],
            client_home: staging.home().to_string(),
            user: self.user.clone(),
        };
        let secret = submission::new_secret(&mut rand::rng());
        let submission = submission::application(
            &self.configuration,
            &environment,
            &[graph],
            request,
            &secret,
            &job.graph.name,
        )?;
        if let Some(begun) = &mut *self.begun.lock() {
            begun.submitted = true;
        }
        Ok(self.rm.submit(&submission).await?)
    }

    async fn stage_files(
        &self,
        job: &JobDeployment,
        staging: &Staging,
        directory: &Location,
    ) -> Result<StagedFiles, YarnError> {
        let graph = serde_json::to_string_pretty(&job.graph).map_err(YarnError::Graph)?;
        staging.make_application_directory(directory).await?;
        let (config, hadoop, graph) = tokio::try_join!(
            staging.write(directory, CONFIG_FILE, self.effective_configuration(job.detached)),
            staging.write(directory, HADOOP_SITE_FILE, self.hadoop.without_secrets().to_xml()),
            staging.write(directory, JOB_GRAPH_FILE, graph),
        )?;
        Ok(StagedFiles { config, hadoop, graph })
    }

    /// The group of HDFS's superusers, as the NameNode's default names it where the client's configuration does not.
    fn superusers(&self) -> String {
        let configured = self.hadoop.get("dfs.permissions.superusergroup").ok().flatten();
        configured.unwrap_or_else(|| "supergroup".to_owned())
    }

    fn provided_directories(&self) -> Result<Vec<Location>, YarnError> {
        let directories = self.configuration.find(&yarn::PROVIDED_LIB_DIRS)?.unwrap_or_default();
        directories
            .iter()
            .map(|text| Ok(self.file_systems.resolve(text)?))
            .collect()
    }

    /// What the master and the workers go by: addresses of this machine mean nothing there.
    fn effective_configuration(&self, detached: bool) -> String {
        let mut configuration = self.configuration.clone();
        configuration.set(&cluster::ATTACHED, &!detached);
        configuration.set_text(cluster::TARGET.key(), "yarn-per-job");
        for key in [
            "jobmanager.bind-host",
            "taskmanager.bind-host",
            "taskmanager.host",
            rest::ADDRESS.key(),
            rest::BIND_ADDRESS.key(),
        ] {
            configuration.remove(key);
        }
        configuration.to_yaml()
    }

    /// The report of the application when its master can be asked, or when it has told how its job ended.
    async fn wait_for_master(
        &self,
        application: ApplicationId,
        observer: &mut dyn JobObserver,
    ) -> Result<Application, YarnError> {
        let mut pauses = Pauses::new();
        let mut told = None;
        loop {
            let report = self.rm.application(application).await?;
            if report.state.is_final() {
                let diagnostics = report.diagnostics.as_deref().unwrap_or_default();
                if JobOutcome::from_diagnostics(diagnostics).is_some() {
                    return Ok(report);
                }
                return Err(failure::ended_early(&self.rm, &report).await);
            }
            if told.as_ref() != Some(&report.state) {
                observer.note(&format!("{application} is {}", report.state));
                told = Some(report.state.clone());
            }
            if report.state == ApplicationState::Running && report.am_address().is_some() {
                return Ok(report);
            }
            pauses.pause().await;
        }
    }

    fn proxy(&self, application: ApplicationId) -> ProxyRoute {
        ProxyRoute {
            resource_manager: self.rm.clone(),
            application,
        }
    }

    async fn connect(
        &self,
        report: &Application,
        observer: &mut dyn JobObserver,
    ) -> Result<RestClusterClient, YarnError> {
        let (host, port) = report.am_address().unwrap_or_default();
        let url = report.tracking_url.as_deref().unwrap_or_default();
        observer.note(&format!("tracking URL: {url}"));
        let address = format!("{host}:{port}");
        let (client, refused) = RestClusterClient::direct_or_proxied(&address, self.proxy(report.id)).await?;
        if let Some(refused) = refused {
            let cause = selvedge_runtime::connector::report(&refused);
            observer.note(&format!(
                "the master's REST endpoint at {host}, port {port}, cannot be reached from here ({cause}): progress and \
                 result come through YARN's web proxy. To open a firewall for it, give {} a range, such as \
                 -D{}=50100-50200",
                rest::BIND_PORT.key(),
                rest::BIND_PORT.key()
            ));
        }
        Ok(client)
    }
}

#[async_trait]
impl ClusterDescriptor for YarnPerJobDescriptor {
    async fn deploy_job(
        &self,
        job: JobDeployment,
        observer: &mut dyn JobObserver,
    ) -> Result<Box<dyn ClusterHandle>, DeployError> {
        match self.deploy(&job, observer).await {
            Ok(cluster) => Ok(Box::new(cluster)),
            Err(error) => {
                self.abort().await;
                Err(error.into())
            }
        }
    }

    async fn abort(&self) {
        let Some(begun) = self.begun.lock().take() else {
            return;
        };
        if begun.submitted
            && let Err(error) = self.rm.kill(begun.application, Some("given up by its client")).await
            && !error.is_not_found()
        {
            tracing::error!(application = %begun.application, %error, "the application is not killed: kill it by hand");
        }
        if let Err(error) = begun.staging.delete(&begun.directory).await {
            tracing::error!(directory = %begun.directory, %error, "the staging directory is left behind: delete it by hand");
        }
    }
}
