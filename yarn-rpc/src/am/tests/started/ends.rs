//! What happens beside a heartbeat that is under way, and how heartbeats end.

use super::*;
use crate::proto::yarn::AmCommandProto;

#[tokio::test]
async fn a_heartbeat_under_way_holds_up_nobody_and_news_come_in_order() {
    let (handle, mut events, _listener, mut peer) = started(STILL).await;
    handle.ask(ask(1, 1)).unwrap();
    let call = peer.call().await;
    // It has no answer yet.
    handle.ask(ask(2, 1)).unwrap();
    handle.release(container_id(9));
    assert_eq!((handle.outstanding(), handle.headroom()), (2, None));
    assert!(events.try_next().is_none());
    let first = AllocateResponseProto {
        allocated_containers: vec![granted(2, 1)],
        ..answer(2)
    };
    peer.reply(&call, &first).await;
    let second = AllocateResponseProto {
        completed_container_statuses: vec![ended(2, 0)],
        ..answer(3)
    };
    let request: AllocateRequestProto = peer.serve("allocate", &second).await;
    assert_eq!(request.release, [container_id(9).into()]);
    let asked = request.ask.iter().find(|row| row.priority.unwrap().priority() == 2);
    assert_eq!(asked.unwrap().num_containers(), 1);
    assert!(matches!(next(&mut events).await, AmEvent::Allocated(container) if container.id == container_id(2)));
    assert!(matches!(next(&mut events).await, AmEvent::Completed(status) if status.id == container_id(2)));
    assert!(events.try_next().is_none());
}

#[tokio::test]
async fn an_exception_that_nothing_can_be_taken_out_for_is_the_last_event() {
    let (handle, mut events, _listener, mut peer) = started(STILL).await;
    handle.ask(ask(1, 1)).unwrap();
    let class = "org.apache.hadoop.yarn.exceptions.YarnException";
    peer.refuse::<AllocateRequestProto>("allocate", class, "TestException")
        .await;
    let AmEvent::Failed(error) = next(&mut events).await else {
        panic!("no failure was told");
    };
    assert!(error.to_string().contains("TestException"), "{error}");
    assert!(events.next().await.is_none());
    assert!(peer.is_closed().await, "no heartbeat follows");
}

#[tokio::test]
async fn commands_in_an_answer_count_like_exceptions() {
    let (handle, mut events, _listener, mut peer) = started(STILL).await;
    let command = |command: AmCommandProto| AllocateResponseProto {
        a_m_command: Some(command.into()),
        ..answer(0)
    };
    handle.ask(ask(1, 1)).unwrap();
    peer.serve::<AllocateRequestProto>("allocate", &command(AmCommandProto::AmResync))
        .await;
    peer.serve::<RegisterApplicationMasterRequestProto>("registerApplicationMaster", &registered())
        .await;
    let again: AllocateRequestProto = peer.serve("allocate", &answer(1)).await;
    assert_eq!((again.response_id(), again.ask.len()), (0, 1));
    assert!(matches!(next(&mut events).await, AmEvent::Resynchronised));

    handle.ask(ask(1, 2)).unwrap();
    peer.serve::<AllocateRequestProto>("allocate", &command(AmCommandProto::AmShutdown))
        .await;
    let AmEvent::Failed(error) = next(&mut events).await else {
        panic!("no failure was told");
    };
    assert!(matches!(Arc::as_ref(&error), AmError::AttemptOver(_)), "{error}");
    assert!(events.next().await.is_none());
    assert!(peer.is_closed().await, "no heartbeat follows");
}

#[tokio::test]
async fn a_program_may_end_while_it_handles_an_event() {
    let (handle, mut events, _listener, mut peer) = started(STILL).await;
    handle.release(container_id(2));
    let program = async {
        let mut seen = 0;
        while let Some(event) = events.next().await {
            assert!(matches!(event, AmEvent::Completed(_)), "{event:?}");
            handle.unregister(FinalStatus::Succeeded, "all done", "").await.unwrap();
            seen += 1;
        }
        seen
    };
    let serve = async {
        let news = AllocateResponseProto {
            completed_container_statuses: vec![ended(2, 0)],
            ..answer(2)
        };
        peer.serve::<AllocateRequestProto>("allocate", &news).await;
        let confirmed = FinishApplicationMasterResponseProto {
            is_unregistered: Some(true),
        };
        peer.serve::<FinishApplicationMasterRequestProto>("finishApplicationMaster", &confirmed)
            .await
    };
    let (seen, request) = tokio::time::timeout(BOUND, async { tokio::join!(program, serve) })
        .await
        .expect("an end in time");
    assert_eq!((seen, request.diagnostics()), (1, "all done"));
    assert!(peer.is_closed().await, "no heartbeat follows");
}
