//! What an administrator does over REST, on a bed of its own with labels, reservations, two queues, priorities, a store
//! for the scheduler's configuration, and delegation tokens in HDFS.

use std::collections::BTreeMap;
use std::time::Duration;

use selvedge_it::bed::{Bed, BedOptions, Properties};
use selvedge_it::wait;
use yarn_common::token::TokenKind;
use yarn_rest::auth::DelegationToken;
use yarn_rest::error::RestErrorKind;
use yarn_rest::model::{
    QueueAcl, QueueProperties, ReservationDefinition, ReservationFilter, ReservationInterpreter, ReservationRequest,
    SchedulerChange,
};
use yarn_rest::rm::RmClient;
use yarn_rest::transport::Transport;
use yarn_rest::webhdfs::{TokenRequest, WebHdfs};

use super::rest::{BOUND, killed, resource_manager, running, submit, web_hdfs};

fn properties(entries: &[(&str, &str)]) -> Properties {
    entries
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn options() -> BedOptions {
    BedOptions {
        node_managers: 1,
        yarn_site: properties(&[
            ("yarn.node-labels.enabled", "true"),
            // Below the bed's own directory, which goes with the bed.
            (
                "yarn.node-labels.fs-store.root-dir",
                "file://${hadoop.tmp.dir}/node-labels",
            ),
            ("yarn.resourcemanager.reservation-system.enable", "true"),
            ("yarn.cluster.max-application-priority", "10"),
            ("yarn.scheduler.configuration.store.class", "memory"),
        ]),
        hdfs_site: properties(&[("dfs.namenode.delegation.token.always-use", "true")]),
        capacity_scheduler: properties(&[
            ("yarn.scheduler.capacity.root.queues", "default,other,dedicated"),
            ("yarn.scheduler.capacity.root.default.capacity", "40"),
            ("yarn.scheduler.capacity.root.other.capacity", "30"),
            ("yarn.scheduler.capacity.root.other.maximum-capacity", "100"),
            ("yarn.scheduler.capacity.root.dedicated.capacity", "30"),
            ("yarn.scheduler.capacity.root.dedicated.reservable", "true"),
        ]),
        ..BedOptions::default()
    }
}

/// One bed for all: it takes long to start, and nothing here disturbs the rest.
#[tokio::test]
async fn what_an_administrator_changes_is_changed() {
    let bed = Bed::start(options()).await.unwrap();
    let user = resource_manager(&bed, bed.user());
    let admin = resource_manager(&bed, bed.daemon_user());
    labels_are_added_given_and_removed(&admin).await;
    a_reservation_is_made_changed_and_given_up(&user).await;
    an_application_is_moved_and_preferred(&user).await;
    the_scheduler_is_changed_while_it_runs(&admin).await;
    tokens_of_the_resource_manager_need_kerberos(&user).await;
    a_token_of_hdfs_is_given_renewed_and_cancelled(&bed).await;
    bed.stop().await;
}

async fn labels_are_added_given_and_removed(rm: &RmClient) {
    let node = rm.nodes(&["RUNNING"]).await.unwrap()[0].id.clone();
    assert!(rm.node_labels().await.unwrap().is_empty());
    rm.add_node_labels(&[("gpu", true), ("ssd", false)]).await.unwrap();
    let mut labels = rm.node_labels().await.unwrap();
    labels.sort_by(|a, b| a.name.cmp(&b.name));
    let found: Vec<_> = labels
        .iter()
        .map(|label| (label.name.as_str(), label.exclusivity))
        .collect();
    assert_eq!(found, [("gpu", Some(true)), ("ssd", Some(false))]);

    rm.replace_labels_of_node(&node, &["gpu"]).await.unwrap();
    assert_eq!(rm.labels_of_node(&node).await.unwrap()[0].name, "gpu");
    let mapping = rm.nodes_of_labels(&["gpu"]).await.unwrap();
    assert_eq!(
        (mapping[0].label.name.as_str(), &mapping[0].nodes),
        ("gpu", &vec![node.clone()])
    );
    rm.replace_labels_of_nodes(&BTreeMap::from([(node.clone(), vec!["ssd".to_owned()])]))
        .await
        .unwrap();
    let of_nodes = rm.labels_of_nodes().await.unwrap();
    assert_eq!((&of_nodes[0].node, of_nodes[0].labels[0].name.as_str()), (&node, "ssd"));
    rm.replace_labels_of_nodes(&BTreeMap::from([(node, Vec::new())]))
        .await
        .unwrap();
    assert!(rm.labels_of_nodes().await.unwrap().is_empty());

    let unknown = rm.remove_node_labels(&["none"]).await.unwrap_err();
    assert!(unknown.to_string().contains("none"), "{unknown}");
    rm.remove_node_labels(&["gpu", "ssd"]).await.unwrap();
    assert!(rm.node_labels().await.unwrap().is_empty());
}

async fn a_reservation_is_made_changed_and_given_up(rm: &RmClient) {
    let started = Duration::from_millis(rm.info().await.unwrap().started_on.unwrap());
    // Far enough ahead for the slowest machine.
    let arrival = started + Duration::from_secs(24 * 3600);
    let mut definition = ReservationDefinition {
        name: "nightly".to_owned(),
        arrival,
        deadline: arrival + Duration::from_secs(3600),
        priority: 0,
        recurrence: None,
        interpreter: ReservationInterpreter::All,
        requests: vec![ReservationRequest {
            memory_mb: 512,
            vcores: 1,
            containers: 1,
            min_concurrency: 1,
            duration: Duration::from_secs(600),
        }],
    };
    let id = rm.new_reservation().await.unwrap();
    // The plan of the queue is made a moment after the start.
    let submitted = async || rm.submit_reservation(&id, "dedicated", &definition).await;
    wait::until("the reservation to be accepted", BOUND, submitted)
        .await
        .unwrap();
    let filter = ReservationFilter {
        allocations: true,
        ..ReservationFilter::default()
    };
    let found = rm.reservations("dedicated", &filter).await.unwrap();
    assert_eq!((&found[0].reservation_id, found.len()), (&id, 1));
    assert_eq!(
        found[0].resource_allocations[0].resource.as_ref().unwrap().memory,
        Some(512)
    );

    definition.requests[0].memory_mb = 1024;
    rm.update_reservation(&id, &definition).await.unwrap();
    let only = ReservationFilter {
        id: Some(id),
        ..filter.clone()
    };
    let found = rm.reservations("dedicated", &only).await.unwrap();
    assert_eq!(
        found[0].resource_allocations[0].resource.as_ref().unwrap().memory,
        Some(1024)
    );
    rm.delete_reservation(&id).await.unwrap();
    assert!(rm.reservations("dedicated", &filter).await.unwrap().is_empty());
    let gone = rm.delete_reservation(&id).await.unwrap_err();
    assert!(gone.to_string().contains("does not exist in the plan"), "{gone}");
}

async fn an_application_is_moved_and_preferred(rm: &RmClient) {
    let id = submit(rm, "while :; do sleep 0.1; done").await;
    running(rm, id).await;
    assert_eq!(rm.move_to_queue(id, "other").await.unwrap(), "root.other");
    assert_eq!(rm.queue(id).await.unwrap(), "root.other");
    rm.move_to_queue(id, "nowhere").await.unwrap_err();
    assert_eq!(rm.set_priority(id, 8).await.unwrap(), Some(8));
    assert_eq!(rm.priority(id).await.unwrap(), Some(8));
    assert_eq!(
        rm.set_priority(id, 99).await.unwrap(),
        Some(10),
        "as much as the cluster allows"
    );
    killed(rm, id).await;
    let ended = rm.move_to_queue(id, "default").await.unwrap_err();
    assert!(ended.to_string().contains("KILLED"), "{ended}");
}

async fn the_scheduler_is_changed_while_it_runs(rm: &RmClient) {
    let change = SchedulerChange {
        update: vec![QueueProperties {
            queue: "root.other".to_owned(),
            properties: BTreeMap::from([("maximum-applications".to_owned(), Some("55".to_owned()))]),
        }],
        global: BTreeMap::from([(
            "yarn.scheduler.capacity.maximum-applications".to_owned(),
            Some("500".to_owned()),
        )]),
        ..SchedulerChange::default()
    };
    rm.change_scheduler_configuration(&change).await.unwrap();
    let now = rm.scheduler_configuration().await.unwrap();
    let value = |name: &str| now.iter().find(|one| one.name == name).map(|one| one.value.as_str());
    assert_eq!(value("yarn.scheduler.capacity.maximum-applications"), Some("500"));
    assert_eq!(
        value("yarn.scheduler.capacity.root.other.maximum-applications"),
        Some("55")
    );
    let access = rm.queue_access("root.other", "alice", &QueueAcl::Submit).await.unwrap();
    assert_eq!(access.user.as_deref(), Some("alice"));
}

async fn tokens_of_the_resource_manager_need_kerberos(rm: &RmClient) {
    let error = rm.delegation_token("yarn").await.unwrap_err();
    assert!(matches!(error.kind(), RestErrorKind::Forbidden { .. }), "{error}");
    assert!(error.to_string().contains("log in by Kerberos"), "{error}");
}

async fn a_token_of_hdfs_is_given_renewed_and_cancelled(bed: &Bed) {
    let hdfs = web_hdfs(bed, bed.user());
    let request = TokenRequest {
        renewer: Some(bed.user().to_owned()),
        kind: Some("HDFS_DELEGATION_TOKEN".to_owned()),
        service: Some("127.0.0.1:1".to_owned()),
    };
    let token = hdfs.delegation_token(&request).await.unwrap().unwrap();
    assert_eq!(
        (token.kind(), token.service()),
        (&TokenKind::HdfsDelegation, "127.0.0.1:1")
    );
    let by_token = WebHdfs::builder()
        .server(bed.namenode_web(), None)
        .unwrap()
        .transport(Transport::new().authenticator(DelegationToken::new(token.clone())))
        .build()
        .unwrap();
    // Without Kerberos the web interface looks at no token and takes who names nobody for its static user.
    let home = format!("/user/{}", bed.user());
    let refused = by_token.list(&home).await.unwrap_err();
    assert!(matches!(refused.kind(), RestErrorKind::Forbidden { .. }), "{refused}");
    assert!(!format!("{refused:?}").contains(&token.to_url_string()), "{refused}");

    assert!(hdfs.renew_delegation_token(&token).await.unwrap() > 0);
    let stranger = web_hdfs(bed, "mallory")
        .renew_delegation_token(&token)
        .await
        .unwrap_err();
    assert!(stranger.to_string().contains("mallory"), "{stranger}");
    hdfs.cancel_delegation_token(&token).await.unwrap();
    let gone = hdfs.renew_delegation_token(&token).await.unwrap_err();
    assert!(gone.to_string().contains("InvalidToken"), "{gone}");
    assert!(!format!("{gone:?}").contains(&token.to_url_string()), "{gone}");
}
