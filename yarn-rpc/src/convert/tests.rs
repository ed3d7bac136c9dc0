use std::collections::BTreeMap;

use prost::Message;
use yarn_common::{
    id::{ApplicationAttemptId, ApplicationId, ContainerId, NodeId},
    launch::{
        ApplicationAccess, ContainerLaunchContext, LocalResource, LocalResourceType, LocalResourceVisibility,
        RetryContext, RetryWhen,
    },
    resource::Resource,
    token::{Credentials, Token, TokenKind},
};

use crate::proto::yarn::{
    AmrmTokenIdentifierProto, ContainerIdProto, ContainerLaunchContextProto, NmTokenIdentifierProto, ResourceProto,
    StartContainerRequestProto, StartContainersRequestProto,
};

const START_CONTAINERS: &str = "0abb010a8e010a3c0a0361707012350a250a046864667312026e6e18d43e22162f757365722f616c6963652f\
     6170702e7461722e677a10d20918fbd095ffbc312001280212074844545300000022060a01411201622a362e2f6170702f62696e2f776f726b\
     657220313e3c4c4f475f4449523e2f7374646f757420323e3c4c4f475f4449523e2f7374646572723205080112012a12280a0201021201031a\
     0e436f6e7461696e6572546f6b656e220f3132372e302e302e313a3435343534";

fn attempt() -> ApplicationAttemptId {
    ApplicationId::new(1_700_000_000_000, 1).attempt(1)
}

#[test]
fn a_start_request_has_the_captured_bytes() {
    let app = LocalResource {
        url: "hdfs://nn:8020/user/alice/app.tar.gz".parse().unwrap(),
        size: 1234,
        timestamp: 1_700_000_000_123,
        kind: LocalResourceType::Archive,
        visibility: LocalResourceVisibility::Private,
        pattern: None,
    };
    let context = ContainerLaunchContext {
        local_resources: BTreeMap::from([("app".to_owned(), app)]),
        environment: BTreeMap::from([("A".to_owned(), "b".to_owned())]),
        commands: vec!["./app/bin/worker 1><LOG_DIR>/stdout 2><LOG_DIR>/stderr".to_owned()],
        acls: BTreeMap::from([(ApplicationAccess::View, "*".to_owned())]),
        tokens: Some(Credentials::new().to_bytes()),
        ..Default::default()
    };
    let token = Token::new(vec![1, 2], vec![3], TokenKind::Container, "127.0.0.1:45454");
    let request = StartContainersRequestProto {
        start_container_request: vec![StartContainerRequestProto {
            container_launch_context: Some((&context).into()),
            container_token: Some((&token).into()),
        }],
    };
    assert_eq!(hex::encode(request.encode_to_vec()), START_CONTAINERS);
}

#[test]
fn a_retry_context_has_hadoops_numbers() {
    let retry = RetryContext::new(RetryWhen::ExitCodes([7, 9].into()), None).unwrap();
    let message = ContainerLaunchContextProto::from(&ContainerLaunchContext {
        retry: Some(retry),
        ..Default::default()
    });
    // Policy 2, the codes, -1 for ever, at least one second.
    let retry = message.container_retry_context.unwrap();
    assert_eq!(
        hex::encode(retry.encode_to_vec()),
        "08021007100918ffffffffffffffffff0120e807"
    );
}

#[test]
fn token_identifiers_have_the_captured_bytes() {
    let am = AmrmTokenIdentifierProto {
        app_attempt_id: Some(attempt().into()),
        key_id: Some(7),
    };
    assert_eq!(hex::encode(am.encode_to_vec()), "0a0d0a0908011080d095ffbc3110011007");
    let nm = NmTokenIdentifierProto {
        app_attempt_id: Some(attempt().into()),
        node_id: Some((&NodeId::new("nm1", 45454)).into()),
        app_submitter: Some("alice".to_owned()),
        key_id: Some(9),
    };
    let captured = "0a0d0a0908011080d095ffbc31100112090a036e6d31108ee3021a05616c6963652009";
    assert_eq!(hex::encode(nm.encode_to_vec()), captured);
}

#[test]
fn a_container_id_keeps_its_epoch() {
    let id: ContainerId = "container_e17_1700000000000_12345_03_000005".parse().unwrap();
    let message = ContainerIdProto::from(id);
    assert_eq!(message.id, Some(18_691_697_672_197));
    assert_eq!(ContainerId::try_from(message).unwrap(), id);
    assert!(ContainerId::try_from(ContainerIdProto::default()).is_err());
}

#[test]
fn a_resource_keeps_its_extra_types_and_drops_what_is_said_twice() {
    let resource = Resource::new(2048, 3).with_extra("yarn.io/gpu", 2);
    let message = ResourceProto::from(&resource);
    assert_eq!(message.resource_value_map.len(), 3);
    assert_eq!(Resource::try_from(message).unwrap(), resource);
    let negative = ResourceProto {
        memory: Some(-5),
        virtual_cores: Some(-1),
        ..Default::default()
    };
    assert_eq!(Resource::try_from(negative).unwrap(), Resource::new(0, 0));
}
