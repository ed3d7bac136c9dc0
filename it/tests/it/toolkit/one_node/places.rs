//! Containers that are asked for on a host by name.

use yarn_common::resource::Resource;
use yarn_rpc::am::{AskKey, ContainerAsk, Locality};

use super::super::master::{Master, rest_client};

#[tokio::test]
async fn what_was_asked_for_on_a_host_has_no_row_at_the_resource_manager_when_it_has_come() {
    let bed = super::bed().await;
    let master = Master::register(&bed, "default").await;
    let host = bed.node_managers()[0].host.to_string();
    let here = Locality::Nodes {
        nodes: vec![(host.clone(), "/default-rack".to_owned())],
        relax: true,
    };
    let ask = ContainerAsk::new(AskKey::priority(1), Resource::new(128, 1), 3).at(here);
    master.ask_for(ask).await;
    // The ResourceManager counts three rows down to nothing, and so does the client: it has nothing to say of them.
    for container in master.granted(1, 3).await {
        assert_eq!(container.node.host(), host);
    }
    master.heartbeat().await;
    let told = rest_client(&bed).application_with_requests(master.id).await.unwrap();
    assert!(told.resource_requests.is_empty(), "{:?}", told.resource_requests);
    master.finish().await;
}
