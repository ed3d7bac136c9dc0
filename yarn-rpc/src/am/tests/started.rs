//! A client that beats by itself.

mod ends;

use std::sync::Arc;

use super::*;
use crate::{
    proto::yarn::{
        CollectorInfoProto, RejectedSchedulingRequestProto, RejectionReasonProto, UpdateContainerErrorProto,
        UpdatedContainerProto,
    },
    testing::BOUND,
    types::Container,
};

/// Never beats by itself within a test's life, so that every heartbeat is one that news caused.
const STILL: Pace = Pace {
    idle: Duration::from_secs(3600),
    asking: Duration::from_secs(3600),
    floor: Duration::ZERO,
};
const BUSY: Pace = Pace {
    idle: Duration::from_millis(1),
    asking: Duration::from_millis(1),
    floor: Duration::ZERO,
};

/// A started client after its first heartbeat.
async fn started(pace: Pace) -> (AmHandle, AmEvents, Listener, Peer) {
    let (client, listener, mut peer) = connected().await;
    let (handle, events) = client.start(pace);
    let first: AllocateRequestProto = peer.serve("allocate", &answer(1)).await;
    assert_eq!(first.response_id(), 0);
    (handle, events, listener, peer)
}

async fn next(events: &mut AmEvents) -> AmEvent {
    tokio::time::timeout(BOUND, events.next())
        .await
        .expect("an event in time")
        .expect("heartbeats")
}

#[tokio::test]
async fn an_ask_beats_at_once_and_the_container_is_an_event() {
    let (handle, mut events, _listener, mut peer) = started(STILL).await;
    handle.ask(ask(1, 1)).unwrap();
    let full = AllocateResponseProto {
        allocated_containers: vec![granted(2, 1)],
        ..answer(2)
    };
    let request: AllocateRequestProto = peer.serve("allocate", &full).await;
    assert_eq!((request.response_id(), request.ask.len()), (1, 1));
    assert!(matches!(next(&mut events).await, AmEvent::Allocated(container) if container.id == container_id(2)));
    assert_eq!(handle.outstanding(), 0);
}

#[tokio::test]
async fn asks_of_one_breath_travel_together_and_add_up() {
    let (handle, _events, _listener, mut peer) = started(STILL).await;
    handle.ask(ask(1, 1)).unwrap();
    handle.ask_more(ask(1, 2)).unwrap();
    handle.ask(ask(2, 1)).unwrap();
    let mut rows = std::collections::BTreeMap::new();
    for id in 2.. {
        let request: AllocateRequestProto = peer.serve("allocate", &answer(id)).await;
        for row in request.ask {
            rows.insert(row.priority.unwrap().priority(), row.num_containers());
        }
        if rows == std::collections::BTreeMap::from([(1, 3), (2, 1)]) {
            break;
        }
    }
    assert_eq!(handle.outstanding_under(AskKey::priority(1)), 3);
}

#[tokio::test]
async fn surplus_is_released_with_the_next_heartbeat_and_not_told() {
    let (handle, mut events, _listener, mut peer) = started(STILL).await;
    handle.ask(ask(1, 1)).unwrap();
    let more = AllocateResponseProto {
        allocated_containers: vec![granted(2, 1), granted(3, 1), granted(4, 9)],
        ..answer(2)
    };
    peer.serve::<AllocateRequestProto>("allocate", &more).await;
    let request: AllocateRequestProto = peer.serve("allocate", &answer(3)).await;
    assert_eq!(request.release, [container_id(3).into(), container_id(4).into()]);
    assert!(matches!(next(&mut events).await, AmEvent::Allocated(container) if container.id == container_id(2)));
    assert!(events.try_next().is_none());
}

#[tokio::test]
async fn a_reader_that_sleeps_does_not_hold_up_the_heartbeat() {
    let (handle, mut events, _listener, mut peer) = started(BUSY).await;
    for id in 2..200 {
        let news = AllocateResponseProto {
            completed_container_statuses: vec![ended(id as u64, 0)],
            ..answer(id)
        };
        let request: AllocateRequestProto = peer.serve("allocate", &news).await;
        assert_eq!(request.response_id(), id - 1);
    }
    for id in 2..200 {
        assert!(matches!(next(&mut events).await, AmEvent::Completed(status) if status.id == container_id(id)));
    }
    drop(handle);
}

#[tokio::test]
async fn every_kind_of_news_is_an_event() {
    let (handle, mut events, _listener, mut peer) = started(STILL).await;
    let mut running: Container = granted(2, 1).try_into().unwrap();
    running.version = 4;
    handle
        .update(&running, &ContainerUpdate::Increase(Resource::new(2048, 1)))
        .unwrap();
    let key = AskKey::priority(5).with_id(50);
    let constrained = ConstrainedAsk::new(
        key,
        Resource::new(1024, 1),
        1,
        ["tag"],
        PlacementConstraint::anti_affinity(Scope::Node, ["tag"]),
    );
    handle.ask_constrained(constrained).unwrap();
    let taken = handle.ask(ContainerAsk::new(key, Resource::new(1, 1), 1)).unwrap_err();
    assert!(matches!(taken, AskError::KeyTaken { .. }), "{taken}");
    let mut updates = Vec::new();
    let mut constrained = Vec::new();
    let mut id = 2;
    while updates.is_empty() || constrained.is_empty() {
        let request: AllocateRequestProto = peer.serve("allocate", &answer(id)).await;
        updates.extend(request.update_requests);
        constrained.extend(request.scheduling_requests);
        id += 1;
    }
    assert_eq!(
        (updates.len(), updates[0].container_version, updates[0].update_type),
        (1, 4, 0)
    );
    assert_eq!(constrained[0].allocation_tags, ["tag"]);
    let outstanding = handle.update(&running, &ContainerUpdate::Promote).unwrap_err();
    assert!(outstanding.to_string().contains("under way"), "{outstanding}");

    handle.set_tracking_url("http://elsewhere");
    let news = AllocateResponseProto {
        updated_containers: vec![UpdatedContainerProto {
            update_type: 0,
            container: ContainerProto {
                version: Some(5),
                ..granted(2, 1)
            },
        }],
        update_errors: vec![UpdateContainerErrorProto {
            reason: Some("INCORRECT_CONTAINER_VERSION_ERROR".to_owned()),
            update_request: Some(updates[0].clone()),
            current_container_version: Some(5),
        }],
        rejected_scheduling_requests: vec![RejectedSchedulingRequestProto {
            reason: RejectionReasonProto::RrpCouldNotPlaceOnNode.into(),
            request: constrained[0].clone(),
        }],
        application_priority: Some(Priority(7).into()),
        collector_info: Some(CollectorInfoProto {
            collector_addr: Some("timeline:1".to_owned()),
            collector_token: None,
        }),
        containers_from_previous_attempts: vec![granted(77, 1)],
        limit: Some((&Resource::new(4096, 2)).into()),
        num_cluster_nodes: Some(3),
        ..answer(id)
    };
    peer.serve::<AllocateRequestProto>("allocate", &news).await;
    assert!(matches!(next(&mut events).await, AmEvent::Recovered(container) if container.id == container_id(77)));
    assert!(matches!(next(&mut events).await, AmEvent::Updated(updated)
        if updated.kind == UpdateKind::Increase && updated.container.version == 5));
    assert!(matches!(next(&mut events).await, AmEvent::UpdateFailed(error)
        if error.reason == UpdateRefusal::WrongVersion && error.current_version == Some(5)));
    assert!(matches!(next(&mut events).await, AmEvent::Rejected(rejected)
        if rejected.key == key && rejected.reason == RejectionReason::CouldNotPlace));
    assert!(matches!(next(&mut events).await, AmEvent::PriorityChanged(Priority(7))));
    assert!(
        matches!(next(&mut events).await, AmEvent::CollectorChanged(collector) if collector.address == "timeline:1")
    );
    assert_eq!(
        (handle.headroom(), handle.cluster_nodes()),
        (Some(Resource::new(4096, 2)), Some(3))
    );
    assert_eq!(
        (handle.application_priority(), handle.outstanding()),
        (Some(Priority(7)), 0)
    );
    assert_eq!(handle.collector().unwrap().address, "timeline:1");
}

#[tokio::test]
async fn a_refused_ask_is_taken_out_and_the_heartbeats_go_on() {
    let (handle, mut events, _listener, mut peer) = started(BUSY).await;
    handle.ask(ask(4, 1)).unwrap();
    let class = "org.apache.hadoop.yarn.exceptions.InvalidResourceRequestException";
    for id in 2.. {
        let call = peer.call().await;
        if call.decode::<AllocateRequestProto>().ask.is_empty() {
            peer.reply(&call, &answer(id)).await;
            continue;
        }
        let status = crate::proto::common::rpc_response_header_proto::RpcStatusProto::Error;
        peer.fail(call.header.call_id, status, class, "too large").await;
        break;
    }
    let AmEvent::Refused { withdrawn, error } = next(&mut events).await else {
        panic!("no refusal was told");
    };
    assert_eq!(withdrawn, [Withdrawn::Ask(AskKey::priority(4))]);
    assert!(error.is_refused_ask());
    assert_eq!(handle.outstanding(), 0);
    peer.serve::<AllocateRequestProto>("allocate", &answer(9)).await;
}

#[tokio::test]
async fn a_restarted_resource_manager_is_an_event_and_hears_all_again() {
    let (handle, mut events, _listener, mut peer) = started(STILL).await;
    let running: Container = granted(2, 1).try_into().unwrap();
    handle.ask(ask(1, 2)).unwrap();
    handle
        .update(&running, &ContainerUpdate::Increase(Resource::new(2048, 1)))
        .unwrap();
    let refused: AllocateRequestProto = peer.refuse("allocate", NOT_REGISTERED, "restarted").await;
    assert_eq!(refused.response_id(), 1);
    peer.serve::<RegisterApplicationMasterRequestProto>("registerApplicationMaster", &registered())
        .await;
    let mut said = (0, 0);
    let mut id = 1;
    while said != (1, 1) {
        let request: AllocateRequestProto = peer.serve("allocate", &answer(id)).await;
        said = (said.0 + request.ask.len(), said.1 + request.update_requests.len());
        id += 1;
    }
    assert!(matches!(next(&mut events).await, AmEvent::Resynchronised));
}

#[tokio::test]
async fn the_end_is_told_once_and_returns_when_it_is_stored() {
    let (handle, mut events, _listener, mut peer) = started(STILL).await;
    let confirmed = FinishApplicationMasterResponseProto {
        is_unregistered: Some(true),
    };
    let (finished, request) = tokio::join!(
        handle.unregister(FinalStatus::Succeeded, "done", ""),
        peer.serve::<FinishApplicationMasterRequestProto>("finishApplicationMaster", &confirmed)
    );
    finished.unwrap();
    assert_eq!(request.diagnostics(), "done");
    assert!(events.next().await.is_none());
    let again = handle.unregister(FinalStatus::Failed, "", "").await.unwrap_err();
    assert!(matches!(again, AmError::Ended), "{again}");
}

#[tokio::test]
async fn the_end_of_the_attempt_is_the_last_event() {
    let (handle, mut events, _listener, mut peer) = started(STILL).await;
    handle.ask(ask(1, 1)).unwrap();
    let class = "org.apache.hadoop.yarn.exceptions.ApplicationAttemptNotFoundException";
    peer.refuse::<AllocateRequestProto>("allocate", class, "killed").await;
    let AmEvent::Failed(error) = next(&mut events).await else {
        panic!("no failure was told");
    };
    assert!(matches!(Arc::as_ref(&error), AmError::AttemptOver(_)), "{error}");
    assert!(events.next().await.is_none());
    let ended = handle.unregister(FinalStatus::Failed, "", "").await.unwrap_err();
    assert!(matches!(ended, AmError::Ended), "{ended}");
}

#[tokio::test]
async fn heartbeats_end_when_the_last_handle_is_dropped() {
    let (handle, mut events, _listener, mut peer) = started(STILL).await;
    let clone = handle.clone();
    drop(handle);
    clone.ask(ask(1, 1)).unwrap();
    peer.serve::<AllocateRequestProto>("allocate", &answer(2)).await;
    drop(clone);
    assert!(events.next().await.is_none());
    assert!(peer.is_closed().await);
}
