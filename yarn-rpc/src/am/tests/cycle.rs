//! What one ask goes through from the wish to its end, and what heartbeats carry beside asks.

use super::*;

fn rows(request: &AllocateRequestProto) -> Vec<(&str, i32)> {
    let rows = request.ask.iter();
    rows.map(|row| (row.resource_name(), row.num_containers())).collect()
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn an_ask_is_lowered_granted_given_back_and_reported() {
    let (mut client, _listener, mut peer) = connected().await;
    let here = Locality::Nodes {
        nodes: vec![("nm1".to_owned(), "/r1".to_owned())],
        relax: true,
    };
    client.asks().set(ask(1, 4).at(here.clone())).unwrap();
    client.asks().set(ask(1, 2).at(here)).unwrap();
    let (request, _) = beat(&mut client, &mut peer, answer(1)).await;
    assert_eq!(rows(&request), [("*", 2), ("/r1", 2), ("nm1", 2)]);

    let full = AllocateResponseProto {
        allocated_containers: vec![granted(2, 1), granted(3, 1)],
        nm_tokens: vec![NmTokenProto {
            node_id: Some((&NodeId::new("nm1", 45454)).into()),
            token: Some((&token()).into()),
        }],
        ..answer(2)
    };
    let (_, news) = beat(&mut client, &mut peer, full).await;
    assert!(news.allocated.len() == 2 && news.allocated.iter().all(|granted| granted.expected));
    assert_eq!((client.nm_tokens().len(), client.outstanding()), (1, 0));
    for granted in news.allocated {
        client.release(granted.container.id);
    }
    let (request, _) = beat(&mut client, &mut peer, answer(3)).await;
    assert_eq!(request.release, [container_id(2).into(), container_id(3).into()]);
    // Both sides have counted down, for the host and its rack as well.
    assert!(request.ask.is_empty(), "{:?}", rows(&request));

    let over = |id| AllocateResponseProto {
        completed_container_statuses: vec![ended(2, -100), ended(3, -100)],
        ..answer(id)
    };
    let (request, news) = beat(&mut client, &mut peer, over(4)).await;
    assert!(request.release.is_empty() && request.ask.is_empty());
    let statuses: Vec<_> = news.completed.iter().map(|status| status.exit_status).collect();
    assert_eq!(statuses, [ContainerExitStatus::ABORTED; 2]);
    let (_, news) = beat(&mut client, &mut peer, over(5)).await;
    assert!(news.completed.is_empty(), "an end is told once");
}

#[tokio::test]
async fn containers_are_told_apart_by_the_ids_they_were_asked_for_under() {
    let (mut client, _listener, mut peer) = connected().await;
    let key = |id| AskKey::priority(1).with_id(id);
    let wish = |id, count| ContainerAsk::new(key(id), Resource::new(1024, 1), count);
    for count in [2, 1] {
        for id in 0..3 {
            client.asks().set(wish(id, count)).unwrap();
        }
    }
    let (request, _) = beat(&mut client, &mut peer, answer(1)).await;
    let asked: Vec<_> = request.ask.iter().map(|row| row.allocation_request_id()).collect();
    assert_eq!(
        (asked, rows(&request)),
        (vec![0, 1, 2], vec![("*", 1), ("*", 1), ("*", 1)])
    );
    let of = |number, id| ContainerProto {
        allocation_request_id: Some(id),
        ..granted(number, 1)
    };
    let full = AllocateResponseProto {
        allocated_containers: vec![of(2, 2), of(3, 1), of(4, 1)],
        ..answer(2)
    };
    let (_, news) = beat(&mut client, &mut peer, full).await;
    let expected: Vec<_> = news.allocated.iter().map(|granted| granted.expected).collect();
    assert_eq!(expected, [true, true, false], "one was asked for under the id 1");
    let left = [0, 1, 2].map(|id| client.asks().outstanding(key(id)));
    assert_eq!(left, [1, 0, 0]);
}

#[tokio::test]
async fn only_the_difference_of_the_blacklist_is_said() {
    let (mut client, _listener, mut peer) = connected().await;
    let mut said = Vec::new();
    for (id, lists) in [
        (1, [&["n1", "n2"][..], &["n1", "n2", "n3"]]),
        // Put back before the ResourceManager heard that it was taken out.
        (2, [&["n1"], &["n1", "n2"]]),
        (3, [&["n1", "n2"], &["n1", "n2"]]),
    ] {
        for list in lists {
            client.set_blacklist(names(list));
        }
        let (request, _) = beat(&mut client, &mut peer, answer(id)).await;
        let list = request.blacklist_request.unwrap();
        said.push((list.blacklist_additions.join(" "), list.blacklist_removals.join(" ")));
    }
    let said: Vec<_> = said.iter().map(|(more, less)| (more.as_str(), less.as_str())).collect();
    assert_eq!(said, [("n1 n2 n3", ""), ("", "n3"), ("", "")]);
}

#[tokio::test]
async fn a_refused_heartbeat_leaves_its_blacklist_to_be_said() {
    let (mut client, _listener, mut peer) = connected().await;
    client.asks().set(ask(1, 1)).unwrap();
    client.set_blacklist(names(&["bad"]));
    let class = "org.apache.hadoop.yarn.exceptions.InvalidResourceRequestException";
    let (refused, _) = tokio::join!(
        client.allocate(0.1),
        peer.refuse::<AllocateRequestProto>("allocate", class, "negative")
    );
    assert!(refused.unwrap_err().is_refused_ask());
    client.asks().set(ask(1, 0)).unwrap();
    for (id, expected) in [(1, names(&["bad"])), (2, names(&[]))] {
        let (request, _) = beat(&mut client, &mut peer, answer(id)).await;
        let said: BTreeSet<String> = request
            .blacklist_request
            .unwrap()
            .blacklist_additions
            .into_iter()
            .collect();
        assert_eq!(said, expected);
    }
}

#[tokio::test]
async fn a_tracking_url_is_said_when_it_changes_and_at_the_next_registration() {
    let (mut client, _listener, mut peer) = connected().await;
    let (request, _) = beat(&mut client, &mut peer, answer(1)).await;
    assert_eq!(request.tracking_url, None);
    client.set_tracking_url("http://elsewhere");
    assert!(client.has_news());
    let (request, _) = beat(&mut client, &mut peer, answer(2)).await;
    assert_eq!(request.tracking_url(), "http://elsewhere");
    let (request, _) = beat(&mut client, &mut peer, answer(3)).await;
    assert_eq!(request.tracking_url, None);
    let serve = async {
        peer.refuse::<AllocateRequestProto>("allocate", NOT_REGISTERED, "restarted")
            .await;
        let again: RegisterApplicationMasterRequestProto = peer.serve("registerApplicationMaster", &registered()).await;
        peer.serve::<AllocateRequestProto>("allocate", &answer(1)).await;
        again
    };
    let (news, again) = tokio::join!(client.allocate(0.1), serve);
    assert!(news.unwrap().resynchronised);
    assert_eq!(again.tracking_url(), "http://elsewhere");
}
