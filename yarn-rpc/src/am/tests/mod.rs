mod changes;
mod cycle;
mod history;
mod register;
mod restart;
mod started;

use std::{collections::BTreeSet, time::Duration};

use prost::Message;
use yarn_common::{
    exit_status::ContainerExitStatus,
    id::{ApplicationId, ContainerId, NodeId},
    resource::{Priority, Resource},
    token::{Token, TokenKind},
};

use super::*;
use crate::{
    ipc::{ExceptionKind, IpcOptions},
    proto::yarn::{
        AllocateRequestProto, AllocateResponseProto, ContainerProto, ContainerStateProto, ContainerStatusProto,
        FinishApplicationMasterRequestProto, FinishApplicationMasterResponseProto, NmTokenProto,
        PreemptionContainerProto, PreemptionMessageProto, RegisterApplicationMasterRequestProto,
        RegisterApplicationMasterResponseProto, StrictPreemptionContractProto,
    },
    retry::RetryPolicy,
    testing::{Listener, Peer, network, token},
    types::FinalStatus,
};

const NOT_REGISTERED: &str = "org.apache.hadoop.yarn.exceptions.ApplicationMasterNotRegisteredException";

fn container_id(number: u64) -> ContainerId {
    ApplicationId::new(1_700_000_000_000, 1).attempt(1).container(number)
}

fn granted(number: u64, priority: i32) -> ContainerProto {
    ContainerProto {
        id: Some(container_id(number).into()),
        node_id: Some((&NodeId::new("nm1", 45454)).into()),
        resource: Some((&Resource::new(1024, 1)).into()),
        priority: Some(Priority(priority).into()),
        container_token: Some((&Token::new(vec![1], vec![2], TokenKind::Container, "nm1:45454")).into()),
        allocation_request_id: Some(0),
        ..Default::default()
    }
}

fn ended(number: u64, exit_status: i32) -> ContainerStatusProto {
    ContainerStatusProto {
        container_id: Some(container_id(number).into()),
        state: Some(ContainerStateProto::CComplete.into()),
        diagnostics: Some("why".to_owned()),
        exit_status: Some(exit_status),
        ..Default::default()
    }
}

fn ask(priority: i32, count: u32) -> ContainerAsk {
    ContainerAsk::new(AskKey::priority(priority), Resource::new(1024, 1), count)
}

fn options(addresses: &[&str], ipc: IpcOptions) -> AmOptions {
    let quick = Duration::from_millis(1);
    let retry = RetryPolicy {
        first_delay: quick,
        max_delay: quick,
        jitter_seed: Some(1),
        ..RetryPolicy::RESOURCE_MANAGER
    };
    let addresses = addresses.iter().map(|address| (*address).to_owned()).collect();
    AmOptions {
        retry,
        ipc,
        ..AmOptions::new(addresses, token())
    }
}

fn registered() -> RegisterApplicationMasterResponseProto {
    RegisterApplicationMasterResponseProto {
        maximum_capability: Some((&Resource::new(8192, 4)).into()),
        queue: Some("root.default".to_owned()),
        ..Default::default()
    }
}

fn answer(response_id: i32) -> AllocateResponseProto {
    AllocateResponseProto {
        response_id: Some(response_id),
        ..Default::default()
    }
}

/// A registered client and the server's end of its connection.
async fn connected() -> (AmClient, Listener, Peer) {
    let (ipc, mut listener) = network(&[]);
    let mut client = AmClient::new(options(&["rm:8030"], ipc)).unwrap();
    let serve = async {
        let mut peer = listener.accept_token().await;
        peer.serve::<RegisterApplicationMasterRequestProto>("registerApplicationMaster", &registered())
            .await;
        peer
    };
    let (registration, peer) = tokio::join!(client.register("host", Some(4711), "http://ui"), serve);
    assert_eq!(registration.unwrap().queue, "root.default");
    (client, listener, peer)
}

/// One heartbeat with its answer; returns the request and the news.
async fn beat(
    client: &mut AmClient,
    peer: &mut Peer,
    answer: AllocateResponseProto,
) -> (AllocateRequestProto, Allocation) {
    let (news, request) = tokio::join!(client.allocate(0.25), peer.serve("allocate", &answer));
    (request, news.unwrap())
}

#[test]
fn a_heartbeat_has_the_captured_bytes() {
    let mut exchange = exchange::Exchange::default();
    exchange.asks.set(ask(1, 2)).unwrap();
    let captured = "0a400a02080112012a1a2b08800810011a140a096d656d6f72792d6d621080081a024d6920001a0e0a0676636f726573\
                    10011a002000200228013a040801100040001a0020002d0000803e";
    exchange.set_progress(0.25);
    assert_eq!(hex::encode(exchange.request().encode_to_vec()), captured);
}

#[tokio::test]
async fn registering_says_who_we_are_and_tells_what_the_cluster_offers() {
    let (ipc, mut listener) = network(&[]);
    let mut client = AmClient::new(options(&["rm:8030"], ipc)).unwrap();
    assert!(matches!(client.allocate(0.0).await, Err(AmError::NotRegistered)));
    let nm_token = Token::new(vec![5], vec![6], TokenKind::NodeManager, "10.0.0.1:45454");
    let response = RegisterApplicationMasterResponseProto {
        containers_from_previous_attempts: vec![granted(7, 3)],
        nm_tokens_from_previous_attempts: vec![NmTokenProto {
            node_id: Some((&NodeId::new("nm1", 45454)).into()),
            token: Some((&nm_token).into()),
        }],
        scheduler_resource_types: vec![0, 1],
        client_to_am_token_master_key: Some(vec![42, 43].into()),
        ..registered()
    };
    let serve = async {
        let mut peer = listener.accept_token().await;
        peer.serve::<RegisterApplicationMasterRequestProto>("registerApplicationMaster", &response)
            .await
    };
    let (registration, request) = tokio::join!(client.register("host", None, "http://ui"), serve);
    assert_eq!(
        (request.host(), request.rpc_port(), request.tracking_url()),
        ("host", -1, "http://ui")
    );
    let registration = registration.unwrap();
    assert_eq!(registration.maximum_capability, Resource::new(8192, 4));
    assert_eq!(registration.containers_from_previous_attempts[0].id, container_id(7));
    assert!(registration.enforces_vcores);
    assert!(!format!("{registration:?}").contains("42"));
    assert_eq!(client.nm_tokens().get(&NodeId::new("nm1", 45454)), Some(nm_token));
}

#[tokio::test]
async fn a_heartbeat_carries_changes_once_and_brings_typed_news() {
    let (mut client, _listener, mut peer) = connected().await;
    client.asks().set(ask(1, 2)).unwrap();
    client.set_blacklist(BTreeSet::from(["bad".to_owned()]));
    client.release(container_id(9));
    assert!(client.has_news());
    let (request, _) = beat(&mut client, &mut peer, answer(1)).await;
    assert_eq!(
        (request.response_id(), request.ask.len(), request.release.len()),
        (0, 1, 1)
    );
    assert_eq!(request.blacklist_request.unwrap().blacklist_additions, ["bad"]);
    assert!(!client.has_news());

    let strict = StrictPreemptionContractProto {
        container: vec![PreemptionContainerProto {
            id: Some(container_id(2).into()),
        }],
    };
    let full = AllocateResponseProto {
        allocated_containers: vec![granted(2, 1), granted(3, 8)],
        completed_container_statuses: vec![ended(9, -100)],
        limit: Some((&Resource::new(4096, 2)).into()),
        num_cluster_nodes: Some(3),
        preempt: Some(PreemptionMessageProto {
            strict_contract: Some(strict),
            contract: None,
        }),
        nm_tokens: vec![NmTokenProto {
            node_id: Some((&NodeId::new("nm1", 45454)).into()),
            token: Some((&token()).into()),
        }],
        ..answer(2)
    };
    client.set_blacklist(BTreeSet::new());
    let (request, news) = beat(&mut client, &mut peer, full).await;
    assert_eq!(
        (request.response_id(), request.ask.len(), request.release.len()),
        (1, 0, 0)
    );
    assert_eq!(request.blacklist_request.unwrap().blacklist_removals, ["bad"]);
    let expected: Vec<_> = news
        .allocated
        .iter()
        .map(|granted| (granted.container.id, granted.expected))
        .collect();
    assert_eq!(expected, [(container_id(2), true), (container_id(3), false)]);
    assert_eq!(
        (news.completed[0].exit_status, news.completed[0].diagnostics.as_str()),
        (ContainerExitStatus::ABORTED, "why")
    );
    assert_eq!(
        (news.headroom, news.cluster_nodes),
        (Some(Resource::new(4096, 2)), Some(3))
    );
    assert_eq!(news.preemption.unwrap().strict, [container_id(2)]);
    assert_eq!(client.nm_tokens().len(), 1);
    assert_eq!(client.asks().outstanding(AskKey::priority(1)), 1);
    let (request, _) = beat(&mut client, &mut peer, answer(3)).await;
    assert_eq!(
        (request.response_id(), request.ask.len()),
        (2, 0),
        "both sides have counted down"
    );
}

#[tokio::test]
async fn a_heartbeat_without_an_answer_is_sent_again_unchanged() {
    let (mut client, mut listener, mut peer) = connected().await;
    client.asks().set(ask(1, 1)).unwrap();
    let serve = async {
        let lost = peer.call().await.request;
        drop(peer);
        let mut again = listener.accept_token().await;
        let call = again.call().await;
        assert_eq!((&call.request, call.header.retry_count), (&lost, Some(1)));
        again.reply(&call, &answer(1)).await;
        again
    };
    let (news, mut peer) = tokio::join!(client.allocate(0.1), serve);
    assert!(!news.unwrap().resynchronised);
    let (request, _) = beat(&mut client, &mut peer, answer(2)).await;
    assert_eq!((request.response_id(), request.ask.len()), (1, 0));
}

#[tokio::test]
async fn a_cancelled_heartbeat_goes_on_where_it_stood() {
    let (mut client, _listener, mut peer) = connected().await;
    client.asks().set(ask(1, 1)).unwrap();
    let first = tokio::select! {
        biased;
        _ = client.allocate(0.1) => panic!("nobody answered"),
        call = peer.call() => call,
    };
    client.asks().set(ask(2, 5)).unwrap();
    let (request, _) = beat(&mut client, &mut peer, answer(1)).await;
    assert_eq!(request, first.decode());
    let (request, _) = beat(&mut client, &mut peer, answer(2)).await;
    assert_eq!((request.ask.len(), request.ask[0].num_containers()), (1, 5));
}

#[tokio::test]
async fn a_forgetful_resource_manager_is_told_everything_again() {
    let (mut client, _listener, mut peer) = connected().await;
    client.asks().set(ask(1, 2)).unwrap();
    client.release(container_id(5));
    client.set_blacklist(BTreeSet::from(["bad".to_owned()]));
    beat(
        &mut client,
        &mut peer,
        AllocateResponseProto {
            allocated_containers: vec![granted(2, 1)],
            ..answer(1)
        },
    )
    .await;
    let serve = async {
        peer.refuse::<AllocateRequestProto>("allocate", NOT_REGISTERED, "forgotten")
            .await;
        let introduction: RegisterApplicationMasterRequestProto =
            peer.serve("registerApplicationMaster", &registered()).await;
        assert_eq!((introduction.host(), introduction.rpc_port()), ("host", 4711));
        peer.serve::<AllocateRequestProto>("allocate", &answer(1)).await
    };
    let (news, request) = tokio::join!(client.allocate(0.3), serve);
    assert!(news.unwrap().resynchronised);
    assert_eq!(request.response_id(), 0);
    assert_eq!((request.ask.len(), request.ask[0].num_containers()), (1, 1));
    assert_eq!(request.release, [container_id(5).into()]);
    assert_eq!(request.blacklist_request.unwrap().blacklist_additions, ["bad"]);
}

#[tokio::test]
async fn a_refused_ask_stays_until_it_is_taken_out() {
    let (mut client, _listener, mut peer) = connected().await;
    client.asks().set(ask(1, 1)).unwrap();
    let class = "org.apache.hadoop.yarn.exceptions.InvalidResourceRequestException";
    let (news, _) = tokio::join!(
        client.allocate(0.1),
        peer.refuse::<AllocateRequestProto>("allocate", class, "too large")
    );
    let error = news.unwrap_err();
    assert!(error.is_refused_ask() && !error.is_terminal(), "{error}");
    client.asks().set(ask(1, 0)).unwrap();
    client.asks().set(ask(2, 1)).unwrap();
    let (request, _) = beat(&mut client, &mut peer, answer(1)).await;
    let counts: Vec<_> = request.ask.iter().map(|row| row.num_containers()).collect();
    assert_eq!(
        (request.response_id(), counts),
        (0, vec![1]),
        "what was never taken is not taken back"
    );
}

#[tokio::test]
async fn the_end_of_the_attempt_is_terminal() {
    let (mut client, _listener, mut peer) = connected().await;
    let class = "org.apache.hadoop.yarn.exceptions.ApplicationAttemptNotFoundException";
    let (news, _) = tokio::join!(
        client.allocate(0.1),
        peer.refuse::<AllocateRequestProto>("allocate", class, "killed")
    );
    let error = news.unwrap_err();
    assert!(
        matches!(error, AmError::AttemptOver(_)) && error.is_terminal(),
        "{error}"
    );
}

#[tokio::test]
async fn the_active_resource_manager_is_found_behind_dead_and_standby_ones() {
    let (ipc, mut listener) = network(&["rm1:8030"]);
    let mut client = AmClient::new(options(&["rm1:8030", "rm2:8030", "rm3:8030"], ipc)).unwrap();
    let serve = async {
        let mut standby = listener.accept_token().await;
        let class = "org.apache.hadoop.ipc.StandbyException";
        standby
            .refuse::<RegisterApplicationMasterRequestProto>("registerApplicationMaster", class, "")
            .await;
        let mut active = listener.accept_token().await;
        active
            .serve::<RegisterApplicationMasterRequestProto>("registerApplicationMaster", &registered())
            .await;
        (standby.address, active.address)
    };
    let (registration, found) = tokio::join!(client.register("host", None, ""), serve);
    registration.unwrap();
    assert_eq!(found, ("rm2:8030".to_owned(), "rm3:8030".to_owned()));
}

#[tokio::test]
async fn a_rolled_token_is_used_for_the_next_login() {
    let (mut client, mut listener, mut peer) = connected().await;
    let rolled = Token::new(vec![9, 9], vec![8, 8], TokenKind::AmRm, "");
    beat(
        &mut client,
        &mut peer,
        AllocateResponseProto {
            am_rm_token: Some((&rolled).into()),
            ..answer(1)
        },
    )
    .await;
    drop(peer);
    let log_in = async {
        let mut peer = listener.accept().await;
        peer.log_in_with(&rolled).await;
        peer.serve::<AllocateRequestProto>("allocate", &answer(2)).await
    };
    let (news, request) = tokio::join!(client.allocate(0.2), log_in);
    news.unwrap();
    assert_eq!(request.response_id(), 1);
}

#[tokio::test]
async fn finishing_waits_for_the_confirmation_and_survives_a_restart() {
    let (mut client, _listener, mut peer) = connected().await;
    let unconfirmed = FinishApplicationMasterResponseProto {
        is_unregistered: Some(false),
    };
    let confirmed = FinishApplicationMasterResponseProto {
        is_unregistered: Some(true),
    };
    let serve = async {
        let finish = "finishApplicationMaster";
        peer.serve::<FinishApplicationMasterRequestProto>(finish, &unconfirmed)
            .await;
        peer.refuse::<FinishApplicationMasterRequestProto>(finish, NOT_REGISTERED, "restarted")
            .await;
        peer.serve::<RegisterApplicationMasterRequestProto>("registerApplicationMaster", &registered())
            .await;
        peer.serve::<FinishApplicationMasterRequestProto>(finish, &confirmed)
            .await
    };
    let (finished, request) = tokio::join!(client.finish(FinalStatus::Failed, "no luck", "http://history"), serve);
    finished.unwrap();
    assert_eq!(
        (request.diagnostics(), request.tracking_url()),
        ("no luck", "http://history")
    );
    assert_eq!(request.final_application_status, Some(2));
    assert!(matches!(client.allocate(1.0).await, Err(AmError::NotRegistered)));
}

#[tokio::test]
async fn a_revoked_token_is_not_tried_again() {
    let (ipc, mut listener) = network(&[]);
    let mut client = AmClient::new(options(&["rm:8030"], ipc)).unwrap();
    let refuse = async {
        let mut peer = listener.accept().await;
        peer.bytes(7 + 18).await;
        let class = "org.apache.hadoop.security.token.SecretManager$InvalidToken";
        peer.fail(
            -33,
            crate::proto::common::rpc_response_header_proto::RpcStatusProto::Fatal,
            class,
            "rolled",
        )
        .await;
    };
    let (registration, ()) = tokio::join!(client.register("host", None, ""), refuse);
    let error = registration.unwrap_err();
    assert_eq!(error.exception().unwrap().kind(), ExceptionKind::InvalidToken);
    assert!(
        error.is_terminal() && error.to_string().contains("after 0 retries"),
        "{error}"
    );
}
