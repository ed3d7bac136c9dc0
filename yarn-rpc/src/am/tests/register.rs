//! Registrations whose answer is lost, and logins that are refused: each with its own message.

use super::*;
use crate::proto::common::rpc_response_header_proto::RpcStatusProto;

const ALREADY: &str = "org.apache.hadoop.yarn.exceptions.InvalidApplicationMasterRequestException";

#[tokio::test]
async fn a_registration_whose_answer_was_lost_counts() {
    let (ipc, mut listener) = network(&[]);
    let mut client = AmClient::new(options(&["rm:8030"], ipc)).unwrap();
    let serve = async {
        // It was taken, and the connection broke before the answer.
        listener.accept_token().await.call().await;
        let mut peer = listener.accept_token().await;
        peer.refuse::<RegisterApplicationMasterRequestProto>(
            "registerApplicationMaster",
            ALREADY,
            "Application Master is already registered : application_1",
        )
        .await;
        peer.serve::<AllocateRequestProto>("allocate", &answer(1)).await
    };
    let walk = async {
        let registration = client.register("host", None, "").await.unwrap();
        client.asks().set(ask(1, 1)).unwrap();
        client.allocate(0.0).await.unwrap();
        registration
    };
    let (registration, request) = tokio::join!(walk, serve);
    assert!(registration.answer_lost);
    assert_eq!((request.response_id(), request.ask.len()), (0, 1));
}

#[tokio::test]
async fn a_cancelled_registration_can_be_repeated() {
    let (ipc, mut listener) = network(&[]);
    let mut client = AmClient::new(options(&["rm:8030"], ipc)).unwrap();
    let mut peer = tokio::select! {
        biased;
        _ = client.register("host", None, "") => panic!("nobody answered"),
        peer = async {
            let mut peer = listener.accept_token().await;
            peer.call().await;
            peer
        } => peer,
    };
    let (registration, _) = tokio::join!(
        client.register("host", None, ""),
        peer.refuse::<RegisterApplicationMasterRequestProto>(
            "registerApplicationMaster",
            ALREADY,
            "Application Master is already registered : application_1",
        )
    );
    assert!(registration.unwrap().answer_lost);
}

#[tokio::test]
async fn a_second_registration_that_nothing_was_lost_of_is_refused() {
    let (ipc, mut listener) = network(&[]);
    let mut client = AmClient::new(options(&["rm:8030"], ipc)).unwrap();
    let serve = async {
        let mut peer = listener.accept_token().await;
        peer.refuse::<RegisterApplicationMasterRequestProto>(
            "registerApplicationMaster",
            ALREADY,
            "Application Master is already registered : application_1",
        )
        .await;
    };
    let (registration, ()) = tokio::join!(client.register("host", None, ""), serve);
    assert!(registration.unwrap_err().to_string().contains("already registered"));
}

#[tokio::test]
async fn a_wrong_token_and_one_of_another_cluster_are_told_apart() {
    let invalid = "org.apache.hadoop.security.token.SecretManager$InvalidToken";
    let table = [
        (
            invalid,
            "appattempt_1 not found in AMRMTokenSecretManager.",
            "another cluster",
        ),
        (
            "javax.security.sasl.SaslException",
            "DIGEST-MD5: digest response format violation. Mismatched response.",
            "password is wrong",
        ),
        (
            "org.apache.hadoop.security.AccessControlException",
            "SIMPLE authentication is not enabled.  Available:[TOKEN]",
            "kind of login",
        ),
    ];
    for (class, message, expected) in table {
        let (ipc, mut listener) = network(&[]);
        let mut client = AmClient::new(options(&["rm:8030"], ipc)).unwrap();
        let refuse = async {
            let mut peer = listener.accept().await;
            peer.bytes(7 + 18).await;
            peer.fail(-33, RpcStatusProto::Fatal, class, message).await;
        };
        let (registration, ()) = tokio::join!(client.register("host", None, ""), refuse);
        let error = registration.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(error.is_terminal());
    }
}

#[tokio::test]
async fn impossible_options_are_refused_and_named() {
    let (ipc, _listener) = network(&[]);
    let none = AmClient::new(options(&[], ipc.clone())).unwrap_err();
    assert!(matches!(none, AmError::NoAddress), "{none}");
    let web = AmClient::new(options(&["rm"], ipc.clone())).unwrap_err();
    assert!(web.to_string().contains("\"rm\""), "{web}");
    let mut wrong = options(&["rm:8030"], ipc);
    wrong.token = Token::new(vec![1], vec![2], TokenKind::NodeManager, "");
    let wrong = AmClient::new(wrong).unwrap_err();
    assert!(wrong.to_string().contains("NMToken"), "{wrong}");
}
