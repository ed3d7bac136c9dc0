use serde::Deserialize;

use super::Extra;
use crate::lenient;

/// The ResourceManager: its version and state.
///
/// `{"id":1,"startedOn":1,"state":"STARTED","haState":"ACTIVE",
/// "resourceManagerVersion":"3.4.3","hadoopVersion":"3.4.3",…}`
///
/// Source: `ClusterInfo`; ResourceManagerRest.md, "Cluster Information API".
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ClusterInfo {
    /// When it started, in milliseconds since the epoch: the time stamp in its application ids.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub started_on: Option<u64>,
    /// `STARTED` when it serves.
    #[serde(default, deserialize_with = "lenient::text")]
    pub state: Option<String>,
    /// `ACTIVE` or `STANDBY`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub ha_state: Option<String>,
    /// The version of YARN.
    #[serde(default, deserialize_with = "lenient::text")]
    pub resource_manager_version: Option<String>,
    /// The version of Hadoop.
    #[serde(default, deserialize_with = "lenient::text")]
    pub hadoop_version: Option<String>,
    /// All other fields.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Counters of the cluster. Memory is in MiB.
///
/// `{"appsSubmitted":3,"appsRunning":1,"totalMB":8192,"availableMB":6144,"totalVirtualCores":8,"activeNodes":2,…}`
///
/// Source: `ClusterMetricsInfo`; ResourceManagerRest.md, "Cluster Metrics API".
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ClusterMetrics {
    /// Applications ever submitted.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub apps_submitted: Option<u64>,
    /// Applications that run.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub apps_running: Option<u64>,
    /// Applications that wait.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub apps_pending: Option<u64>,
    /// Applications that ended.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub apps_completed: Option<u64>,
    /// Applications that failed.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub apps_failed: Option<u64>,
    /// Applications that were killed.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub apps_killed: Option<u64>,
    /// Memory of all nodes.
    #[serde(default, deserialize_with = "lenient::unsigned", rename = "totalMB")]
    pub total_mb: Option<u64>,
    /// Memory that is free.
    #[serde(default, deserialize_with = "lenient::unsigned", rename = "availableMB")]
    pub available_mb: Option<u64>,
    /// Memory in use.
    #[serde(default, deserialize_with = "lenient::unsigned", rename = "allocatedMB")]
    pub allocated_mb: Option<u64>,
    /// Memory set aside for large requests.
    #[serde(default, deserialize_with = "lenient::unsigned", rename = "reservedMB")]
    pub reserved_mb: Option<u64>,
    /// Memory asked for and not yet given.
    #[serde(default, deserialize_with = "lenient::unsigned", rename = "pendingMB")]
    pub pending_mb: Option<u64>,
    /// Cores of all nodes.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub total_virtual_cores: Option<u64>,
    /// Cores that are free.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub available_virtual_cores: Option<u64>,
    /// Cores in use.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub allocated_virtual_cores: Option<u64>,
    /// Containers that run.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub containers_allocated: Option<u64>,
    /// Containers asked for and not yet given.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub containers_pending: Option<u64>,
    /// Nodes known.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub total_nodes: Option<u64>,
    /// Nodes that run.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub active_nodes: Option<u64>,
    /// Nodes that fell silent.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub lost_nodes: Option<u64>,
    /// Nodes that are ill.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub unhealthy_nodes: Option<u64>,
    /// Nodes that are being taken out.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub decommissioning_nodes: Option<u64>,
    /// All other fields.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Who asks, as the ResourceManager sees it.
///
/// `{"rmLoginUser":"yarn","requestedUser":"alice"}` (`/userinfo`)
///
/// Source: `ClusterUserInfo`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ClusterUser {
    /// Who the ResourceManager runs as.
    #[serde(default, deserialize_with = "lenient::text")]
    pub rm_login_user: Option<String>,
    /// Who it takes the asker for.
    #[serde(default, deserialize_with = "lenient::text")]
    pub requested_user: Option<String>,
    /// All other fields.
    #[serde(flatten)]
    pub extra: Extra,
}
