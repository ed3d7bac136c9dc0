//! Changes of running containers: each method under its own name, with what it says.

use yarn_common::launch::{LocalResource, LocalResourceType, LocalResourceVisibility};

use super::*;
use crate::proto::yarn::{
    CommitResponseProto, ContainerIdProto, ContainerLocalizationStatusesProto, ContainerUpdateRequestProto,
    ContainerUpdateResponseProto, GetLocalizationStatusesRequestProto, GetLocalizationStatusesResponseProto,
    IncreaseContainersResourceRequestProto, IncreaseContainersResourceResponseProto, LocalizationStateProto,
    LocalizationStatusProto, ReInitializeContainerRequestProto, ReInitializeContainerResponseProto,
    ResourceLocalizationRequestProto, ResourceLocalizationResponseProto, RestartContainerResponseProto,
    RollbackResponseProto, SignalContainerRequestProto, SignalContainerResponseProto,
};

#[tokio::test]
async fn an_update_presents_the_new_token() {
    let (nodes, _, mut listener) = client();
    let updated = ContainerUpdateResponseProto {
        succeeded_requests: vec![id().into()],
        ..Default::default()
    };
    let refused = ContainerUpdateResponseProto {
        failed_requests: refusal("Container container_1 has update version [0] >= requested version"),
        ..Default::default()
    };
    let increased = IncreaseContainersResourceResponseProto {
        succeeded_requests: vec![id().into()],
        ..Default::default()
    };
    let serve = async {
        let mut peer = listener.accept_token().await;
        let first: ContainerUpdateRequestProto = peer.serve("updateContainer", &updated).await;
        peer.serve::<ContainerUpdateRequestProto>("updateContainer", &refused)
            .await;
        let old: IncreaseContainersResourceRequestProto = peer.serve("increaseContainersResource", &increased).await;
        (first, old)
    };
    let container = container();
    let calls = async {
        nodes.update_container(&container).await.unwrap();
        let error = nodes.update_container(&container).await.unwrap_err();
        assert!(error.to_string().contains("update version"), "{error}");
        nodes.increase_container(&container).await.unwrap();
    };
    let ((), (first, old)) = tokio::join!(calls, serve);
    let token = TokenProto::from(&container.token);
    assert_eq!(
        (&first.update_container_token[0], &old.increase_containers[0]),
        (&token, &token)
    );
}

#[tokio::test]
async fn signals_have_hadoops_numbers() {
    let (nodes, _, mut listener) = client();
    let serve = async {
        let mut peer = listener.accept_token().await;
        let mut commands = Vec::new();
        for _ in 0..3 {
            let request: SignalContainerRequestProto =
                peer.serve("signalToContainer", &SignalContainerResponseProto {}).await;
            assert_eq!(request.container_id, id().into());
            commands.push(request.command);
        }
        commands
    };
    let calls = async {
        let node = node();
        for signal in [Signal::ThreadDump, Signal::Terminate, Signal::Kill] {
            nodes.signal_container(&node, id(), signal).await.unwrap();
        }
    };
    let ((), commands) = tokio::join!(calls, serve);
    assert_eq!(commands, [1, 2, 3]);
}

#[tokio::test]
async fn further_files_are_brought_and_their_state_is_told() {
    let (nodes, _, mut listener) = client();
    let model = LocalResource {
        url: "hdfs://nn:8020/model".parse().unwrap(),
        size: 5,
        timestamp: 7,
        kind: LocalResourceType::File,
        visibility: LocalResourceVisibility::Application,
        pattern: None,
    };
    let failed = LocalizationStatusProto {
        resource_key: Some("model".to_owned()),
        localization_state: Some(LocalizationStateProto::LFailed.into()),
        diagnostics: Some("no such file".to_owned()),
    };
    let states = GetLocalizationStatusesResponseProto {
        cntn_localization_statuses: vec![ContainerLocalizationStatusesProto {
            container_id: Some(id().into()),
            localization_statuses: vec![failed],
        }],
        ..Default::default()
    };
    let gone = GetLocalizationStatusesResponseProto {
        failed_requests: refusal("Container container_1 is not handled by this NodeManager"),
        ..Default::default()
    };
    let serve = async {
        let mut peer = listener.accept_token().await;
        let request: ResourceLocalizationRequestProto =
            peer.serve("localize", &ResourceLocalizationResponseProto {}).await;
        for answer in [states, gone, GetLocalizationStatusesResponseProto::default()] {
            peer.serve::<GetLocalizationStatusesRequestProto>("getLocalizationStatuses", &answer)
                .await;
        }
        request
    };
    let calls = async {
        let (node, files) = (node(), BTreeMap::from([("model".to_owned(), model)]));
        nodes.localize(&node, id(), &files).await.unwrap();
        let found = nodes.localizations(&node, id()).await.unwrap();
        assert_eq!(
            (found[0].name.as_str(), found[0].state),
            ("model", LocalizationState::Failed)
        );
        assert_eq!(found[0].diagnostics, "no such file");
        assert!(nodes.localizations(&node, id()).await.unwrap_err().is_gone());
        let unnamed = nodes.localizations(&node, id()).await.unwrap_err();
        assert!(matches!(unnamed, NmError::NoAnswer { .. }), "{unnamed}");
    };
    let ((), request) = tokio::join!(calls, serve);
    assert_eq!(request.local_resources[0].key(), "model");
}

#[tokio::test]
async fn what_a_container_runs_is_replaced_restarted_taken_back_and_kept() {
    let (nodes, _, mut listener) = client();
    let serve = async {
        let mut peer = listener.accept_token().await;
        let request: ReInitializeContainerRequestProto = peer
            .serve("reInitializeContainer", &ReInitializeContainerResponseProto {})
            .await;
        peer.serve::<ContainerIdProto>("restartContainer", &RestartContainerResponseProto {})
            .await;
        peer.serve::<ContainerIdProto>("rollbackLastReInitialization", &RollbackResponseProto {})
            .await;
        let last: ContainerIdProto = peer.serve("commitLastReInitialization", &CommitResponseProto {}).await;
        (request, last)
    };
    let calls = async {
        let node = node();
        nodes.reinitialize(&container(), &context(), false).await.unwrap();
        nodes.restart_container(&node, id()).await.unwrap();
        nodes.rollback(&node, id()).await.unwrap();
        nodes.commit(&node, id()).await.unwrap();
        let empty = ContainerLaunchContext::default();
        let refused = nodes.reinitialize(&container(), &empty, true).await.unwrap_err();
        assert!(matches!(refused, NmError::Invalid { .. }), "{refused}");
    };
    let ((), (request, last)) = tokio::join!(calls, serve);
    assert_eq!((request.auto_commit, last), (Some(false), id().into()));
    assert_eq!(request.container_launch_context.unwrap().command, ["./work"]);
}
