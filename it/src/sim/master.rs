//! The host of the ApplicationMaster: the real entrypoint with the real YARN driver.

use std::sync::Arc;

use selvedge_appmaster::entrypoint::{ClusterConfig, ClusterEntrypoint, DispatcherMode};
use selvedge_appmaster::yarn::YarnResourceManagerDriver;
use selvedge_runtime::fs::FileSystems;
use selvedge_runtime::rpc::PortRange;
use selvedge_taskmanager::planner::PlanChecker;

use super::clock::SimulatedClock;
use super::connectors::SimulatedConnectors;
use super::network::ipc_options;
use super::settings::{self, MASTER};

/// Where workers reach the master.
const RPC_PORT: u16 = 6123;
const REST_PORT: u16 = 8081;

/// Serves until the cluster has ended.
pub(crate) async fn serve(seed: u64, slots: u32, connectors: SimulatedConnectors) -> turmoil::Result {
    let container = settings::master_container(slots);
    let driver = YarnResourceManagerDriver::of_container(
        &container,
        settings::master_environment(),
        settings::am_rm_token(),
        ipc_options(seed),
    )?;
    let cluster = ClusterEntrypoint::start(ClusterConfig {
        configuration: container.configuration,
        mode: DispatcherMode::Session,
        secret: container.secret,
        host: MASTER.to_owned(),
        bind_host: MASTER.to_owned(),
        rest_bind_ports: port(REST_PORT),
        rpc_ports: port(RPC_PORT),
        driver: Arc::new(driver),
        connectors: Arc::new(connectors),
        checker: Arc::new(PlanChecker),
        clock: Arc::new(SimulatedClock::of_this_host()),
        seed,
        cluster_id: None,
        file_systems: FileSystems::local_only(),
        log_file: None,
    })
    .await?;
    let end = cluster.wait_terminated().await;
    tracing::info!("the cluster has ended: {:?} {}", end.status, end.diagnostics);
    Ok(())
}

fn port(port: u16) -> PortRange {
    port.to_string().parse().expect("a number is a port")
}
