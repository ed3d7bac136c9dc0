//! A simulated YARN with one application: its ResourceManager and NodeManagers are hosts of their own that speak Hadoop IPC
//! ([`server`]), and what they decide is pure ([`cluster`]).
//!
//! ```text
//! a container: granted ──startContainers──► launching ──► running ──exit, kill──► completed ──node heartbeat──► told
//!                 └──────────────── released, or the ResourceManager restarts ────────┘
//! ```

mod answers;
pub(crate) mod cluster;
mod node;
mod server;

use std::sync::Arc;

use parking_lot::Mutex;
use yarn_common::id::{ApplicationAttemptId, ApplicationId, ContainerId};

pub(crate) use cluster::{Cluster, NodeFault, Order};
pub(crate) use server::{serve_node, serve_resource_manager};

/// The host of the ResourceManager.
pub(crate) const RESOURCE_MANAGER: &str = "rm";
/// Where ApplicationMasters find it.
pub(crate) const SCHEDULER_PORT: u16 = 8030;
/// Where each NodeManager listens.
pub(crate) const NODE_PORT: u16 = 45454;

/// The state that hosts of YARN share; the world reads it between two steps.
pub(crate) type SharedCluster = Arc<Mutex<Cluster>>;

/// The only attempt of the only application.
pub(crate) fn attempt() -> ApplicationAttemptId {
    ApplicationAttemptId::new(application(), 1)
}

pub(crate) fn application() -> ApplicationId {
    ApplicationId::new(1_767_225_600_000, 1)
}

/// A container by its number.
pub(crate) fn container(number: u64) -> ContainerId {
    ContainerId::from_packed(attempt(), number)
}
