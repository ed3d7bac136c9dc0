//! Messages of YARN's protocols as its servers fill them.

use prost::Message;
use yarn_common::id::NodeId;
use yarn_common::resource::Resource;
use yarn_common::token::{Token, TokenKind};
use yarn_rpc::proto::yarn::{
    ContainerExceptionMapProto, ContainerIdProto, ContainerProto, ContainerStateProto, ContainerStatusProto,
    ContainerTokenIdentifierProto, NmTokenProto, PreemptionContainerProto, PreemptionMessageProto, PriorityProto,
    RegisterApplicationMasterResponseProto, ResourceProto, SchedulerResourceTypesProto, SerializedExceptionProto,
    StrictPreemptionContractProto,
};

use super::cluster::{Granted, Refusal};
use super::{NODE_PORT, container as container_id};

const PASSWORD: [u8; 20] = [7; 20];

pub(super) fn registered(maximum: &Resource) -> RegisterApplicationMasterResponseProto {
    RegisterApplicationMasterResponseProto {
        maximum_capability: Some(maximum.into()),
        queue: Some("root.default".to_owned()),
        scheduler_resource_types: vec![SchedulerResourceTypesProto::Memory.into()],
        ..Default::default()
    }
}

/// A container as it is granted.
pub(super) struct Grant<'a> {
    pub(super) attempt: u32,
    pub(super) number: u64,
    pub(super) node: &'a str,
    pub(super) priority: i32,
    pub(super) capability: &'a ResourceProto,
    pub(super) request_id: i64,
    /// Of the ResourceManager that grants it.
    pub(super) identifier: i64,
}

impl Grant<'_> {
    pub(super) fn container(&self) -> ContainerProto {
        let node = NodeId::new(self.node, NODE_PORT);
        let id = container_id(self.attempt, self.number);
        let token = ContainerTokenIdentifierProto {
            container_id: Some(id.into()),
            nm_host_addr: Some(node.to_string()),
            resource: Some(self.capability.clone()),
            rm_identifier: Some(self.identifier),
            ..Default::default()
        };
        let token = Token::new(
            token.encode_to_vec(),
            PASSWORD.to_vec(),
            TokenKind::Container,
            node.to_string(),
        );
        ContainerProto {
            id: Some(id.into()),
            node_id: Some((&node).into()),
            node_http_address: Some(format!("{}:8042", node.host())),
            resource: Some(self.capability.clone()),
            priority: Some(PriorityProto {
                priority: Some(self.priority),
            }),
            container_token: Some((&token).into()),
            allocation_request_id: Some(self.request_id),
            ..Default::default()
        }
    }
}

/// The container of a grant, as another attempt is told of it.
pub(super) fn granted(number: u64, granted: &Granted, identifier: i64) -> ContainerProto {
    let grant = Grant {
        attempt: granted.attempt,
        number,
        node: &granted.node,
        priority: granted.priority,
        capability: &granted.capability,
        request_id: 0,
        identifier,
    };
    grant.container()
}

/// The container that a token was made for, and the ResourceManager that made it.
pub(super) fn grant_of(identifier: &[u8]) -> Option<(ContainerIdProto, i64)> {
    let token = ContainerTokenIdentifierProto::decode(identifier).ok()?;
    let identifier = token.rm_identifier();
    Some((token.container_id?, identifier))
}

pub(super) fn nm_token(node: &str) -> NmTokenProto {
    let node = NodeId::new(node, NODE_PORT);
    let token = Token::new(&b"nm"[..], PASSWORD.to_vec(), TokenKind::NodeManager, node.to_string());
    NmTokenProto {
        node_id: Some((&node).into()),
        token: Some((&token).into()),
    }
}

pub(super) fn completed(attempt: u32, number: u64, exit_status: i32, diagnostics: &str) -> ContainerStatusProto {
    ContainerStatusProto {
        container_id: Some(container_id(attempt, number).into()),
        state: Some(ContainerStateProto::CComplete.into()),
        diagnostics: Some(diagnostics.to_owned()),
        exit_status: Some(exit_status),
        ..Default::default()
    }
}

pub(super) fn running(container: ContainerIdProto) -> ContainerStatusProto {
    ContainerStatusProto {
        container_id: Some(container),
        state: Some(ContainerStateProto::CRunning.into()),
        ..Default::default()
    }
}

/// This container will be taken away.
pub(super) fn preemption(attempt: u32, number: u64) -> PreemptionMessageProto {
    let container = PreemptionContainerProto {
        id: Some(container_id(attempt, number).into()),
    };
    PreemptionMessageProto {
        strict_contract: Some(StrictPreemptionContractProto {
            container: vec![container],
        }),
        ..Default::default()
    }
}

/// Half of the memory.
pub(super) fn half(capability: &ResourceProto) -> ResourceProto {
    let memory = u64::try_from(capability.memory() / 2).unwrap_or_default();
    let cores = u32::try_from(capability.virtual_cores()).unwrap_or_default();
    (&Resource::new(memory, cores)).into()
}

pub(super) fn refused(container: ContainerIdProto, refusal: &Refusal) -> ContainerExceptionMapProto {
    ContainerExceptionMapProto {
        container_id: Some(container),
        exception: Some(SerializedExceptionProto {
            message: Some(refusal.message.clone()),
            class_name: Some(refusal.class.to_owned()),
            ..Default::default()
        }),
    }
}

pub(super) fn no_node(name: &str) -> Refusal {
    Refusal::new("java.io.IOException", format!("there is no node {name}"))
}
