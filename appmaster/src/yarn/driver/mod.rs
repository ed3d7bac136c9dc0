//! The driver that gets workers from YARN.
//!
//! Called by the ResourceManager, which says how many workers of which size it wants. The driver asks YARN for
//! containers, starts a worker in each and tells how they end:
//!
//! ```text
//!   request ──► asked ──► granted ──► started ──► ended        told: allocated, terminated (with the cause)
//!                 │cancel    │no request │release    ▲
//!                 ▼          ▼           ▼           │
//!              ask lowered  released   stopped ──────┘ not told
//! ```
//!
//! With high availability containers outlive the attempt that started them: they are taken over as started, and told as
//! recovered.
//!
//! One task owns the conversation with the YARN ResourceManager ([`service`]); what it decides is pure ([`state`]), and so
//! are which nodes are left out ([`nodes`]), which are asked ([`places`]) and by which label ([`label`]), when a heartbeat is
//! due ([`pacing`]) and how an end is told ([`ending`]). Containers are started and stopped, and logs of those that ended are
//! read ([`last_words`]), beside the loop, in parallel.

mod ending;
mod error;
mod label;
mod last_words;
mod nodes;
mod pacing;
mod places;
mod service;
mod sizing;
mod state;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use selvedge_core::ResourceId;
use selvedge_core::memory::TaskExecutorProcessSpec;
use selvedge_core::resource::{WorkerResourceSpec, YarnExternalResources};
use selvedge_core::status::ApplicationStatus;
use selvedge_runtime::container::Container;
use selvedge_runtime::deployment::MasterEnvironment;
use selvedge_runtime::outcome::JobOutcome;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;
use yarn_common::resource::Resource;
use yarn_common::token::Token;
use yarn_rpc::RetryPolicy;
use yarn_rpc::am::{AmClient, AmOptions, Registration};
use yarn_rpc::client::{YarnClient, YarnClientOptions};
use yarn_rpc::ipc::{Identity, IpcOptions};
use yarn_rpc::nm::{NmClient, NmOptions};
use yarn_rpc::types::FinalStatus;

pub use error::YarnDriverError;
pub(super) use label::WorkerLabel;
pub use last_words::{ContainerLogPlace, ContainerLogs};
use pacing::Pacing;
use service::{Command, DriverService, LogAccess};
use sizing::Sizing;
use state::DriverState;

use super::launch::WorkerLaunch;
use super::settings::YarnSettingsError;
use super::shape::WorkerShape;
use crate::resourcemanager::{DriverError, DriverStart, ResourceManagerDriver, UnwantedNodes, WorkerSpec};

/// How many commands may wait.
const COMMAND_QUEUE: usize = 1024;
/// Who only comes to tell of a failure has no pages.
const NO_PAGES: &str = "";

/// How the driver speaks to YARN.
#[derive(Debug, Clone)]
pub(crate) struct DriverSettings {
    /// Scheduler addresses of the ResourceManagers.
    pub(super) addresses: Vec<String>,
    /// Where they serve clients; `None` where this process may not ask there.
    pub(super) client_addresses: Option<Vec<String>>,
    pub(super) retry: RetryPolicy,
    /// How long a NodeManager is looked for that does not answer.
    pub(super) node_retry: RetryPolicy,
    /// The pause between heartbeats while nothing is wanted.
    pub(super) idle_interval: Duration,
    /// The pause while containers are outstanding.
    pub(super) asking_interval: Duration,
    /// After how much silence YARN gives up the attempt.
    pub(super) expiry_interval: Duration,
    /// Which label the nodes of workers have.
    pub(super) label: WorkerLabel,
    /// How NodeManagers serve logs: `http` or `https`.
    pub(super) node_scheme: &'static str,
    /// What YARN calls the external resources of workers.
    pub(super) external_resources: YarnExternalResources,
    /// Where users look after the end; where it is empty, YARN's own page is all there is.
    pub(super) history: String,
    /// Time-outs and limits of connections, and what opens them.
    pub(super) ipc: IpcOptions,
}

impl DriverSettings {
    /// A client that has said nothing yet.
    pub(super) fn client(&self, token: Token) -> Result<AmClient, YarnDriverError> {
        let mut options = AmOptions::new(self.addresses.clone(), token);
        options.retry = self.retry;
        options.ipc = self.ipc.clone();
        AmClient::new(options).map_err(YarnDriverError::Register)
    }

    /// A client that lists nodes for `user`. Not where no asks name nodes.
    fn lister(&self, user: &str) -> Option<YarnClient> {
        let addresses = self.client_addresses.clone().filter(|_| self.label.names_nodes())?;
        let identity = Identity::Simple { user: user.to_owned() };
        let mut options = YarnClientOptions::new(addresses, identity);
        options.ipc = self.ipc.clone();
        YarnClient::new(options).ok()
    }

    /// Idle connections to nodes are closed, as usual.
    pub(super) fn nodes(&self) -> NmOptions {
        let usual = NmOptions::default();
        let ipc = IpcOptions {
            idle_timeout: usual.ipc.idle_timeout,
            ..self.ipc.clone()
        };
        NmOptions {
            retry: self.node_retry,
            ipc,
            ..usual
        }
    }
}

/// Gets workers from YARN. Until it is initialised it says nothing to YARN.
#[derive(Debug)]
pub struct YarnResourceManagerDriver {
    settings: DriverSettings,
    token: Token,
    /// This node's name, under which REST is reached.
    host: String,
    launch: WorkerLaunch,
    /// Who runs the application.
    user: String,
    logs: OnceLock<Arc<dyn ContainerLogs>>,
    commands: OnceLock<mpsc::Sender<Command>>,
    sizing: Sizing,
    /// The largest container, as of the registration.
    maximum: OnceLock<Resource>,
    /// YARN knows how the application ended.
    unregistered: AtomicBool,
}

impl YarnResourceManagerDriver {
    /// The driver of the ApplicationMaster in this container, which registers with `token` and starts workers as the client
    /// has told in `environment`. `ipc` opens its connections to YARN.
    ///
    /// # Errors
    /// [`YarnSettingsError`] where YARN cannot be spoken to as configured.
    pub fn of_container(
        container: &Container,
        environment: MasterEnvironment,
        token: Token,
        ipc: IpcOptions,
    ) -> Result<Self, YarnSettingsError> {
        let user = environment.user.clone();
        let launch = WorkerLaunch::new(
            environment,
            &container.credentials,
            &container.configuration,
            &container.assignments,
        );
        let settings = DriverSettings::read(&container.configuration, &container.hadoop, ipc)?;
        let sizing = Sizing::new(&container.configuration, settings.external_resources.clone());
        Ok(Self {
            settings,
            token,
            host: container.environment.node.host().to_owned(),
            launch,
            user,
            logs: OnceLock::new(),
            commands: OnceLock::new(),
            sizing,
            maximum: OnceLock::new(),
            unregistered: AtomicBool::new(false),
        })
    }

    /// From the driver's start on, the last lines of a worker's log are told with the cause of its end.
    pub(super) fn read_logs_with(&self, logs: Arc<dyn ContainerLogs>) {
        // The first one stays.
        let _ = self.logs.set(logs);
    }

    /// Tells YARN that the application failed, also where this driver was never initialised: who asks for the
    /// application's report sees the cause. An end that was told before stands.
    pub(super) async fn tell_failure(&self, cause: &str) -> Result<(), YarnDriverError> {
        if self.is_unregistered() {
            return Ok(());
        }
        if self.commands.get().is_some() {
            return self.unregister(FinalStatus::Failed, cause.to_owned()).await;
        }
        let mut rm = self.settings.client(self.token.clone())?;
        let registered = rm.register(&self.host, None, NO_PAGES).await;
        registered.map_err(YarnDriverError::Register)?;
        let finished = rm.finish(FinalStatus::Failed, cause, &self.settings.history).await;
        finished.map_err(YarnDriverError::Unregister)?;
        self.unregistered.store(true, Ordering::Release);
        Ok(())
    }

    /// Whether YARN knows how the application ended.
    pub(super) fn is_unregistered(&self) -> bool {
        self.unregistered.load(Ordering::Acquire)
    }

    async fn unregister(&self, status: FinalStatus, diagnostics: String) -> Result<(), YarnDriverError> {
        let (done, answer) = oneshot::channel();
        let command = Command::Unregister {
            status,
            diagnostics,
            done,
        };
        self.send(command).await?;
        answer.await.unwrap_or(Err(YarnDriverError::Ended))?;
        self.unregistered.store(true, Ordering::Release);
        Ok(())
    }

    async fn send(&self, command: Command) -> Result<(), YarnDriverError> {
        let commands = self.commands.get().ok_or(YarnDriverError::NotInitialised)?;
        commands.send(command).await.map_err(|_| YarnDriverError::Ended)
    }

    async fn register(&self, rest_address: &str) -> Result<(AmClient, Registration), YarnDriverError> {
        let expiry = self.settings.expiry_interval;
        if self.settings.idle_interval >= expiry {
            tracing::warn!(
                interval = ?self.settings.idle_interval,
                ?expiry,
                "yarn.heartbeat.interval is not below yarn.am.liveness-monitor.expiry-interval-ms: YARN will give up \
                 this attempt"
            );
        }
        let mut rm = self.settings.client(self.token.clone())?;
        let tracking_url = format!("http://{rest_address}");
        let port = rest_address.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        let registered = rm.register(&self.host, port, &tracking_url).await;
        let registration = registered.map_err(YarnDriverError::Register)?;
        tracing::info!(
            queue = %registration.queue,
            largest_container = %registration.maximum_capability,
            %tracking_url,
            "registered at the YARN ResourceManager"
        );
        Ok((rm, registration))
    }

    fn service(
        &self,
        rm: AmClient,
        registration: Registration,
        commands: mpsc::Receiver<Command>,
        start: DriverStart,
    ) -> DriverService {
        let mut service = DriverService {
            nodes: NmClient::new(rm.nm_tokens().clone(), self.settings.nodes()),
            rm,
            state: DriverState::new(
                registration.maximum_capability,
                self.settings.label.clone(),
                registration.queue,
            ),
            pacing: Pacing::new(
                self.settings.idle_interval,
                self.settings.asking_interval,
                Instant::now(),
            ),
            launch: Arc::new(self.launch.clone().for_master(&start.resource_manager_address)),
            commands,
            history: self.settings.history.clone(),
            events: std::collections::VecDeque::new(),
            listener: start.events,
            starts: JoinSet::new(),
            stops: JoinSet::new(),
            log_access: self.logs.get().map(|logs| LogAccess {
                logs: Arc::clone(logs),
                scheme: self.settings.node_scheme,
                user: self.user.clone(),
            }),
            endings: JoinSet::new(),
            listing: JoinSet::new(),
        };
        if let Some(lister) = self.settings.lister(&self.user) {
            service.list_nodes(lister);
        }
        service.take_over(&registration.containers_from_previous_attempts);
        service
    }
}

#[async_trait]
impl ResourceManagerDriver for YarnResourceManagerDriver {
    async fn initialize(&self, start: DriverStart) -> Result<(), DriverError> {
        let (rm, registration) = self.register(&start.rest_address).await?;
        let (commands, inbox) = mpsc::channel(COMMAND_QUEUE);
        // Once, as the registration.
        let _ = self.maximum.set(registration.maximum_capability.clone());
        let service = self.service(rm, registration, inbox, start);
        self.commands
            .set(commands)
            .map_err(|_| YarnDriverError::InitialisedTwice)?;
        // Ends with the driver, or when it has unregistered.
        tokio::spawn(service.run());
        Ok(())
    }

    async fn request_worker(&self, spec: WorkerSpec) -> Result<(), DriverError> {
        let shape = WorkerShape::new(spec, &self.settings.external_resources);
        Ok(self.send(Command::Request { shape }).await?)
    }

    async fn cancel_requests(&self, spec: WorkerSpec, count: u32) -> u32 {
        let (cancelled, answer) = oneshot::channel();
        let cancel = Command::Cancel { spec, count, cancelled };
        if self.send(cancel).await.is_err() {
            return 0;
        }
        answer.await.unwrap_or(0)
    }

    async fn release_worker(&self, resource_id: &ResourceId) {
        let worker = resource_id.clone();
        if let Err(error) = self.send(Command::Release { worker }).await {
            tracing::debug!(%resource_id, %error, "the worker is left to YARN");
        }
    }

    async fn deregister(&self, status: ApplicationStatus, diagnostics: &str) -> Result<(), DriverError> {
        Ok(self.unregister(final_status(status), in_words(diagnostics)).await?)
    }

    fn as_started(&self, process: TaskExecutorProcessSpec) -> TaskExecutorProcessSpec {
        process.with_whole_cores()
    }

    fn process_for(&self, worker: &WorkerResourceSpec) -> Result<Option<TaskExecutorProcessSpec>, DriverError> {
        let process = self.sizing.process_for(worker, self.maximum.get())?;
        Ok(Some(process))
    }

    async fn block_nodes(&self, nodes: UnwantedNodes) {
        if let Err(error) = self.send(Command::Block(nodes)).await {
            tracing::debug!(%error, "YARN is not told which nodes are blocked");
        }
    }

    fn hurry(&self) {
        if let Some(commands) = self.commands.get() {
            // A queue that is full is being worked off, and heartbeats come with it.
            let _ = commands.try_send(Command::Hurry);
        }
    }

    fn can_lead_again(&self) -> bool {
        false
    }
}

impl From<YarnDriverError> for DriverError {
    fn from(error: YarnDriverError) -> Self {
        Self(error.to_string())
    }
}

/// Diagnostics are read by people too: the result of a job gets a sentence before it.
fn in_words(diagnostics: &str) -> String {
    JobOutcome::from_json(diagnostics).map_or_else(|| diagnostics.to_owned(), |outcome| outcome.to_diagnostics())
}

/// What YARN shows for a status, as with Flink.
const fn final_status(status: ApplicationStatus) -> FinalStatus {
    match status {
        ApplicationStatus::Succeeded => FinalStatus::Succeeded,
        ApplicationStatus::Canceled => FinalStatus::Killed,
        ApplicationStatus::Failed => FinalStatus::Failed,
        ApplicationStatus::Unknown => FinalStatus::Undefined,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_an_application_ended_is_told_as_flink_tells_it() {
        for (status, told) in [
            (ApplicationStatus::Succeeded, FinalStatus::Succeeded),
            (ApplicationStatus::Failed, FinalStatus::Failed),
            (ApplicationStatus::Canceled, FinalStatus::Killed),
            (ApplicationStatus::Unknown, FinalStatus::Undefined),
        ] {
            assert_eq!(final_status(status), told);
        }
    }
}
