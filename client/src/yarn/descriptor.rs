//! Starting YARN applications: one for a single job, one that takes jobs, or one whose master runs a program.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use selvedge_appmaster::jobmaster::refuse_reactive;
use selvedge_appmaster::resourcemanager::MostSlots;
use selvedge_core::config::options::{cluster, rest, yarn};
use selvedge_core::{Configuration, JobGraph};
use selvedge_runtime::connector::JobCommitter;
use selvedge_runtime::deployment::{CONFIG_FILE, HADOOP_SITE_FILE, MasterEnvironment, MasterRole, ShippedFile};
use selvedge_runtime::fs::{FileSystems, Location};
use tokio_util::task::AbortOnDropHandle;
use yarn_common::conf::{Authentication, HadoopConfiguration};
use yarn_common::id::ApplicationId;
use yarn_rest::error::RestError;
use yarn_rest::model::Application;

use super::checks::{self, Request};
use super::cluster::YarnCluster;
use super::ship::ShipPlan;
use super::staging::{Provided, Staged, Staging};
use super::{ApplicationDeployment, YarnAccess, YarnError, YarnSession, application, leftovers, submission};
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

/// What is to be deployed.
#[derive(Debug, Clone, Copy)]
enum Deployment<'a> {
    Session,
    Job(&'a JobDeployment),
    Application(&'a ApplicationDeployment),
}

impl Deployment<'_> {
    /// The job, where it is known before it is there.
    const fn graph(&self) -> Option<&JobGraph> {
        match self {
            Self::Session => None,
            Self::Job(job) => Some(&job.graph),
            Self::Application(application) => application.content.graph(),
        }
    }

    fn name(self) -> String {
        match self {
            Self::Session => SESSION_NAME.to_owned(),
            Self::Job(job) => job.graph.name.clone(),
            Self::Application(application) => application.content.name(),
        }
    }

    const fn role(self) -> MasterRole {
        match self {
            Self::Session => MasterRole::Session,
            Self::Job(job) => MasterRole::PerJob(job.job_id),
            Self::Application(_) => MasterRole::Application,
        }
    }

    const fn target(self) -> &'static str {
        match self {
            Self::Session => "yarn-session",
            Self::Job(_) => "yarn-per-job",
            Self::Application(_) => "yarn-application",
        }
    }

    /// Whether a client waits for the end. The jobs of a session are those of many clients, each of which says for itself.
    const fn is_attached(self) -> bool {
        match self {
            Self::Session => false,
            Self::Job(job) => !job.detached,
            Self::Application(application) => !application.detached,
        }
    }
}

/// The files in the application's directory.
struct StagedFiles {
    /// The settings, the Hadoop configuration, and what the user sends along.
    for_all: Vec<ShippedFile>,
    /// What only the master needs: the job's graph, the application's program.
    master_only: Vec<ShippedFile>,
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
    /// [`YarnError`] where the Hadoop configuration does not say where the ResourceManager is, or asks for Kerberos.
    pub fn new(
        configuration: Configuration,
        hadoop: HadoopConfiguration,
        file_systems: FileSystems,
        user: &str,
        binary: PathBuf,
    ) -> Result<Self, YarnError> {
        if hadoop.authentication()? == Authentication::Kerberos {
            return Err(YarnError::Kerberos);
        }
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
        match self.start_cluster(Deployment::Session, observer).await {
            Ok(session) => Ok(session),
            Err(error) => {
                self.abort().await;
                Err(error.into())
            }
        }
    }

    /// Starts an application whose master runs a program, or submits a job, and ends with the jobs that come of it. Returns
    /// when its REST endpoint can be asked, or it has ended.
    ///
    /// # Errors
    /// [`DeployError`]; nothing is left behind then.
    pub async fn deploy_application(
        &self,
        application: &ApplicationDeployment,
        observer: &mut dyn JobObserver,
    ) -> Result<YarnSession, DeployError> {
        match self.start_cluster(Deployment::Application(application), observer).await {
            Ok(cluster) => Ok(cluster),
            Err(error) => {
                self.abort().await;
                Err(error.into())
            }
        }
    }

    async fn start_cluster(
        &self,
        deployment: Deployment<'_>,
        observer: &mut dyn JobObserver,
    ) -> Result<YarnSession, YarnError> {
        let Started {
            report,
            staging,
            directory,
        } = self.start(deployment, observer).await?;
        let rest = match report.state.is_final() {
            true => self.access.proxied(report.id),
            false => self.access.connect(&report, observer).await?,
        };
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
        } = self.start(Deployment::Job(job), observer).await?;
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
            tracking_url: report.tracking_url,
            heartbeat: ClientHeartbeat::read(&self.access.configuration)?,
            sinks: self.sinks(job)?,
        })
    }

    /// Starts the application; returns when its master can be asked.
    async fn start(&self, deployment: Deployment<'_>, observer: &mut dyn JobObserver) -> Result<Started, YarnError> {
        let access = &self.access;
        refuse_reactive(&access.configuration, "a cluster on YARN")?;
        let graph = deployment.graph();
        let graph = graph.map(|graph| graph.clone().with_runtime_mode(&access.configuration));
        let most = MostSlots::read(&access.configuration)?;
        let slots = graph.as_ref().map_or(0, |graph| most.least(graph));
        let request = Request::read(&access.configuration, slots)?;
        graph.map_or(Ok(()), |graph| most.check(&graph))?;
        let staging = access.staging(&self.file_systems)?;
        let ship = ShipPlan::read(&access.configuration, &self.file_systems, &self.binary).await?;
        checks::check_discovery(&access.configuration, &ship)?;
        // Beside the checks: what is there is not to be looked for after them.
        let staged = AbortOnDropHandle::new(tokio::spawn({
            let (staging, binary) = (staging.clone(), self.binary.clone());
            async move { staging.look(&binary).await }
        }));
        let mut note = |line: &str| observer.note(line);
        let application = checks::new_application(&access.rm, &access.hadoop, &request, &mut note).await?;
        match deployment {
            Deployment::Job(job) => note(&format!("{application} (job {})", job.job_id)),
            Deployment::Session | Deployment::Application(_) => note(&application.to_string()),
        }
        let directory = staging.application_directory(&application.to_string());
        let begun = Begun {
            application,
            submitted: false,
            staging: staging.clone(),
            directory: directory.clone(),
        };
        *self.begun.lock() = Some(begun.clone());
        // A look that came to nothing is none.
        let staged = staged.await.unwrap_or_default();
        self.submit(deployment, &request, &begun, ship, staged, observer)
            .await?;
        // Ends with this process at the latest; the next one goes on with it.
        tokio::spawn(leftovers::sweep(access.clone(), staging.clone(), directory.clone()));
        Ok(Started {
            report: match deployment {
                Deployment::Application(_) => access.wait_for_master_or_end(application, observer).await?,
                _ => access.wait_for_master(application, observer).await?,
            },
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
        deployment: Deployment<'_>,
        request: &Request,
        begun: &Begun,
        ship: ShipPlan,
        staged: Option<Staged>,
        observer: &mut dyn JobObserver,
    ) -> Result<(), YarnError> {
        let Begun { staging, directory, .. } = begun;
        let provided = self.provided_directories()?;
        staging.prepare(staged.as_ref()).await?;
        let mut note = |line: &str| observer.note(line);
        // Neither waits for the other: each is some round trips to the NameNode.
        let (dist, files) = tokio::join!(
            staging.archive(&self.binary, &provided, staged, &mut note),
            self.stage_files(deployment, ship, staging, directory),
        );
        let (dist, files) = (dist?, files?);
        let environment = MasterEnvironment {
            application_id: begun.application,
            role: deployment.role(),
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
            &files.master_only,
            request,
            &secret,
            &deployment.name(),
        )?;
        if let Some(begun) = &mut *self.begun.lock() {
            begun.submitted = true;
        }
        let submitted = self.access.rm.submit(&submission).await;
        submitted
            .map(drop)
            .map_err(|error| refused(error, request.queue.as_deref()))
    }

    async fn stage_files(
        &self,
        deployment: Deployment<'_>,
        ship: ShipPlan,
        staging: &Staging,
        directory: &Location,
    ) -> Result<StagedFiles, YarnError> {
        staging.make_application_directory(directory).await?;
        let file_systems = &self.file_systems;
        let write_own = async {
            match deployment {
                Deployment::Session => Ok(Vec::new()),
                Deployment::Job(job) => {
                    let graph = application::stage_graph(&job.graph, file_systems, staging, directory).await?;
                    Ok(vec![graph])
                }
                Deployment::Application(application) => {
                    application.content.stage(file_systems, staging, directory).await
                }
            }
        };
        let (config, hadoop, master_only, sent) = tokio::try_join!(
            staging.write(directory, CONFIG_FILE, self.effective_configuration(deployment)),
            staging.write(
                directory,
                HADOOP_SITE_FILE,
                self.access.hadoop.without_secrets().to_xml()
            ),
            write_own,
            ship.stage(file_systems, staging, directory),
        )?;
        let mut for_all = vec![config, hadoop];
        for_all.extend(sent);
        Ok(StagedFiles { for_all, master_only })
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
    fn effective_configuration(&self, deployment: Deployment<'_>) -> String {
        let mut configuration = self.access.configuration.clone();
        configuration.set(&cluster::ATTACHED, &deployment.is_attached());
        configuration.set_text(cluster::TARGET.key(), deployment.target());
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

/// Of a queue's list of users, YARN tells only when an application is submitted.
fn refused(cause: RestError, queue: Option<&str>) -> YarnError {
    let queue = queue.unwrap_or("default").to_owned();
    match cause.to_string().contains("does not have permission to submit") {
        true => YarnError::QueueDenied { queue, cause },
        false => cause.into(),
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
