//! Starts a cluster's master and ends it: the services in Flink's order, in reverse at the end.
//!
//! ```text
//! settings ─► ports (RPC, REST) ─► both serve ─► election ─► granted: ResourceManager, Dispatcher, driver connects
//! end: the Dispatcher says so, or what cannot be mended breaks ─► workers end, driver deregisters ─► REST ─► RPC ─► election
//! ```
//!
//! What is under leadership stands in `leading.rs`, its life in `component.rs`.

mod announcer;
mod component;
mod error;
mod fenced;
mod front;
#[cfg(test)]
mod leadership_tests;
mod leading;
mod servers;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use rand::SeedableRng;
use rand::rngs::StdRng;
use selvedge_core::Configuration;
use selvedge_core::config::ConfigError;
use selvedge_core::config::options::{blob, cluster, jobmanager, process, rest as rest_options};
use selvedge_core::memory::TaskExecutorProcessSpec;
use selvedge_core::status::ApplicationStatus;
use selvedge_runtime::clock::Clock;
use selvedge_runtime::connector::{Connectors, GraphChecker};
use selvedge_runtime::fs::FileSystems;
use selvedge_runtime::ha::{HaServices, HaServicesRegistry, HaStart, LeaderComponent, StandaloneHaServices};
use selvedge_runtime::profiling::{Profiler, ProfilingSettings};
use selvedge_runtime::rpc::{ApplicationSecret, PortRange, RpcServer};
use selvedge_runtime::shutdown::ShutdownWatch;
use selvedge_runtime::working_directory::{WorkingDirectory, WorkingDirectoryOptions};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

pub use error::StartError;

pub use crate::dispatcher::{ClusterEnd, DispatcherMode};

use crate::blobs::Blobs;
use crate::dispatcher::{CleanupStrategy, DispatcherError, DispatcherHandle};
use crate::jobmaster::{JobMasterPlugins, refuse_reactive};
use crate::metrics::MasterMetrics;
use crate::resourcemanager::{ResourceManagerDriver, ResourceManagerHandle};
use crate::settings::{MasterSettings, client_timeout};
use crate::stores::{StoreSettings, Stores};
use component::Component;
use front::{RestFront, Standing, rpc_front};
use leading::Parts;
use servers::{listen, serve_rest, serve_rpc};

/// What a cluster is made of.
#[derive(Debug)]
pub struct ClusterConfig {
    /// The settings.
    pub configuration: Configuration,
    /// Session or per job.
    pub mode: DispatcherMode,
    /// What workers present and are presented on every call.
    pub secret: ApplicationSecret,
    /// The name under which workers and clients reach this process.
    pub host: String,
    /// The address that its servers bind to.
    pub bind_host: String,
    /// Ports for REST.
    pub rest_bind_ports: PortRange,
    /// Ports for workers.
    pub rpc_ports: PortRange,
    /// Its name among others below `high-availability.storageDir`; `None` where no other process goes on with its jobs.
    pub cluster_id: Option<String>,
    /// Where the stores are.
    pub file_systems: FileSystems,
    /// Where workers come from.
    pub driver: Arc<dyn ResourceManagerDriver>,
    /// Sources' enumerators and sinks' committers.
    pub connectors: Arc<dyn Connectors>,
    /// Checks and completes submitted graphs.
    pub checker: Arc<dyn GraphChecker>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Seeds the generator of ids: random, except where a history is to be repeated.
    pub seed: u64,
    /// The master's log, shown at `/jobmanager/log`.
    pub log_file: Option<PathBuf>,
}

/// The master's own directory.
const WORKING_DIRECTORY: WorkingDirectoryOptions = WorkingDirectoryOptions {
    role: "jm",
    parent: &process::JOB_MANAGER_WORKING_DIR,
    resource_id: &jobmanager::RESOURCE_ID,
};
/// Whose profiles the master's are: Flink's name.
const JOB_MANAGER: &str = "JobManager";
/// Under which key pages look for the port of the REST endpoint.
const REST_PORT: &str = "rest.port";

/// What runs where the cluster runs: an application's program, or what submits the job of a cluster that has one.
#[async_trait]
pub trait Application: Send + Sync + std::fmt::Debug + 'static {
    /// Called each time this process becomes leader, when workers can come.
    ///
    /// # Errors
    /// Why the cluster cannot go on.
    async fn run(&self, dispatcher: DispatcherHandle) -> Result<(), String>;
}

/// What a cluster's master works with besides its own components.
#[derive(Debug)]
pub struct ClusterServices {
    /// Who leads.
    pub ha: Arc<dyn HaServices>,
    /// What runs when this process leads.
    pub application: Option<Arc<dyn Application>>,
    /// Is told how far the shutdown is.
    pub shutdown: ShutdownWatch,
    /// Whether a fault ends the process at once; never where the process is not the master's own.
    pub halt_on_fatal_error: bool,
    /// What the program adds to JobMasters.
    pub plugins: JobMasterPlugins,
}

impl ClusterServices {
    /// With these services of high availability, and no program.
    pub fn new(ha: Arc<dyn HaServices>) -> Self {
        Self {
            ha,
            application: None,
            shutdown: ShutdownWatch::default(),
            halt_on_fatal_error: false,
            plugins: JobMasterPlugins::default(),
        }
    }

    /// Those of a cluster with one master for ever.
    pub fn standalone(seed: u64) -> Self {
        Self::new(Arc::new(StandaloneHaServices::leading(seed)))
    }

    /// Those of a process that is the master's own, as the settings say.
    ///
    /// # Errors
    /// [`StartError`]: a setting, or who keeps the election cannot be reached.
    pub async fn read(
        registry: &HaServicesRegistry,
        configuration: &Configuration,
        seed: u64,
    ) -> Result<Self, StartError> {
        let start = HaStart {
            configuration,
            seed,
            resource_manager: None,
        };
        Ok(Self {
            halt_on_fatal_error: configuration.get(&cluster::HALT_ON_FATAL_ERROR)?,
            ..Self::new(registry.create(start).await?)
        })
    }
}

/// Reactive mode is for the one job of a cluster whose workers somebody starts.
fn check_reactive(config: &ClusterConfig) -> Result<(), ConfigError> {
    let what = match (config.mode, config.driver.is_active()) {
        (DispatcherMode::Session, _) => "a session",
        (_, true) => "a cluster that starts its workers itself",
        (_, false) => return Ok(()),
    };
    refuse_reactive(&config.configuration, what)
}

/// How much has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shutdown {
    /// The cluster: who waits for its end was told, and nothing is kept for another master.
    Graceful,
    /// This process alone: another master may go on, and finds all that is kept for it.
    ProcessAlone,
}

/// How a master has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// What users are told.
    pub end: ClusterEnd,
    /// How much has ended.
    pub shutdown: Shutdown,
}

impl Ended {
    const fn graceful(end: ClusterEnd) -> Self {
        let shutdown = Shutdown::Graceful;
        Self { end, shutdown }
    }

    const fn process_alone(diagnostics: String) -> Self {
        let status = ApplicationStatus::Unknown;
        Self {
            end: ClusterEnd { status, diagnostics },
            shutdown: Shutdown::ProcessAlone,
        }
    }
}

/// Starts clusters.
#[derive(Debug, Clone, Copy)]
pub struct ClusterEntrypoint;

/// The first leadership of a master, to be waited for.
#[derive(Debug)]
pub struct WhenLeading(oneshot::Receiver<Result<(), StartError>>);

impl WhenLeading {
    /// Waits until the master leads and its driver is connected.
    ///
    /// # Errors
    /// [`StartError`] where it has ended instead; all its services have then.
    pub async fn wait(self, cluster: &Cluster) -> Result<(), StartError> {
        let outcome = self.0.await;
        if let Ok(Ok(())) = outcome {
            return Ok(());
        }
        let ended = cluster.wait_terminated().await;
        Err(match outcome {
            Ok(Err(error)) => error,
            _ => StartError::Ended(ended.diagnostics),
        })
    }
}

/// A running cluster's master.
#[derive(Debug)]
pub struct Cluster {
    rest_address: String,
    rpc_address: String,
    standing: watch::Receiver<Standing>,
    terminate: CancellationToken,
    ended: watch::Receiver<Option<Ended>>,
}

impl ClusterEntrypoint {
    /// Starts a master whose leadership `high-availability.type` decides; returns when it leads and its driver is connected.
    ///
    /// # Errors
    /// [`StartError`]; nothing runs then.
    pub async fn start(config: ClusterConfig) -> Result<Cluster, StartError> {
        let services =
            ClusterServices::read(&HaServicesRegistry::default(), &config.configuration, config.seed).await?;
        Self::start_with(config, services).await
    }

    /// The same with these services.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_with(config: ClusterConfig, services: ClusterServices) -> Result<Cluster, StartError> {
        let (cluster, leading) = Self::stand_by(config, services).await?;
        leading.wait(&cluster).await?;
        Ok(cluster)
    }

    /// Starts a master that may have to wait for its leadership; returns when its servers listen.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn stand_by(
        config: ClusterConfig,
        services: ClusterServices,
    ) -> Result<(Cluster, WhenLeading), StartError> {
        check_reactive(&config)?;
        let settings = MasterSettings::read(&config.configuration)?;
        let plugins = services.plugins.select(&config.configuration)?;
        let metrics_interval = settings.metrics_interval;
        let process = TaskExecutorProcessSpec::derive(&config.configuration)?;
        let stores = StoreSettings::read(&config.configuration, config.mode, config.cluster_id.as_deref())?;
        let stores = Stores::open(stores, &config.file_systems)?;
        let cleanup = CleanupStrategy::read(&config.configuration)?;
        let client_timeout = client_timeout(&config.configuration)?;
        let max_content_length = config.configuration.get(&rest_options::SERVER_MAX_CONTENT_LENGTH)?;
        let profiling = ProfilingSettings::read(&config.configuration)?;
        let rest_bind_host = config.configuration.find(&rest_options::BIND_ADDRESS)?;
        let rest_bind_host = rest_bind_host.unwrap_or_else(|| config.bind_host.clone());
        let (rpc_listener, rpc_address) = listen(&config.host, &config.bind_host, &config.rpc_ports).await?;
        let (rest_listener, rest_address) = listen(&config.host, &rest_bind_host, &config.rest_bind_ports).await?;
        tracing::info!("REST at {rest_address}, RPC at {rpc_address}");
        let working_directory = WorkingDirectory::take(&config.configuration, &WORKING_DIRECTORY)?;
        let blobs = Blobs::start(&config, &working_directory).await?;

        let ClusterServices {
            ha,
            application,
            shutdown,
            halt_on_fatal_error,
            plugins: _,
        } = services;
        let (standing, known) = watch::channel(Standing::NeverLed);
        let (faulty, faults) = mpsc::channel(1);
        let rest_front = RestFront {
            standing: known.clone(),
            leader: ha.retrieval(LeaderComponent::RestServer),
            own_address: rest_address.clone(),
        };
        let rest = serve_rest(rest_listener, rest_front.router());
        let rpc_server = RpcServer::new(rpc_listener).map_err(StartError::Listener)?;
        let rpc = serve_rpc(rpc_server, rpc_front(known.clone()), faulty);
        let election = ha.election();
        let (started, when_started) = oneshot::channel();
        let (ended, when_ended) = watch::channel(None);
        let terminate = CancellationToken::new();
        let component = Component {
            leadership: election.leadership(),
            parts: Parts {
                resource_id: working_directory.resource_id().clone(),
                settings,
                process,
                mode: config.mode,
                secret: config.secret,
                driver: config.driver,
                connectors: config.connectors,
                metrics: MasterMetrics::start(
                    &config.host,
                    &config.configuration,
                    config.clock.clone(),
                    metrics_interval,
                ),
                checker: config.checker,
                plugins,
                profiler: Profiler::new(JOB_MANAGER, profiling, config.clock.clone()),
                clock: config.clock,
                ha: ha.clone(),
                election,
                application,
                offload: blobs.offload.clone(),
                stores,
                cleanup,
                client_timeout,
                max_content_length: usize::try_from(max_content_length).unwrap_or(usize::MAX),
                configuration: Arc::new(effective(
                    config.configuration,
                    &rpc_address,
                    &rest_address,
                    blobs.offload.port(),
                )),
                log_file: config.log_file,
                rpc_address: rpc_address.clone(),
                rest_address: rest_address.clone(),
            },
            rng: StdRng::seed_from_u64(config.seed),
            ha,
            leading: None,
            standing,
            started: Some(started),
            terminate: terminate.clone(),
            faults,
            rest,
            rpc,
            blobs,
            working_directory,
            watch: shutdown,
            halt_on_fatal_error,
        };
        // Ends with the cluster.
        tokio::spawn(component.run(ended));
        let cluster = Cluster {
            rest_address,
            rpc_address,
            standing: known,
            terminate,
            ended: when_ended,
        };
        Ok((cluster, WhenLeading(when_started)))
    }
}

impl Cluster {
    /// host:port of the REST endpoint.
    pub fn rest_address(&self) -> &str {
        &self.rest_address
    }

    /// host:port of the gateways for workers.
    pub fn rpc_address(&self) -> &str {
        &self.rpc_address
    }

    /// Takes jobs and answers questions about them, under the present leadership; that of an earlier one answers that it has
    /// ended.
    pub fn dispatcher(&self) -> DispatcherHandle {
        let standing = self.standing.borrow();
        let last = standing.last().map(|gateways| gateways.dispatcher.clone());
        last.unwrap_or_else(DispatcherHandle::of_nobody)
    }

    /// Answers questions about workers, in the same way.
    pub fn resource_manager(&self) -> ResourceManagerHandle {
        let standing = self.standing.borrow();
        let last = standing.last().map(|gateways| gateways.resource_manager.clone());
        last.unwrap_or_else(ResourceManagerHandle::of_nobody)
    }

    /// Cancels what runs, ends the cluster with this status, and waits until it has ended. Where this process does not lead,
    /// it alone ends.
    pub async fn shutdown(&self, status: ApplicationStatus, diagnostics: &str) -> ClusterEnd {
        let asked = self
            .dispatcher()
            .shut_down_cluster(status, diagnostics.to_owned())
            .await;
        if matches!(asked, Err(DispatcherError::Gone)) {
            // A cluster that ends already goes on doing so.
            self.terminate.cancel();
        }
        self.wait_terminated().await
    }

    /// Ends this process's part, as SIGTERM does: jobs are SUSPENDED, what another master needs is kept, nobody is told that
    /// the application has ended. Returns when all services have ended.
    pub async fn terminate(&self) -> Ended {
        self.terminate.cancel();
        self.wait_ended().await
    }

    /// Waits until the cluster has ended, by itself or by someone's wish: all workers are gone, the driver is told.
    pub async fn wait_terminated(&self) -> ClusterEnd {
        self.wait_ended().await.end
    }

    /// The same, and how much has ended.
    pub async fn wait_ended(&self) -> Ended {
        let mut ended = self.ended.clone();
        let end = ended.wait_for(Option::is_some).await.ok().and_then(|end| end.clone());
        end.unwrap_or_else(|| Ended::process_alone("the cluster ended without saying how".to_owned()))
    }
}

/// The settings with the ports that the servers were given: what `/jobmanager/config` shows.
fn effective(
    mut configuration: Configuration,
    rpc_address: &str,
    rest_address: &str,
    blob_server_port: u16,
) -> Configuration {
    configuration.set_text(blob::SERVER_PORT.key(), blob_server_port.to_string());
    for (address, host_key, port_key) in [
        (rpc_address, jobmanager::RPC_ADDRESS.key(), jobmanager::RPC_PORT.key()),
        (rest_address, rest_options::ADDRESS.key(), REST_PORT),
    ] {
        let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
        configuration.set_text(host_key, host);
        configuration.set_text(port_key, port);
    }
    configuration
}
