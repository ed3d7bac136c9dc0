use serde_json::json;
use wiremock::matchers::{any, header, query_param};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};
use yarn_common::token::{Token, TokenKind};

use super::{answer, client};
use crate::auth::{Authenticator, Basic, Bearer, DelegationToken, OnBehalfOf, Simple};
use crate::error::RestErrorKind;
use crate::rm::{BuildError, RmClient};

const INFO: &str = "/ws/v1/cluster/info";

fn info() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({ "clusterInfo": { "state": "STARTED" } }))
}

fn with(url: &str, authenticator: impl Authenticator + 'static) -> Result<RmClient, BuildError> {
    RmClient::builder()
        .resource_manager(url, None)?
        .authenticator(authenticator)
        .build()
}

fn token(kind: TokenKind) -> Token {
    Token::new(&b"identifier"[..], &b"password"[..], kind, "rm:8032")
}

#[tokio::test]
async fn each_authenticator_says_who_asks_in_its_own_way() {
    let server = MockServer::start().await;
    let text = token(TokenKind::ResourceManagerDelegation).to_url_string();
    for mock in [
        Mock::given(header("authorization", "Basic YWxpY2U6OiBwdyA=")),
        Mock::given(header("authorization", "Bearer abc.def")),
        Mock::given(header("x-hadoop-delegation-token", text.as_str())),
        Mock::given(query_param(
            "delegation",
            token(TokenKind::HdfsDelegation).to_url_string(),
        )),
        Mock::given(query_param("doAs", "bob")).and(query_param("user.name", "service")),
    ] {
        mock.respond_with(info()).expect(1).mount(&server).await;
    }
    let url = server.uri();
    let clients = [
        with(&url, Basic::new("alice", ": pw ")),
        with(&url, Bearer::new("abc.def")),
        with(&url, DelegationToken::new(token(TokenKind::ResourceManagerDelegation))),
        with(&url, DelegationToken::new(token(TokenKind::HdfsDelegation))),
        with(&url, OnBehalfOf::new("bob", Simple::new("service"))),
    ];
    for client in clients {
        client.unwrap().info().await.unwrap();
    }
}

#[test]
fn an_authenticator_that_cannot_be_is_refused_when_the_client_is_built() {
    let url = "http://rm:8088";
    for (client, reason) in [
        (with(url, Simple::new(" ")), "the user name is empty"),
        (
            with(url, OnBehalfOf::new("", Simple::new("s"))),
            "the user name is empty",
        ),
        (with(url, Basic::new("a:b", "c")), "\"a:b\" cannot be a user name"),
        (with(url, Bearer::new("abc\n")), "was a file read with its line break"),
        (
            with(
                url,
                DelegationToken::new(Token::new(&b""[..], &b"p"[..], TokenKind::AmRm, "")),
            ),
            "no identifier",
        ),
    ] {
        let error = client.unwrap_err();
        assert!(matches!(error, BuildError::Authenticator { .. }), "{error}");
        assert!(error.to_string().contains(reason), "{error}");
    }
}

#[test]
fn no_secret_is_in_the_debug_output() {
    for text in [
        format!("{:?}", Basic::new("alice", "hush")),
        format!("{:?}", Bearer::new("hush")),
        format!(
            "{:?}",
            DelegationToken::new(Token::new(&b"i"[..], &b"hush"[..], TokenKind::AmRm, ""))
        ),
    ] {
        assert!(!text.contains("hush"), "{text}");
    }
}

#[tokio::test]
async fn a_password_does_not_follow_a_redirect_to_a_stranger() {
    let stranger = MockServer::start().await;
    Mock::given(any()).respond_with(info()).expect(0).mount(&stranger).await;
    let server = MockServer::start().await;
    let location = format!("{}{INFO}", stranger.uri());
    answer(
        "GET",
        INFO,
        ResponseTemplate::new(307).insert_header("Location", location.as_str()),
    )
    .mount(&server)
    .await;
    let error = with(&server.uri(), Basic::new("alice", "hush"))
        .unwrap()
        .info()
        .await
        .unwrap_err();
    assert!(matches!(error.kind(), RestErrorKind::Authenticate(_)), "{error}");
    assert!(error.to_string().contains("is not sent there"), "{error}");
}

#[tokio::test]
async fn a_gateway_leaves_out_ws_and_is_named_where_it_refuses() {
    let server = MockServer::start().await;
    let at = "/gateway/default/resourcemanager/v1/cluster/info";
    answer("GET", at, info()).expect(1).mount(&server).await;
    let url = format!("{}/gateway/default/resourcemanager", server.uri());
    RmClient::builder()
        .gateway(&url)
        .unwrap()
        .build()
        .unwrap()
        .info()
        .await
        .unwrap();

    let server = MockServer::start().await;
    let refused = ResponseTemplate::new(401).insert_header("WWW-Authenticate", "Basic realm=\"knox\"");
    Mock::given(any()).respond_with(refused).mount(&server).await;
    let error = client(&[&server.uri()]).info().await.unwrap_err();
    assert!(
        error.to_string().contains("a user and a password of its own"),
        "{error}"
    );
}

#[cfg(feature = "kerberos")]
mod negotiate {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use yarn_common::gss::{GssError, SecurityContext, SecurityContextProvider};

    use super::*;
    use crate::auth::Negotiate;

    /// Says `first` to `HTTP/127.0.0.1`, then `second` to `challenge`, and wants `proof` of the server.
    #[derive(Debug, Clone, Default)]
    struct Scripted(Arc<AtomicUsize>);

    struct Script(usize);

    impl SecurityContextProvider for Scripted {
        fn initiate(&self, service: &str, host: &str) -> Result<Box<dyn SecurityContext>, GssError> {
            assert_eq!((service, host), ("HTTP", "127.0.0.1"));
            self.0.fetch_add(1, Ordering::Relaxed);
            Ok(Box::new(Script(0)))
        }

        fn describe(&self) -> String {
            "as alice@EXAMPLE.COM, by Kerberos".to_owned()
        }
    }

    impl SecurityContext for Script {
        fn step(&mut self, token: Option<&[u8]>) -> Result<Option<Vec<u8>>, GssError> {
            let said = match (self.0, token) {
                (0, None) => Some(b"first".to_vec()),
                (1, Some(b"challenge")) => Some(b"second".to_vec()),
                (2, Some(b"proof")) => None,
                (step, other) => return Err(format!("step {step}: {other:?}").into()),
            };
            self.0 += 1;
            Ok(said)
        }

        fn is_established(&self) -> bool {
            self.0 == 3
        }
    }

    fn negotiate(token: &str) -> String {
        format!("Negotiate {}", STANDARD.encode(token))
    }

    /// Asks for two rounds, gives a cookie with its last token, and takes the cookie from then on.
    async fn kerberised(last: &'static str) -> MockServer {
        let server = MockServer::start().await;
        let answer = move |request: &Request| {
            let header = |name: &str| {
                request
                    .headers
                    .get(name)
                    .map(|value| value.to_str().unwrap().to_owned())
            };
            let challenge = |value: &str| ResponseTemplate::new(401).insert_header("WWW-Authenticate", value);
            if header("cookie").as_deref() == Some("hadoop.auth=\"u=alice\"") {
                return info();
            }
            match header("authorization") {
                Some(said) if said == negotiate("first") => challenge(&negotiate("challenge")),
                Some(said) if said == negotiate("second") => info()
                    .insert_header("WWW-Authenticate", negotiate(last).as_str())
                    .insert_header("Set-Cookie", "hadoop.auth=\"u=alice\"; Path=/; HttpOnly"),
                _ => challenge("Negotiate"),
            }
        };
        Mock::given(any()).respond_with(answer).mount(&server).await;
        server
    }

    #[tokio::test]
    async fn a_login_takes_its_rounds_once_and_the_cookie_serves_from_then_on() {
        let server = kerberised("proof").await;
        let provider = Scripted::default();
        let rm = with(&server.uri(), Negotiate::new(provider.clone())).unwrap();
        rm.info().await.unwrap();
        rm.info().await.unwrap();
        assert_eq!(
            server.received_requests().await.unwrap().len(),
            4,
            "401, 401, 200 and 200"
        );
        assert_eq!(provider.0.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_server_that_cannot_prove_itself_is_not_believed() {
        let server = kerberised("lie").await;
        let rm = with(&server.uri(), Negotiate::new(Scripted::default())).unwrap();
        let error = rm.info().await.unwrap_err();
        assert!(matches!(error.kind(), RestErrorKind::Authenticate(_)), "{error}");
        assert!(error.to_string().contains("has not proved who it is"), "{error}");
    }

    #[tokio::test]
    async fn a_server_that_refuses_the_ticket_is_not_asked_for_ever() {
        let server = MockServer::start().await;
        let refused = ResponseTemplate::new(401).insert_header("WWW-Authenticate", "Negotiate");
        Mock::given(any()).respond_with(refused).expect(2).mount(&server).await;
        let rm = with(&server.uri(), Negotiate::new(Scripted::default())).unwrap();
        let error = rm.info().await.unwrap_err();
        assert!(matches!(error.kind(), RestErrorKind::Unauthorized { .. }), "{error}");
        assert!(error.to_string().contains("as alice@EXAMPLE.COM"), "{error}");
    }
}
