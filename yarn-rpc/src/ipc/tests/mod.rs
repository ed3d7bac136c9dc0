mod kerberos;
mod login;
mod writes;

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use yarn_common::sasl::Qop;

use super::*;
use crate::{
    proto::{
        common::rpc_response_header_proto::RpcStatusProto,
        yarn::{AllocateRequestProto, AllocateResponseProto},
    },
    testing::{Peer, network, token},
};

const SHORT: Duration = Duration::from_millis(60);
const ADDRESS: &str = "rm:8030";

fn client(options: IpcOptions) -> IpcClient {
    IpcClient::new(ADDRESS, Protocol::APPLICATION_MASTER, Identity::Token(token()), options)
}

/// Calls allocate with a number, in a task of its own.
fn allocate(client: &IpcClient, number: i32) -> tokio::task::JoinHandle<Result<i32, IpcError>> {
    let client = client.clone();
    tokio::spawn(async move {
        let request = AllocateRequestProto {
            response_id: Some(number),
            ..Default::default()
        };
        let answer = client
            .call::<_, AllocateResponseProto>("allocate", &request, CallOptions::default())
            .await;
        answer.map(|answer| answer.response_id())
    })
}

fn numbered(number: i32) -> AllocateResponseProto {
    AllocateResponseProto {
        response_id: Some(number),
        ..Default::default()
    }
}

fn hex_bytes(text: &str) -> Vec<u8> {
    hex::decode(text.split_whitespace().collect::<String>()).unwrap()
}

async fn expect(peer: &mut Peer, bytes: Vec<u8>) {
    let received = peer.bytes(bytes.len()).await;
    assert_eq!(hex::encode(&received), hex::encode(&bytes));
}

#[tokio::test]
async fn protected_streams_carry_calls_of_any_size() {
    for qop in [Qop::AuthInt, Qop::AuthConf] {
        let (options, mut listener) = network(&[]);
        let client = client(options);
        let large = AllocateRequestProto {
            tracking_url: Some("u".repeat(150_000)),
            ..Default::default()
        };
        let request = large.clone();
        let call = tokio::spawn(async move {
            client
                .call::<_, AllocateResponseProto>("allocate", &request, CallOptions::default())
                .await
        });
        let mut peer = listener.accept().await;
        peer.log_in(qop).await;
        let received: AllocateRequestProto = peer.serve("allocate", &numbered(3)).await;
        assert_eq!(received, large);
        assert_eq!(call.await.unwrap().unwrap().response_id(), 3);
    }
}

#[tokio::test]
async fn calls_in_flight_are_matched_by_their_id() {
    let (options, mut listener) = network(&[]);
    let client = client(options);
    let calls: Vec<_> = (0..5).map(|number| allocate(&client, number)).collect();
    let mut peer = listener.accept_token().await;
    let mut received = Vec::new();
    for _ in 0..5 {
        received.push(peer.call().await);
    }
    for call in received.iter().rev() {
        let number = call.decode::<AllocateRequestProto>().response_id();
        peer.reply(call, &numbered(number + 100)).await;
    }
    for (number, call) in calls.into_iter().enumerate() {
        assert_eq!(call.await.unwrap().unwrap(), number as i32 + 100);
    }
}

#[tokio::test]
async fn an_exception_fails_its_call_alone() {
    let (options, mut listener) = network(&[]);
    let client = client(options);
    let first = allocate(&client, 1);
    let mut peer = listener.accept_token().await;
    let class = "org.apache.hadoop.yarn.exceptions.ApplicationMasterNotRegisteredException";
    peer.refuse::<AllocateRequestProto>("allocate", class, "not registered")
        .await;
    let error = first.await.unwrap().unwrap_err();
    assert_eq!(
        error.remote().unwrap().kind(),
        ExceptionKind::ApplicationMasterNotRegistered
    );
    assert_eq!(error.remote().unwrap().message(), "not registered");
    let second = allocate(&client, 2);
    peer.serve::<AllocateRequestProto>("allocate", &numbered(3)).await;
    assert_eq!(second.await.unwrap().unwrap(), 3);
}

#[tokio::test]
async fn a_lost_connection_fails_all_calls_and_the_next_one_connects_anew() {
    let (options, mut listener) = network(&[]);
    let client = client(options);
    let calls = [allocate(&client, 1), allocate(&client, 2)];
    let mut peer = listener.accept_token().await;
    peer.call().await;
    peer.call().await;
    drop(peer);
    for call in calls {
        let error = call.await.unwrap().unwrap_err();
        assert!(
            matches!(error, IpcError::ConnectionLost { .. }) && error.is_transport(),
            "{error}"
        );
    }
    let next = allocate(&client, 3);
    listener
        .accept_token()
        .await
        .serve::<AllocateRequestProto>("allocate", &numbered(4))
        .await;
    assert_eq!(next.await.unwrap().unwrap(), 4);
}

#[tokio::test]
async fn a_fatal_answer_fails_all_calls_with_its_reason() {
    let (options, mut listener) = network(&[]);
    let client = client(options);
    let calls = [allocate(&client, 1), allocate(&client, 2)];
    let mut peer = listener.accept_token().await;
    peer.call().await;
    peer.call().await;
    let class = "org.apache.hadoop.security.AccessControlException";
    peer.fail(
        -1,
        RpcStatusProto::Fatal,
        class,
        "SIMPLE authentication is not enabled.",
    )
    .await;
    for call in calls {
        let error = call.await.unwrap().unwrap_err();
        assert_eq!(error.remote().unwrap().kind(), ExceptionKind::AccessControl);
    }
}

#[tokio::test]
async fn a_silent_server_costs_a_call_its_deadline_and_its_connection() {
    let (options, mut listener) = network(&[]);
    let client = client(IpcOptions {
        call_timeout: SHORT,
        ..options
    });
    let call = allocate(&client, 1);
    let mut silent = listener.accept_token().await;
    silent.call().await;
    assert!(matches!(
        call.await.unwrap(),
        Err(IpcError::Timeout { method: "allocate", .. })
    ));
    assert!(silent.is_closed().await);
    let next = allocate(&client, 2);
    let _still_silent = listener.accept_token().await;
    assert!(matches!(next.await.unwrap(), Err(IpcError::Timeout { .. })));
}

#[tokio::test]
async fn a_server_that_is_slow_with_one_call_keeps_its_connection() {
    let (options, mut listener) = network(&[]);
    let client = client(options);
    let request = AllocateRequestProto::default();
    let impatient = CallOptions {
        timeout: Some(SHORT),
        retry: 0,
    };
    let slow = client.clone();
    let slow = tokio::spawn(async move { slow.call::<_, AllocateResponseProto>("slow", &request, impatient).await });
    let mut peer = listener.accept_token().await;
    let unanswered = peer.call().await;
    let other = allocate(&client, 1);
    peer.serve::<AllocateRequestProto>("allocate", &numbered(2)).await;
    assert_eq!(other.await.unwrap().unwrap(), 2);
    assert!(matches!(slow.await.unwrap(), Err(IpcError::Timeout { .. })));
    peer.reply(&unanswered, &numbered(9)).await;
    let next = allocate(&client, 3);
    peer.serve::<AllocateRequestProto>("allocate", &numbered(4)).await;
    assert_eq!(next.await.unwrap().unwrap(), 4);
}

#[tokio::test]
async fn a_waiting_call_keeps_the_connection_alive_with_pings() {
    let (options, mut listener) = network(&[]);
    let client = client(IpcOptions {
        ping_interval: Duration::from_millis(20),
        ..options
    });
    let call = allocate(&client, 1);
    let mut peer = listener.accept_token().await;
    let waiting = peer.call().await;
    let id = hex::encode(&waiting.header.client_id);
    for _ in 0..2 {
        expect(
            &mut peer,
            hex_bytes(&format!("0000001b 1a 0802 1000 1807 2210 {id} 2801")),
        )
        .await;
    }
    peer.reply(&waiting, &numbered(2)).await;
    assert_eq!(call.await.unwrap().unwrap(), 2);
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_a_dropped_handle_closes_a_busy_one() {
    let (options, mut listener) = network(&[]);
    let idle = client(IpcOptions {
        idle_timeout: Some(SHORT),
        ..options.clone()
    });
    let call = allocate(&idle, 1);
    let mut peer = listener.accept_token().await;
    peer.serve::<AllocateRequestProto>("allocate", &numbered(2)).await;
    call.await.unwrap().unwrap();
    assert!(peer.is_closed().await);

    let dropped = client(options);
    let call = allocate(&dropped, 1);
    let mut peer = listener.accept_token().await;
    peer.call().await;
    call.abort();
    drop(dropped);
    assert!(peer.is_closed().await);
}

#[tokio::test]
async fn unusable_answers_are_explained() {
    let class = "org.apache.hadoop.ipc.RPC$VersionMismatch";
    let mut mismatch = vec![0xff; 4];
    for text in [class, "Server IPC version 8 cannot communicate with client version 9"] {
        mismatch.extend((text.len() as u32).to_be_bytes());
        mismatch.extend(text.as_bytes());
    }
    let table: [(&[u8], &str); 5] = [
        (b"HTTP/1.1 404 Not Found\r\n", "speaks HTTP"),
        (&mismatch, "Server IPC version 8"),
        (&[0x7f, 0, 0, 0], "exceeds the limit"),
        (&[0, 0, 0, 2, 9, 9], "cannot be decoded"),
        (&[0, 0, 0, 0], "cannot be decoded"),
    ];
    for (answer, expected) in table {
        let (options, mut listener) = network(&[]);
        let call = allocate(&client(options), 1);
        let mut peer = listener.accept_token().await;
        peer.call().await;
        peer.stream.write_all(answer).await.unwrap();
        let error = call.await.unwrap().unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(!error.is_transport());
    }
}

#[tokio::test]
async fn a_request_beyond_the_limit_is_not_sent() {
    let (options, _listener) = network(&[]);
    let client = client(IpcOptions {
        max_request: 10,
        ..options
    });
    let request = AllocateRequestProto {
        tracking_url: Some("a long address".to_owned()),
        ..Default::default()
    };
    let result = client
        .call::<_, AllocateResponseProto>("allocate", &request, CallOptions::default())
        .await;
    assert!(matches!(result, Err(IpcError::RequestTooLarge { limit: 10, .. })));
}

#[tokio::test]
async fn an_address_that_refuses_is_named() {
    let (options, _listener) = network(&[ADDRESS]);
    let error = allocate(&client(options), 1).await.unwrap().unwrap_err();
    assert!(matches!(error, IpcError::Connect { .. }) && error.was_not_sent());
    assert!(error.to_string().contains(ADDRESS), "{error}");
}
