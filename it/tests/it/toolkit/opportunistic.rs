//! Opportunistic containers, allotted by the ResourceManager: they run in what others leave, wait on their node until
//! there is room, and make room.

use selvedge_it::bed::BedOptions;
use selvedge_it::wait;
use yarn_common::exit_status::ContainerExitStatus;
use yarn_common::resource::Resource;
use yarn_rpc::am::{AskKey, ContainerAsk, ContainerUpdate, Execution, Locality};
use yarn_rpc::types::{Container, ContainerStatus, ContainerSubState, ExecutionType};

use super::BOUND;
use super::master::{Heard, Master, script_context};
use super::variant::Variant;

const SLEEP: &str = "exec sleep 600";

async fn bed() -> Variant {
    Variant::of(
        BedOptions::default()
            .with_one_quick_node()
            .with_opportunistic_containers(),
    )
    .await
}

pub(super) fn opportunistic(priority: i32, memory_mb: u64, count: u32) -> ContainerAsk {
    let key = AskKey::priority(priority);
    ContainerAsk::new(key, Resource::new(memory_mb, 1), count).executed(Execution::OPPORTUNISTIC)
}

#[tokio::test]
async fn guaranteed_and_opportunistic_containers_live_side_by_side_and_end_alike() {
    let bed = bed().await;
    let master = Master::register(&bed, "default").await;
    both_kinds_live_and_end(&master).await;
    master.finish().await;
}

/// Two of each kind are asked for in one heartbeat; the ResourceManager knows each as what it is until it has ended.
pub(super) async fn both_kinds_live_and_end(master: &Master<'_>) {
    master.ask(1, 256, 2).await;
    master.ask_for(opportunistic(2, 256, 2)).await;
    let both = |heard: &Heard| (heard.at(1).len() == 2 && heard.at(2).len() == 2).then(|| (heard.at(1), heard.at(2)));
    let (guaranteed, opportunistic) = master.until("both kinds", both).await;
    for (containers, kind) in [
        (&guaranteed, ExecutionType::Guaranteed),
        (&opportunistic, ExecutionType::Opportunistic),
    ] {
        for container in containers {
            assert_eq!(container.execution_type, kind, "{container:?}");
            master.known_as(container.id, Some(kind)).await;
        }
        master.start(&containers[0], SLEEP).await;
        master.running(&containers[0]).await;
        assert_eq!(status(master, &containers[0]).await.execution_type, kind);
    }
    for containers in [&guaranteed, &opportunistic] {
        let [runs, waits] = containers.as_slice() else {
            panic!("{containers:?}")
        };
        master.nodes.stop_container(&runs.node, runs.id).await.unwrap();
        master.release(waits.id).await;
        for (container, exit_status) in [
            (runs, ContainerExitStatus::KILLED_BY_APPMASTER),
            (waits, ContainerExitStatus::ABORTED),
        ] {
            let ended = master.completed(container.id).await;
            assert_eq!(ended.exit_status, exit_status, "{ended:?}");
            master.known_as(container.id, None).await;
        }
    }
    assert_eq!(master.outstanding().await, 0);
}

#[tokio::test]
async fn opportunistic_containers_are_granted_where_they_are_wanted() {
    let bed = bed().await;
    let master = Master::register(&bed, "default").await;
    let here = Locality::Nodes {
        nodes: vec![("127.0.0.2".to_owned(), "/default-rack".to_owned())],
        relax: true,
    };
    master.ask_for(opportunistic(1, 128, 3).at(here)).await;
    for container in master.granted(1, 3).await {
        assert_eq!(container.execution_type, ExecutionType::Opportunistic);
        assert_eq!(container.node.host(), "127.0.0.2");
    }
    // What is left of the rows for host and rack brings no more.
    master.heartbeat().await;
    master.heartbeat().await;
    assert_eq!(master.outstanding().await, 0);
    master.finish().await;
}

#[tokio::test]
async fn a_container_is_promoted_and_demoted_before_and_after_it_was_started() {
    let bed = bed().await;
    let master = Master::register(&bed, "default").await;
    master.ask_for(opportunistic(1, 256, 2)).await;
    let granted = master.granted(1, 2).await;
    let [started, acquired] = granted.as_slice() else {
        panic!("{granted:?}")
    };
    let promoted = master.change(acquired, &ContainerUpdate::Promote).await;
    assert_eq!(promoted.execution_type, ExecutionType::Guaranteed);
    let demoted = master.change(&promoted, &ContainerUpdate::Demote).await;
    assert_eq!(
        (demoted.execution_type, demoted.version),
        (ExecutionType::Opportunistic, 2)
    );
    // The NodeManager takes the newest token for a start.
    let context = script_context(SLEEP);
    master.nodes.start_container(&demoted, &context).await.unwrap();
    master.running(&demoted).await;
    assert_eq!(
        status(&master, &demoted).await.execution_type,
        ExecutionType::Opportunistic
    );

    master.start(started, SLEEP).await;
    master.running(started).await;
    let mut container = started.clone();
    for (update, kind) in [
        (ContainerUpdate::Promote, ExecutionType::Guaranteed),
        (ContainerUpdate::Demote, ExecutionType::Opportunistic),
    ] {
        container = master.change(&container, &update).await;
        assert_eq!(container.execution_type, kind);
        master.nodes.update_container(&container).await.unwrap();
        until_status(&master, &container, |status| status.execution_type == kind).await;
        master.known_as(container.id, Some(kind)).await;
    }
    master.finish().await;
}

#[tokio::test]
async fn an_opportunistic_container_waits_for_room_and_makes_room_for_guaranteed_ones() {
    let bed = bed().await;
    let master = Master::register(&bed, "default").await;
    // All but 1 GB of the node.
    let large = master.containers(1, 5120, 1).await.remove(0);
    master.start(&large, SLEEP).await;
    master.running(&large).await;
    master.ask_for(opportunistic(2, 2048, 1)).await;
    let small = master.granted(2, 1).await.remove(0);
    master.start(&small, SLEEP).await;
    until_status(&master, &small, |status| {
        status.sub_state == Some(ContainerSubState::Scheduled)
    })
    .await;
    let living = bed.container_processes(&master.id.to_string()).unwrap();
    assert!(living.iter().all(|process| process.container != small.id.to_string()));

    master.nodes.stop_container(&large.node, large.id).await.unwrap();
    master.completed(large.id).await;
    master.running(&small).await;
    let large = master.containers(3, 5120, 1).await.remove(0);
    master.start(&large, SLEEP).await;
    let ended = master.completed(small.id).await;
    assert_eq!(
        ended.exit_status,
        ContainerExitStatus::KILLED_BY_CONTAINER_SCHEDULER,
        "{ended:?}"
    );
    assert!(!ended.exit_status.is_fault_of_application());
    master.running(&large).await;
    master.finish().await;
}

async fn status(master: &Master<'_>, container: &Container) -> ContainerStatus {
    let status = master.nodes.container_status(&container.node, container.id).await;
    status.unwrap()
}

async fn until_status(master: &Master<'_>, container: &Container, is_wanted: impl Fn(&ContainerStatus) -> bool) {
    let look = || async {
        let status = status(master, container).await;
        if is_wanted(&status) {
            Ok(())
        } else {
            Err(format!("{status:?}"))
        }
    };
    wait::until(&format!("the change of {}", container.id), BOUND, look)
        .await
        .unwrap();
}
