//! The cluster and its nodes.

use url::form_urlencoded;
use yarn_common::id::NodeId;

use super::{CLUSTER, RmClient};
use crate::error::RestError;
use crate::http::Call;
use crate::model::{ClusterInfo, ClusterMetrics, ClusterUser, Node};

impl RmClient {
    /// Version and state of the ResourceManager that is asked first. A standby answers this itself.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn info(&self) -> Result<ClusterInfo, RestError> {
        self.member(
            Call::get("read the cluster's state", format!("{CLUSTER}/info")),
            "clusterInfo",
        )
        .await
    }

    /// Counters of the cluster: applications, memory, cores, nodes.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn metrics(&self) -> Result<ClusterMetrics, RestError> {
        self.member(
            Call::get("read the cluster's metrics", format!("{CLUSTER}/metrics")),
            "clusterMetrics",
        )
        .await
    }

    /// Who the ResourceManager runs as, and who it takes the asker for.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn user(&self) -> Result<ClusterUser, RestError> {
        self.whole(Call::get("ask who asks", format!("{CLUSTER}/userinfo")))
            .await
    }

    /// The nodes in one of `states` (`RUNNING`, `UNHEALTHY`, …); with none, those that YARN lists by default.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn nodes(&self, states: &[&str]) -> Result<Vec<Node>, RestError> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if !states.is_empty() {
            query.append_pair("states", &states.join(","));
        }
        let call = Call::get("list the nodes", format!("{CLUSTER}/nodes")).query(query.finish());
        self.list(call, "nodes", "node").await
    }

    /// One node.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn node(&self, id: &NodeId) -> Result<Node, RestError> {
        self.member(
            Call::get(format!("read the node {id}"), format!("{CLUSTER}/nodes/{id}")),
            "node",
        )
        .await
    }
}
