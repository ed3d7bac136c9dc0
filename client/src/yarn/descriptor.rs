//! Starting YARN applications: one for a single job, one that takes jobs, or one whose master runs a program.

use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::{self, Either};
use parking_lot::Mutex;
use selvedge_appmaster::jobmaster::refuse_reactive;
use selvedge_appmaster::resourcemanager::MostSlots;
use selvedge_core::{Configuration, JobGraph};
use selvedge_runtime::connector::JobCommitter;
use selvedge_runtime::deployment::{MasterEnvironment, MasterRole, ShippedFile};
use selvedge_runtime::fs::{FileSystems, Location};
use tokio_util::task::AbortOnDropHandle;
use yarn_common::conf::{Authentication, HadoopConfiguration};
use yarn_common::id::ApplicationId;
use yarn_rest::error::RestError;
use yarn_rest::model::Application;

use super::checks::{self, Inquiry, Request};
use super::cluster::YarnCluster;
use super::ship::ShipPlan;
use super::staging::{Provided, Staging};
use super::{ApplicationDeployment, YarnAccess, YarnError, YarnSession, leftovers, submission};
use crate::cluster::{ClientHeartbeat, ClusterDescriptor, ClusterHandle, DeployError, JobDeployment, JobObserver};
use crate::composition;
use files::StagedFiles;

mod files;

/// How YARN lists a session that is given no name.
const SESSION_NAME: &str = "Selvedge session cluster";
/// How long a refusal waits for what is being written meanwhile.
const REFUSAL_PATIENCE: Duration = Duration::from_secs(1);

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
    /// Whether its directory may be there.
    staged: bool,
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

    /// Whether files of the user's, of any size, go along with it.
    fn brings_files(&self) -> bool {
        match self {
            Self::Session => false,
            Self::Job(_) | Self::Application(_) => self.graph().is_none_or(|graph| !graph.artifacts.is_empty()),
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

/// What is known before the cluster is asked.
struct Plan {
    request: Request,
    staging: Staging,
    provided: Vec<Provided>,
    ship: ShipPlan,
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

    /// Reads what is to be asked for and brought along, and refuses what can never be; nothing is written.
    async fn plan(&self, deployment: Deployment<'_>) -> Result<Plan, YarnError> {
        let configuration = &self.access.configuration;
        refuse_reactive(configuration, "a cluster on YARN")?;
        let graph = deployment.graph();
        let graph = graph.map(|graph| graph.clone().with_runtime_mode(configuration));
        let most = MostSlots::read(configuration)?;
        let slots = graph.as_ref().map_or(0, |graph| most.least(graph));
        let request = Request::read(configuration, slots)?;
        graph.map_or(Ok(()), |graph| most.check(&graph))?;
        let staging = self.access.staging(&self.file_systems)?;
        let provided = self.provided_directories()?;
        let ship = ShipPlan::read(configuration, &self.file_systems, &self.binary).await?;
        checks::check_discovery(configuration, &ship)?;
        Ok(Plan {
            request,
            staging,
            provided,
            ship,
        })
    }

    /// Starts the application; returns when its master can be asked.
    async fn start(&self, deployment: Deployment<'_>, observer: &mut dyn JobObserver) -> Result<Started, YarnError> {
        let access = &self.access;
        let Plan {
            request,
            staging,
            provided,
            ship,
        } = self.plan(deployment).await?;
        // Beside the first call: what is there is not to be looked for after it.
        let look = AbortOnDropHandle::new(tokio::spawn({
            let (staging, binary) = (staging.clone(), self.binary.clone());
            async move { staging.look(&binary).await }
        }));
        let inquiry = Inquiry::begin(&access.rm);
        let granted = access.rm.new_application().await?;
        let (application, largest) = (granted.application_id, granted.maximum_capability());
        let directory = staging.application_directory(&application.to_string());
        let begun = Begun {
            application,
            submitted: false,
            staged: false,
            staging: staging.clone(),
            directory: directory.clone(),
        };
        *self.begun.lock() = Some(begun.clone());
        let mut note = |line: &str| observer.note(line);
        let checked = async {
            checks::check(&access.rm, inquiry, &largest, &access.hadoop, &request, &mut note).await?;
            match deployment {
                Deployment::Job(job) => note(&format!("{application} (job {})", job.job_id)),
                Deployment::Session | Deployment::Application(_) => note(&application.to_string()),
            }
            Ok::<_, YarnError>(())
        };
        let small = pin!(self.stage_small(deployment, &begun, look));
        let (staged, mut files) = match future::select(pin!(checked), small).await {
            Either::Left((checked, small)) => {
                if let Err(refusal) = checked {
                    // A directory that is being made while it is deleted would stay; but nobody waits for a silent NameNode.
                    tokio::time::timeout(REFUSAL_PATIENCE, small).await.ok();
                    return Err(refusal);
                }
                small.await?
            }
            Either::Right((small, checked)) => {
                checked.await?;
                small?
            }
        };
        let (dist, more) = self
            .stage_large(deployment, ship, &begun, staged, &provided, &mut note)
            .await?;
        files.add(more);
        self.submit(deployment, &request, &begun, dist, files).await?;
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
        dist: ShippedFile,
        files: StagedFiles,
    ) -> Result<(), YarnError> {
        let environment = MasterEnvironment {
            application_id: begun.application,
            role: deployment.role(),
            staging_directory: begun.directory.to_string(),
            dist,
            shipped: files.for_all,
            client_home: begun.staging.home().to_string(),
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
        // Kept until all is taken back: whoever is interrupted in the middle begins anew.
        let Some(begun) = self.begun.lock().clone() else {
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
        if begun.staged
            && let Err(error) = begun.staging.delete(&begun.directory).await
        {
            tracing::error!(directory = %begun.directory, %error, "the staging directory is left behind: delete it by hand");
        }
        *self.begun.lock() = None;
    }
}
