//! What ResourceManagers and NodeManagers tell about containers and nodes.

use std::collections::BTreeMap;

use yarn_common::{
    exit_status::ContainerExitStatus,
    id::{ContainerId, NodeId},
    resource::{Priority, Resource},
    token::{Token, TokenKind},
};

pub use crate::nodes::{NodeState, NodeUpdate, NodeUpdateKind, NodeUtilization};
use crate::{
    convert::{self, ConversionError, required},
    proto::yarn::{
        ContainerProto, ContainerStateProto, ContainerStatusProto, ContainerSubStateProto, ExecutionTypeProto,
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
    /// The grant, which `startContainers` presents to the NodeManager. Empty for a running container that a restarted
    /// ResourceManager has found again: it gives none for what is started already.
    pub token: Token,
    /// Raised by container updates; an update must name the present one.
    pub version: i32,
    /// Whether the node may queue it and kill it for guaranteed ones.
    pub execution_type: ExecutionType,
    /// The tags that placement constraints speak of.
    pub allocation_tags: Vec<String>,
}

impl TryFrom<ContainerProto> for Container {
    type Error = ConversionError;

    fn try_from(container: ContainerProto) -> Result<Self, ConversionError> {
        Ok(Self {
            allocation_request_id: container.allocation_request_id(),
            version: container.version(),
            execution_type: container.execution_type().into(),
            id: required(container.id, "container id")?,
            node: required(container.node_id, "node id of a container")?,
            node_http_address: container.node_http_address.unwrap_or_default(),
            resource: required(container.resource, "resource of a container")?,
            priority: container.priority.unwrap_or_default().into(),
            token: required(container.container_token, "token of a container")?,
            allocation_tags: container.allocation_tags,
        })
    }
}

/// Whether a container has its resources for sure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExecutionType {
    /// Its resources are set aside for it.
    #[default]
    Guaranteed,
    /// It runs in what others leave: the node may queue it, and kills it ([`ContainerExitStatus::KILLED_BY_CONTAINER_SCHEDULER`])
    /// when a guaranteed one needs the room.
    Opportunistic,
}

impl From<ExecutionTypeProto> for ExecutionType {
    fn from(kind: ExecutionTypeProto) -> Self {
        match kind {
            ExecutionTypeProto::Guaranteed => Self::Guaranteed,
            ExecutionTypeProto::Opportunistic => Self::Opportunistic,
        }
    }
}

impl From<ExecutionType> for ExecutionTypeProto {
    fn from(kind: ExecutionType) -> Self {
        match kind {
            ExecutionType::Guaranteed => Self::Guaranteed,
            ExecutionType::Opportunistic => Self::Opportunistic,
        }
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

impl From<ContainerStateProto> for ContainerState {
    fn from(state: ContainerStateProto) -> Self {
        match state {
            ContainerStateProto::CNew => Self::New,
            ContainerStateProto::CRunning => Self::Running,
            ContainerStateProto::CComplete => Self::Complete,
        }
    }
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
    /// What it has; not every server tells.
    pub capability: Option<Resource>,
    /// Whether its resources are guaranteed.
    pub execution_type: ExecutionType,
    /// The finer state on the node; not every server tells.
    pub sub_state: Option<ContainerSubState>,
    /// What the node's container runtime tells: `IPS`, `HOST`, `PORTS`.
    pub attributes: BTreeMap<String, String>,
}

/// How far a container is on its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContainerSubState {
    /// Its files are fetched, or it waits for room.
    Scheduled,
    /// Its process runs.
    Running,
    /// Its process is stopped to make room for others.
    Paused,
    /// It is being ended.
    Completing,
    /// At its end.
    Done,
}

impl From<ContainerSubStateProto> for ContainerSubState {
    fn from(state: ContainerSubStateProto) -> Self {
        match state {
            ContainerSubStateProto::CssScheduled => Self::Scheduled,
            ContainerSubStateProto::CssRunning => Self::Running,
            ContainerSubStateProto::CssPaused => Self::Paused,
            ContainerSubStateProto::CssCompleting => Self::Completing,
            ContainerSubStateProto::CssDone => Self::Done,
        }
    }
}

impl TryFrom<ContainerStatusProto> for ContainerStatus {
    type Error = ConversionError;

    fn try_from(status: ContainerStatusProto) -> Result<Self, ConversionError> {
        let state = status.state().into();
        let sub_state = status.container_sub_state.map(|_| status.container_sub_state().into());
        Ok(Self {
            state,
            exit_status: ContainerExitStatus(status.exit_status()),
            execution_type: status.execution_type().into(),
            sub_state,
            id: required(status.container_id, "container id of a status")?,
            diagnostics: status.diagnostics.unwrap_or_default(),
            capability: status.capability.map(Resource::try_from).transpose()?,
            attributes: convert::text_map(status.container_attributes),
        })
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
    /// It ended, and nobody knows how.
    Undefined,
}

/// A resource type of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceType {
    /// `memory-mb`, `vcores`, `yarn.io/gpu` …
    pub name: String,
    /// The unit of its amounts; empty for plain numbers.
    pub units: String,
}

/// Running containers that the ResourceManager tells of again. A token comes with them or not: one that has restarted
/// knows them from their NodeManagers, and has none.
pub(crate) fn running_containers(messages: Vec<ContainerProto>) -> Result<Vec<Container>, ConversionError> {
    let with_token = |mut container: ContainerProto| {
        container
            .container_token
            .get_or_insert_with(|| (&Token::new(vec![], vec![], TokenKind::Container, "")).into());
        container
    };
    let containers = messages.into_iter().map(with_token);
    containers.map(Container::try_from).collect()
}

pub(crate) fn containers(messages: Vec<ContainerProto>) -> Result<Vec<Container>, ConversionError> {
    convert::all(messages)
}
