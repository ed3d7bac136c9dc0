//! The GSSAPI login against a context of the test's own: two rounds, then a protection that shifts bytes by one.

use crate::gss::{GssError, SecurityContext};

use super::*;

#[derive(Default)]
struct Rounds {
    said: u8,
    established: bool,
}

impl SecurityContext for Rounds {
    fn step(&mut self, token: Option<&[u8]>) -> Result<Option<Vec<u8>>, GssError> {
        self.said += 1;
        match (self.said, token) {
            (1, None) => Ok(Some(b"request".to_vec())),
            (2, Some(b"reply")) => {
                self.established = true;
                Ok(None)
            }
            (said, token) => Err(format!("step {said} with {token:?}").into()),
        }
    }

    fn is_established(&self) -> bool {
        self.established
    }

    fn wrap(&mut self, encrypt: bool, message: &[u8]) -> Result<Vec<u8>, GssError> {
        let shifted = message.iter().map(|byte| byte.wrapping_add(1));
        Ok([u8::from(encrypt)].into_iter().chain(shifted).collect())
    }

    fn unwrap_message(&mut self, message: &[u8]) -> Result<Vec<u8>, GssError> {
        let (_, body) = message.split_first().ok_or("too short")?;
        Ok(body.iter().map(|byte| byte.wrapping_sub(1)).collect())
    }
}

/// A login up to the server's offer, which it answers.
fn offered(offer: [u8; 4], weakest: Qop) -> (GssapiLogin, Result<Vec<u8>, SaslError>) {
    let mut login = GssapiLogin::new(Box::<Rounds>::default(), weakest);
    assert_eq!(login.begin().unwrap(), b"request");
    assert_eq!(
        login.respond(b"reply").unwrap(),
        b"",
        "nothing more to say, and it is said"
    );
    let wrapped = Rounds::default().wrap(false, &offer).unwrap();
    let answer = login.respond(&wrapped);
    (login, answer)
}

#[test]
fn the_strongest_layer_is_agreed_and_protects_both_ways() {
    let table = [
        (7, Qop::Auth, 4, Some(1)),
        (3, Qop::Auth, 2, Some(0)),
        (1, Qop::Auth, 1, None),
        (6, Qop::AuthConf, 4, Some(1)),
    ];
    for (layers, weakest, chosen, encrypted) in table {
        let (login, answer) = offered([layers, 0, 255, 255], weakest);
        let answer = Rounds::default().unwrap_message(&answer.unwrap()).unwrap();
        assert_eq!(answer[0], chosen);
        assert_eq!(answer[1..] == [0, 0, 0], encrypted.is_none());
        match (login.finish().unwrap(), encrypted) {
            (None, None) => {}
            (Some((mut sealer, mut opener)), Some(encrypted)) => {
                let sealed = sealer.seal(b"abc").unwrap();
                assert_eq!(sealed, &[encrypted, b'b', b'c', b'd'][..]);
                assert_eq!(opener.open(&sealed).unwrap(), &b"abc"[..]);
                assert_eq!(sealer.max_message(), Some(65535 - 256));
            }
            (layer, _) => panic!("layers {layers} gave {layer:?}"),
        }
    }
}

#[test]
fn a_server_that_offers_too_little_or_nonsense_is_refused() {
    let (_, answer) = offered([1, 0, 0, 0], Qop::AuthConf);
    let error = answer.unwrap_err().to_string();
    assert!(error.contains("\"auth\"") && error.contains("auth-conf"), "{error}");
    let (_, answer) = offered([0, 0, 0, 0], Qop::Auth);
    assert!(matches!(answer, Err(SaslError::NothingInCommon { .. })));

    let mut login = GssapiLogin::new(Box::<Rounds>::default(), Qop::Auth);
    login.begin().unwrap();
    let error = login.respond(b"forged").unwrap_err().to_string();
    assert!(error.contains("Kerberos login failed"), "{error}");

    let mut login = GssapiLogin::new(Box::<Rounds>::default(), Qop::Auth);
    login.begin().unwrap();
    login.respond(b"reply").unwrap();
    assert!(matches!(login.respond(b"\x00\x01"), Err(SaslError::Challenge(_))));
    assert_eq!(login.finish().err(), Some(SaslError::ServerProof), "accepted too early");
}
