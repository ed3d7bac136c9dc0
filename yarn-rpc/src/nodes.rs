//! What ResourceManagers tell about nodes.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use yarn_common::{id::NodeId, resource::Resource};

use crate::{
    convert::{ConversionError, required},
    proto::yarn::{
        NodeAttributeKeyProto, NodeAttributeProto, NodeReportProto, NodeStateProto, NodeUpdateTypeProto,
        ResourceUtilizationProto,
    },
};

/// The state of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NodeState {
    /// Known, not yet running.
    New,
    /// Takes containers.
    Running,
    /// Reports that it cannot run containers.
    Unhealthy,
    /// Taken out of service.
    Decommissioned,
    /// Not heard of for too long.
    Lost,
    /// Started anew.
    Rebooted,
    /// Leaves once its containers have ended or its time is up.
    Decommissioning,
    /// Shut down in order.
    Shutdown,
}

/// News of a node.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeUpdate {
    /// The node.
    pub node: NodeId,
    /// Its web address, `host:port`.
    pub http_address: String,
    /// Its rack.
    pub rack: String,
    /// Its state.
    pub state: NodeState,
    /// All it can give.
    pub capability: Option<Resource>,
    /// Why it is unhealthy, in words.
    pub health_report: String,
    /// How long a node that is being decommissioned still waits for its containers.
    pub decommissioning_timeout: Option<Duration>,
    /// What has changed, where this is news and not a listing; servers before 3.2 do not tell.
    pub kind: Option<NodeUpdateKind>,
    /// What its containers have.
    pub used: Option<Resource>,
    /// How many containers run there.
    pub containers: u32,
    /// When it last reported its health, in milliseconds since the epoch.
    pub last_health_report_ms: Option<i64>,
    /// Its node labels.
    pub labels: BTreeSet<String>,
    /// Its attributes, as `prefix/name` with their values.
    pub attributes: BTreeMap<String, String>,
    /// What its containers really use.
    pub containers_utilization: Option<NodeUtilization>,
    /// What the whole node really uses.
    pub node_utilization: Option<NodeUtilization>,
}

/// What has changed about a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NodeUpdateKind {
    /// It takes containers again.
    Usable,
    /// It is lost or unhealthy.
    Unusable,
    /// It will leave.
    Decommissioning,
}

/// What is really used of a node.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct NodeUtilization {
    /// Physical memory in MiB.
    pub physical_memory_mb: i32,
    /// Virtual memory in MiB.
    pub virtual_memory_mb: i32,
    /// Cores, from 0 to their number.
    pub cpu: f32,
}

impl From<ResourceUtilizationProto> for NodeUtilization {
    fn from(used: ResourceUtilizationProto) -> Self {
        Self {
            physical_memory_mb: used.pmem(),
            virtual_memory_mb: used.vmem(),
            cpu: used.cpu(),
        }
    }
}

impl NodeUpdate {
    /// Whether the node can still run containers.
    pub fn is_usable(&self) -> bool {
        matches!(
            self.state,
            NodeState::New | NodeState::Running | NodeState::Rebooted | NodeState::Decommissioning
        )
    }
}

impl TryFrom<NodeReportProto> for NodeUpdate {
    type Error = ConversionError;

    fn try_from(report: NodeReportProto) -> Result<Self, ConversionError> {
        let kind = report.node_update_type.map(|_| match report.node_update_type() {
            NodeUpdateTypeProto::NodeUsable => NodeUpdateKind::Usable,
            NodeUpdateTypeProto::NodeUnusable => NodeUpdateKind::Unusable,
            NodeUpdateTypeProto::NodeDecommissioning => NodeUpdateKind::Decommissioning,
        });
        let attributes = report.node_attributes.into_iter().map(attribute).collect();
        Ok(Self {
            kind,
            attributes,
            used: report.used.clone().map(Resource::try_from).transpose()?,
            containers: report.num_containers.unwrap_or_default().try_into().unwrap_or_default(),
            last_health_report_ms: report.last_health_report_time,
            labels: report.node_labels.into_iter().collect(),
            containers_utilization: report.containers_utilization.map(Into::into),
            node_utilization: report.node_utilization.map(Into::into),
            state: report.node_state.map_or(NodeState::New, state_of),
            node: required(report.node_id, "node id of a node report")?,
            http_address: report.http_address.unwrap_or_default(),
            rack: report.rack_name.unwrap_or_default(),
            capability: report.capability.map(Resource::try_from).transpose()?,
            health_report: report.health_report.unwrap_or_default(),
            decommissioning_timeout: report
                .decommissioning_timeout
                .map(|seconds| Duration::from_secs(seconds.into())),
        })
    }
}

/// An attribute's full name and its value.
pub(crate) fn attribute(attribute: NodeAttributeProto) -> (String, String) {
    let value = attribute.attribute_value().to_owned();
    (attribute_name(&attribute.attribute_key), value)
}

pub(crate) fn attribute_name(key: &NodeAttributeKeyProto) -> String {
    format!("{}/{}", key.attribute_prefix(), key.attribute_name)
}

/// A number that is no known state counts as the first.
fn state_of(number: i32) -> NodeState {
    NodeStateProto::try_from(number).map_or(NodeState::New, NodeState::from)
}

impl From<NodeStateProto> for NodeState {
    fn from(state: NodeStateProto) -> Self {
        match state {
            NodeStateProto::NsNew => NodeState::New,
            NodeStateProto::NsRunning => NodeState::Running,
            NodeStateProto::NsUnhealthy => NodeState::Unhealthy,
            NodeStateProto::NsDecommissioned => NodeState::Decommissioned,
            NodeStateProto::NsLost => NodeState::Lost,
            NodeStateProto::NsRebooted => NodeState::Rebooted,
            NodeStateProto::NsDecommissioning => NodeState::Decommissioning,
            NodeStateProto::NsShutdown => NodeState::Shutdown,
        }
    }
}

impl From<NodeState> for NodeStateProto {
    fn from(state: NodeState) -> Self {
        match state {
            NodeState::New => Self::NsNew,
            NodeState::Running => Self::NsRunning,
            NodeState::Unhealthy => Self::NsUnhealthy,
            NodeState::Decommissioned => Self::NsDecommissioned,
            NodeState::Lost => Self::NsLost,
            NodeState::Rebooted => Self::NsRebooted,
            NodeState::Decommissioning => Self::NsDecommissioning,
            NodeState::Shutdown => Self::NsShutdown,
        }
    }
}
