//! Containers that a node does not know, and many calls side by side.

use futures::future::join_all;

use super::*;
use crate::{
    proto::yarn::{
        CommitResponseProto, ContainerIdProto, ContainerUpdateRequestProto, ContainerUpdateResponseProto,
        RollbackResponseProto,
    },
    testing::{Incoming, Peer},
};

#[tokio::test]
async fn what_was_never_started_is_refused_by_every_method() {
    let (nodes, _, mut listener) = client();
    let unhandled = || refusal("Container container_1 is not handled by this NodeManager");
    let serve = async {
        let mut peer = listener.accept_token().await;
        let status = GetContainerStatusesResponseProto {
            failed_requests: unhandled(),
            ..Default::default()
        };
        peer.serve::<GetContainerStatusesRequestProto>("getContainerStatuses", &status)
            .await;
        let update = ContainerUpdateResponseProto {
            failed_requests: unhandled(),
            ..Default::default()
        };
        peer.serve::<ContainerUpdateRequestProto>("updateContainer", &update)
            .await;
        for method in [
            "restartContainer",
            "rollbackLastReInitialization",
            "commitLastReInitialization",
        ] {
            peer.refuse::<ContainerIdProto>(method, YARN_EXCEPTION, "Unknown container container_1")
                .await;
        }
        let stop = StopContainersResponseProto {
            failed_requests: unhandled(),
            ..Default::default()
        };
        peer.serve::<StopContainersRequestProto>("stopContainers", &stop).await;
    };
    let calls = async {
        let node = node();
        assert!(nodes.container_status(&node, id()).await.unwrap_err().is_gone());
        assert!(nodes.update_container(&container()).await.unwrap_err().is_gone());
        for refused in [
            nodes.restart_container(&node, id()).await,
            nodes.rollback(&node, id()).await,
            nodes.commit(&node, id()).await,
        ] {
            let error = refused.unwrap_err().to_string();
            assert!(error.contains("Unknown container container_1"), "{error}");
        }
        nodes.stop_container(&node, id()).await.expect("it does not run");
    };
    tokio::join!(calls, serve);
}

#[tokio::test]
async fn what_was_kept_cannot_be_taken_back_nor_kept_again() {
    let (nodes, _, mut listener) = client();
    let serve = async {
        let mut peer = listener.accept_token().await;
        let (back, keep) = ("rollbackLastReInitialization", "commitLastReInitialization");
        peer.serve::<ContainerIdProto>(back, &RollbackResponseProto {}).await;
        peer.refuse::<ContainerIdProto>(keep, YARN_EXCEPTION, "Nothing to Commit")
            .await;
        peer.serve::<ContainerIdProto>(keep, &CommitResponseProto {}).await;
        peer.refuse::<ContainerIdProto>(back, YARN_EXCEPTION, "Nothing to rollback to")
            .await;
    };
    let calls = async {
        let node = node();
        nodes.rollback(&node, id()).await.unwrap();
        let error = nodes.commit(&node, id()).await.unwrap_err().to_string();
        assert!(error.contains("Nothing to Commit"), "{error}");
        nodes.commit(&node, id()).await.unwrap();
        let error = nodes.rollback(&node, id()).await.unwrap_err().to_string();
        assert!(error.contains("Nothing to rollback to"), "{error}");
    };
    tokio::join!(calls, serve);
}

const EACH: u64 = 40;

fn numbered(number: u64) -> Container {
    let token = Token::new(vec![number as u8], vec![2], TokenKind::Container, "nm1:45454");
    Container {
        id: ApplicationId::new(1_700_000_000_000, 1).attempt(1).container(number),
        token,
        ..container()
    }
}

/// A node that serves containers below [`EACH`] and refuses the others whatever is asked.
async fn serve_half(peer: &mut Peer, call: &Incoming) {
    let by_token = |token: &TokenProto| numbered(token.identifier[0].into()).id.into();
    let split = |id: ContainerIdProto| -> (Vec<ContainerIdProto>, Vec<ContainerExceptionMapProto>) {
        if id.id() as u64 & 0xff_ffff_ffff < EACH {
            return (vec![id], Vec::new());
        }
        let mut refused = refusal(&format!("{} exception", call.method));
        refused[0].container_id = Some(id);
        (Vec::new(), refused)
    };
    match call.method.as_str() {
        "startContainers" => {
            // Starts that are asked for side by side come in one call.
            let mut answer = StartContainersResponseProto::default();
            for start in call.decode::<StartContainersRequestProto>().start_container_request {
                let (succeeded, failed) = split(by_token(start.container_token.as_ref().unwrap()));
                answer.succeeded_requests.extend(succeeded);
                answer.failed_requests.extend(failed);
            }
            peer.reply(call, &answer).await;
        }
        "getContainerStatuses" => {
            let asked = call.decode::<GetContainerStatusesRequestProto>().container_id.remove(0);
            let (known, failed_requests) = split(asked);
            let status = known.into_iter().map(|id| ContainerStatusProto {
                container_id: Some(id),
                state: Some(ContainerStateProto::CRunning.into()),
                ..Default::default()
            });
            let answer = GetContainerStatusesResponseProto {
                status: status.collect(),
                failed_requests,
            };
            peer.reply(call, &answer).await;
        }
        "updateContainer" => {
            let token = &call.decode::<ContainerUpdateRequestProto>().update_container_token[0];
            let (succeeded_requests, failed_requests) = split(by_token(token));
            let answer = ContainerUpdateResponseProto {
                succeeded_requests,
                failed_requests,
            };
            peer.reply(call, &answer).await;
        }
        "stopContainers" => {
            let asked = call.decode::<StopContainersRequestProto>().container_id.remove(0);
            let (succeeded_requests, failed_requests) = split(asked);
            let answer = StopContainersResponseProto {
                succeeded_requests,
                failed_requests,
            };
            peer.reply(call, &answer).await;
        }
        other => panic!("{other} was not expected"),
    }
}

#[tokio::test]
async fn many_containers_live_side_by_side_and_the_failures_of_some_do_not_reach_the_others() {
    let (nodes, _, mut listener) = client();
    let life = async |number: u64| {
        let (container, context) = (numbered(number), context());
        let steps = [
            nodes.start_container(&container, &context).await.map(drop),
            nodes.container_status(&container.node, container.id).await.map(drop),
            nodes.update_container(&container).await,
            nodes.stop_container(&container.node, container.id).await,
        ];
        (number, steps)
    };
    let lives = join_all((0..2 * EACH).map(life));
    let serve = async {
        let mut peer = listener.accept_token().await;
        loop {
            let call = peer.call().await;
            serve_half(&mut peer, &call).await;
        }
    };
    let lives = tokio::select! {
        lives = lives => lives,
        () = serve => unreachable!("the node serves for ever"),
    };
    for (number, steps) in lives {
        let methods = [
            "startContainers",
            "getContainerStatuses",
            "updateContainer",
            "stopContainers",
        ];
        for (step, method) in steps.into_iter().zip(methods) {
            match step {
                Ok(()) => assert!(number < EACH, "{method} of {number} must be refused"),
                Err(error) => assert!(
                    number >= EACH && error.to_string().contains(&format!("{method} exception")),
                    "{number}: {error}"
                ),
            }
        }
    }
}
