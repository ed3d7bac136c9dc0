//! Messages of YARN's protocols as its servers fill them.

use prost::Message;
use yarn_common::id::NodeId;
use yarn_common::resource::Resource;
use yarn_common::token::{Token, TokenKind};
use yarn_rpc::proto::yarn::{
    ContainerExceptionMapProto, ContainerProto, ContainerStateProto, ContainerStatusProto,
    ContainerTokenIdentifierProto, NmTokenProto, PriorityProto, RegisterApplicationMasterResponseProto, ResourceProto,
    SchedulerResourceTypesProto, SerializedExceptionProto,
};

use super::cluster::Refusal;
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

pub(super) fn container(
    number: u64,
    node: &str,
    priority: i32,
    capability: &ResourceProto,
    request_id: i64,
    identifier: i64,
) -> ContainerProto {
    let node = NodeId::new(node, NODE_PORT);
    let token = ContainerTokenIdentifierProto {
        container_id: Some(container_id(number).into()),
        nm_host_addr: Some(node.to_string()),
        resource: Some(capability.clone()),
        rm_identifier: Some(identifier),
        ..Default::default()
    };
    let token = Token::new(
        token.encode_to_vec(),
        PASSWORD.to_vec(),
        TokenKind::Container,
        node.to_string(),
    );
    ContainerProto {
        id: Some(container_id(number).into()),
        node_id: Some((&node).into()),
        node_http_address: Some(format!("{}:8042", node.host())),
        resource: Some(capability.clone()),
        priority: Some(PriorityProto {
            priority: Some(priority),
        }),
        container_token: Some((&token).into()),
        allocation_request_id: Some(request_id),
        ..Default::default()
    }
}

/// The container that a token was made for, and the ResourceManager that made it.
pub(super) fn grant_of(identifier: &[u8]) -> Option<(u64, i64)> {
    let token = ContainerTokenIdentifierProto::decode(identifier).ok()?;
    let number = token.container_id.as_ref()?.id() as u64;
    Some((number, token.rm_identifier()))
}

pub(super) fn nm_token(node: &str) -> NmTokenProto {
    let node = NodeId::new(node, NODE_PORT);
    let token = Token::new(&b"nm"[..], PASSWORD.to_vec(), TokenKind::NodeManager, node.to_string());
    NmTokenProto {
        node_id: Some((&node).into()),
        token: Some((&token).into()),
    }
}

pub(super) fn completed(number: u64, exit_status: i32, diagnostics: &str) -> ContainerStatusProto {
    ContainerStatusProto {
        container_id: Some(container_id(number).into()),
        state: Some(ContainerStateProto::CComplete.into()),
        diagnostics: Some(diagnostics.to_owned()),
        exit_status: Some(exit_status),
        ..Default::default()
    }
}

pub(super) fn running(number: u64) -> ContainerStatusProto {
    ContainerStatusProto {
        container_id: Some(container_id(number).into()),
        state: Some(ContainerStateProto::CRunning.into()),
        ..Default::default()
    }
}

/// Half of the memory.
pub(super) fn half(capability: &ResourceProto) -> ResourceProto {
    let memory = u64::try_from(capability.memory() / 2).unwrap_or_default();
    let cores = u32::try_from(capability.virtual_cores()).unwrap_or_default();
    (&Resource::new(memory, cores)).into()
}

pub(super) fn refused(number: u64, refusal: &Refusal) -> ContainerExceptionMapProto {
    ContainerExceptionMapProto {
        container_id: Some(container_id(number).into()),
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
