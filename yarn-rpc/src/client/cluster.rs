//! The cluster: figures, nodes, queues, resource types, labels, attributes.

use std::collections::{BTreeMap, BTreeSet};

use yarn_common::{id::NodeId, resource::Resource};

use super::{YarnClient, YarnClientError, queue::Queue};
use crate::{
    convert::ConversionError,
    nodes,
    proto::yarn::{
        GetAllResourceProfilesRequestProto, GetAllResourceProfilesResponseProto, GetAllResourceTypeInfoRequestProto,
        GetAllResourceTypeInfoResponseProto, GetAttributesToNodesRequestProto, GetAttributesToNodesResponseProto,
        GetClusterMetricsRequestProto, GetClusterMetricsResponseProto, GetClusterNodeAttributesRequestProto,
        GetClusterNodeAttributesResponseProto, GetClusterNodeLabelsRequestProto, GetClusterNodeLabelsResponseProto,
        GetClusterNodesRequestProto, GetClusterNodesResponseProto, GetLabelsToNodesRequestProto,
        GetLabelsToNodesResponseProto, GetNodesToAttributesRequestProto, GetNodesToAttributesResponseProto,
        GetNodesToLabelsRequestProto, GetNodesToLabelsResponseProto, GetQueueInfoRequestProto,
        GetQueueInfoResponseProto, GetQueueUserAclsInfoRequestProto, GetQueueUserAclsInfoResponseProto,
        GetResourceProfileRequestProto, GetResourceProfileResponseProto, NodeAttributeKeyProto, NodeStateProto,
        QueueAclProto, YarnClusterMetricsProto,
    },
    types::{NodeState, NodeUpdate, ResourceType},
};

/// How many nodes the cluster has, by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClusterMetrics {
    /// All that are known.
    pub nodes: u32,
    /// Those that take containers.
    pub active: u32,
    /// Those taken out of service.
    pub decommissioned: u32,
    /// Those that leave.
    pub decommissioning: u32,
    /// Those not heard of for too long.
    pub lost: u32,
    /// Those that report that they cannot run containers.
    pub unhealthy: u32,
    /// Those that started anew.
    pub rebooted: u32,
    /// Those that were shut down in order.
    pub shutdown: u32,
}

impl From<YarnClusterMetricsProto> for ClusterMetrics {
    fn from(metrics: YarnClusterMetricsProto) -> Self {
        let count = |number: i32| u32::try_from(number).unwrap_or_default();
        Self {
            nodes: count(metrics.num_node_managers()),
            active: count(metrics.num_active_nms()),
            decommissioned: count(metrics.num_decommissioned_nms()),
            decommissioning: count(metrics.num_decommissioning_nms()),
            lost: count(metrics.num_lost_nms()),
            unhealthy: count(metrics.num_unhealthy_nms()),
            rebooted: count(metrics.num_rebooted_nms()),
            shutdown: count(metrics.num_shutdown_nms()),
        }
    }
}

/// What somebody may do with a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QueueAccess {
    /// Submit applications.
    Submit,
    /// Administer it.
    Administer,
}

/// A node label of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeLabel {
    /// Its name.
    pub name: String,
    /// Whether only applications that ask for it get its nodes.
    pub exclusive: bool,
}

impl YarnClient {
    /// How many nodes there are, by state.
    ///
    /// # Errors
    /// See [`YarnClientError`].
    pub async fn metrics(&self) -> Result<ClusterMetrics, YarnClientError> {
        let answer: GetClusterMetricsResponseProto = self
            .call("getClusterMetrics", &GetClusterMetricsRequestProto {})
            .await?;
        Ok(answer.cluster_metrics.unwrap_or_default().into())
    }

    /// The nodes in one of `states`; with none, those in every state.
    ///
    /// # Errors
    /// See [`YarnClientError`].
    pub async fn nodes(&self, states: &[NodeState]) -> Result<Vec<NodeUpdate>, YarnClientError> {
        const STEP: &str = "getClusterNodes";
        let request = GetClusterNodesRequestProto {
            node_states: states.iter().map(|state| NodeStateProto::from(*state).into()).collect(),
        };
        let answer: GetClusterNodesResponseProto = self.call(STEP, &request).await?;
        Self::fields(STEP, answer.node_reports)
    }

    /// A queue with the queues below it: all of them where `recursive`, else one level.
    ///
    /// # Errors
    /// See [`YarnClientError`].
    pub async fn queue(&self, name: &str, recursive: bool) -> Result<Queue, YarnClientError> {
        const STEP: &str = "getQueueInfo";
        let request = GetQueueInfoRequestProto {
            queue_name: Some(name.to_owned()),
            include_applications: Some(false),
            include_child_queues: Some(true),
            recursive: Some(recursive),
            sub_cluster_id: None,
        };
        let answer: GetQueueInfoResponseProto = self.call(STEP, &request).await?;
        let missing = YarnClientError::Answer {
            step: STEP,
            source: ConversionError("queue"),
        };
        answer.queue_info.map(Queue::from).ok_or(missing)
    }

    /// What the caller may do with each queue.
    ///
    /// # Errors
    /// See [`YarnClientError`].
    pub async fn queue_access(&self) -> Result<BTreeMap<String, BTreeSet<QueueAccess>>, YarnClientError> {
        let answer: GetQueueUserAclsInfoResponseProto = self
            .call("getQueueUserAcls", &GetQueueUserAclsInfoRequestProto {})
            .await?;
        let queues = answer.queue_user_acls.into_iter().map(|queue| {
            let access = queue.user_acls().map(|acl| match acl {
                QueueAclProto::QaclSubmitApplications => QueueAccess::Submit,
                QueueAclProto::QaclAdministerQueue => QueueAccess::Administer,
            });
            (queue.queue_name().to_owned(), access.collect())
        });
        Ok(queues.collect())
    }

    /// The resource types that the cluster knows.
    ///
    /// # Errors
    /// See [`YarnClientError`].
    pub async fn resource_types(&self) -> Result<Vec<ResourceType>, YarnClientError> {
        let answer: GetAllResourceTypeInfoResponseProto = self
            .call("getResourceTypeInfo", &GetAllResourceTypeInfoRequestProto {})
            .await?;
        Ok(answer.resource_type_info.into_iter().map(Into::into).collect())
    }

    /// Named sizes of containers, where the cluster has such.
    ///
    /// # Errors
    /// See [`YarnClientError`]; where profiles are off, an exception of the kind
    /// [`NotEnabled`](crate::ipc::ExceptionKind::NotEnabled).
    pub async fn resource_profiles(&self) -> Result<BTreeMap<String, Resource>, YarnClientError> {
        const STEP: &str = "getResourceProfiles";
        let answer: GetAllResourceProfilesResponseProto =
            self.call(STEP, &GetAllResourceProfilesRequestProto {}).await?;
        let unusable = |source| YarnClientError::Answer { step: STEP, source };
        let mut profiles = BTreeMap::new();
        for entry in answer.resource_profiles.resource_profiles_map {
            profiles.insert(entry.name, entry.resources.try_into().map_err(unusable)?);
        }
        Ok(profiles)
    }

    /// One named size.
    ///
    /// # Errors
    /// As [`resource_profiles`](Self::resource_profiles).
    pub async fn resource_profile(&self, name: &str) -> Result<Resource, YarnClientError> {
        const STEP: &str = "getResourceProfile";
        let request = GetResourceProfileRequestProto {
            profile: name.to_owned(),
        };
        let answer: GetResourceProfileResponseProto = self.call(STEP, &request).await?;
        Self::field(STEP, Some(answer.resources), "resource profile")
    }

    /// The node labels of the cluster.
    ///
    /// # Errors
    /// See [`YarnClientError`].
    pub async fn node_labels(&self) -> Result<Vec<NodeLabel>, YarnClientError> {
        let answer: GetClusterNodeLabelsResponseProto = self
            .call("getClusterNodeLabels", &GetClusterNodeLabelsRequestProto {})
            .await?;
        let labels = answer.node_labels.into_iter().map(|label| NodeLabel {
            exclusive: label.is_exclusive(),
            name: label.name.unwrap_or_default(),
        });
        Ok(labels.collect())
    }

    /// The labels of each node.
    ///
    /// # Errors
    /// See [`YarnClientError`].
    pub async fn labels_of_nodes(&self) -> Result<BTreeMap<NodeId, BTreeSet<String>>, YarnClientError> {
        const STEP: &str = "getNodeToLabels";
        let answer: GetNodesToLabelsResponseProto = self.call(STEP, &GetNodesToLabelsRequestProto {}).await?;
        let mut nodes = BTreeMap::new();
        for entry in answer.node_to_labels {
            let node = Self::field(STEP, entry.node_id, "node id")?;
            nodes.insert(node, entry.node_labels.into_iter().collect());
        }
        Ok(nodes)
    }

    /// The nodes of each of `labels`; of every label where none is named.
    ///
    /// # Errors
    /// See [`YarnClientError`].
    pub async fn nodes_of_labels(
        &self,
        labels: &[&str],
    ) -> Result<BTreeMap<String, BTreeSet<NodeId>>, YarnClientError> {
        const STEP: &str = "getLabelsToNodes";
        let request = GetLabelsToNodesRequestProto {
            node_labels: labels.iter().map(|label| (*label).to_owned()).collect(),
        };
        let answer: GetLabelsToNodesResponseProto = self.call(STEP, &request).await?;
        let mut found = BTreeMap::new();
        for entry in answer.labels_to_nodes {
            let nodes: Vec<NodeId> = Self::fields(STEP, entry.node_id)?;
            found.insert(entry.node_labels.unwrap_or_default(), nodes.into_iter().collect());
        }
        Ok(found)
    }

    /// The names of the cluster's node attributes, as `prefix/name`.
    ///
    /// # Errors
    /// See [`YarnClientError`].
    pub async fn node_attributes(&self) -> Result<BTreeSet<String>, YarnClientError> {
        let answer: GetClusterNodeAttributesResponseProto = self
            .call("getClusterNodeAttributes", &GetClusterNodeAttributesRequestProto {})
            .await?;
        let attributes = answer.node_attributes.into_iter();
        Ok(attributes
            .map(|info| nodes::attribute_name(&info.attribute_key))
            .collect())
    }

    /// The hosts that have each of these attributes (`prefix/name`), with its value there; of every attribute where
    /// none is named.
    ///
    /// # Errors
    /// See [`YarnClientError`].
    pub async fn hosts_of_attributes(
        &self,
        attributes: &[&str],
    ) -> Result<BTreeMap<String, BTreeMap<String, String>>, YarnClientError> {
        let request = GetAttributesToNodesRequestProto {
            node_attributes: attributes.iter().map(|name| attribute_key(name)).collect(),
        };
        let answer: GetAttributesToNodesResponseProto = self.call("getAttributesToNodes", &request).await?;
        let found = answer.attributes_to_nodes.into_iter().map(|entry| {
            let hosts = entry.node_value_map.into_iter();
            let hosts = hosts.map(|host| (host.hostname, host.attribute_value));
            (nodes::attribute_name(&entry.node_attribute), hosts.collect())
        });
        Ok(found.collect())
    }

    /// The attributes of each of these hosts, by `prefix/name`; of every host where none is named.
    ///
    /// # Errors
    /// See [`YarnClientError`].
    pub async fn attributes_of_hosts(
        &self,
        hosts: &[&str],
    ) -> Result<BTreeMap<String, BTreeMap<String, String>>, YarnClientError> {
        let request = GetNodesToAttributesRequestProto {
            hostnames: hosts.iter().map(|host| (*host).to_owned()).collect(),
        };
        let answer: GetNodesToAttributesResponseProto = self.call("getNodesToAttributes", &request).await?;
        let found = answer.nodes_to_attributes.into_iter().map(|entry| {
            let attributes = entry.node_attributes.into_iter().map(nodes::attribute);
            (entry.node.unwrap_or_default(), attributes.collect())
        });
        Ok(found.collect())
    }
}

fn attribute_key(name: &str) -> NodeAttributeKeyProto {
    match name.rsplit_once('/') {
        Some((prefix, name)) => NodeAttributeKeyProto {
            attribute_prefix: Some(prefix.to_owned()),
            attribute_name: name.to_owned(),
        },
        None => NodeAttributeKeyProto {
            attribute_prefix: None,
            attribute_name: name.to_owned(),
        },
    }
}
