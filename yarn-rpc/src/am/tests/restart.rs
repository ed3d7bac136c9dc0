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
