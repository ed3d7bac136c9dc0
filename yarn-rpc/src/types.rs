//! What ResourceManagers and NodeManagers tell about containers and nodes.

use std::time::Duration;

use yarn_common::{
    exit_status::ContainerExitStatus,
    id::{ContainerId, NodeId},
    resource::{Priority, Resource},
    token::Token,
};

use crate::{
    convert::{self, ConversionError, required},
    proto::yarn::{
        ContainerProto, ContainerStateProto, ContainerStatusProto, NodeReportProto, NodeStateProto,
        PreemptionContainerProto, PreemptionMessageProto,
    },
};

/// A container that was granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// Its id.
    pub id: ContainerId,
    /// The NodeManager that will run it.
    pub node: NodeId,
    /// The NodeManager's web address, `host:port`.
    pub node_http_address: String,
    /// What was granted. It may differ from what was asked: match containers by priority and allocation request id.
    pub resource: Resource,
    /// The priority of the ask.
    pub priority: Priority,
    /// The allocation request id of the ask.
    pub allocation_request_id: i64,
    /// The grant, which `startContainers` presents to the NodeManager.
    pub token: Token,
    /// Raised by container updates.
    pub version: i32,
}

impl TryFrom<ContainerProto> for Container {
    type Error = ConversionError;

    fn try_from(container: ContainerProto) -> Result<Self, ConversionError> {
        Ok(Self {
            allocation_request_id: container.allocation_request_id(),
            version: container.version(),
            id: required(container.id, "container id")?,
            node: required(container.node_id, "node id of a container")?,
            node_http_address: container.node_http_address.unwrap_or_default(),
            resource: required(container.resource, "resource of a container")?,
            priority: container.priority.unwrap_or_default().into(),
            token: required(container.container_token, "token of a container")?,
        })
    }
}

/// How far a container has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContainerState {
    /// Known, not yet running.
    New,
    /// Running, or being prepared.
    Running,
    /// At its end.
    Complete,
}

/// The state of a container and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerStatus {
    /// The container.
    pub id: ContainerId,
    /// How far it has come.
    pub state: ContainerState,
    /// How it ended; [`ContainerExitStatus::INVALID`] while it runs.
    pub exit_status: ContainerExitStatus,
    /// What YARN says about it, with the end of its standard error where it failed.
    pub diagnostics: String,
}

impl TryFrom<ContainerStatusProto> for ContainerStatus {
    type Error = ConversionError;

    fn try_from(status: ContainerStatusProto) -> Result<Self, ConversionError> {
        let state = match status.state() {
            ContainerStateProto::CNew => ContainerState::New,
            ContainerStateProto::CRunning => ContainerState::Running,
            ContainerStateProto::CComplete => ContainerState::Complete,
        };
        let exit_status = ContainerExitStatus(status.exit_status());
        let id = required(status.container_id, "container id of a status")?;
        Ok(Self {
            id,
            state,
            exit_status,
            diagnostics: status.diagnostics.unwrap_or_default(),
        })
    }
}

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
#[derive(Clone, Debug, PartialEq, Eq)]
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
        Ok(Self {
            state: node_state(report.node_state()),
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

fn node_state(state: NodeStateProto) -> NodeState {
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

/// The scheduler wants resources back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preemption {
    /// Containers that will be killed after the scheduler's grace period.
    pub strict: Vec<ContainerId>,
    /// Containers suggested for killing; the application may free others of the amounts below instead.
    pub negotiable: Vec<ContainerId>,
    /// How much the application should give back: number of containers and the size of each.
    pub wanted: Vec<(u32, Resource)>,
}

impl TryFrom<PreemptionMessageProto> for Preemption {
    type Error = ConversionError;

    fn try_from(message: PreemptionMessageProto) -> Result<Self, ConversionError> {
        let ids = |containers: Vec<PreemptionContainerProto>| -> Result<Vec<ContainerId>, ConversionError> {
            containers
                .into_iter()
                .map(|container| required(container.id, "container id of a preemption"))
                .collect()
        };
        let contract = message.contract.unwrap_or_default();
        let mut wanted = Vec::new();
        for ask in contract.resource.into_iter().filter_map(|wanted| wanted.resource) {
            let count = u32::try_from(ask.num_containers()).unwrap_or_default();
            wanted.push((count, required(ask.capability, "resource of a preemption")?));
        }
        Ok(Self {
            strict: ids(message.strict_contract.unwrap_or_default().container)?,
            negotiable: ids(contract.container)?,
            wanted,
        })
    }
}

/// How an application ended, as its ApplicationMaster reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FinalStatus {
    /// It did what it was asked to.
    Succeeded,
    /// It failed.
    Failed,
    /// It was killed or cancelled.
    Killed,
}

/// A resource type of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceType {
    /// `memory-mb`, `vcores`, `yarn.io/gpu` …
    pub name: String,
    /// The unit of its amounts; empty for plain numbers.
    pub units: String,
}

pub(crate) fn containers(messages: Vec<ContainerProto>) -> Result<Vec<Container>, ConversionError> {
    convert::all(messages)
}
