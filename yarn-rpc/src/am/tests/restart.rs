//! ResourceManagers that restart, and the next one that takes over.

use super::*;
use crate::types::Container;

const STANDBY: &str = "org.apache.hadoop.ipc.StandbyException";

#[tokio::test]
async fn what_was_wanted_before_and_during_a_restart_is_said_to_the_new_resource_manager() {
    let (mut client, _listener, mut peer) = connected().await;
    let on = |hosts: &[&str]| Locality::Nodes {
        nodes: hosts
            .iter()
            .map(|host| ((*host).to_owned(), "/default-rack".to_owned()))
            .collect(),
        relax: true,
    };
    client.asks().set(ask(1, 2).at(on(&["nm1"]))).unwrap();
    client.set_blacklist(BTreeSet::from(["h2".to_owned()]));
    beat(&mut client, &mut peer, answer(1)).await;
    let full = AllocateResponseProto {
        allocated_containers: vec![granted(2, 1), granted(3, 1)],
        ..answer(2)
    };
    beat(&mut client, &mut peer, full).await;
    client.asks().set(ask(1, 1).at(on(&["nm1"]))).unwrap();
    client.release(container_id(2));
    let running: Container = granted(3, 1).try_into().unwrap();
    let increase = ContainerUpdate::Increase(Resource::new(2048, 1));
    client.update(&running, &increase).unwrap();
    let (request, _) = beat(&mut client, &mut peer, answer(3)).await;
    assert_eq!(
        (request.ask.len(), request.release.len(), request.update_requests.len()),
        (3, 1, 1)
    );

    // The ApplicationMaster does not know yet that the ResourceManager has restarted.
    client.set_blacklist(BTreeSet::from(["h2".to_owned(), "h3".to_owned()]));
    client.asks().set(ask(1, 1).at(on(&["nm1", "nm2"]))).unwrap();
    client.release(container_id(9));
    let serve = async {
        peer.refuse::<AllocateRequestProto>("allocate", NOT_REGISTERED, "restarted")
            .await;
        peer.serve::<RegisterApplicationMasterRequestProto>("registerApplicationMaster", &registered())
            .await;
        peer.serve::<AllocateRequestProto>("allocate", &answer(1)).await
    };
    let (news, request) = tokio::join!(client.allocate(0.3), serve);
    assert!(news.unwrap().resynchronised);
    let rows: Vec<_> = request
        .ask
        .iter()
        .map(|row| (row.resource_name(), row.num_containers()))
        .collect();
    assert_eq!(rows, [("*", 2), ("/default-rack", 2), ("nm1", 2), ("nm2", 1)]);
    assert_eq!(request.release, [container_id(2).into(), container_id(9).into()]);
    assert_eq!(request.update_requests.len(), 1);
    assert_eq!(request.blacklist_request.unwrap().blacklist_additions, ["h2", "h3"]);

    let (request, _) = beat(&mut client, &mut peer, answer(2)).await;
    assert!(request.ask.is_empty() && request.release.is_empty() && request.update_requests.is_empty());
    let list = request.blacklist_request.unwrap();
    assert!(list.blacklist_additions.is_empty() && list.blacklist_removals.is_empty());
}

#[tokio::test]
async fn a_rolled_token_opens_the_restarted_resource_manager() {
    let (mut client, mut listener, mut peer) = connected().await;
    let rolled = Token::new(vec![9, 9], vec![8, 8], TokenKind::AmRm, "");
    let told = AllocateResponseProto {
        am_rm_token: Some((&rolled).into()),
        ..answer(1)
    };
    beat(&mut client, &mut peer, told).await;
    drop(peer);
    let restarted = async {
        let mut peer = listener.accept().await;
        peer.log_in_with(&rolled).await;
        peer.refuse::<AllocateRequestProto>("allocate", NOT_REGISTERED, "restarted")
            .await;
        peer.serve::<RegisterApplicationMasterRequestProto>("registerApplicationMaster", &registered())
            .await;
        peer.serve::<AllocateRequestProto>("allocate", &answer(1)).await
    };
    let (news, request) = tokio::join!(client.allocate(0.2), restarted);
    assert!(news.unwrap().resynchronised);
    assert_eq!(request.response_id(), 0);
}

#[tokio::test]
async fn a_resource_manager_that_expects_another_number_is_followed_and_told_everything_again() {
    let (mut client, _listener, mut peer) = connected().await;
    client.asks().set(ask(1, 2)).unwrap();
    client.asks().set(ask(2, 1)).unwrap();
    client.set_blacklist(BTreeSet::from(["h1".to_owned()]));
    beat(&mut client, &mut peer, answer(1)).await;
    client.asks().set(ask(1, 0)).unwrap();
    client.set_blacklist(BTreeSet::from(["h2".to_owned()]));
    client.release(container_id(5));
    let class = "org.apache.hadoop.yarn.exceptions.InvalidApplicationMasterRequestException";
    let words = "Invalid responseId in AllocateRequest from application attempt: appattempt_1700000000000_0001_000001 \
                 expect responseId to be 7 but get 1";
    let serve = async {
        peer.refuse::<AllocateRequestProto>("allocate", class, words).await;
        peer.serve::<AllocateRequestProto>("allocate", &answer(8)).await
    };
    let (news, request) = tokio::join!(client.allocate(0.3), serve);
    assert!(!news.unwrap().resynchronised, "the registration stands");
    let counts: Vec<_> = request.ask.iter().map(|row| row.num_containers()).collect();
    assert_eq!((request.response_id(), counts), (7, vec![0, 1]));
    assert_eq!(request.release, [container_id(5).into()]);
    let list = request.blacklist_request.unwrap();
    assert_eq!(
        (list.blacklist_additions, list.blacklist_removals),
        (vec!["h2".to_owned()], vec!["h1".to_owned()])
    );
    let (request, _) = beat(&mut client, &mut peer, answer(9)).await;
    assert_eq!(
        (request.response_id(), request.ask.len(), request.release.len()),
        (8, 0, 0)
    );

    // Without a number there is nothing to go on with.
    let (news, _) = tokio::join!(
        client.allocate(0.3),
        peer.refuse::<AllocateRequestProto>("allocate", class, "Application Master is already registered")
    );
    let error = news.unwrap_err();
    assert_eq!(
        error.exception().unwrap().kind(),
        ExceptionKind::InvalidApplicationMasterRequest
    );
}

/// A client that registered with the first of two ResourceManagers, whose connection comes along.
async fn with_two() -> (AmClient, Listener, Peer) {
    let (ipc, mut listener) = network(&[]);
    let mut client = AmClient::new(options(&["rm1:8030", "rm2:8030"], ipc)).unwrap();
    let serve = async {
        let mut peer = listener.accept_token().await;
        peer.serve::<RegisterApplicationMasterRequestProto>("registerApplicationMaster", &registered())
            .await;
        peer
    };
    let (registration, peer) = tokio::join!(client.register("host", None, ""), serve);
    registration.unwrap();
    (client, listener, peer)
}

/// The second ResourceManager has become active, and does not know the ApplicationMaster.
async fn take_over(first: &mut Peer, listener: &mut Listener, method: &str) -> Peer {
    let call = first.call().await;
    assert_eq!(call.method, method);
    let status = crate::proto::common::rpc_response_header_proto::RpcStatusProto::Error;
    first.fail(call.header.call_id, status, STANDBY, "").await;
    let mut second = listener.accept_token().await;
    assert_eq!(second.address, "rm2:8030");
    let again = second.call().await;
    assert_eq!(again.request, call.request);
    second.fail(again.header.call_id, status, NOT_REGISTERED, "").await;
    second
        .serve::<RegisterApplicationMasterRequestProto>("registerApplicationMaster", &registered())
        .await;
    second
}

#[tokio::test]
async fn a_heartbeat_finds_the_resource_manager_that_took_over() {
    let (mut client, mut listener, mut first) = with_two().await;
    client.asks().set(ask(1, 1)).unwrap();
    beat(&mut client, &mut first, answer(1)).await;
    let serve = async {
        let mut second = take_over(&mut first, &mut listener, "allocate").await;
        let request: AllocateRequestProto = second.serve("allocate", &answer(1)).await;
        (second, request)
    };
    let (news, (mut second, request)) = tokio::join!(client.allocate(0.5), serve);
    assert!(news.unwrap().resynchronised);
    assert_eq!((request.response_id(), request.ask.len()), (0, 1));
    let (request, _) = beat(&mut client, &mut second, answer(2)).await;
    assert_eq!(request.response_id(), 1, "the second stays the first to be asked");
}

#[tokio::test]
async fn the_end_is_told_to_the_resource_manager_that_took_over() {
    let (mut client, mut listener, mut first) = with_two().await;
    let serve = async {
        let mut second = take_over(&mut first, &mut listener, "finishApplicationMaster").await;
        let confirmed = FinishApplicationMasterResponseProto {
            is_unregistered: Some(true),
        };
        second
            .serve::<FinishApplicationMasterRequestProto>("finishApplicationMaster", &confirmed)
            .await
    };
    let (finished, request) = tokio::join!(client.finish(FinalStatus::Succeeded, "done", ""), serve);
    finished.unwrap();
    assert_eq!(request.diagnostics(), "done");
}

/// A container that the ResourceManager knows from its NodeManager only.
fn found_again(number: u64) -> ContainerProto {
    ContainerProto {
        container_token: None,
        ..granted(number, 1)
    }
}

#[tokio::test]
async fn containers_that_a_restarted_resource_manager_found_again_have_no_token_and_are_taken_over() {
    let (ipc, mut listener) = network(&[]);
    let mut client = AmClient::new(options(&["rm:8030"], ipc)).unwrap();
    let earlier = RegisterApplicationMasterResponseProto {
        containers_from_previous_attempts: vec![found_again(2)],
        ..registered()
    };
    let serve = async {
        let mut peer = listener.accept_token().await;
        peer.serve::<RegisterApplicationMasterRequestProto>("registerApplicationMaster", &earlier)
            .await;
        peer
    };
    let (registration, mut peer) = tokio::join!(client.register("host", None, ""), serve);
    let first = &registration.unwrap().containers_from_previous_attempts[0];
    assert_eq!((first.id, first.token.identifier().len()), (container_id(2), 0));

    let late = AllocateResponseProto {
        containers_from_previous_attempts: vec![found_again(2), found_again(3)],
        ..answer(1)
    };
    let (_, news) = beat(&mut client, &mut peer, late).await;
    let recovered: Vec<_> = news.recovered.iter().map(|container| container.id).collect();
    assert_eq!(recovered, [container_id(3)], "the other one is known");

    // It restarts, and another node is back first; 5 is told twice.
    let again = RegisterApplicationMasterResponseProto {
        containers_from_previous_attempts: vec![found_again(3), found_again(4), found_again(5)],
        ..registered()
    };
    let late = AllocateResponseProto {
        containers_from_previous_attempts: vec![found_again(5), found_again(6)],
        ..answer(1)
    };
    let serve = async {
        peer.refuse::<AllocateRequestProto>("allocate", NOT_REGISTERED, "restarted")
            .await;
        peer.serve::<RegisterApplicationMasterRequestProto>("registerApplicationMaster", &again)
            .await;
        peer.serve::<AllocateRequestProto>("allocate", &late).await
    };
    let (news, _) = tokio::join!(client.allocate(0.5), serve);
    let recovered: Vec<_> = news.unwrap().recovered.iter().map(|container| container.id).collect();
    assert_eq!(recovered, [4, 5, 6].map(container_id));
}

/// One heartbeat with a ResourceManager that looks at every row, whatever its count: more than this is refused.
async fn validated(client: &mut AmClient, peer: &mut Peer, largest_mb: i64) -> Result<Vec<(i64, i32)>, AmError> {
    let serve = async {
        let call = peer.call().await;
        let request: AllocateRequestProto = call.decode();
        let row = |row: &crate::proto::yarn::ResourceRequestProto| {
            (row.capability.as_ref().unwrap().memory(), row.num_containers())
        };
        let rows: Vec<_> = request.ask.iter().map(row).collect();
        if rows.iter().any(|(memory, _)| *memory > largest_mb) {
            let status = crate::proto::common::rpc_response_header_proto::RpcStatusProto::Error;
            let class = "org.apache.hadoop.yarn.exceptions.InvalidResourceRequestException";
            peer.fail(call.header.call_id, status, class, "too large").await;
        } else {
            peer.reply(&call, &answer(request.response_id() + 1)).await;
        }
        rows
    };
    let (news, rows) = tokio::join!(client.allocate(0.5), serve);
    news.map(|_| rows)
}

#[tokio::test]
async fn what_has_become_too_large_can_be_taken_back() {
    let (mut client, _listener, mut peer) = connected().await;
    let large = |count| ContainerAsk::new(AskKey::priority(1), Resource::new(4096, 1), count);
    client.asks().set(large(1)).unwrap();
    let first = validated(&mut client, &mut peer, 2048).await;
    assert!(first.unwrap_err().is_refused_ask());
    client.asks().set(large(0)).unwrap();
    assert_eq!(validated(&mut client, &mut peer, 2048).await.unwrap(), []);

    client.asks().set(large(2)).unwrap();
    assert_eq!(validated(&mut client, &mut peer, 4096).await.unwrap(), [(4096, 2)]);
    // The largest node leaves, and another container is wanted.
    client.asks().set(large(3)).unwrap();
    assert!(validated(&mut client, &mut peer, 2048).await.is_err());
    client.asks().set(large(0)).unwrap();
    assert_eq!(validated(&mut client, &mut peer, 2048).await.unwrap(), [(1, 0)]);
    assert!(!client.has_news());
}

#[tokio::test]
async fn a_node_that_is_late_after_a_restart_does_not_lower_what_may_be_asked_for() {
    let (mut client, _listener, mut peer) = connected().await;
    let smaller = RegisterApplicationMasterResponseProto {
        maximum_capability: Some((&Resource::new(1024, 8)).into()),
        ..registered()
    };
    let serve = async {
        peer.refuse::<AllocateRequestProto>("allocate", NOT_REGISTERED, "restarted")
            .await;
        peer.serve::<RegisterApplicationMasterRequestProto>("registerApplicationMaster", &smaller)
            .await;
        peer.serve::<AllocateRequestProto>("allocate", &answer(1)).await
    };
    let (news, _) = tokio::join!(client.allocate(0.5), serve);
    assert!(news.unwrap().resynchronised);
    let of = |memory_mb, vcores| ContainerAsk::new(AskKey::priority(1), Resource::new(memory_mb, vcores), 1);
    client.asks().set(of(8192, 8)).unwrap();
    assert!(client.asks().set(of(8193, 1)).is_err(), "nobody ever allowed so much");
}
