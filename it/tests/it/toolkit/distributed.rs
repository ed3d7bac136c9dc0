//! Opportunistic containers, allotted by the NodeManager that the ApplicationMaster is on.

use selvedge_it::bed::BedOptions;
use yarn_common::exit_status::ContainerExitStatus;
use yarn_rpc::am::Locality;
use yarn_rpc::ipc::IpcOptions;
use yarn_rpc::types::ExecutionType;

use super::master::Master;
use super::opportunistic::{both_kinds_live_and_end, opportunistic};
use super::variant::Variant;

async fn bed() -> Variant {
    Variant::of(
        BedOptions::default()
            .with_one_quick_node()
            .with_distributed_scheduling(),
    )
    .await
}

#[tokio::test]
async fn a_node_allots_opportunistic_containers_with_the_heartbeat_that_asks_for_them() {
    let bed = bed().await;
    let master = Master::behind_proxy(&bed, IpcOptions::default()).await;
    // One of each: a node allots at most one container of an ask with a heartbeat.
    for priority in [1, 2] {
        master.ask_for(opportunistic(priority, 128, 1)).await;
    }
    master.heartbeat().await;
    let granted = [master.at(1).await, master.at(2).await].concat();
    assert_eq!(granted.len(), 2, "{granted:?}");
    for container in &granted {
        assert_eq!(container.execution_type, ExecutionType::Opportunistic);
        master.known_as(container.id, Some(ExecutionType::Opportunistic)).await;
        master.start(container, "exec sleep 600").await;
        master.running(container).await;
    }
    assert_eq!(master.outstanding().await, 0);
    master.finish().await;
}

#[tokio::test]
async fn both_kinds_live_side_by_side_where_nodes_allot_one_of_them() {
    let bed = bed().await;
    let master = Master::behind_proxy(&bed, IpcOptions::default()).await;
    both_kinds_live_and_end(&master).await;
    master.finish().await;
}

#[tokio::test]
async fn what_a_node_has_allotted_is_given_back_like_any_other() {
    let bed = bed().await;
    let master = Master::behind_proxy(&bed, IpcOptions::default()).await;
    let here = Locality::Nodes {
        nodes: vec![("127.0.0.2".to_owned(), "/default-rack".to_owned())],
        relax: true,
    };
    master.ask_for(opportunistic(1, 1024, 1).at(here)).await;
    let container = master.granted(1, 1).await.remove(0);
    assert_eq!(container.execution_type, ExecutionType::Opportunistic);
    master.known_as(container.id, Some(ExecutionType::Opportunistic)).await;
    master.release(container.id).await;
    let ended = master.completed(container.id).await;
    assert_eq!(ended.exit_status, ContainerExitStatus::ABORTED, "{ended:?}");
    master.known_as(container.id, None).await;
    master.finish().await;
}
