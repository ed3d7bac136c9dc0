//! Logins with tickets, over a security context of the test's own, and demands on the protection.

use std::sync::Arc;

use yarn_common::{
    gss::{GssError, SecurityContext, SecurityContextProvider},
    sasl::Qop,
};

use super::{ADDRESS, allocate, client, numbered};
use crate::{
    ipc::{Identity, IpcClient, IpcError, IpcOptions, KerberosLogin, LoginError, Protocol},
    proto::{
        common::rpc_sasl_proto::{SaslAuth, SaslState},
        yarn::AllocateRequestProto,
    },
    testing::{challenge, network, token_auth},
};

#[derive(Debug)]
struct Tickets {
    valid: bool,
}

impl SecurityContextProvider for Tickets {
    fn initiate(&self, service: &str, host: &str) -> Result<Box<dyn SecurityContext>, GssError> {
        assert_eq!((service, host), ("rm", "rm.example.com"));
        match self.valid {
            true => Ok(Box::new(Rounds { established: false })),
            false => Err("no credentials cache found; get a ticket with kinit".into()),
        }
    }

    fn describe(&self) -> String {
        "with a ticket".to_owned()
    }
}

struct Rounds {
    established: bool,
}

impl SecurityContext for Rounds {
    fn step(&mut self, token: Option<&[u8]>) -> Result<Option<Vec<u8>>, GssError> {
        self.established = token.is_some();
        Ok((!self.established).then(|| b"AP-REQ".to_vec()))
    }

    fn is_established(&self) -> bool {
        self.established
    }

    fn wrap(&mut self, _: bool, message: &[u8]) -> Result<Vec<u8>, GssError> {
        Ok(message.to_vec())
    }

    fn unwrap_message(&mut self, message: &[u8]) -> Result<Vec<u8>, GssError> {
        Ok(message.to_vec())
    }
}

fn kerberos_auth() -> SaslAuth {
    SaslAuth {
        method: "KERBEROS".to_owned(),
        mechanism: "GSSAPI".to_owned(),
        protocol: Some("rm".to_owned()),
        server_id: Some("rm.example.com".to_owned()),
        challenge: None,
    }
}

fn login(valid: bool) -> KerberosLogin {
    KerberosLogin::new(Arc::new(Tickets { valid }))
}

fn ticketed(login: KerberosLogin, options: IpcOptions) -> IpcClient {
    IpcClient::new(
        ADDRESS,
        Protocol::APPLICATION_CLIENT,
        Identity::Kerberos(login),
        options,
    )
}

#[tokio::test]
async fn a_ticket_logs_in_and_the_context_names_no_other_user() {
    let (options, mut listener) = network(&[]);
    let call = allocate(&ticketed(login(true), options), 1);
    let mut peer = listener.accept().await;
    assert_eq!(peer.bytes(7).await[6], 0xdf);
    assert_eq!(peer.sasl().await.state(), SaslState::Negotiate);
    // A token is preferred by the server, and none is at hand.
    let offer = vec![token_auth(None), kerberos_auth()];
    peer.send_sasl(SaslState::Negotiate, None, offer).await;
    let initiate = peer.sasl().await;
    assert_eq!(
        (initiate.state(), initiate.token()),
        (SaslState::Initiate, &b"AP-REQ"[..])
    );
    assert_eq!(initiate.auths, [kerberos_auth()]);
    peer.send_sasl(SaslState::Challenge, Some(b"AP-REP".to_vec()), Vec::new())
        .await;
    assert_eq!(peer.sasl().await.token(), b"");
    peer.send_sasl(SaslState::Challenge, Some(vec![1, 0, 0, 0]), Vec::new())
        .await;
    let chosen = peer.sasl().await;
    assert_eq!(
        (chosen.state(), chosen.token()),
        (SaslState::Response, &[1, 0, 0, 0][..])
    );
    peer.send_sasl(SaslState::Success, None, Vec::new()).await;
    assert_eq!(peer.context().await.user_info.unwrap().effective_user, None);
    peer.serve::<AllocateRequestProto>("allocate", &numbered(2)).await;
    assert_eq!(call.await.unwrap().unwrap(), 2);
}

async fn refused(login: KerberosLogin) -> IpcError {
    let (options, mut listener) = network(&[]);
    let call = allocate(&ticketed(login, options), 1);
    let mut peer = listener.accept().await;
    peer.bytes(7 + 18).await;
    peer.send_sasl(SaslState::Negotiate, None, vec![kerberos_auth()]).await;
    call.await.unwrap().unwrap_err()
}

#[tokio::test]
async fn a_login_without_a_ticket_or_with_another_server_says_so() {
    let error = refused(login(false)).await;
    assert!(error.to_string().contains("kinit"), "{error}");
    let mut elsewhere = login(true);
    elsewhere.server_principal = Some("rm/_HOST@EXAMPLE.COM".to_owned());
    let error = refused(elsewhere).await;
    let expected = LoginError::ServerPrincipal {
        offered: "rm/rm.example.com".to_owned(),
        expected: "rm/rm".to_owned(),
    };
    assert!(
        matches!(&error, IpcError::Login { source, .. } if *source == expected),
        "{error}"
    );
    let mut right = login(true);
    right.server_principal = Some("rm/_HOST@EXAMPLE.COM".to_owned());
    right
        .check_principal("rm.EXAMPLE.com:8032", "rm", "rm.example.com")
        .unwrap();
}

#[tokio::test]
async fn a_server_that_protects_too_little_is_refused() {
    let (options, mut listener) = network(&[]);
    let call = allocate(
        &client(IpcOptions {
            weakest_protection: Qop::AuthConf,
            ..options
        }),
        1,
    );
    let mut peer = listener.accept().await;
    peer.bytes(7 + 18).await;
    let auth = token_auth(Some(challenge(Qop::Auth).into_bytes()));
    peer.send_sasl(SaslState::Negotiate, None, vec![auth]).await;
    let error = call.await.unwrap().unwrap_err();
    assert!(error.to_string().contains("at least auth-conf"), "{error}");
}
