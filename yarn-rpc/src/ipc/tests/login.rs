use std::sync::Arc;

use yarn_common::sasl::{Qop, SaslError};

use super::{ADDRESS, allocate, client, expect, hex_bytes, numbered};
use crate::{
    ipc::{CallOptions, ExceptionKind, Identity, IpcClient, IpcError, IpcOptions, LoginError, Protocol},
    proto::{
        common::{
            rpc_response_header_proto::RpcStatusProto,
            rpc_sasl_proto::{SaslAuth, SaslState},
        },
        yarn::{AllocateRequestProto, RegisterApplicationMasterRequestProto, RegisterApplicationMasterResponseProto},
    },
    testing::{CapturedNonce, Listener, Peer, challenge, network, token_auth},
};

#[tokio::test]
async fn a_captured_login_and_first_call_are_replayed_byte_for_byte() {
    let (options, mut listener) = network(&[]);
    let client = client(IpcOptions {
        entropy: Arc::new(CapturedNonce),
        ..options
    });
    let registering = tokio::spawn(async move {
        let request = RegisterApplicationMasterRequestProto {
            host: Some("h".to_owned()),
            rpc_port: Some(-1),
            tracking_url: Some("http://u".to_owned()),
            ..Default::default()
        };
        let options = CallOptions::default();
        client
            .call::<_, RegisterApplicationMasterResponseProto>("registerApplicationMaster", &request, options)
            .await
    });
    let mut peer = listener.accept().await;
    expect(&mut peer, hex_bytes("68727063 09 00 df")).await;
    expect(&mut peer, hex_bytes("0000000e 0a 0802 1000 1841 2200 2801 02 1001")).await;
    let auth = format!(
        "0a05{} 120a{} 1a00 2207{}",
        hex::encode("TOKEN"),
        hex::encode("DIGEST-MD5"),
        hex::encode("default")
    );
    let offer = format!("9101 1001 228c01 {auth} 2a6c {}", hex::encode(challenge(Qop::Auth)));
    peer.write(&hex_bytes(&format!(
        "000000a2 0e 08dfffffff0f 1000 1809 3a00 4001 {offer}"
    )))
    .await;
    let response = "charset=utf-8,username=\"Cg0KCQgBEIDQlf+8MRABEAc=\",realm=\"default\",\
        nonce=\"MbauJ9HUEMrqsDhdhNFfSWXM7hWyN/VqDYgONTdo\",nc=00000001,\
        cnonce=\"3fKeMB0raT/m3csL03ZWQ1KjBbc3+2W1kBfr1tD8\",digest-uri=\"/default\",maxbuf=65536,\
        response=e71922ffe0925b5472000302194686b9,qop=auth";
    let initiate = format!("ab02 1002 1a8602 {} 221e {auth}", hex::encode(response));
    expect(
        &mut peer,
        hex_bytes(&format!("00000138 0a 0802 1000 1841 2200 2801 {initiate}")),
    )
    .await;
    let proof = hex::encode("rspauth=55d97cc30059e4e3ad01f3eea11b5ba1");
    peer.write(&hex_bytes(&format!(
        "0000003c 0e 08dfffffff0f 1000 1809 3a00 4001 2c 1000 1a28 {proof}"
    )))
    .await;

    let protocol = hex::encode(Protocol::APPLICATION_MASTER.name);
    let head = peer.bytes(12).await;
    assert_eq!(head, hex_bytes("00000056 1a 0802 1000 1805 22"));
    let id = hex::encode(&peer.bytes(17).await[1..]);
    expect(&mut peer, hex_bytes(&format!("2801 3a 1200 1a36 {protocol}"))).await;
    let method = format!("0a19 {} 1236 {protocol} 1801", hex::encode("registerApplicationMaster"));
    let body = format!("0a0168 10ffffffffffffffffff01 1a08{}", hex::encode("http://u"));
    let call = format!("0000008a 1a 0802 1000 1800 2210 {id} 2800 55 {method} 18 {body}");
    expect(&mut peer, hex_bytes(&call)).await;
    peer.write(&hex_bytes(&format!(
        "00000024 1a 0800 1000 1809 3a10 {id} 4000 08 2a06 {}",
        hex::encode("root.a")
    )))
    .await;
    assert_eq!(registering.await.unwrap().unwrap().queue(), "root.a");
}

#[tokio::test]
async fn a_simple_user_is_named_in_the_context_without_any_sasl() {
    let (options, mut listener) = network(&[]);
    let identity = Identity::Simple {
        user: "alice".to_owned(),
    };
    let client = IpcClient::new(ADDRESS, Protocol::APPLICATION_CLIENT, identity, options);
    let call = allocate(&client, 1);
    let mut peer = listener.accept().await;
    assert_eq!(peer.bytes(7).await, &b"hrpc\x09\x00\x00"[..]);
    let context = peer.context().await;
    assert_eq!(context.user_info.unwrap().effective_user(), "alice");
    assert_eq!(context.protocol.as_deref(), Some(Protocol::APPLICATION_CLIENT.name));
    peer.serve::<AllocateRequestProto>("allocate", &numbered(2)).await;
    assert_eq!(call.await.unwrap().unwrap(), 2);
}

/// The server's side up to the answer to NEGOTIATE.
async fn negotiate(listener: &mut Listener, state: SaslState, auths: Vec<SaslAuth>) -> Peer {
    let mut peer = listener.accept().await;
    peer.bytes(7 + 18).await;
    peer.send_sasl(state, None, auths).await;
    peer
}

#[tokio::test]
async fn a_server_without_tokens_is_used_only_under_a_named_user() {
    let (options, mut listener) = network(&[]);
    let refused = allocate(&client(options.clone()), 1);
    negotiate(&mut listener, SaslState::Success, Vec::new()).await;
    let error = refused.await.unwrap().unwrap_err();
    assert!(
        matches!(
            error,
            IpcError::Login {
                source: LoginError::NoUser,
                ..
            }
        ),
        "{error}"
    );

    let call = allocate(
        &client(IpcOptions {
            simple_user: Some("alice".to_owned()),
            ..options
        }),
        1,
    );
    let mut peer = negotiate(&mut listener, SaslState::Success, Vec::new()).await;
    assert_eq!(peer.context().await.user_info.unwrap().effective_user(), "alice");
    peer.serve::<AllocateRequestProto>("allocate", &numbered(2)).await;
    assert_eq!(call.await.unwrap().unwrap(), 2);
}

#[tokio::test]
async fn a_server_that_wants_another_login_is_named() {
    let (options, mut listener) = network(&[]);
    let call = allocate(&client(options), 1);
    let kerberos = SaslAuth {
        method: "KERBEROS".to_owned(),
        mechanism: "GSSAPI".to_owned(),
        ..Default::default()
    };
    negotiate(&mut listener, SaslState::Negotiate, vec![kerberos]).await;
    let error = call.await.unwrap().unwrap_err();
    assert!(error.to_string().contains("KERBEROS GSSAPI"), "{error}");
    assert!(error.was_not_sent());
}

#[tokio::test]
async fn a_server_that_cannot_prove_the_password_is_refused() {
    let (options, mut listener) = network(&[]);
    let call = allocate(&client(options), 1);
    let auth = token_auth(Some(challenge(Qop::Auth).into_bytes()));
    let mut peer = negotiate(&mut listener, SaslState::Negotiate, vec![auth]).await;
    peer.frame().await;
    peer.send_sasl(
        SaslState::Success,
        Some(format!("rspauth={}", "0".repeat(32)).into_bytes()),
        Vec::new(),
    )
    .await;
    let error = call.await.unwrap().unwrap_err();
    let expected = LoginError::Sasl(SaslError::ServerProof);
    assert!(
        matches!(&error, IpcError::Login { source, .. } if *source == expected),
        "{error}"
    );
}

#[tokio::test]
async fn a_refused_token_is_an_exception_of_its_class() {
    let (options, mut listener) = network(&[]);
    let call = allocate(&client(options), 1);
    let auth = token_auth(Some(challenge(Qop::Auth).into_bytes()));
    let mut peer = negotiate(&mut listener, SaslState::Negotiate, vec![auth]).await;
    peer.frame().await;
    let class = "org.apache.hadoop.security.token.SecretManager$InvalidToken";
    peer.fail(
        -33,
        RpcStatusProto::Fatal,
        class,
        "appattempt_1 not found in AMRMTokenSecretManager.",
    )
    .await;
    let error = call.await.unwrap().unwrap_err();
    let exception = error.remote().unwrap();
    assert_eq!(exception.kind(), ExceptionKind::InvalidToken);
    assert_eq!(exception.message(), "appattempt_1 not found in AMRMTokenSecretManager.");
}

#[tokio::test]
async fn a_challenge_that_comes_late_and_a_proof_in_a_challenge_are_understood() {
    let (options, mut listener) = network(&[]);
    let call = allocate(
        &client(IpcOptions {
            entropy: Arc::new(CapturedNonce),
            ..options
        }),
        1,
    );
    let mut peer = negotiate(&mut listener, SaslState::Negotiate, vec![token_auth(None)]).await;
    peer.frame().await;
    peer.send_sasl(
        SaslState::Challenge,
        Some(challenge(Qop::Auth).into_bytes()),
        Vec::new(),
    )
    .await;
    peer.frame().await;
    let proof = b"rspauth=55d97cc30059e4e3ad01f3eea11b5ba1".to_vec();
    peer.send_sasl(SaslState::Challenge, Some(proof), Vec::new()).await;
    peer.frame().await;
    peer.send_sasl(SaslState::Success, None, Vec::new()).await;
    peer.context().await;
    peer.serve::<AllocateRequestProto>("allocate", &numbered(2)).await;
    assert_eq!(call.await.unwrap().unwrap(), 2);
}

#[tokio::test]
async fn a_new_identity_counts_from_the_next_connection_on() {
    let (options, mut listener) = network(&[]);
    let client = client(options);
    let call = allocate(&client, 1);
    let mut peer = listener.accept_token().await;
    client.set_identity(Identity::Simple { user: "bob".to_owned() });
    peer.serve::<AllocateRequestProto>("allocate", &numbered(2)).await;
    call.await.unwrap().unwrap();
    drop(peer);
    let next = allocate(&client, 2);
    let mut peer = listener.accept().await;
    assert_eq!(peer.bytes(7).await[6], 0);
    assert_eq!(peer.context().await.user_info.unwrap().effective_user(), "bob");
    drop(next);
}
