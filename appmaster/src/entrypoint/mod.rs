//! Starts a cluster's master and ends it: the services in Flink's order, in reverse at the end.
//!
//! ```text
//! settings ─► ports (RPC, REST) ─► ResourceManager ─► Dispatcher ─► REST serves ─► RPC serves ─► driver connects
//! end: Dispatcher says so, or the driver broke and the Dispatcher has failed the jobs ─► workers end, driver deregisters ─► REST ─► RPC
//! ```

mod error;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use selvedge_core::Configuration;
use selvedge_core::config::options::{jobmanager, rest as rest_options, yarn};
use selvedge_core::memory::TaskExecutorProcessSpec;
use selvedge_core::status::ApplicationStatus;
use selvedge_runtime::clock::Clock;
use selvedge_runtime::connector::{Connectors, GraphChecker, report};
use selvedge_runtime::fs::FileSystems;
use selvedge_runtime::gateway::grpc::{serve_job_master, serve_resource_manager};
use selvedge_runtime::machine::Listener;
use selvedge_runtime::metrics::{MetricRegistry, Scope};
use selvedge_runtime::rpc::{self, ApplicationSecret, PortRange, RpcServer};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tonic::service::Routes;

pub use error::StartError;

pub use crate::dispatcher::{ClusterEnd, DispatcherMode};

use crate::blobs::Blobs;
use crate::dispatcher::{self, CleanupStrategy, DRAIN_PATIENCE, DispatcherHandle, PersistedGraph};
use crate::jobmaster::{self, JobMasters};
use crate::metrics::{self, ClusterGauges, MetricFetcher, MetricSources};
use crate::resourcemanager::{self, ResourceManagerDriver, ResourceManagerHandle};
use crate::rest::{self, RestContext, RestListener};
use crate::settings::{MasterSettings, client_timeout};
use crate::stores::{StoreSettings, Stores};
use crate::worker::WorkerConnector;

/// How long open REST connections may take to end.
const REST_PATIENCE: Duration = Duration::from_secs(2);

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
    /// Where workers come from.
    pub driver: Arc<dyn ResourceManagerDriver>,
    /// Its name among others below `high-availability.storageDir`; `None` where no other process goes on with its jobs.
    pub cluster_id: Option<String>,
    /// Where the stores are.
    pub file_systems: FileSystems,
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

/// Under which key pages look for the port of the REST endpoint.
const REST_PORT: &str = "rest.port";

/// Starts clusters.
#[derive(Debug, Clone, Copy)]
pub struct ClusterEntrypoint;

/// A running cluster.
#[derive(Debug)]
pub struct Cluster {
    rest_address: String,
    rpc_address: String,
    dispatcher: DispatcherHandle,
    resource_manager: ResourceManagerHandle,
    ended: watch::Receiver<Option<ClusterEnd>>,
}

impl ClusterEntrypoint {
    /// Starts all services; returns when the driver is connected.
    pub async fn start(config: ClusterConfig) -> Result<Cluster, StartError> {
        let settings = MasterSettings::read(&config.configuration)?;
        let stores = StoreSettings::read(&config.configuration, config.mode, config.cluster_id.as_deref())?;
        let stores = Stores::open(stores, &config.file_systems)?;
        let cleanup = CleanupStrategy::read(&config.configuration)?;
        let process = TaskExecutorProcessSpec::derive(&config.configuration)?;
        let rpc_listener = rpc::bind(&config.bind_host, &config.rpc_ports)
            .await
            .map_err(|cause| StartError::Port {
                setting: yarn::APPLICATION_MASTER_PORT.key(),
                cause,
            })?;
        let rest_listener = rpc::bind(&config.bind_host, &config.rest_bind_ports)
            .await
            .map_err(|cause| StartError::Port {
                setting: rest_options::BIND_PORT.key(),
                cause,
            })?;
        let rpc_address = advertised(&config.host, &rpc_listener)?;
        let rest_address = advertised(&config.host, &rest_listener)?;
        tracing::info!("REST at {rest_address}, RPC at {rpc_address}");

        let mut rng = StdRng::seed_from_u64(config.seed);
        let (fatal, fatals) = mpsc::channel(1);
        let (end, dispatcher_end) = oneshot::channel();
        let blobs = Blobs::start(&config).await?;
        let workers = WorkerConnector::new(config.secret.clone(), settings.ask_timeout);
        let registry = MetricRegistry::start(config.clock.clone());
        let own_metrics = registry.group(&Scope::job_manager(&config.host));
        let gauges = ClusterGauges::register(&own_metrics);
        metrics::process::register(&own_metrics, &config.configuration, config.clock.clone());
        let metrics_interval = settings.metrics_interval;
        let workers = workers.with_offload(blobs.offload.clone());
        let pending = resourcemanager::create(resourcemanager::Environment {
            settings: settings.clone(),
            process,
            driver: config.driver,
            workers: workers.clone(),
            clock: config.clock.clone(),
            rng: StdRng::from_rng(&mut rng),
            fatal: fatal.clone(),
            resource_manager_address: rpc_address.clone(),
            rest_address: rest_address.clone(),
            secret: config.secret.clone(),
            gauges: gauges.clone(),
        });
        let resource_manager = pending.handle();
        let job_masters = JobMasters::default();
        let client_timeout = client_timeout(&config.configuration)?;
        let max_content_length = config.configuration.get(&rest_options::SERVER_MAX_CONTENT_LENGTH)?;
        let max_content_length = usize::try_from(max_content_length).unwrap_or(usize::MAX);
        let configuration = Arc::new(effective(config.configuration, &rpc_address, &rest_address));
        let dispatcher = dispatcher::start(dispatcher::Environment {
            mode: config.mode,
            checker: config.checker,
            job_masters: job_masters.clone(),
            job_master: jobmaster::Environment {
                settings,
                connectors: config.connectors,
                workers: workers.clone(),
                resource_manager: resource_manager.clone(),
                clock: config.clock.clone(),
                rpc_address: rpc_address.clone(),
                metrics: own_metrics,
            },
            resources: vec![Arc::new(PersistedGraph(stores.job_graphs.clone()))],
            stores: stores.clone(),
            cleanup,
            client_timeout,
            configuration: configuration.clone(),
            rng,
            end,
            gauges,
        });
        let rest = serve_rest(
            rest_listener,
            RestContext {
                dispatcher: dispatcher.clone(),
                resource_manager: resource_manager.clone(),
                metrics: MetricFetcher::new(MetricSources {
                    registry,
                    resource_manager: resource_manager.clone(),
                    workers,
                    clock: config.clock.clone(),
                    interval: metrics_interval,
                }),
                configuration,
                clock: config.clock,
                log_file: config.log_file,
                max_content_length,
            },
        );
        let routes = Routes::new(serve_resource_manager(Arc::new(pending.gateway()), &config.secret))
            .add_service(serve_job_master(Arc::new(job_masters), &config.secret));
        let rpc = serve_rpc(
            RpcServer::new(rpc_listener).map_err(StartError::Listener)?,
            routes,
            fatal,
        );
        if let Err(error) = pending.start().await {
            rest.stop().await;
            rpc.stop().await;
            return Err(error.into());
        }
        let (ended, watched) = watch::channel(None);
        let services = Services {
            dispatcher: dispatcher.clone(),
            resource_manager: resource_manager.clone(),
            stores,
            rest,
            rpc,
            _blobs: blobs,
        };
        // Ends with the cluster.
        tokio::spawn(supervise(services, dispatcher_end, fatals, ended));
        Ok(Cluster {
            rest_address,
            rpc_address,
            dispatcher,
            resource_manager,
            ended: watched,
        })
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

    /// Takes jobs and answers questions about them.
    pub const fn dispatcher(&self) -> &DispatcherHandle {
        &self.dispatcher
    }

    /// Answers questions about workers.
    pub const fn resource_manager(&self) -> &ResourceManagerHandle {
        &self.resource_manager
    }

    /// Cancels what runs, ends the cluster with this status, and waits until it has ended.
    pub async fn shutdown(&self, status: ApplicationStatus, diagnostics: &str) -> ClusterEnd {
        // A Dispatcher that has ended means a cluster that ends.
        let _ = self.dispatcher.shut_down_cluster(status, diagnostics.to_owned()).await;
        self.wait_terminated().await
    }

    /// Waits until the cluster has ended, by itself or by someone's wish: all workers are gone, the driver is told.
    pub async fn wait_terminated(&self) -> ClusterEnd {
        let mut ended = self.ended.clone();
        let end = ended.wait_for(Option::is_some).await.ok().and_then(|end| end.clone());
        end.unwrap_or_else(|| ClusterEnd {
            status: ApplicationStatus::Unknown,
            diagnostics: "the cluster ended without saying how".to_owned(),
        })
    }
}

struct Services {
    dispatcher: DispatcherHandle,
    resource_manager: ResourceManagerHandle,
    stores: Stores,
    rest: Server,
    rpc: Server,
    /// Ends with the others.
    _blobs: Blobs,
}

/// Waits for the end and ends the services in reverse order.
async fn supervise(
    services: Services,
    mut dispatcher_end: oneshot::Receiver<ClusterEnd>,
    mut fatals: mpsc::Receiver<String>,
    ended: watch::Sender<Option<ClusterEnd>>,
) {
    let failed = |diagnostics| ClusterEnd {
        status: ApplicationStatus::Failed,
        diagnostics,
    };
    let end = tokio::select! {
        biased;
        end = &mut dispatcher_end => end.unwrap_or_else(|_| failed("the Dispatcher broke down".to_owned())),
        Some(cause) = fatals.recv() => {
            tracing::error!("the cluster cannot go on: {cause}");
            let drained = drain(&services.dispatcher, dispatcher_end, cause.clone()).await;
            drained.unwrap_or_else(|| failed(cause))
        }
    };
    tracing::info!("the cluster ends: {:?} {}", end.status, end.diagnostics);
    services
        .resource_manager
        .stop(end.status, end.diagnostics.clone())
        .await;
    // Whoever has to know how the cluster ended does now.
    if let Err(error) = services.stores.job_results.close().await {
        tracing::warn!("the results of the cluster's jobs are left behind: {}", report(&error));
    }
    services.rest.stop().await;
    services.rpc.stop().await;
    let _ = ended.send(Some(end));
}

/// Has the running jobs fail and remove what they have written, while the workers can still be reached. `None` where that
/// has not come to an end in time.
async fn drain(dispatcher: &DispatcherHandle, end: oneshot::Receiver<ClusterEnd>, cause: String) -> Option<ClusterEnd> {
    let drained = async {
        // A Dispatcher that is gone has dropped the other end.
        let _ = dispatcher.shut_down_cluster(ApplicationStatus::Failed, cause).await;
        end.await.ok()
    };
    // The Dispatcher keeps the time itself; twice of it is enough for one that does not.
    tokio::time::timeout(2 * DRAIN_PATIENCE, drained).await.ok().flatten()
}

/// A server on a task of its own.
struct Server {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Server {
    /// Ends it; open connections may finish what they are at.
    async fn stop(mut self) {
        let _ = self.stop.send(());
        if tokio::time::timeout(REST_PATIENCE, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

fn serve_rest(listener: Listener, context: RestContext) -> Server {
    let (stop, stopped) = oneshot::channel::<()>();
    let task = tokio::spawn(async move {
        let serving = axum::serve(RestListener(listener), rest::router(context)).with_graceful_shutdown(async move {
            let _ = stopped.await;
        });
        if let Err(error) = serving.await {
            tracing::error!("the REST endpoint failed: {error}");
        }
    });
    Server { stop, task }
}

fn serve_rpc(server: RpcServer, routes: Routes, fatal: mpsc::Sender<String>) -> Server {
    let (stop, stopped) = oneshot::channel::<()>();
    let task = tokio::spawn(async move {
        let stopped = async move {
            let _ = stopped.await;
        };
        if let Err(error) = server.serve(routes, stopped).await {
            let _ = fatal.send(report(&error)).await;
        }
    });
    Server { stop, task }
}

/// The settings with the ports that the servers were given: what `/jobmanager/config` shows.
fn effective(mut configuration: Configuration, rpc_address: &str, rest_address: &str) -> Configuration {
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

fn advertised(host: &str, listener: &Listener) -> Result<String, StartError> {
    let port = listener.local_addr().map_err(StartError::Listener)?.port();
    Ok(format!("{host}:{port}"))
}
