use std::os::unix::fs::PermissionsExt;

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;

use super::*;

const IDENTIFIER: &str = "0a0d0a0908011080d095ffbc3110011007";
const PASSWORD: &[u8] = b"0123456789abcdef0123";
const URL_FORM: &str = "EQoNCgkIARCA0JX_vDEQARAHFDAxMjM0NTY3ODlhYmNkZWYwMTIzEFlBUk5fQU1fUk1fVE9LRU4A";

fn am_rm_token() -> Token {
    Token::new(hex::decode(IDENTIFIER).unwrap(), PASSWORD, TokenKind::AmRm, "")
}

fn captured() -> Credentials {
    let mut credentials = Credentials::new();
    credentials.add_token("", am_rm_token());
    credentials.add_secret("k1", vec![1, 2, 3]);
    credentials
}

fn captured_format_0() -> Vec<u8> {
    let kind = hex::encode("YARN_AM_RM_TOKEN");
    let password = hex::encode(PASSWORD);
    let text = format!("48445453 00 01 00 11{IDENTIFIER} 14{password} 10{kind} 00 01 02 6b31 03 010203");
    hex::decode(text.replace(' ', "")).unwrap()
}

fn captured_format_1() -> Vec<u8> {
    let kind = hex::encode("YARN_AM_RM_TOKEN");
    let password = hex::encode(PASSWORD);
    let token = format!("0a11{IDENTIFIER} 1214{password} 1a10{kind} 2200");
    let text = format!("48445453 01 4e 0a41 0a00 123d {token} 1209 0a02 6b31 1a03 010203");
    hex::decode(text.replace(' ', "")).unwrap()
}

#[test]
fn both_formats_are_written_as_hadoop_writes_them() {
    assert_eq!(captured().to_bytes(), captured_format_0());
    assert_eq!(captured().to_bytes_in(CredentialsFormat::Protobuf), captured_format_1());
}

#[test]
fn both_formats_are_read_and_trailing_bytes_are_ignored() {
    for mut bytes in [captured_format_0(), captured_format_1()] {
        bytes.extend_from_slice(&[0, 0, 7]);
        assert_eq!(Credentials::read(&bytes).unwrap(), captured());
    }
}

#[test]
fn every_truncation_is_an_error() {
    for whole in [captured_format_0(), captured_format_1()] {
        for length in 0..whole.len() {
            assert!(
                Credentials::read(&whole[..length]).is_err(),
                "{length} of {} bytes were accepted",
                whole.len()
            );
        }
    }
}

#[test]
fn a_truncated_credentials_file_is_named_as_such() {
    let folder = tempfile::tempdir().unwrap();
    for (name, whole) in [("writable", captured_format_0()), ("protobuf", captured_format_1())] {
        let path = folder.path().join(name);
        for length in [2, 4, 5, 30, whole.len() - 1] {
            std::fs::write(&path, &whole[..length]).unwrap();
            let error = Credentials::read_file(&path).unwrap_err();
            let message = error.to_string();
            let start = format!("the credentials file {}: credentials end within the ", path.display());
            assert!(
                message.starts_with(&start) && message.contains("cut short"),
                "{length}: {message}"
            );
        }
    }
}

#[test]
fn a_foreign_file_and_an_unknown_format_are_named() {
    assert!(matches!(Credentials::read(b"PK\x03\x04rest"), Err(TokenError::Magic)));
    assert!(matches!(Credentials::read(b"HDTS\x02"), Err(TokenError::Format(2))));
    assert!(matches!(
        Credentials::read(b"HDTS\x00\xff"),
        Err(TokenError::Length { value: -1, .. })
    ));
}

#[test]
fn variable_length_integers_have_hadoops_bytes() {
    let samples = [
        (0, "00"),
        (127, "7f"),
        (128, "8f80"),
        (256, "8e0100"),
        (1_700_000_000_000, "8a018bcfe56800"),
        (-112, "90"),
        (-113, "8770"),
    ];
    for (value, bytes) in samples {
        let mut out = BytesMut::new();
        writable::put_vlong(&mut out, value);
        assert_eq!(hex::encode(&out), bytes, "{value}");
        assert_eq!(writable::get_vlong(&mut out.freeze(), "sample").unwrap(), value);
    }
}

#[test]
fn a_token_has_hadoops_url_form() {
    assert_eq!(am_rm_token().to_url_string(), URL_FORM);
    assert_eq!(Token::from_url_string(URL_FORM).unwrap(), am_rm_token());
    assert_eq!(Token::from_url_string(&format!("{URL_FORM}\n")).unwrap(), am_rm_token());
    assert!(matches!(
        Token::from_url_string("no token!"),
        Err(TokenError::NotBase64)
    ));
}

#[test]
fn debug_output_shows_no_secret() {
    let shown = format!("{:?}", captured());
    assert!(shown.contains("YARN_AM_RM_TOKEN") && shown.contains("k1"), "{shown}");
    for secret in ["0123456789abcdef", "[1, 2, 3]", "\\u{1}", "48, 49, 50"] {
        assert!(!shown.contains(secret), "{shown} holds {secret}");
    }
}

#[test]
fn what_is_passed_on_lacks_the_am_rm_token_and_keeps_the_rest() {
    let mut credentials = captured();
    credentials.add_token(
        "ha-hdfs:ns",
        Token::new(vec![1], vec![2], TokenKind::HdfsDelegation, "ha-hdfs:ns"),
    );
    let passed_on = credentials.without_am_rm_token();
    assert_eq!(credentials.am_rm_token(), Some(&am_rm_token()));
    assert_eq!(passed_on.am_rm_token(), None);
    assert_eq!(passed_on.token("ha-hdfs:ns"), credentials.token("ha-hdfs:ns"));
    assert_eq!(passed_on.secret("k1"), credentials.secret("k1"));
}

#[test]
fn a_written_file_is_private_and_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("container_tokens");
    captured().write_file(&path).unwrap();
    assert_eq!(Credentials::read_file(&path).unwrap(), captured());
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(matches!(
        Credentials::new().write_file(&path),
        Err(TokenError::Write { .. })
    ));
    let missing = Credentials::read_file(folder.path().join("missing")).unwrap_err();
    assert!(missing.to_string().contains("missing"), "{missing}");
}

proptest! {
    #[test]
    fn integers_survive_a_round_trip(value: i64) {
        let mut out = BytesMut::new();
        writable::put_vlong(&mut out, value);
        prop_assert_eq!(writable::get_vlong(&mut out.freeze(), "sample").unwrap(), value);
    }

    #[test]
    fn credentials_survive_both_formats(alias in ".{0,9}", kind in ".{0,9}", service in ".{0,9}",
        identifier: Vec<u8>, password: Vec<u8>, secret: Vec<u8>) {
        let mut credentials = Credentials::new();
        credentials.add_token(alias.clone(), Token::new(identifier, password, kind.as_str(), service));
        credentials.add_secret(alias, secret);
        for format in [CredentialsFormat::Writable, CredentialsFormat::Protobuf] {
            prop_assert_eq!(&Credentials::read(&credentials.to_bytes_in(format)).unwrap(), &credentials);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(format in 0_u8..2, body: Vec<u8>) {
        let bytes = [b"HDTS", &[format][..], &body].concat();
        let _ = Credentials::read(&bytes);
        let _ = Token::get_writable(&mut Bytes::from(body));
    }
}
