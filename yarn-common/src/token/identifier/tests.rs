//! The captured bytes are those that Hadoop 3.4.3's own classes write.

use proptest::prelude::*;

use super::*;
use crate::resource::{Priority, Resource};
use crate::submission::LogAggregationContext;

const AM_RM: &str = "0a0d0a0908011080d095ffbc3110011007";
const AM_RM_NEGATIVE: &str = "0a0d0a0908011080d095ffbc31100110f9ffffffffffffffff01";
const NM: &str = "0a0d0a0908011080d095ffbc31100112090a036e6d31108ee3021a05616c6963652009";
const CONTAINER: &str = "0a17120d0a0908011080d095ffbc311001188580808080a00412096e6d313a34353435341a05616c696365222b\
    08801010021a140a096d656d6f72792d6d621080101a024d6920001a0e0a0676636f72657310021a00200028c09fbaffbc31300b38fbd095\
    ffbc314202080448c8d395ffbc3152270a04696e2e2a120465782e2a1a0572696e2e2a22057265782e2a2a07702e436c617373320270705a\
    03677075600268027003782a8201056862617365820103776562";
const CLIENT: &str = "0a0d0a0908011080d095ffbc3110011203626f62";
const RM_DELEGATION: &str = "0a05616c69636512047961726e1a056f6f7a69652080d095ffbc312880d8c79fbf3130053802";
const HDFS: &str = "0005616c696365047961726e056f6f7a69658a018bcfe568008a018bf3f1ec000502";

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

fn attempt() -> ApplicationAttemptId {
    "appattempt_1700000000000_0001_000001".parse().unwrap()
}

fn delegation() -> DelegationTokenIdentifier {
    DelegationTokenIdentifier {
        owner: "alice".to_owned(),
        renewer: "yarn".to_owned(),
        real_user: "oozie".to_owned(),
        issue_date: 1_700_000_000_000,
        max_date: 1_700_604_800_000,
        sequence_number: 5,
        master_key_id: 2,
    }
}

fn container() -> ContainerTokenIdentifier {
    ContainerTokenIdentifier {
        container: "container_e17_1700000000000_0001_01_000005".parse().unwrap(),
        node_address: "nm1:45454".to_owned(),
        submitter: "alice".to_owned(),
        resource: Resource::new(2048, 2),
        expiry: 1_700_000_600_000,
        master_key_id: 11,
        rm_identifier: 1_700_000_000_123,
        priority: Priority(4),
        creation_time: 1_700_000_000_456,
        log_aggregation: Some(LogAggregationContext {
            include_pattern: Some("in.*".to_owned()),
            exclude_pattern: Some("ex.*".to_owned()),
            rolled_logs_include_pattern: Some("rin.*".to_owned()),
            rolled_logs_exclude_pattern: Some("rex.*".to_owned()),
            policy_class_name: Some("p.Class".to_owned()),
            policy_parameters: Some("pp".to_owned()),
        }),
        node_label: "gpu".to_owned(),
        container_type: Some(ContainerType::Task),
        execution_type: ExecutionType::Opportunistic,
        version: 3,
        allocation_request_id: 42,
        allocation_tags: ["hbase", "web"].map(str::to_owned).into(),
    }
}

#[test]
fn identifiers_of_logins_have_hadoops_bytes() {
    for (key_id, captured) in [(7, AM_RM), (-7, AM_RM_NEGATIVE)] {
        let identifier = AmRmTokenIdentifier {
            attempt: attempt(),
            key_id,
        };
        assert_eq!(hex::encode(identifier.encode()), captured);
        assert_eq!(AmRmTokenIdentifier::decode(&bytes(captured)).unwrap(), identifier);
    }
    let nm = NmTokenIdentifier {
        attempt: attempt(),
        node: NodeId::new("nm1", 45454),
        submitter: "alice".to_owned(),
        key_id: 9,
    };
    assert_eq!(hex::encode(nm.encode()), NM);
    assert_eq!(NmTokenIdentifier::decode(&bytes(NM)).unwrap(), nm);
    let client = ClientToAmTokenIdentifier {
        attempt: attempt(),
        client: "bob".to_owned(),
    };
    assert_eq!(hex::encode(client.encode()), CLIENT);
    assert_eq!(ClientToAmTokenIdentifier::decode(&bytes(CLIENT)).unwrap(), client);
}

#[test]
fn a_container_tokens_identifier_has_hadoops_bytes() {
    assert_eq!(hex::encode(container().encode()), CONTAINER);
    assert_eq!(
        ContainerTokenIdentifier::decode(&bytes(CONTAINER)).unwrap(),
        container()
    );
}

#[test]
fn delegation_identifiers_have_the_bytes_of_both_issuers() {
    assert_eq!(hex::encode(delegation().encode_yarn()), RM_DELEGATION);
    assert_eq!(
        DelegationTokenIdentifier::decode_yarn(&bytes(RM_DELEGATION)).unwrap(),
        delegation()
    );
    assert_eq!(hex::encode(delegation().encode_hdfs()), HDFS);
    assert_eq!(
        DelegationTokenIdentifier::decode_hdfs(&bytes(HDFS)).unwrap(),
        delegation()
    );
    // What ResourceManagers wrote before they wrote protobuf.
    assert_eq!(
        DelegationTokenIdentifier::decode_yarn(&bytes(HDFS)).unwrap(),
        delegation()
    );
}

#[test]
fn a_token_knows_the_encoding_of_its_identifier() {
    let decode = |kind: &str, identifier: &str| Token::new(bytes(identifier), &b"p"[..], kind, "").decode_identifier();
    assert!(matches!(
        decode("YARN_AM_RM_TOKEN", AM_RM),
        Ok(TokenIdentifier::AmRm(_))
    ));
    assert!(matches!(decode("NMToken", NM), Ok(TokenIdentifier::NodeManager(_))));
    assert!(matches!(
        decode("ContainerToken", CONTAINER),
        Ok(TokenIdentifier::Container(_))
    ));
    assert!(matches!(
        decode("YARN_CLIENT_TOKEN", CLIENT),
        Ok(TokenIdentifier::ClientToAm(_))
    ));
    let rm = decode("RM_DELEGATION_TOKEN", RM_DELEGATION);
    assert!(matches!(rm, Ok(TokenIdentifier::ResourceManagerDelegation(_))));
    for kind in ["HDFS_DELEGATION_TOKEN", "WEBHDFS delegation", "SWEBHDFS delegation"] {
        assert!(matches!(decode(kind, HDFS), Ok(TokenIdentifier::HdfsDelegation(_))));
    }
    let unknown = decode("MR_DELEGATION_TOKEN", HDFS).unwrap_err();
    assert!(unknown.to_string().contains("MR_DELEGATION_TOKEN"), "{unknown}");
}

#[test]
fn what_is_missing_or_impossible_is_named() {
    let table = [
        (
            AmRmTokenIdentifier::decode(&[]).unwrap_err(),
            "the attempt id of the AMRM token is missing",
        ),
        (
            NmTokenIdentifier::decode(&bytes("0a0d0a0908011080d095ffbc31100112090a036e6d3110ffffffff0f")).unwrap_err(),
            "the identifier of the NM token cannot be decoded",
        ),
        (
            NmTokenIdentifier::decode(&bytes("0a0d0a0908011080d095ffbc311001120a0a036e6d3110a08d0600")).unwrap_err(),
            "the identifier of the NM token cannot be decoded",
        ),
        (
            NmTokenIdentifier::decode(&bytes("0a0d0a0908011080d095ffbc31100112090a036e6d3110a08d06")).unwrap_err(),
            "the port of the node of the NM token is 100000",
        ),
        (DelegationTokenIdentifier::decode_hdfs(&[9]).unwrap_err(), "version 9"),
        (
            DelegationTokenIdentifier::decode_hdfs(&bytes(HDFS)[..20]).unwrap_err(),
            "issue date of a delegation token",
        ),
    ];
    for (error, words) in table {
        assert!(error.to_string().contains(words), "{error}: {words}");
    }
}

proptest! {
    #[test]
    fn delegation_identifiers_survive_both_encodings(owner in ".{0,9}", renewer in ".{0,9}", real_user in ".{0,9}",
        issue_date: i64, max_date: i64, sequence_number: i32, master_key_id: i32) {
        let identifier = DelegationTokenIdentifier {
            owner, renewer, real_user, issue_date, max_date, sequence_number, master_key_id,
        };
        prop_assert_eq!(&DelegationTokenIdentifier::decode_yarn(&identifier.encode_yarn()).unwrap(), &identifier);
        prop_assert_eq!(&DelegationTokenIdentifier::decode_hdfs(&identifier.encode_hdfs()).unwrap(), &identifier);
    }
}
