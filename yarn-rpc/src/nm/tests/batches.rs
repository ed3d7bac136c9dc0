//! Several containers in one call, turns, and tokens that are refused.

use super::{super::start::check, *};
use crate::{
    ipc::ExceptionKind,
    proto::common::rpc_response_header_proto::RpcStatusProto,
    testing::{BOUND, Peer, challenge, token_auth},
};
use yarn_common::sasl::Qop;

const INVALID_TOKEN: &str = "org.apache.hadoop.security.token.SecretManager$InvalidToken";

fn numbered(number: u64, node: &NodeId) -> Container {
    Container {
        id: ApplicationId::new(1_700_000_000_000, 1).attempt(1).container(number),
        node: node.clone(),
        ..container()
    }
}

/// The server's side of a login that it refuses.
async fn refuse_login(peer: &mut Peer, class: &str, message: &str) {
    peer.bytes(7 + 18).await;
    let auth = token_auth(Some(challenge(Qop::Auth).into_bytes()));
    peer.send_sasl(
        crate::proto::common::rpc_sasl_proto::SaslState::Negotiate,
        None,
        vec![auth],
    )
    .await;
    peer.frame().await;
    peer.fail(-33, RpcStatusProto::Fatal, class, message).await;
}

#[tokio::test]
async fn containers_of_a_node_start_together_and_nodes_side_by_side() {
    let (nodes, tokens, mut listener) = client();
    let (one, two) = (node(), NodeId::new("nm2", 45454));
    tokens.put(two.clone(), token());
    let granted: Vec<Container> = (2..5)
        .map(|number| numbered(number, &one))
        .chain([numbered(5, &two)])
        .collect();
    let starts = granted.clone();
    let all = tokio::spawn(async move {
        let context = context();
        nodes
            .start_containers(starts.iter().map(|container| (container, &context)))
            .await
    });
    let mut sizes = BTreeMap::new();
    let mut peers = vec![listener.accept_token().await, listener.accept_token().await];
    // Both have connected before either is answered.
    for peer in &mut peers {
        let here: Vec<&Container> = granted
            .iter()
            .filter(|container| container.node.to_string() == peer.address)
            .collect();
        let answer = StartContainersResponseProto {
            succeeded_requests: here.iter().map(|container| container.id.into()).collect(),
            ..Default::default()
        };
        let request: StartContainersRequestProto = peer.serve("startContainers", &answer).await;
        sizes.insert(peer.address.clone(), request.start_container_request.len());
    }
    assert_eq!(
        sizes,
        BTreeMap::from([("nm1:45454".to_owned(), 3), ("nm2:45454".to_owned(), 1)])
    );
    let outcomes = all.await.unwrap();
    assert_eq!(outcomes.len(), 4);
    assert!(outcomes.iter().all(|(_, outcome)| outcome.is_ok()));
}

#[tokio::test]
async fn starts_that_are_asked_for_side_by_side_travel_in_one_call() {
    let (nodes, _, mut listener) = client();
    let granted: Vec<Container> = (2..6).map(|number| numbered(number, &node())).collect();
    let answer = StartContainersResponseProto {
        succeeded_requests: granted[1..].iter().map(|container| container.id.into()).collect(),
        failed_requests: refusal("Unauthorized"),
        ..Default::default()
    };
    let context = context();
    let starts = granted
        .iter()
        .map(|container| nodes.start_container(container, &context));
    let serve = async {
        let mut peer = listener.accept_token().await;
        peer.serve::<StartContainersRequestProto>("startContainers", &answer)
            .await
    };
    let (outcomes, request) = tokio::join!(futures::future::join_all(starts), serve);
    assert_eq!(request.start_container_request.len(), 4);
    let outcomes: Vec<bool> = outcomes.iter().map(Result::is_ok).collect();
    assert_eq!(outcomes, [false, true, true, true], "each hears its own outcome");
}

#[tokio::test]
async fn a_container_that_is_started_twice_side_by_side_starts_once_and_is_refused_once() {
    let (nodes, _, mut listener) = client();
    let (container, context) = (container(), context());
    let running = StartContainersResponseProto {
        failed_requests: refusal("Container container_1 already is running on this node!!"),
        ..Default::default()
    };
    let serve = async {
        let mut peer = listener.accept_token().await;
        for answer in [started(), running] {
            let request: StartContainersRequestProto = peer.serve("startContainers", &answer).await;
            assert_eq!(request.start_container_request.len(), 1);
        }
    };
    let (one, two, ()) = tokio::join!(
        nodes.start_container(&container, &context),
        nodes.start_container(&container, &context),
        serve
    );
    assert_eq!([one.is_ok(), two.is_ok()].iter().filter(|ok| **ok).count(), 1);
}

#[tokio::test]
async fn a_start_that_is_given_up_does_not_hold_up_the_others() {
    let (nodes, _, mut listener) = client();
    let (given_up, kept) = (container(), numbered(3, &node()));
    let context = context();
    let mut first = Box::pin(nodes.start_container(&given_up, &context));
    assert!(futures::FutureExt::now_or_never(&mut first).is_none());
    drop(first);
    let answer = StartContainersResponseProto {
        succeeded_requests: vec![kept.id.into()],
        ..Default::default()
    };
    let serve = async {
        let mut peer = listener.accept_token().await;
        peer.serve::<StartContainersRequestProto>("startContainers", &answer)
            .await
    };
    let (started, request) = tokio::join!(nodes.start_container(&kept, &context), serve);
    started.unwrap();
    assert_eq!(request.start_container_request.len(), 1);
}

#[tokio::test]
async fn a_node_that_has_come_back_and_not_registered_is_asked_again_for_what_it_refused() {
    let (nodes, _, mut listener) = client();
    let granted = [container(), numbered(3, &node())];
    let foreign = StartContainersResponseProto {
        succeeded_requests: vec![granted[1].id.into()],
        failed_requests: refusal("Container container_1 rejected as it is allocated by a previous RM"),
        ..Default::default()
    };
    let serve = async {
        let mut peer = listener.accept_token().await;
        let mut sizes = Vec::new();
        for answer in [foreign, started()] {
            let request: StartContainersRequestProto = peer.serve("startContainers", &answer).await;
            sizes.push(request.start_container_request.len());
        }
        sizes
    };
    let context = context();
    let starts = granted.iter().map(|container| (container, &context));
    let (outcomes, sizes) = tokio::join!(nodes.start_containers(starts), serve);
    assert_eq!(sizes, [2, 1]);
    assert!(outcomes.iter().all(|(_, outcome)| outcome.is_ok()), "{outcomes:?}");
}

#[tokio::test]
async fn one_refused_container_of_a_batch_does_not_fail_the_others() {
    let (nodes, _, mut listener) = client();
    let granted = [container(), numbered(3, &node())];
    let answer = StartContainersResponseProto {
        succeeded_requests: vec![granted[1].id.into()],
        failed_requests: refusal("Unauthorized"),
        ..Default::default()
    };
    let context = context();
    let serve = async {
        let mut peer = listener.accept_token().await;
        peer.serve::<StartContainersRequestProto>("startContainers", &answer)
            .await;
    };
    let starts = granted.iter().map(|container| (container, &context));
    let (outcomes, ()) = tokio::join!(nodes.start_containers(starts), serve);
    let outcomes: BTreeMap<_, _> = outcomes.into_iter().collect();
    assert!(outcomes[&granted[0].id].is_err() && outcomes[&granted[1].id].is_ok());
}

#[tokio::test]
async fn a_node_gets_so_many_calls_at_a_time_and_the_others_wait() {
    let (nodes, ..) = client();
    let (ipc, mut listener) = network(&[]);
    let tokens = NmTokenCache::new();
    tokens.put(node(), token());
    drop(nodes);
    let nodes = NmClient::new(
        tokens,
        NmOptions {
            ipc,
            concurrency: 2,
            ..Default::default()
        },
    );
    let calls: Vec<_> = (0..3)
        .map(|_| {
            let nodes = nodes.clone();
            tokio::spawn(async move { nodes.container_status(&node(), id()).await })
        })
        .collect();
    let mut peer = listener.accept_token().await;
    let (first, second) = (peer.call().await, peer.call().await);
    // The third is not sent while two are unanswered: the answer to the first brings it.
    assert!(futures::FutureExt::now_or_never(peer.call()).is_none());
    peer.reply(&first, &statuses(&[id()])).await;
    let third = peer.call().await;
    peer.reply(&second, &statuses(&[id()])).await;
    peer.reply(&third, &statuses(&[id()])).await;
    for call in calls {
        call.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_refused_token_is_exchanged_for_the_one_that_came_meanwhile() {
    let (nodes, tokens, mut listener) = client();
    let rolled = Token::new(vec![9, 9], vec![8, 8], TokenKind::NodeManager, "");
    let serve = async {
        let mut peer = listener.accept().await;
        tokens.put(node(), rolled.clone());
        refuse_login(&mut peer, INVALID_TOKEN, "Given NMToken for application is invalid.").await;
        let mut peer = listener.accept().await;
        peer.log_in_with(&rolled).await;
        peer.serve::<GetContainerStatusesRequestProto>("getContainerStatuses", &statuses(&[id()]))
            .await;
    };
    let node = node();
    let (status, ()) = tokio::join!(nodes.container_status(&node, id()), serve);
    assert_eq!(status.unwrap().state, ContainerState::Running);
}

#[tokio::test]
async fn a_refused_token_without_a_newer_one_is_an_error_with_the_remedy() {
    let (nodes, _, mut listener) = client();
    let serve = async {
        let mut peer = listener.accept().await;
        refuse_login(&mut peer, INVALID_TOKEN, "Given NMToken for application is invalid.").await;
    };
    let node = node();
    let (status, ()) = tokio::join!(nodes.container_status(&node, id()), serve);
    let error = status.unwrap_err();
    assert_eq!(error.exception().unwrap().kind(), ExceptionKind::InvalidToken);
    assert!(error.to_string().contains("another cluster"), "{error}");
}

#[tokio::test]
async fn an_expired_grant_and_a_foreign_one_have_their_own_messages() {
    let expired = "Unauthorized request to start container. \nThis token is expired. current time is 1700000900000 found \
                   1700000600000\nNote: System times on machines may be out of sync. Check system time and time zones.";
    let foreign = "Container container_1 rejected as it is allocated by a previous RM";
    for (message, expected) in [(expired, "clocks"), (foreign, "ask again")] {
        let (nodes, _, mut listener) = client_that_waits(Duration::ZERO);
        let answer = StartContainersResponseProto {
            failed_requests: refusal(message),
            ..Default::default()
        };
        let serve = async {
            let mut peer = listener.accept_token().await;
            peer.serve::<StartContainersRequestProto>("startContainers", &answer)
                .await;
        };
        let (container, context) = (container(), context());
        let (started, ()) = tokio::join!(nodes.start_container(&container, &context), serve);
        let error = started.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(matches!(
            error,
            NmError::GrantExpired { .. } | NmError::ForeignGrant { .. }
        ));
    }
}

#[tokio::test]
async fn an_impossible_launch_is_refused_before_it_is_sent() {
    let (nodes, _, _listener) = client();
    let empty = ContainerLaunchContext::default();
    let mut bad_name = context();
    bad_name.environment.insert("A=B".to_owned(), String::new());
    let mut no_token = container();
    no_token.token = Token::new(vec![], vec![], TokenKind::Container, "");
    let blank = ContainerLaunchContext {
        commands: vec!["  ".to_owned()],
        ..Default::default()
    };
    let table = [
        (container(), empty, "no command"),
        (container(), blank, "no command"),
        (container(), bad_name, "\"A=B\""),
        (no_token, context(), "token is empty"),
    ];
    for (container, context, expected) in table {
        let error = tokio::time::timeout(BOUND, nodes.start_container(&container, &context))
            .await
            .unwrap()
            .unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(matches!(error, NmError::Invalid { .. }));
    }
    let mut image = context();
    image.commands.clear();
    image
        .environment
        .insert("YARN_CONTAINER_RUNTIME_TYPE".to_owned(), "docker".to_owned());
    check(&container(), &image).unwrap();
}
