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
use super::staging::Staging;
use super::{YarnAccess, YarnError, YarnSession, leftovers, submission};
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
    config: ShippedFile,
    hadoop: ShippedFile,
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
        let mut note = |line: &str| observer.note(line);
        let application = checks::new_application(&access.rm, &access.hadoop, &request, &mut note).await?;
        match job {
            Some(job) => note(&format!("{application} (job {})", job.job_id)),
            None => note(&application.to_string()),
        }
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
            role: job.map_or(MasterRole::Session, |job| MasterRole::PerJob(job.job_id)),
            staging_directory: directory.to_string(),
            dist,
            shipped: vec![config, hadoop],
            client_home: staging.home().to_string(),
            user: self.access.user.clone(),
        };
        let secret = submission::new_secret(&mut rand::rng());
        let submission = submission::application(
            &self.access.configuration,
            &environment,
            graph.as_slice(),
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
        staging: &Staging,
        directory: &Location,
    ) -> Result<StagedFiles, YarnError> {
        let graph = job.map(|job| serde_json::to_string_pretty(&job.graph)).transpose();
        let graph = graph.map_err(YarnError::Graph)?;
        staging.make_application_directory(directory).await?;
        let write_graph = async {
            match graph {
                Some(graph) => staging.write(directory, JOB_GRAPH_FILE, graph).await.map(Some),
                None => Ok(None),
            }
        };
        let (config, hadoop, graph) = tokio::try_join!(
            staging.write(directory, CONFIG_FILE, self.effective_configuration(job)),
            staging.write(
                directory,
                HADOOP_SITE_FILE,
                self.access.hadoop.without_secrets().to_xml()
            ),
            write_graph,
        )?;
        Ok(StagedFiles { config, hadoop, graph })
    }

    fn provided_directories(&self) -> Result<Vec<Location>, YarnError> {
        let configuration = &self.access.configuration;
        let directories = configuration.find(&yarn::PROVIDED_LIB_DIRS)?.unwrap_or_default();
        directories
            .iter()
            .map(|text| Ok(self.file_systems.resolve(text)?))
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
