//! What is shown of a worker.

use std::collections::BTreeMap;

use selvedge_core::ResourceId;
use selvedge_core::resource::ResourceProfile;
use selvedge_runtime::clock::Timestamp;
use selvedge_runtime::gateway::proto::{HardwareDescription, MemoryConfiguration, MemoryUse};

use super::slot_manager::{ClusterUse, SlotUse};

/// Workers and slots in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResourceOverview {
    /// Registered workers and their slots.
    pub usage: ClusterUse,
    /// Workers that were asked for or are starting.
    pub pending_workers: u32,
    /// Workers that could not be started, in the last minute.
    pub start_failures: u32,
}

/// A registered worker.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskManagerInfo {
    /// Its id; on YARN its container's.
    pub resource_id: ResourceId,
    /// host:port of its control service.
    pub rpc_address: String,
    /// host:port of its Flight service.
    pub data_address: String,
    /// Its node.
    pub host: String,
    /// Its machine.
    pub hardware: HardwareDescription,
    /// Its memory by use.
    pub memory: MemoryConfiguration,
    /// What its parts take, as of the last heartbeat; nothing before the first.
    pub memory_use: MemoryUse,
    /// What all its slots hold.
    pub total: ResourceProfile,
    /// Its slots by use.
    pub slots: SlotUse,
    /// What discovery scripts found on its node: indices by name.
    pub external_resources: BTreeMap<String, Vec<String>>,
    /// When it last answered.
    pub last_heartbeat: Timestamp,
}
