//! Changes of containers: more, less, promoted, demoted.

use super::*;
use crate::{
    proto::yarn::{ContainerUpdateTypeProto, ExecutionTypeProto, UpdatedContainerProto},
    types::{Container, ExecutionType},
};

fn running(number: u64, execution_type: ExecutionType) -> Container {
    Container {
        execution_type,
        ..granted(number, 1).try_into().unwrap()
    }
}

/// The ResourceManager grants a change of container 2.
fn changed(kind: ContainerUpdateTypeProto, version: i32, execution: ExecutionTypeProto) -> UpdatedContainerProto {
    UpdatedContainerProto {
        update_type: kind.into(),
        container: ContainerProto {
            version: Some(version),
            execution_type: Some(execution.into()),
            ..granted(2, 1)
        },
    }
}

#[tokio::test]
async fn a_container_is_promoted_and_demoted_again() {
    let (mut client, _listener, mut peer) = connected().await;
    let (here, there) = (ExecutionType::Opportunistic, ExecutionType::Guaranteed);
    for (kind, update) in [(there, ContainerUpdate::Promote), (here, ContainerUpdate::Demote)] {
        let refused = client.update(&running(2, kind), &update).unwrap_err();
        assert!(refused.to_string().contains("already"), "{refused}");
    }
    client.update(&running(2, here), &ContainerUpdate::Promote).unwrap();
    let (promote, demote) = (
        ContainerUpdateTypeProto::PromoteExecutionType,
        ContainerUpdateTypeProto::DemoteExecutionType,
    );
    let (guaranteed, opportunistic) = (ExecutionTypeProto::Guaranteed, ExecutionTypeProto::Opportunistic);
    let granted = AllocateResponseProto {
        updated_containers: vec![changed(promote, 1, guaranteed)],
        ..answer(1)
    };
    let (request, news) = beat(&mut client, &mut peer, granted).await;
    let [asked] = request.update_requests.as_slice() else {
        panic!("{:?}", request.update_requests)
    };
    assert_eq!((asked.update_type(), asked.execution_type()), (promote, guaranteed));
    assert_eq!((asked.container_version, &asked.capability), (0, &None));
    let promoted = &news.updated[0];
    assert_eq!((promoted.kind, promoted.container.version), (UpdateKind::Promote, 1));
    assert_eq!(promoted.container.execution_type, there);

    client.update(&promoted.container, &ContainerUpdate::Demote).unwrap();
    let granted = AllocateResponseProto {
        updated_containers: vec![changed(demote, 2, opportunistic)],
        ..answer(2)
    };
    let (request, news) = beat(&mut client, &mut peer, granted).await;
    let asked = &request.update_requests[0];
    assert_eq!((asked.update_type(), asked.execution_type()), (demote, opportunistic));
    assert_eq!(asked.container_version, 1, "the version that the promotion gave");
    assert_eq!(news.updated[0].container.execution_type, here);
    let (request, _) = beat(&mut client, &mut peer, answer(3)).await;
    assert!(request.update_requests.is_empty());
}

#[tokio::test]
async fn a_change_stands_until_its_outcome_and_falls_with_its_container() {
    let (mut client, _listener, mut peer) = connected().await;
    let (one, three) = (
        running(2, ExecutionType::Guaranteed),
        running(4, ExecutionType::Guaranteed),
    );
    let to = |memory| Resource::new(memory, 1);
    for (update, expected) in [
        (ContainerUpdate::Increase(to(512)), "no increase"),
        (ContainerUpdate::Decrease(to(2048)), "no decrease"),
        (ContainerUpdate::Increase(to(0)), "<memory:0"),
    ] {
        let refused = client.update(&one, &update).unwrap_err().to_string();
        assert!(refused.contains(expected), "{refused}");
    }
    client.update(&one, &ContainerUpdate::Increase(to(2048))).unwrap();
    let refused = client.update(&one, &ContainerUpdate::Increase(to(4096))).unwrap_err();
    assert!(refused.to_string().contains("under way"), "{refused}");
    client.update(&three, &ContainerUpdate::Increase(to(2048))).unwrap();
    client.release(three.id);

    let (increase, decrease) = (
        ContainerUpdateTypeProto::IncreaseResource,
        ContainerUpdateTypeProto::DecreaseResource,
    );
    let granted = AllocateResponseProto {
        updated_containers: vec![changed(increase, 1, ExecutionTypeProto::Guaranteed)],
        ..answer(1)
    };
    let (request, news) = beat(&mut client, &mut peer, granted).await;
    assert_eq!(request.release, [three.id.into()]);
    let changes: Vec<_> = request
        .update_requests
        .iter()
        .map(|asked| (asked.container_id, asked.update_type()))
        .collect();
    assert_eq!(changes, [(one.id.into(), increase)]);

    let grown = &news.updated[0].container;
    client.update(grown, &ContainerUpdate::Decrease(to(512))).unwrap();
    let (request, _) = beat(&mut client, &mut peer, answer(2)).await;
    let asked = &request.update_requests[0];
    assert_eq!((asked.update_type(), asked.container_version), (decrease, 1));
    assert_eq!(asked.capability, Some((&to(512)).into()));
}
