use proptest::prelude::*;

use super::{ApplicationAttemptId, ApplicationId, ContainerId, NodeId};

#[test]
fn ids_have_hadoops_text_forms() {
    let application = ApplicationId::new(1_700_000_000_000, 7);
    assert_eq!(application.to_string(), "application_1700000000000_0007");
    let attempt = application.attempt(1);
    assert_eq!(attempt.to_string(), "appattempt_1700000000000_0007_000001");
    assert_eq!(
        attempt.container(2).to_string(),
        "container_1700000000000_0007_01_000002"
    );
    assert_eq!(
        attempt.container(17 << 40 | 2).to_string(),
        "container_e17_1700000000000_0007_01_000002"
    );
    assert_eq!(
        attempt.container(1 << 40 | 2).to_string(),
        "container_e01_1700000000000_0007_01_000002"
    );
    assert_eq!(ApplicationId::new(1, 123_456).to_string(), "application_1_123456");
    assert_eq!(NodeId::new("::1", 45454).to_string(), "[::1]:45454");
}

#[test]
fn a_container_id_gives_its_parts() {
    let id: ContainerId = "container_e17_1410901177871_0001_01_000005".parse().unwrap();
    assert_eq!((id.epoch(), id.sequence(), id.attempt().attempt()), (17, 5, 1));
    assert_eq!(id.application(), ApplicationId::new(1_410_901_177_871, 1));
    assert_eq!(id.packed(), 17 << 40 | 5);
}

#[test]
fn the_id_of_a_container_that_a_node_has_allotted_is_negative_and_survives_its_text() {
    let attempt = ApplicationId::new(1_700_000_000_000, 7).attempt(1);
    let id = attempt.container(-2_i64 as u64);
    // As Java's ContainerId writes -2.
    assert_eq!(id.to_string(), "container_1700000000000_0007_01_1099511627774");
    assert_eq!(id.epoch(), 0);
    assert_eq!(id.to_string().parse::<ContainerId>().unwrap(), id);
}

#[test]
fn ids_of_one_application_sort_by_number_not_by_text() {
    let application = ApplicationId::new(1, 1);
    assert!(ApplicationId::new(1, 10_000) > ApplicationId::new(1, 9_999));
    assert!(application.attempt(2).container(1) > application.attempt(1).container(1 << 40 | 9));
}

#[test]
fn a_bad_id_says_what_is_wrong_and_what_was_expected() {
    let table = [
        ("job_1_0001", "does not start with \"application_\""),
        ("application_1", "has not two numbers"),
        ("application_x_0001", "the cluster timestamp \"x\" is not a number"),
        ("application_1_+1", "the application number \"+1\" is not a number"),
        ("application_1_", "the application number \"\" is not a number"),
        ("application_1_2147483648", "too large"),
        ("application_99999999999999999999_1", "too large"),
    ];
    for (text, reason) in table {
        let message = text.parse::<ApplicationId>().unwrap_err().to_string();
        assert!(message.contains(reason), "{text}: {message}");
        assert!(
            message.contains(text) && message.contains("application_<cluster timestamp>_<number>"),
            "{message}"
        );
    }
    for text in [
        "container_1_1_1",
        "container_e_1_1_1_1",
        "container_1_1_1_1_1",
        "container_e9999999_1_1_1_1",
    ] {
        assert!(text.parse::<ContainerId>().is_err(), "{text}");
    }
    for text in ["host", ":1", "host:", "host:65536", "[::1:1", "a b:1", "hdfs://h:1"] {
        assert!(text.parse::<NodeId>().is_err(), "{text}");
    }
}

#[test]
fn ids_are_text_in_json() {
    let attempt = ApplicationId::new(5, 6).attempt(7);
    assert_eq!(serde_json::to_string(&attempt).unwrap(), "\"appattempt_5_0006_000007\"");
    assert_eq!(
        serde_json::from_str::<ApplicationAttemptId>("\"appattempt_5_0006_000007\"").unwrap(),
        attempt
    );
    assert_eq!(
        serde_json::from_str::<NodeId>("\"h\\u002eexample:1\"").unwrap(),
        NodeId::new("h.example", 1)
    );
    assert!(serde_json::from_str::<ContainerId>("5").is_err());
}

prop_compose! {
    fn attempts()(timestamp in 0..=i64::MAX as u64, sequence in 0..=i32::MAX as u32, attempt in 0..=i32::MAX as u32)
        -> ApplicationAttemptId {
        ApplicationId::new(timestamp, sequence).attempt(attempt)
    }
}

proptest! {
    #[test]
    fn every_id_survives_its_text(attempt in attempts(), packed in 0..=i64::MAX as u64) {
        let application = attempt.application();
        prop_assert_eq!(application.to_string().parse::<ApplicationId>().unwrap(), application);
        prop_assert_eq!(attempt.to_string().parse::<ApplicationAttemptId>().unwrap(), attempt);
        let container = attempt.container(packed);
        prop_assert_eq!(container.to_string().parse::<ContainerId>().unwrap(), container);
    }

    #[test]
    fn every_node_id_survives_its_text(host in "[a-z0-9.-]{1,20}|[0-9a-f]{0,4}::[0-9a-f]{1,4}", port: u16) {
        let node = NodeId::new(host, port);
        prop_assert_eq!(node.to_string().parse::<NodeId>().unwrap(), node);
    }

    #[test]
    fn no_text_makes_a_parser_panic(text in "(application|appattempt|container|host)?[_:e0-9\\[\\]]{0,40}") {
        let _ = text.parse::<ApplicationId>();
        let _ = text.parse::<ApplicationAttemptId>();
        let _ = text.parse::<ContainerId>();
        let _ = text.parse::<NodeId>();
    }
}
