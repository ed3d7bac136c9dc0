//! The host of an attempt of the ApplicationMaster: the real entrypoint with the real YARN driver.

use std::sync::Arc;

use selvedge_appmaster::entrypoint::{ClusterConfig, ClusterEntrypoint, ClusterServices, DispatcherMode, Shutdown};
use selvedge_appmaster::jobmaster::JobMasterPlugins;
use selvedge_appmaster::yarn::YarnResourceManagerDriver;
use selvedge_runtime::fs::FileSystems;
use selvedge_runtime::rpc::PortRange;
use selvedge_taskmanager::planner::PlanChecker;

use super::clock::SimulatedClock;
use super::connectors::SimulatedConnectors;
use super::files::Files;
use super::network::ipc_options;
use super::settings::{self, master_host};
use super::shuffle::BreakingShuffleMaster;
use super::yarn;
use super::zookeeper::ZooKeeperServices;

/// Where workers reach the master.
const RPC_PORT: u16 = 6123;
const REST_PORT: u16 = 8081;

/// The process of an attempt.
#[derive(Debug, Clone)]
pub(crate) struct MasterProcess {
    pub(crate) seed: u64,
    /// The attempt's number, from 1.
    pub(crate) attempt: u32,
    pub(crate) slots: u32,
    /// The adaptive scheduler runs streaming jobs.
    pub(crate) is_adaptive: bool,
    /// It waits a few seconds for an answer of YARN.
    pub(crate) is_impatient: bool,
    pub(crate) connectors: SimulatedConnectors,
    pub(crate) shuffle: BreakingShuffleMaster,
    /// What is kept for the next attempt, where there may be one.
    pub(crate) kept: Option<Files>,
}

impl MasterProcess {
    /// Serves until the process has ended. Whether the cluster has.
    pub(crate) async fn run(self) -> bool {
        let shutdown = self.serve().await;
        let shutdown = shutdown.unwrap_or_else(|error| {
            tracing::error!("the ApplicationMaster did not start: {error:#}");
            Shutdown::ProcessAlone
        });
        shutdown == Shutdown::Graceful
    }

    async fn serve(&self) -> anyhow::Result<Shutdown> {
        let container = settings::master_container(self.slots, self.attempt, self.kept.is_some(), self.is_adaptive);
        // Each attempt draws other ids.
        let seed = self.seed ^ u64::from(self.attempt - 1);
        let driver = YarnResourceManagerDriver::of_container(
            &container,
            settings::master_environment(),
            settings::am_rm_token(),
            ipc_options(seed, &yarn::attempt(self.attempt).to_string(), self.is_impatient),
        )?;
        let host = master_host(self.attempt);
        let config = ClusterConfig {
            configuration: container.configuration,
            mode: DispatcherMode::Session,
            secret: container.secret,
            host: host.clone(),
            bind_host: host,
            rest_bind_ports: port(REST_PORT),
            rpc_ports: port(RPC_PORT),
            driver: Arc::new(driver),
            connectors: Arc::new(self.connectors.clone()),
            checker: Arc::new(PlanChecker),
            clock: Arc::new(SimulatedClock::of_this_host()),
            seed,
            cluster_id: self.kept.as_ref().map(|_| yarn::application().to_string()),
            file_systems: self.kept.as_ref().map_or_else(FileSystems::local_only, Files::systems),
            log_file: None,
        };
        let mut services = match &self.kept {
            Some(_) => ClusterServices::new(Arc::new(ZooKeeperServices::start())),
            None => ClusterServices::standalone(seed),
        };
        services.plugins = JobMasterPlugins::default().with_shuffle_master(Arc::new(self.shuffle.clone()));
        // One that is told to end before it leads has ended as well.
        let (cluster, _) = ClusterEntrypoint::stand_by(config, services).await?;
        let ended = cluster.wait_ended().await;
        let (status, diagnostics) = (ended.end.status, &ended.end.diagnostics);
        tracing::info!("the cluster has ended ({:?}): {status:?} {diagnostics}", ended.shutdown);
        Ok(ended.shutdown)
    }
}

fn port(port: u16) -> PortRange {
    port.to_string().parse().expect("a number is a port")
}
