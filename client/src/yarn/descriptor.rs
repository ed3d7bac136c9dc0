//! Starting YARN applications: one for a single job, or one that takes jobs.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use selvedge_core::Configuration;
use selvedge_core::config::options::{cluster, rest, yarn};
use selvedge_runtime::connector::JobCommitter;
use selvedge_runtime::deployment::{
    CONFIG_FILE, HADOOP_SITE_FILE, JOB_GRAPH_FILE, MasterEnvironment, MasterRole, ShippedFile,
};
use selvedge_runtime::fs::{FileSystems, Location};
use yarn_common::conf::HadoopConfiguration;
use yarn_common::id::ApplicationId;
use yarn_rest::model::Application;

use super::checks::{self, Request};
use super::cluster::YarnCluster;
use super::ship::ShipPlan;
use super::staging::{Provided, Staging};
use super::{YarnAccess, YarnError, YarnSession, artifacts, leftovers, submission};
use crate::cluster::{ClientHeartbeat, ClusterDescriptor, ClusterHandle, DeployError, JobDeployment, JobObserver};
use crate::composition;

/// How YARN lists a session that is given no name.
const SESSION_NAME: &str = "Selvedge session cluster";

/// Starts YARN applications: one for each job, or a session.
#[derive(Debug)]
pub struct YarnDescriptor {
    access: YarnAccess,
    file_systems: FileSystems,
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
    /// The settings, the Hadoop configuration, and what the user sends along.
    for_all: Vec<ShippedFile>,
    /// The only job's graph, where there is one.
    graph: Option<ShippedFile>,
}

/// An application whose master has started.
struct Started {
    report: Application,
    staging: Staging,
    directory: Location,
}

impl YarnDescriptor {
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
        Ok(Self {
            access: YarnAccess::new(configuration, hadoop, user)?,
            file_systems,
            binary,
            begun: Mutex::new(None),
        })
    }

    /// Starts a cluster that takes jobs until it is told to end; returns when its REST endpoint can be asked.
    ///
    /// # Errors
    /// [`DeployError`]; nothing is left behind then.
    pub async fn deploy_session(&self, observer: &mut dyn JobObserver) -> Result<YarnSession, DeployError> {
        match self.start_session(observer).await {
            Ok(session) => Ok(session),
            Err(error) => {
                self.abort().await;
                Err(error.into())
            }
        }
    }

    async fn start_session(&self, observer: &mut dyn JobObserver) -> Result<YarnSession, YarnError> {
        let Started {
            report,
            staging,
            directory,
        } = self.start(None, observer).await?;
        let rest = self.access.connect(&report, observer).await?;
        *self.begun.lock() = None;
        Ok(YarnSession {
            access: self.access.clone(),
            application: report.id,
            staged: Some((staging, directory)),
            tracking_url: report.tracking_url.unwrap_or_default(),
            rest,
        })
    }

    async fn deploy(&self, job: &JobDeployment, observer: &mut dyn JobObserver) -> Result<YarnCluster, YarnError> {
        let Started {
            report,
            staging,
            directory,
        } = self.start(Some(job), observer).await?;
        let rest = if report.state.is_final() {
            self.access.proxied(report.id)
        } else {
            let url = report.tracking_url.as_deref().unwrap_or_default();
            observer.note(&format!("tracking URL: {url}"));
            self.access.connect(&report, observer).await?
        };
        *self.begun.lock() = None;
        Ok(YarnCluster {
            rm: self.access.rm.clone(),
            application: report.id,
            job: job.job_id,
            staging,
            directory,
            rest,
            heartbeat: ClientHeartbeat::read(&self.access.configuration)?,
            sinks: self.sinks(job)?,
        })
    }

    /// Starts the application of this job, or a session; returns when its master can be asked.
    async fn start(&self, job: Option<&JobDeployment>, observer: &mut dyn JobObserver) -> Result<Started, YarnError> {
        let access = &self.access;
        let slots = job.map_or(0, |job| job.graph.required_slots());
        let request = Request::read(&access.configuration, slots)?;
        let staging = access.staging(&self.file_systems)?;
        let ship = ShipPlan::read(&access.configuration, &self.file_systems, &self.binary).await?;
        let mut note = |line: &str| observer.note(line);
        let application = checks::new_application(&access.rm, &access.hadoop, &request, &mut note).await?;
        match job {
            Some(job) => note(&format!("{application} (job {})", job.job_id)),
            None => note(&application.to_string()),
        }
        let directory = staging.application_directory(&application.to_string());
        let begun = Begun {
            application,
            submitted: false,
            staging: staging.clone(),
            directory: directory.clone(),
        };
        *self.begun.lock() = Some(begun.clone());
        self.submit(job, &request, &begun, ship, observer).await?;
        // Ends with this process at the latest; the next one goes on with it.
        tokio::spawn(leftovers::sweep(access.rm.clone(), staging.clone(), directory.clone()));
        Ok(Started {
            report: access.wait_for_master(application, observer).await?,
            staging,
            directory,
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
        job: Option<&JobDeployment>,
        request: &Request,
        begun: &Begun,
        ship: ShipPlan,
        observer: &mut dyn JobObserver,
    ) -> Result<(), YarnError> {
        let Begun { staging, directory, .. } = begun;
        let provided = self.provided_directories()?;
        staging.prepare().await?;
        let mut note = |line: &str| observer.note(line);
        // Neither waits for the other: each is some round trips to the NameNode.
        let (dist, files) = tokio::join!(
            staging.archive(&self.binary, &provided, &mut note),
            self.stage_files(job, ship, staging, directory),
        );
        let (dist, files) = (dist?, files?);
        let environment = MasterEnvironment {
            application_id: begun.application,
            role: job.map_or(MasterRole::Session, |job| MasterRole::PerJob(job.job_id)),
            staging_directory: directory.to_string(),
            dist,
            shipped: files.for_all,
            client_home: staging.home().to_string(),
            user: self.access.user.clone(),
        };
        let secret = submission::new_secret(&mut rand::rng());
        let submission = submission::application(
            &self.access.configuration,
            &environment,
            files.graph.as_slice(),
            request,
            &secret,
            job.map_or(SESSION_NAME, |job| &job.graph.name),
        )?;
        if let Some(begun) = &mut *self.begun.lock() {
            begun.submitted = true;
        }
        Ok(self.access.rm.submit(&submission).await?)
    }

    async fn stage_files(
        &self,
        job: Option<&JobDeployment>,
        ship: ShipPlan,
        staging: &Staging,
        directory: &Location,
    ) -> Result<StagedFiles, YarnError> {
        staging.make_application_directory(directory).await?;
        let write_graph = async {
            let Some(job) = job else {
                return Ok(None);
            };
            let graph = artifacts::stage(&job.graph, &self.file_systems, staging, directory).await?;
            let graph = serde_json::to_string_pretty(&graph).map_err(YarnError::Graph)?;
            staging.write(directory, JOB_GRAPH_FILE, graph).await.map(Some)
        };
        let (config, hadoop, graph, sent) = tokio::try_join!(
            staging.write(directory, CONFIG_FILE, self.effective_configuration(job)),
            staging.write(
                directory,
                HADOOP_SITE_FILE,
                self.access.hadoop.without_secrets().to_xml()
            ),
            write_graph,
            ship.stage(&self.file_systems, staging, directory),
        )?;
        let mut for_all = vec![config, hadoop];
        for_all.extend(sent);
        Ok(StagedFiles { for_all, graph })
    }

    fn provided_directories(&self) -> Result<Vec<Provided>, YarnError> {
        let configuration = &self.access.configuration;
        let directories = configuration.find(&yarn::PROVIDED_LIB_DIRS)?.unwrap_or_default();
        directories
            .iter()
            .map(|text| {
                let directory = self.file_systems.resolve(text)?;
                let file_system = Arc::clone(self.file_systems.of(&directory)?);
                Ok(Provided { file_system, directory })
            })
            .collect()
    }

    /// What the master and the workers go by: addresses of this machine mean nothing there.
    fn effective_configuration(&self, job: Option<&JobDeployment>) -> String {
        let mut configuration = self.access.configuration.clone();
        // The jobs of a session are those of many clients, each of which says for itself whether it waits.
        configuration.set(&cluster::ATTACHED, &job.is_some_and(|job| !job.detached));
        let target = match job {
            Some(_) => "yarn-per-job",
            None => "yarn-session",
        };
        configuration.set_text(cluster::TARGET.key(), target);
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
}

#[async_trait]
impl ClusterDescriptor for YarnDescriptor {
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
            && let Err(error) = self
                .access
                .rm
                .kill(begun.application, Some("given up by its client"))
                .await
            && !error.is_not_found()
        {
            tracing::error!(application = %begun.application, %error, "the application is not killed: kill it by hand");
        }
        if let Err(error) = begun.staging.delete(&begun.directory).await {
            tracing::error!(directory = %begun.directory, %error, "the staging directory is left behind: delete it by hand");
        }
    }
}
