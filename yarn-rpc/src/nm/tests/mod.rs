mod batches;
mod changes;
mod many;

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use yarn_common::{
    exit_status::ContainerExitStatus,
    id::{ApplicationId, ContainerId, NodeId},
    launch::ContainerLaunchContext,
    resource::{Priority, Resource},
    token::{Token, TokenKind},
};

use super::*;
use crate::{
    am::NmTokenCache,
    proto::{
        common::TokenProto,
        yarn::{
            ContainerExceptionMapProto, ContainerStateProto, ContainerStatusProto, GetContainerStatusesRequestProto,
            GetContainerStatusesResponseProto, SerializedExceptionProto, StartContainersRequestProto,
            StartContainersResponseProto, StopContainersRequestProto, StopContainersResponseProto, StringBytesMapProto,
        },
    },
    retry::RetryPolicy,
    testing::{Listener, network, token},
    types::{Container, ContainerState},
};

const YARN_EXCEPTION: &str = "org.apache.hadoop.yarn.exceptions.YarnException";

fn node() -> NodeId {
    NodeId::new("nm1", 45454)
}

fn id() -> ContainerId {
    ApplicationId::new(1_700_000_000_000, 1).attempt(1).container(2)
}

fn container() -> Container {
    Container {
        id: id(),
        node: node(),
        node_http_address: "nm1:8042".to_owned(),
        resource: Resource::new(1024, 1),
        priority: Priority(1),
        allocation_request_id: 0,
        token: Token::new(vec![1], vec![2], TokenKind::Container, "nm1:45454"),
        version: 0,
        execution_type: crate::types::ExecutionType::Guaranteed,
        allocation_tags: Vec::new(),
    }
}

fn context() -> ContainerLaunchContext {
    ContainerLaunchContext {
        commands: vec!["./work".to_owned()],
        ..Default::default()
    }
}

fn client() -> (NmClient, NmTokenCache, Listener) {
    client_that_waits(crate::testing::BOUND)
}

/// Bears foreign grants for so long.
fn client_that_waits(registration_wait: Duration) -> (NmClient, NmTokenCache, Listener) {
    let (ipc, listener) = network(&[]);
    let tokens = NmTokenCache::new();
    tokens.put(node(), token());
    let quick = Duration::from_millis(1);
    let retry = RetryPolicy {
        first_delay: quick,
        max_delay: quick,
        jitter_seed: Some(1),
        ..RetryPolicy::NODE_MANAGER
    };
    (
        NmClient::new(
            tokens.clone(),
            NmOptions {
                retry,
                ipc,
                registration_wait,
                ..Default::default()
            },
        ),
        tokens,
        listener,
    )
}

fn started() -> StartContainersResponseProto {
    StartContainersResponseProto {
        succeeded_requests: vec![id().into()],
        ..Default::default()
    }
}

fn refusal(message: &str) -> Vec<ContainerExceptionMapProto> {
    let exception = SerializedExceptionProto {
        message: Some(message.to_owned()),
        class_name: Some(YARN_EXCEPTION.to_owned()),
        trace: Some("\tat a.B.c(B.java:1)".to_owned()),
        cause: None,
    };
    vec![ContainerExceptionMapProto {
        container_id: Some(id().into()),
        exception: Some(exception),
    }]
}

fn statuses(ids: &[ContainerId]) -> GetContainerStatusesResponseProto {
    let status = |id: &ContainerId| ContainerStatusProto {
        container_id: Some((*id).into()),
        state: Some(ContainerStateProto::CRunning.into()),
        ..Default::default()
    };
    GetContainerStatusesResponseProto {
        status: ids.iter().map(status).collect(),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_container_is_started_with_its_grant_under_the_nodes_token() {
    let (nodes, _, mut listener) = client();
    let answer = StartContainersResponseProto {
        services_meta_data: vec![StringBytesMapProto {
            key: Some("shuffle".to_owned()),
            value: Some(Bytes::from_static(&[1, 2])),
        }],
        ..started()
    };
    let serve = async {
        let mut peer = listener.accept_token().await;
        assert_eq!(peer.address, "nm1:45454");
        peer.serve::<StartContainersRequestProto>("startContainers", &answer)
            .await
    };
    let (container, context) = (container(), context());
    let (services, request) = tokio::join!(nodes.start_container(&container, &context), serve);
    assert_eq!(
        services.unwrap(),
        BTreeMap::from([("shuffle".to_owned(), Bytes::from_static(&[1, 2]))])
    );
    let start = &request.start_container_request[0];
    assert_eq!(start.container_token, Some(TokenProto::from(&container.token)));
    assert_eq!(start.container_launch_context.as_ref().unwrap().command, ["./work"]);
}

#[tokio::test]
async fn a_refused_container_is_an_error_of_its_class() {
    let (nodes, _, mut listener) = client();
    let answer = StartContainersResponseProto {
        failed_requests: refusal("Unauthorized request to start container."),
        ..Default::default()
    };
    let serve = async {
        let mut peer = listener.accept_token().await;
        peer.serve::<StartContainersRequestProto>("startContainers", &answer)
            .await;
        peer.serve::<StartContainersRequestProto>("startContainers", &StartContainersResponseProto::default())
            .await;
    };
    let (container, context) = (container(), context());
    let start_twice = async {
        (
            nodes.start_container(&container, &context).await,
            nodes.start_container(&container, &context).await,
        )
    };
    let ((refused, unnamed), ()) = tokio::join!(start_twice, serve);
    let error = refused.unwrap_err();
    assert_eq!(error.exception().unwrap().class(), YARN_EXCEPTION);
    assert!(error.to_string().contains("Unauthorized request"), "{error}");
    assert!(matches!(unnamed, Err(NmError::NoAnswer { .. })));
}

#[tokio::test]
async fn a_start_whose_answer_was_lost_counts_when_the_container_runs() {
    let (nodes, _, mut listener) = client();
    let running = StartContainersResponseProto {
        failed_requests: refusal("Container container_1 already is running on this node!!"),
        ..Default::default()
    };
    let serve = async {
        listener.accept_token().await.call().await;
        let mut peer = listener.accept_token().await;
        peer.serve::<StartContainersRequestProto>("startContainers", &running)
            .await;
        peer.serve::<GetContainerStatusesRequestProto>("getContainerStatuses", &statuses(&[id()]))
            .await;
        peer.serve::<StartContainersRequestProto>("startContainers", &running)
            .await;
    };
    let (container, context) = (container(), context());
    let start_twice = async {
        (
            nodes.start_container(&container, &context).await,
            nodes.start_container(&container, &context).await,
        )
    };
    let ((repeated, first_try), ()) = tokio::join!(start_twice, serve);
    repeated.unwrap();
    assert!(
        matches!(first_try, Err(NmError::Container { .. })),
        "a first try cannot have started it"
    );
}

#[tokio::test]
async fn a_node_that_is_not_ready_is_asked_again() {
    let (nodes, _, mut listener) = client();
    let class = "org.apache.hadoop.yarn.exceptions.NMNotYetReadyException";
    let serve = async {
        let mut peer = listener.accept_token().await;
        peer.refuse::<StartContainersRequestProto>("startContainers", class, "soon")
            .await;
        peer.serve::<StartContainersRequestProto>("startContainers", &started())
            .await;
    };
    let (container, context) = (container(), context());
    let (services, ()) = tokio::join!(nodes.start_container(&container, &context), serve);
    services.unwrap();
}

#[tokio::test]
async fn stopping_what_has_ended_is_no_error() {
    let (nodes, _, mut listener) = client();
    let stopped = StopContainersResponseProto {
        succeeded_requests: vec![id().into()],
        ..Default::default()
    };
    let gone = refusal("Container container_1 is not handled by this NodeManager");
    let denied = StopContainersResponseProto {
        failed_requests: refusal("not yours"),
        ..Default::default()
    };
    let serve = async {
        let mut peer = listener.accept_token().await;
        for answer in [
            stopped,
            StopContainersResponseProto {
                failed_requests: gone,
                ..Default::default()
            },
            denied,
        ] {
            peer.serve::<StopContainersRequestProto>("stopContainers", &answer)
                .await;
        }
    };
    let stop_thrice = async {
        let node = node();
        [
            nodes.stop_container(&node, id()).await.is_ok(),
            nodes.stop_container(&node, id()).await.is_ok(),
            nodes.stop_container(&node, id()).await.is_ok(),
        ]
    };
    let (results, ()) = tokio::join!(stop_thrice, serve);
    assert_eq!(results, [true, true, false]);
}

#[tokio::test]
async fn a_status_tells_how_far_a_container_is() {
    let (nodes, _, mut listener) = client();
    let status = ContainerStatusProto {
        container_id: Some(id().into()),
        state: Some(ContainerStateProto::CRunning.into()),
        ..Default::default()
    };
    let running = GetContainerStatusesResponseProto {
        status: vec![status],
        ..Default::default()
    };
    let gone = GetContainerStatusesResponseProto {
        failed_requests: refusal("Container container_1 was recently stopped on node manager."),
        ..Default::default()
    };
    let serve = async {
        let mut peer = listener.accept_token().await;
        peer.serve::<GetContainerStatusesRequestProto>("getContainerStatuses", &running)
            .await;
        peer.serve::<GetContainerStatusesRequestProto>("getContainerStatuses", &gone)
            .await;
    };
    let node = node();
    let look_twice = async {
        (
            nodes.container_status(&node, id()).await,
            nodes.container_status(&node, id()).await,
        )
    };
    let ((first, second), ()) = tokio::join!(look_twice, serve);
    let first = first.unwrap();
    assert_eq!(
        (first.state, first.exit_status),
        (ContainerState::Running, ContainerExitStatus::INVALID)
    );
    assert!(second.unwrap_err().is_gone());
}

#[tokio::test]
async fn a_changed_token_opens_a_new_connection_and_an_unknown_node_is_refused() {
    let (nodes, tokens, mut listener) = client();
    let rolled = Token::new(vec![9, 9], vec![8, 8], TokenKind::NodeManager, "");
    let (container, context) = (container(), context());
    let serve = async {
        let mut peer = listener.accept_token().await;
        peer.serve::<StartContainersRequestProto>("startContainers", &started())
            .await;
        peer
    };
    let (first, mut old) = tokio::join!(nodes.start_container(&container, &context), serve);
    first.unwrap();
    tokens.put(node(), rolled.clone());
    let serve = async {
        let mut peer = listener.accept().await;
        peer.log_in_with(&rolled).await;
        peer.serve::<StartContainersRequestProto>("startContainers", &started())
            .await;
    };
    let (second, ()) = tokio::join!(nodes.start_container(&container, &context), serve);
    second.unwrap();
    assert!(old.is_closed().await);
    let error = nodes
        .stop_container(&NodeId::new("elsewhere", 1), id())
        .await
        .unwrap_err();
    assert!(matches!(error, NmError::NoToken { .. }), "{error}");
}
