mod gssapi;

use proptest::prelude::*;

use super::*;
use crate::token::{Token, TokenKind};

/// One captured login of each quality of protection.
struct Captured {
    qop: Qop,
    nonce: &'static str,
    cnonce: &'static str,
    session_key: &'static str,
    response: &'static str,
    rspauth: &'static str,
}

const LOGINS: [Captured; 3] = [
    Captured {
        qop: Qop::Auth,
        nonce: "MbauJ9HUEMrqsDhdhNFfSWXM7hWyN/VqDYgONTdo",
        cnonce: "3fKeMB0raT/m3csL03ZWQ1KjBbc3+2W1kBfr1tD8",
        session_key: "52882f5079d612004ad88192cb2e438c",
        response: "e71922ffe0925b5472000302194686b9",
        rspauth: "55d97cc30059e4e3ad01f3eea11b5ba1",
    },
    Captured {
        qop: Qop::AuthInt,
        nonce: "jaIxsu0M9nYv25GjgLNE5Z2WRgcNw+RrZygs14sN",
        cnonce: "ZrTZeyeGGfPKkSV6JE9dak2aBfTzpWyBKcV/xkbo",
        session_key: "abf65398b8d679bd343879a99cadee7b",
        response: "08f340a566e9e8f0e2f190514db3dcc7",
        rspauth: "22defa118456cb59b3b05419d4000f63",
    },
    Captured {
        qop: Qop::AuthConf,
        nonce: "IhthuSl2FpjaDR00grLnKzpyXqaSbPzN7SP0WPcv",
        cnonce: "oFRYPnHGVTORIc7a7hdCYkYAXHVY7qyXOk2/anzL",
        session_key: "8b2f6732789706e3ba946e3cfbe2bb75",
        response: "16cd69f828a52b2305333c474f880d89",
        rspauth: "7deb91e22b04861d46657b6b7a3de001",
    },
];

fn token() -> Token {
    let identifier = hex::decode("0a0d0a0908011080d095ffbc3110011007").unwrap();
    Token::new(identifier, &b"0123456789abcdef0123"[..], TokenKind::AmRm, "")
}

fn challenge(login: &Captured) -> Challenge {
    let cipher = if login.qop == Qop::AuthConf {
        ",cipher=\"3des,rc4,des,rc4-56,rc4-40\""
    } else {
        ""
    };
    let text = format!(
        "realm=\"default\",nonce=\"{}\",qop=\"{}\",charset=utf-8{cipher},algorithm=md5-sess",
        login.nonce, login.qop
    );
    Challenge::parse(text.as_bytes()).unwrap()
}

#[test]
fn captured_logins_are_answered_byte_for_byte() {
    for login in &LOGINS {
        let digest = DigestMd5::for_token(&token());
        let key = digest.session_key("default", login.nonce, login.cnonce);
        assert_eq!(hex::encode(key.as_bytes()), login.session_key);
        let (response, session) = digest.respond(&challenge(login), login.cnonce).unwrap();
        let cipher = if login.qop == Qop::AuthConf {
            ",cipher=\"3des\""
        } else {
            ""
        };
        let expected = format!(
            "charset=utf-8,username=\"Cg0KCQgBEIDQlf+8MRABEAc=\",realm=\"default\",nonce=\"{}\",nc=00000001,\
             cnonce=\"{}\",digest-uri=\"/default\",maxbuf=65536,response={},qop={}{cipher}",
            login.nonce, login.cnonce, login.response, login.qop
        );
        assert_eq!(String::from_utf8(response).unwrap(), expected);
        assert_eq!(session.qop(), login.qop);
        let layer = session.verify(format!("rspauth={}", login.rspauth).as_bytes()).unwrap();
        assert_eq!(layer.is_some(), login.qop != Qop::Auth);
    }
}

#[test]
fn the_captured_response_has_the_captured_length() {
    let (response, _) = DigestMd5::for_token(&token())
        .respond(&challenge(&LOGINS[0]), LOGINS[0].cnonce)
        .unwrap();
    assert_eq!(response.len(), 0x106);
}

#[test]
fn message_keys_are_derived_as_captured() {
    let key = |login: &Captured| {
        let digest = DigestMd5::for_token(&token());
        digest.session_key("default", login.nonce, login.cnonce)
    };
    let integrity = key(&LOGINS[1]);
    assert_eq!(
        hex::encode(integrity.direction(Side::Client, Cipher::TripleDes).signer),
        "f96d8e0ab63e55b835b1a5759406c5e7"
    );
    assert_eq!(
        hex::encode(integrity.direction(Side::Server, Cipher::TripleDes).signer),
        "a5597d1baa2fb51b79a3ab7d3f034f83"
    );
    let privacy = key(&LOGINS[2]).direction(Side::Client, Cipher::TripleDes);
    assert_eq!(hex::encode(privacy.sealer), "294d618daea91c1a2f1386369e86ba1c");
    assert_eq!(
        hex::encode(privacy.triple_des_key()),
        "29a75831da75a4381a16c47062b57a0d"
    );
    assert_eq!(hex::encode(privacy.initial_vector()), "2f1386369e86ba1c");
}

/// The message layout follows the facts; the MAC itself is checked against an HMAC computed here from the captured key.
#[test]
fn an_integrity_message_ends_in_mac_type_and_sequence() {
    let (mut sealer, _) = pair(&LOGINS[1], Side::Client);
    sealer.seal(b"first").unwrap();
    let second = sealer.seal(b"second").unwrap();
    assert!(second.starts_with(b"second"));
    assert_eq!(second.len(), 6 + 10 + 6);
    assert_eq!(second[16..], [0, 1, 0, 0, 0, 1]);
    // HMAC-MD5(f96d8e0ab63e55b835b1a5759406c5e7, 00000001 ‖ "second"), first ten bytes.
    assert_eq!(hex::encode(&second[6..16]), SECOND_MAC);
}

const SECOND_MAC: &str = "290f046829006eb6ca2f";

#[test]
fn the_first_privacy_message_is_triple_des_in_cbc_mode() {
    let (mut sealer, _) = pair(&LOGINS[2], Side::Client);
    let wrapped = sealer.seal(b"hello").unwrap();
    assert_eq!(wrapped.len(), 16 + 6);
    assert_eq!(hex::encode(&wrapped[..16]), HELLO_SEALED);
    assert_eq!(wrapped[16..], [0, 1, 0, 0, 0, 0]);
}

const HELLO_SEALED: &str = "f58ea5737f35d37f3abafffe1cf619b6";

fn pair(login: &Captured, side: Side) -> (Sealer, Opener) {
    let digest = DigestMd5::for_token(&token());
    digest
        .session_key("default", login.nonce, login.cnonce)
        .layer(login.qop, Cipher::TripleDes, side)
        .unwrap()
}

#[test]
fn an_altered_repeated_or_reordered_message_is_refused() {
    for login in &LOGINS[1..] {
        let (mut sealer, _) = pair(login, Side::Client);
        let (first, second) = (
            sealer.seal(b"first message").unwrap(),
            sealer.seal(b"second message").unwrap(),
        );
        for at in 0..first.len() {
            let mut altered = first.to_vec();
            altered[at] ^= 1;
            let (_, mut opener) = pair(login, Side::Server);
            assert!(opener.open(&altered).is_err(), "{} byte {at}", login.qop);
        }
        let (_, mut opener) = pair(login, Side::Server);
        assert!(opener.open(&second).is_err());
        let (_, mut opener) = pair(login, Side::Server);
        assert_eq!(opener.open(&first).unwrap(), &b"first message"[..]);
        assert_eq!(opener.open(&second).unwrap(), &b"second message"[..]);
        assert!(opener.open(&second).is_err());
        assert!(opener.open(b"short").is_err());
    }
}

#[test]
fn the_strongest_usable_protection_is_chosen() {
    let parse = |text: &str| Challenge::parse(format!("nonce=\"n\",algorithm=md5-sess,{text}").as_bytes()).unwrap();
    let strongest = |text: &str| parse(text).strongest(false).map(|(qop, _)| qop);
    assert_eq!(strongest("realm=\"default\""), Ok(Qop::Auth));
    assert_eq!(strongest("qop=\"auth,auth-int\""), Ok(Qop::AuthInt));
    assert_eq!(
        strongest("qop=\"auth-int, auth-conf,auth\",cipher=\"rc4,3des\""),
        Ok(Qop::AuthConf)
    );
    assert_eq!(strongest("qop=\"auth,auth-conf\",cipher=\"rc4\""), Ok(Qop::Auth));
    let unknown = strongest("qop=\"auth-conf\",cipher=\"rot13\"").unwrap_err();
    assert!(unknown.to_string().contains("rot13"), "{unknown}");
}

#[test]
fn broken_ciphers_are_refused_by_name_unless_they_are_allowed() {
    let table = [
        ("rc4", Cipher::Rc4),
        ("des", Cipher::Des),
        ("rc4-56", Cipher::Rc4With56Bits),
        ("rc4-40", Cipher::Rc4With40Bits),
        ("des,rc4,3des", Cipher::TripleDes),
    ];
    for (offered, cipher) in table {
        let text = format!("nonce=\"n\",algorithm=md5-sess,qop=\"auth-conf\",cipher=\"{offered}\"");
        let challenge = Challenge::parse(text.as_bytes()).unwrap();
        let strict = DigestMd5::for_token(&token());
        if cipher == Cipher::TripleDes {
            assert!(strict.respond(&challenge, "c").is_ok());
        } else {
            let error = strict.respond(&challenge, "c").unwrap_err().to_string();
            assert!(error.contains(offered) && error.contains("3des"), "{error}");
        }
        let lenient = strict.with_weak_ciphers(true);
        let (response, session) = lenient.respond(&challenge, "c").unwrap();
        let response = String::from_utf8(response).unwrap();
        assert!(
            response.contains(&format!("cipher=\"{}\"", cipher.as_str())),
            "{response}"
        );
        let (proof, qop, key) = lenient.accept(&challenge, response.as_bytes()).unwrap();
        let (mut sealer, mut opener) = session.verify(&proof).unwrap().unwrap();
        let (mut server_sealer, mut server_opener) = key.layer(qop, cipher, Side::Server).unwrap();
        for message in [&b"first"[..], b"", b"a longer message than a block"] {
            let sealed = sealer.seal(message).unwrap();
            assert!(message.is_empty() || !sealed.windows(message.len()).any(|part| part == message));
            assert_eq!(server_opener.open(&sealed).unwrap(), message);
            assert_eq!(opener.open(&server_sealer.seal(message).unwrap()).unwrap(), message);
        }
        let mut altered = sealer.seal(b"altered on the way").unwrap().to_vec();
        altered[2] ^= 1;
        assert!(server_opener.open(&altered).is_err());
    }
}

#[test]
fn an_unusable_challenge_says_why() {
    let cases = [
        ("qop=\"auth\",algorithm=md5-sess", "no nonce"),
        ("nonce=\"n\",algorithm=sha-256", "sha-256"),
        ("nonce=\"n\",algorithm=md5-sess,qop=\"magic\"", "magic"),
        ("nonce=\"unclosed", "unclosed quote"),
        ("nonce", "without a value"),
    ];
    for (text, reason) in cases {
        let error = Challenge::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn quoted_values_are_unescaped() {
    let challenge = Challenge::parse(br#" nonce="a\"b\\c,d" , algorithm=md5-sess,realm="""#).unwrap();
    assert_eq!(challenge.nonce, r#"a"b\c,d"#);
    assert_eq!(challenge.realm, "");
}

#[test]
fn a_server_accepts_the_right_password_only() {
    for login in &LOGINS {
        let server = DigestMd5::for_token(&token());
        let (response, session) = server.respond(&challenge(login), login.cnonce).unwrap();
        let (proof, qop, _) = server.accept(&challenge(login), &response).unwrap();
        assert_eq!(qop, login.qop);
        assert!(session.verify(&proof).is_ok());
        let other = Token::new(token().identifier().clone(), &b"wrong"[..], TokenKind::AmRm, "");
        assert!(
            DigestMd5::for_token(&other)
                .accept(&challenge(login), &response)
                .is_err()
        );
    }
}

proptest! {
    #[test]
    fn what_one_end_seals_the_other_opens(messages: Vec<Vec<u8>>, confidential: bool) {
        let login = if confidential { &LOGINS[2] } else { &LOGINS[1] };
        let (mut client_sealer, mut client_opener) = pair(login, Side::Client);
        let (mut server_sealer, mut server_opener) = pair(login, Side::Server);
        for message in messages {
            prop_assert_eq!(&server_opener.open(&client_sealer.seal(&message).unwrap()).unwrap(), &message);
            prop_assert_eq!(&client_opener.open(&server_sealer.seal(&message).unwrap()).unwrap(), &message);
        }
    }

    #[test]
    fn arbitrary_challenges_never_panic(text: String) {
        let _ = Challenge::parse(text.as_bytes());
    }
}
