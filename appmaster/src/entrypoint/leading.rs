//! Dispatcher and ResourceManager under one leadership: made when it is granted, stopped to the end when it is over.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use rand::SeedableRng;
use rand::rngs::StdRng;
use selvedge_core::memory::TaskExecutorProcessSpec;
use selvedge_core::resource::WorkerResourceSpec;
use selvedge_core::status::ApplicationStatus;
use selvedge_core::{Configuration, LeaderSessionId, ResourceId};
use selvedge_runtime::clock::Clock;
use selvedge_runtime::connector::{Connectors, GraphChecker, report};
use selvedge_runtime::gateway::grpc::{serve_job_master, serve_resource_manager};
use selvedge_runtime::ha::{HaServices, LeaderElection};
use selvedge_runtime::profiling::Profiler;
use selvedge_runtime::rpc::ApplicationSecret;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tonic::service::Routes;

use super::announcer::Announcer;
use super::fenced::FencedConnectors;
use super::{Application, ClusterEnd, DispatcherMode};
use crate::dispatcher::{self, CleanupStrategy, DRAIN_PATIENCE, DispatcherHandle, PersistedGraph};
use crate::jobmaster::{self, ActivePlugins, JobMasters};
use crate::lease::Lease;
use crate::metrics::MasterMetrics;
use crate::offload::Offload;
use crate::resourcemanager::{self, MostSlots, ResourceManagerDriver, ResourceManagerError, ResourceManagerHandle};
use crate::rest::{self, RestContext};
use crate::settings::MasterSettings;
use crate::stores::Stores;
use crate::worker::WorkerConnector;

/// What is the same under every leadership of the process.
#[derive(Debug)]
pub(super) struct Parts {
    /// The id of this process.
    pub(super) resource_id: ResourceId,
    pub(super) settings: MasterSettings,
    pub(super) process: TaskExecutorProcessSpec,
    pub(super) mode: DispatcherMode,
    pub(super) secret: ApplicationSecret,
    pub(super) driver: Arc<dyn ResourceManagerDriver>,
    pub(super) connectors: Arc<dyn Connectors>,
    pub(super) checker: Arc<dyn GraphChecker>,
    pub(super) plugins: ActivePlugins,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) metrics: MasterMetrics,
    pub(super) ha: Arc<dyn HaServices>,
    pub(super) election: Arc<dyn LeaderElection>,
    pub(super) application: Option<Arc<dyn Application>>,
    /// What is too large for messages to workers.
    pub(super) offload: Offload,
    /// What outlives a leadership, and the process where that is configured.
    pub(super) stores: Stores,
    pub(super) cleanup: CleanupStrategy,
    /// How long the client of a job may stay silent; `None` where it may go.
    pub(super) client_timeout: Option<Duration>,
    /// The largest request to REST, in bytes.
    pub(super) max_content_length: usize,
    /// As it is shown, with the ports that were bound.
    pub(super) configuration: Arc<Configuration>,
    pub(super) log_file: Option<PathBuf>,
    pub(super) profiler: Profiler,
    pub(super) rpc_address: String,
    pub(super) rest_address: String,
}

/// What callers reach under one leadership.
#[derive(Clone, Debug)]
pub(super) struct Gateways {
    pub(super) dispatcher: DispatcherHandle,
    pub(super) resource_manager: ResourceManagerHandle,
    /// The REST endpoint's paths.
    pub(super) rest: Router,
    /// The services for workers.
    pub(super) rpc: Router,
}

/// What becomes of a leadership.
#[derive(Debug)]
pub(super) enum LeadingEvent {
    /// The driver is connected: workers can come.
    Connected,
    /// The driver could not be connected.
    NotConnected(ResourceManagerError),
    /// The cluster ends by the Dispatcher's decision.
    Ended(ClusterEnd),
    /// Something broke that the cluster cannot do without.
    Fatal(String),
}

/// One leadership.
pub(super) struct Leading {
    pub(super) session: LeaderSessionId,
    pub(super) gateways: Gateways,
    job_masters: JobMasters,
    stores: Stores,
    driver: Arc<dyn ResourceManagerDriver>,
    application: Option<Arc<dyn Application>>,
    ended: oneshot::Receiver<ClusterEnd>,
    fatals: mpsc::Receiver<String>,
    /// What is done beside: connecting the driver, telling addresses, the application's program.
    tasks: JoinSet<Option<LeadingEvent>>,
}

impl Parts {
    /// Starts everything anew, under this session.
    pub(super) fn lead(&self, session: LeaderSessionId, rng: &mut StdRng) -> Leading {
        let (fatal, fatals) = mpsc::channel(1);
        let (end, ended) = oneshot::channel();
        let lease = Lease::new(self.election.clone(), session);
        let stores = self.stores.under(&lease);
        let workers = WorkerConnector::new(self.secret.clone(), self.settings.ask_timeout);
        let workers = workers.with_offload(self.offload.clone());
        let pending = resourcemanager::create(resourcemanager::Environment {
            leader: session,
            resource_id: self.resource_id.clone(),
            settings: self.settings.clone(),
            process: self.process.clone(),
            driver: self.driver.clone(),
            workers: workers.clone(),
            clock: self.clock.clone(),
            rng: StdRng::from_rng(rng),
            fatal: fatal.clone(),
            resource_manager_address: self.rpc_address.clone(),
            rest_address: self.rest_address.clone(),
            secret: self.secret.clone(),
            gauges: self.metrics.gauges.clone(),
            ha: self.ha.clone(),
        });
        let resource_manager = pending.handle();
        let job_masters = JobMasters::new(self.settings.worker_host_names);
        let artifacts = Arc::new(stores.artifacts(self.offload.store.clone()));
        let worker = WorkerResourceSpec::from(&self.process);
        let most_slots = MostSlots::of(
            &self.settings.slots.bounds,
            self.driver.is_active().then_some(&worker),
            self.settings.scheduling.scheduler,
        );
        let dispatcher = dispatcher::start(dispatcher::Environment {
            mode: self.mode,
            checker: self.checker.clone(),
            most_slots,
            job_masters: job_masters.clone(),
            job_master: jobmaster::Environment {
                settings: self.settings.clone(),
                connectors: FencedConnectors::new(self.connectors.clone(), lease),
                workers: workers.clone(),
                resource_manager: resource_manager.clone(),
                clock: self.clock.clone(),
                rpc_address: self.rpc_address.clone(),
                metrics: self.metrics.group.clone(),
                plugins: self.plugins.clone(),
            },
            resources: vec![Arc::new(PersistedGraph(stores.job_graphs.clone())), artifacts.clone()],
            artifacts,
            blob_server_port: self.offload.port(),
            stores: stores.clone(),
            cleanup: self.cleanup,
            client_timeout: self.client_timeout,
            configuration: self.configuration.clone(),
            rng: StdRng::from_rng(rng),
            end,
            fatal,
            gauges: self.metrics.gauges.clone(),
        });
        let rpc = Routes::new(serve_resource_manager(Arc::new(pending.gateway()), &self.secret))
            .add_service(serve_job_master(Arc::new(job_masters.clone()), &self.secret))
            .into_axum_router();
        let rest = self.rest(&dispatcher, &resource_manager, workers);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            Some(match pending.start().await {
                Ok(()) => LeadingEvent::Connected,
                Err(error) => LeadingEvent::NotConnected(error),
            })
        });
        let announcer = Announcer {
            election: self.election.clone(),
            ha: self.ha.clone(),
            session,
            rest_address: self.rest_address.clone(),
            rpc_address: self.rpc_address.clone(),
        };
        let jobs = job_masters.jobs();
        tasks.spawn(async move { announcer.run(jobs).await.err().map(LeadingEvent::Fatal) });
        Leading {
            session,
            gateways: Gateways {
                dispatcher,
                resource_manager,
                rest,
                rpc,
            },
            job_masters,
            stores,
            driver: self.driver.clone(),
            application: self.application.clone(),
            ended,
            fatals,
            tasks,
        }
    }

    fn rest(
        &self,
        dispatcher: &DispatcherHandle,
        resource_manager: &ResourceManagerHandle,
        workers: WorkerConnector,
    ) -> Router {
        rest::router(RestContext {
            metrics: self
                .metrics
                .fetcher(resource_manager.clone(), workers, self.clock.clone()),
            dispatcher: dispatcher.clone(),
            resource_manager: resource_manager.clone(),
            configuration: self.configuration.clone(),
            clock: self.clock.clone(),
            log_file: self.log_file.clone(),
            profiler: self.profiler.clone(),
            job_status_metrics: self.settings.job_status_metrics,
            max_content_length: self.max_content_length,
        })
    }
}

impl Leading {
    /// What happens next. To be called no more once it has told an end.
    pub(super) async fn next(&mut self) -> LeadingEvent {
        loop {
            tokio::select! {
                biased;
                end = &mut self.ended => {
                    let broken = || LeadingEvent::Fatal("the Dispatcher broke down".to_owned());
                    return end.map_or_else(|_| broken(), LeadingEvent::Ended);
                }
                Some(cause) = self.fatals.recv() => return LeadingEvent::Fatal(cause),
                Some(done) = self.tasks.join_next() => match done {
                    Ok(Some(event)) => return event,
                    Ok(None) => {}
                    Err(error) => return LeadingEvent::Fatal(format!("a task of the leader broke down: {error}")),
                },
            }
        }
    }

    /// Runs the application's program, where there is one.
    pub(super) fn run_application(&mut self) {
        let Some(application) = self.application.clone() else {
            return;
        };
        let dispatcher = self.gateways.dispatcher.clone();
        self.tasks
            .spawn(async move { application.run(dispatcher).await.err().map(LeadingEvent::Fatal) });
    }

    /// Has the running jobs fail and remove what they have written, while the workers can still be reached. `None` where
    /// that has not come to an end in time.
    pub(super) async fn drain(&mut self, cause: String) -> Option<ClusterEnd> {
        let dispatcher = self.gateways.dispatcher.clone();
        let drained = async {
            // A Dispatcher that is gone has dropped the other end.
            let asked = dispatcher.shut_down_cluster(ApplicationStatus::Failed, cause).await;
            match asked {
                Ok(()) => (&mut self.ended).await.ok(),
                Err(_) => None,
            }
        };
        // The Dispatcher keeps the time itself; twice of it is enough for one that does not.
        tokio::time::timeout(2 * DRAIN_PATIENCE, drained).await.ok().flatten()
    }

    /// Ends workers and tells the driver how the application ended.
    pub(super) async fn end(self, end: &ClusterEnd) {
        let manager = &self.gateways.resource_manager;
        manager.stop(end.status, end.diagnostics.clone()).await;
        self.gateways.dispatcher.cut_off().await;
        // Those that the Dispatcher has waited for in vain.
        self.job_masters.suspend_all().await;
        // Whoever has to know how the cluster ended does now.
        if let Err(error) = self.stores.close().await {
            tracing::warn!("what was kept of the cluster's jobs is left behind: {}", report(&error));
        }
    }

    /// The leadership is over: jobs are SUSPENDED, nothing is told to those who wait for the application's end. Returns when
    /// all is gone.
    pub(super) async fn suspend(mut self, cause: &str) {
        tracing::warn!(session = %self.session, "leadership ends: {cause}");
        self.tasks.shutdown().await;
        self.gateways.dispatcher.cut_off().await;
        self.job_masters.suspend_all().await;
        self.gateways.resource_manager.cut_off().await;
        self.driver.suspend().await;
    }
}
