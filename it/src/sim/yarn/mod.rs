//! A simulated YARN with one application: its ResourceManager and NodeManagers are hosts of their own that speak Hadoop IPC
//! ([`server`]), and what they decide is pure ([`cluster`]).
//!
//! ```text
//! a container: granted ──startContainers──► launching ──► running ──exit, kill──► completed ──node heartbeat──► told
//!                 └──────────────── released, or the ResourceManager restarts ────────┘
//! ```

mod answers;
pub(crate) mod cluster;
mod faults;
mod heartbeats;
mod node;
mod scheduling;
mod server;

use std::sync::Arc;

use parking_lot::Mutex;
use yarn_common::id::{ApplicationAttemptId, ApplicationId, ContainerId};

pub(crate) use cluster::{Cluster, Granted, Order};
pub(crate) use faults::{End, GrantFault};
pub(crate) use heartbeats::HeartbeatFault;
pub(crate) use node::NodeFault;
pub(crate) use server::{serve_node, serve_resource_manager};

/// The hosts of the ResourceManagers, of which one is active.
pub(crate) const RESOURCE_MANAGERS: [&str; 2] = ["rm-1", "rm-2"];
/// A node that nobody reaches.
pub(crate) const NOWHERE: &str = "nm-0";
/// Where ApplicationMasters find it.
pub(crate) const SCHEDULER_PORT: u16 = 8030;
/// Where each NodeManager listens.
pub(crate) const NODE_PORT: u16 = 45454;

/// The state that hosts of YARN share; the world reads it between two steps.
pub(crate) type SharedCluster = Arc<Mutex<Cluster>>;

/// An attempt of the only application.
pub(crate) fn attempt(number: u32) -> ApplicationAttemptId {
    ApplicationAttemptId::new(application(), number)
}

pub(crate) fn application() -> ApplicationId {
    ApplicationId::new(1_767_225_600_000, 1)
}

/// A container of an attempt by its number. The number of a container is its own in the whole application.
pub(crate) fn container(of_attempt: u32, number: u64) -> ContainerId {
    ContainerId::from_packed(attempt(of_attempt), number)
}
