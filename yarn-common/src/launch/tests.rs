use std::collections::BTreeSet;
use std::time::Duration;

use super::*;
use crate::token::{Credentials, Token, TokenKind};

fn minimal() -> LaunchContextBuilder {
    ContainerLaunchContext::builder().command(&CommandLine::new("true"))
}

fn file() -> LocalResource {
    LocalResource::file("hdfs://nn:8020/x".parse().unwrap(), 1, 1)
}

fn credentials() -> Credentials {
    let mut credentials = Credentials::new();
    credentials.add_token("", Token::new(&b"i"[..], &b"p"[..], TokenKind::AmRm, ""));
    credentials.add_token(
        "hdfs",
        Token::new(&b"i"[..], &b"p"[..], TokenKind::HdfsDelegation, "nn"),
    );
    credentials
}

#[test]
fn the_debug_form_shows_no_secrets() {
    let context = ContainerLaunchContext {
        environment: BTreeMap::from([("KEY".to_owned(), "hidden-value".to_owned())]),
        tokens: Some(Bytes::from_static(b"hidden-token")),
        ..ContainerLaunchContext::default()
    };
    let text = format!("{context:?}");
    assert!(
        !text.contains("hidden") && text.contains("KEY") && text.contains("12 bytes"),
        "{text}"
    );
}

#[test]
fn every_part_arrives_in_the_context() {
    let retry = RetryContext::new(RetryWhen::AnyError, Some(3)).unwrap();
    let context = minimal()
        .command(&CommandLine::shell("{{JAVA_HOME}}/bin/java").without_log())
        .env("A", "$HOME")
        .env_expanded("B", "{{PWD}}/\\\"b\\\"")
        .resource("lib/app", file())
        .service_data("mapreduce_shuffle", vec![1])
        .acl(ApplicationAccess::View, "alice,bob admins")
        .credentials(&credentials())
        .retry(retry.clone())
        .build()
        .unwrap();
    assert_eq!(
        context.commands,
        ["'true' 1><LOG_DIR>/stdout 2><LOG_DIR>/stderr", "{{JAVA_HOME}}/bin/java"]
    );
    assert_eq!(context.environment["A"], "\\$HOME");
    assert_eq!(context.environment["B"], "{{PWD}}/\\\"b\\\"");
    assert_eq!(context.local_resources["lib/app"], file());
    assert_eq!(context.service_data["mapreduce_shuffle"], vec![1]);
    assert_eq!(context.acls[&ApplicationAccess::View], "alice,bob admins");
    assert_eq!(context.retry, Some(retry));
}

#[test]
fn the_am_rm_token_is_never_forwarded() {
    let built = minimal().credentials(&credentials()).build().unwrap();
    let by_hand = ContainerLaunchContext {
        tokens: Some(credentials().to_bytes()),
        ..ContainerLaunchContext::default()
    };
    for context in [built, by_hand] {
        let shipped = Credentials::read(&context.shipped_tokens().unwrap()).unwrap();
        assert_eq!(shipped.am_rm_token(), None);
        assert!(shipped.token("hdfs").is_some());
    }
    // A file that is cut short could still hold the whole token.
    let whole = credentials().to_bytes();
    let cut = ContainerLaunchContext {
        tokens: Some(whole.slice(..whole.len() - 3)),
        ..ContainerLaunchContext::default()
    };
    assert_eq!(cut.shipped_tokens(), None);
    assert_eq!(ContainerLaunchContext::default().shipped_tokens(), None);
}

#[test]
fn every_part_is_checked_and_its_value_named() {
    let url = |text: &str| text.parse::<ResourceUrl>().unwrap();
    let mut relative = file();
    relative.url.path = "x".to_owned();
    let pattern = LocalResource {
        pattern: Some("x/.*".to_owned()),
        ..file()
    };
    let without_pattern = LocalResource {
        kind: LocalResourceType::Pattern,
        ..file()
    };
    let table = [
        (ContainerLaunchContext::builder(), "no command"),
        (
            ContainerLaunchContext::builder().command(&CommandLine::new(" ")),
            "the command \" \" is empty",
        ),
        (
            minimal().command(&CommandLine::new("a").arg("b\0")),
            "the argument \"b\\0\"",
        ),
        (
            minimal().command(&CommandLine::new("a").log_to("../x", "y")),
            "\"../x\" is not the name of a log",
        ),
        (
            minimal().env("1A", ""),
            "\"1A\" is not the name of an environment variable",
        ),
        (minimal().env("A", "\0"), "the value of the environment variable A"),
        (minimal().env("NM_HOST", "x"), "NM_HOST is set by the NodeManager"),
        (
            minimal().env("A", "1").env("A", "2"),
            "the environment variable \"A\" was given twice",
        ),
        (
            minimal().env_expanded("A", "a\"b"),
            "\"a\\\"b\" of the environment variable A holds a double quote at byte 1",
        ),
        (minimal().resource("", file()), "it is empty"),
        (
            minimal().resource("/etc/x", file()),
            "\"/etc/x\" is not the name of a local resource",
        ),
        (
            minimal().resource("a/../../b", file()),
            "lead out of the working directory",
        ),
        (
            minimal().resource("a", file()).resource("a", file()),
            "the local resource \"a\" was given twice",
        ),
        (minimal().resource("a", relative), "its path \"x\" is not absolute"),
        (
            minimal().resource("a", LocalResource::file(url("hdfs://nn/x"), 1, -5)),
            "hdfs://nn/x: its modification time -5 is negative",
        ),
        (
            minimal().resource("a", LocalResource::archive(url("hdfs://nn/x.rar"), 1, 5)),
            "an archive must end with one of .tar.gz",
        ),
        (
            minimal().resource("a", pattern),
            "the pattern \"x/.*\" is for the type PATTERN only",
        ),
        (minimal().resource("a", without_pattern), "no pattern"),
        (
            minimal().service_data("a b", vec![]),
            "\"a b\" is not the name of an auxiliary service",
        ),
        (
            minimal().acl(ApplicationAccess::View, "a b c"),
            "\"a b c\" is not of the form",
        ),
    ];
    for (builder, words) in table {
        let message = builder.build().unwrap_err().to_string();
        assert!(message.contains(words), "{message}: {words}");
    }
}

#[test]
fn a_contradictory_retry_is_refused() {
    let codes = |codes: &[i32]| RetryWhen::ExitCodes(codes.iter().copied().collect::<BTreeSet<_>>());
    let any = || RetryContext::new(RetryWhen::AnyError, None).unwrap();
    let table = [
        (RetryContext::new(codes(&[]), None), "no exit code"),
        (RetryContext::new(codes(&[0, 1]), None), "exit code 0"),
        (RetryContext::new(RetryWhen::AnyError, Some(0)), "0 retries"),
        (
            RetryContext::new(RetryWhen::AnyError, Some(u32::MAX)),
            "4294967295 retries",
        ),
        (any().with_interval(Duration::from_millis(999)), "999ms"),
        (any().with_failures_validity_interval(Duration::ZERO), "0ns"),
    ];
    for (result, words) in table {
        let message = result.unwrap_err().to_string();
        assert!(message.contains(words), "{message}: {words}");
    }
    let retry = RetryContext::new(codes(&[7]), Some(2)).unwrap();
    let retry = retry.with_interval(Duration::from_secs(5)).unwrap();
    assert_eq!(
        (retry.max_retries(), retry.interval()),
        (Some(2), Duration::from_secs(5))
    );
}
