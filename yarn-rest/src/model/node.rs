use serde::Deserialize;
use yarn_common::id::{ApplicationId, ContainerId, NodeId};

use super::{Extra, ResourceInfo};
use crate::lenient;

/// A node of the cluster, as the ResourceManager knows it.
///
/// `{"id":"node-7:45454","rack":"/default-rack","state":"RUNNING","nodeHostName":"node-7",
/// "nodeHTTPAddress":"node-7:8042","numContainers":1,"usedMemoryMB":1024,"availMemoryMB":3072,…}`
///
/// Source: `NodeInfo` of the ResourceManager; ResourceManagerRest.md, "Cluster Node API".
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Node {
    /// The node.
    pub id: NodeId,
    /// `RUNNING`, `UNHEALTHY`, `LOST`, …
    #[serde(default, deserialize_with = "lenient::text")]
    pub state: Option<String>,
    /// Its rack.
    #[serde(default, deserialize_with = "lenient::text")]
    pub rack: Option<String>,
    /// Its host.
    #[serde(default, deserialize_with = "lenient::text", rename = "nodeHostName")]
    pub host_name: Option<String>,
    /// Its web address: `host:port`.
    #[serde(default, deserialize_with = "lenient::text", rename = "nodeHTTPAddress")]
    pub http_address: Option<String>,
    /// What is wrong with it.
    #[serde(default, deserialize_with = "lenient::text")]
    pub health_report: Option<String>,
    /// Its version of Hadoop.
    #[serde(default, deserialize_with = "lenient::text")]
    pub version: Option<String>,
    /// Containers on it.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub num_containers: Option<u64>,
    /// Memory in use, in MiB.
    #[serde(default, deserialize_with = "lenient::unsigned", rename = "usedMemoryMB")]
    pub used_memory_mb: Option<u64>,
    /// Memory that is free, in MiB.
    #[serde(default, deserialize_with = "lenient::unsigned", rename = "availMemoryMB")]
    pub available_memory_mb: Option<u64>,
    /// Cores in use.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub used_virtual_cores: Option<u64>,
    /// Cores that are free.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub available_virtual_cores: Option<u64>,
    /// Its labels.
    #[serde(default, deserialize_with = "lenient::list")]
    pub node_labels: Vec<String>,
    /// Everything in use (Hadoop 3).
    #[serde(default)]
    pub used_resource: Option<ResourceInfo>,
    /// Everything that is free (Hadoop 3).
    #[serde(default)]
    pub available_resource: Option<ResourceInfo>,
    /// All that it has (Hadoop 3.3 and later).
    #[serde(default)]
    pub total_resource: Option<ResourceInfo>,
    /// All other fields.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Node {
    /// Whether it takes containers.
    pub fn is_running(&self) -> bool {
        self.state.as_deref() == Some("RUNNING")
    }

    /// All its memory in MiB, used or free.
    pub fn total_memory_mb(&self) -> u64 {
        self.used_memory_mb.unwrap_or(0) + self.available_memory_mb.unwrap_or(0)
    }

    /// All its cores, used or free.
    pub fn total_virtual_cores(&self) -> u64 {
        self.used_virtual_cores.unwrap_or(0) + self.available_virtual_cores.unwrap_or(0)
    }
}

/// A node, as its NodeManager describes itself.
///
/// `{"id":"node-7:45454","nodeHostName":"node-7","nodeHealthy":true,"healthReport":"",
/// "totalPmemAllocatedContainersMB":4096,"totalVCoresAllocatedContainers":8,"hadoopVersion":"3.4.3",…}`
///
/// Source: `NodeInfo` of the NodeManager; NodeManagerRest.md, "NodeManager Information API".
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct NodeManagerInfo {
    /// Its id: `host:port`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub id: Option<String>,
    /// Its host.
    #[serde(default, deserialize_with = "lenient::text")]
    pub node_host_name: Option<String>,
    /// Whether it is well.
    #[serde(default, deserialize_with = "lenient::boolean")]
    pub node_healthy: Option<bool>,
    /// What is wrong with it.
    #[serde(default, deserialize_with = "lenient::text")]
    pub health_report: Option<String>,
    /// Memory for containers in MiB.
    #[serde(
        default,
        deserialize_with = "lenient::unsigned",
        rename = "totalPmemAllocatedContainersMB"
    )]
    pub total_pmem_allocated_containers_mb: Option<u64>,
    /// Cores for containers.
    #[serde(
        default,
        deserialize_with = "lenient::unsigned",
        rename = "totalVCoresAllocatedContainers"
    )]
    pub total_vcores_allocated_containers: Option<u64>,
    /// Whether it kills containers with too much virtual memory.
    #[serde(default, deserialize_with = "lenient::boolean")]
    pub vmem_check_enabled: Option<bool>,
    /// Whether it kills containers with too much memory.
    #[serde(default, deserialize_with = "lenient::boolean")]
    pub pmem_check_enabled: Option<bool>,
    /// Its version of Hadoop.
    #[serde(default, deserialize_with = "lenient::text")]
    pub hadoop_version: Option<String>,
    /// All other fields.
    #[serde(flatten)]
    pub extra: Extra,
}

/// An application on a node, as its NodeManager knows it.
///
/// `{"id":"application_…","state":"RUNNING","user":"alice","containerids":["container_…"]}`
///
/// Source: `AppInfo` of the NodeManager; NodeManagerRest.md, "Application API".
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct NodeApplication {
    /// The application.
    pub id: ApplicationId,
    /// `NEW`, `INITING`, `RUNNING`, `FINISHING_CONTAINERS_WAIT`, …
    #[serde(default, deserialize_with = "lenient::text")]
    pub state: Option<String>,
    /// Who owns it.
    #[serde(default, deserialize_with = "lenient::text")]
    pub user: Option<String>,
    /// Its containers on this node.
    #[serde(default, rename = "containerids", deserialize_with = "lenient::list")]
    pub containers: Vec<ContainerId>,
    /// All other fields.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A service within a NodeManager, such as the shuffle of MapReduce.
///
/// `{"name":"mapreduce_shuffle","version":"…","startTime":"…"}`
///
/// Source: `AuxiliaryServiceInfo`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AuxiliaryService {
    /// Its name.
    pub name: String,
    /// Its version.
    #[serde(default, deserialize_with = "lenient::text")]
    pub version: Option<String>,
    /// When it started, as the server writes it.
    #[serde(default, deserialize_with = "lenient::text")]
    pub start_time: Option<String>,
    /// All other fields.
    #[serde(flatten)]
    pub extra: Extra,
}
