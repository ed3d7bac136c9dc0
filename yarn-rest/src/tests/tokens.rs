//! Delegation tokens of the ResourceManager, which only a cluster with Kerberos gives: the answers are those of
//! Hadoop's documentation (ResourceManagerRest.md, "Cluster Delegation Tokens API").

use serde_json::json;
use wiremock::matchers::{body_json, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};
use yarn_common::token::TokenKind;

use super::{answer, client, remote_exception};
use crate::error::RestErrorKind;

const TOKENS: &str = "/ws/v1/cluster/delegation-token";
const EXPIRATION: &str = "/ws/v1/cluster/delegation-token/expiration";
const TEXT: &str = "MgASY2xpZW50QEVYQU1QTEUuQ09NDHRlc3QtcmVuZXdlcgCKAUckiEZpigFHSJTKaQECFN9EMM9BzfPoDxu572EVUpzqhnSGE1JNX0RFTEVHQVRJT05fVE9LRU4A";

async fn giving() -> MockServer {
    let server = MockServer::start().await;
    let given = json!({
        "token": TEXT,
        "renewer": "test-renewer",
        "owner": "client@EXAMPLE.COM",
        "kind": "RM_DELEGATION_TOKEN",
        "expiration-time": 1_405_153_616_489_u64,
        "max-validity": 1_405_672_016_489_u64
    });
    Mock::given(method("POST"))
        .and(path(TOKENS))
        .and(body_json(json!({ "renewer": "test-renewer" })))
        .respond_with(ResponseTemplate::new(200).set_body_json(given))
        .expect(1)
        .mount(&server)
        .await;
    server
}

#[tokio::test]
async fn a_token_is_given_renewed_and_cancelled() {
    let server = giving().await;
    Mock::given(method("POST"))
        .and(path(EXPIRATION))
        .and(header("Hadoop-YARN-RM-Delegation-Token", TEXT))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "expiration-time": 1_404_112_520_402_u64 })))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(method("DELETE"))
        .and(path(TOKENS))
        .and(header("Hadoop-YARN-RM-Delegation-Token", TEXT))
        .respond_with(ResponseTemplate::new(200))
        .expect(1)
        .mount(&server)
        .await;
    let rm = client(&[&server.uri()]);
    let given = rm.delegation_token("test-renewer").await.unwrap();
    assert_eq!(
        (given.owner.as_deref(), given.renewer.as_deref()),
        (Some("client@EXAMPLE.COM"), Some("test-renewer"))
    );
    assert_eq!(
        (given.expiration_time, given.max_validity),
        (Some(1_405_153_616_489), Some(1_405_672_016_489))
    );
    assert!(!format!("{given:?}").contains(TEXT));
    let token = given.token().unwrap();
    assert_eq!(token.kind(), &TokenKind::ResourceManagerDelegation);
    assert_eq!(token.to_url_string(), TEXT);
    assert_eq!(rm.renew_delegation_token(&token).await.unwrap(), 1_404_112_520_402);
    rm.cancel_delegation_token(&token).await.unwrap();
}

#[tokio::test]
async fn a_renewal_that_is_refused_says_why_and_shows_no_token() {
    let server = giving().await;
    let refusal = remote_exception(
        "ForbiddenException",
        "client tries to renew a token with renewer test-renewer",
    );
    answer("POST", EXPIRATION, ResponseTemplate::new(403).set_body_json(refusal))
        .expect(1)
        .mount(&server)
        .await;
    let rm = client(&[&server.uri()]);
    let token = rm.delegation_token("test-renewer").await.unwrap().token().unwrap();
    let error = rm.renew_delegation_token(&token).await.unwrap_err();
    assert!(matches!(error.kind(), RestErrorKind::Forbidden { .. }), "{error}");
    assert!(error.to_string().contains("with renewer test-renewer"), "{error}");
    assert!(!format!("{error:?}").contains(TEXT));
    let nobody = rm.delegation_token(" ").await.unwrap_err();
    assert!(nobody.to_string().contains("the name of a renewer"), "{nobody}");
}
