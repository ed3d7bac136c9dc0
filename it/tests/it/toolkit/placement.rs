//! Containers on two nodes that are placed in relation to others, by a step before the scheduler, or by the label of a
//! node.

use std::collections::BTreeMap;

use selvedge_it::bed::BedOptions;
use yarn_common::resource::Resource;
use yarn_rest::model::FinalApplicationStatus;
use yarn_rpc::am::{AskKey, ConstrainedAsk, PlacementConstraint, RejectionReason, Scope};

use super::master::Master;
use super::rest::resource_manager;
use super::shell::{ours, run_both};
use super::variant::Variant;

/// No node has it but during the test of it.
const LABEL: &str = "gold";

async fn bed() -> Variant {
    let mut options = BedOptions::default()
        .with_placement_constraints()
        .with_queue_of_label(LABEL);
    for (key, value) in [
        // Hadoop's default is 1 s.
        ("yarn.resourcemanager.nodemanagers.heartbeat-interval-ms", "200"),
        // The JVM of Hadoop's ApplicationMaster reserves gigabytes.
        ("yarn.nodemanager.vmem-pmem-ratio", "30"),
    ] {
        options.yarn_site.insert(key.to_owned(), value.to_owned());
    }
    Variant::of(options).await
}

fn tagged(id: i64, tag: &str, count: u32, constraint: PlacementConstraint) -> ConstrainedAsk {
    let key = AskKey::priority(1).with_id(id);
    ConstrainedAsk::new(key, Resource::new(128, 1), count, [tag], constraint)
}

#[tokio::test]
async fn containers_are_placed_apart_and_together_and_what_has_no_place_is_rejected() {
    let bed = bed().await;
    let master = Master::register(&bed, "default").await;
    let apart = PlacementConstraint::anti_affinity(Scope::Node, ["apart"]);
    master.ask_constrained(tagged(1, "apart", 2, apart.clone())).await;
    let nodes: Vec<_> = master.granted(1, 2).await.iter().map(|one| one.node.clone()).collect();
    assert_ne!(nodes[0], nodes[1]);
    assert_eq!(master.outstanding().await, 0);

    // Each beside one of those, and at most one other of its own kind.
    let beside = PlacementConstraint::And(vec![
        PlacementConstraint::affinity(Scope::Node, ["apart"]),
        PlacementConstraint::cardinality(Scope::Node, 0, Some(1), ["beside"]),
    ]);
    master.ask_constrained(tagged(2, "beside", 4, beside)).await;
    let all = master.granted(1, 6).await;
    let mut beside: BTreeMap<_, usize> = BTreeMap::new();
    for container in all.iter().filter(|container| container.allocation_request_id == 2) {
        assert_eq!(container.allocation_tags, ["beside"]);
        *beside.entry(container.node.clone()).or_default() += 1;
    }
    assert_eq!(beside.values().copied().collect::<Vec<_>>(), [2, 2]);

    // Both nodes have one.
    master.ask_constrained(tagged(3, "apart", 1, apart)).await;
    let rejected = master
        .until("the rejection", |heard| heard.rejected.first().cloned())
        .await;
    assert_eq!(
        (rejected.key.allocation_request_id, rejected.count),
        (3, 1),
        "{rejected:?}"
    );
    assert_eq!(rejected.reason, RejectionReason::CouldNotPlace);
    assert_eq!(master.outstanding().await, 0);
    master.finish().await;
}

#[tokio::test]
async fn the_distributed_shell_places_containers_as_hadoops_places_them() {
    let bed = bed().await;
    let options = [
        ["-container_memory", "128"],
        ["-placement_spec", "apart(2),NOTIN,NODE,apart:near(2),IN,NODE,apart"],
        // A tag is where a container with it lives: YARN may look for a place more than once, some heartbeats apart.
        ["-shell_command", "sleep 5; echo $NM_HOST"],
    ];
    let (ours, hadoops) = run_both(&bed, options.as_flattened()).await;
    for run in [&ours, &hadoops] {
        let on = |host: &str| run.outputs.iter().filter(|line| line.trim() == host).count();
        assert_eq!(run.outputs.len(), 4, "{run:?}");
        assert!(on("127.0.0.2") >= 1 && on("127.0.0.3") >= 1, "{run:?}");
    }
    assert_eq!((ours.exit_code, &ours.state), (hadoops.exit_code, &hadoops.state));
    assert_eq!(ours.exit_code, Some(0), "{ours:?}");
    for run in [ours, hadoops] {
        assert_eq!(run.final_status, Some(FinalApplicationStatus::Succeeded));
    }
}

#[tokio::test]
async fn a_shell_that_finds_no_place_often_enough_gives_up() {
    let bed = bed().await;
    let options = [
        ["-appname", "placeless"],
        ["-container_memory", "128"],
        ["-placement_spec", "apart(3),NOTIN,NODE,apart"],
        ["-shell_command", "exec sleep 600"],
    ];
    let run = ours(&bed, "placeless", options.as_flattened()).await;
    assert!(run.diagnostics.contains("desired = 3"), "{run:?}");
    assert_eq!(
        (run.exit_code, run.final_status),
        (Some(2), Some(FinalApplicationStatus::Failed))
    );
}

#[tokio::test]
async fn the_distributed_shell_runs_on_the_nodes_of_a_label_as_hadoops_does() {
    let bed = bed().await;
    let admin = resource_manager(&bed, bed.daemon_user());
    let second = &bed.node_managers()[1];
    let node = second.node_id.parse().unwrap();
    admin.add_node_labels(&[(LABEL, true)]).await.unwrap();
    admin.replace_labels_of_node(&node, &[LABEL]).await.unwrap();
    let options = [
        ["-node_label_expression", LABEL],
        ["-num_containers", "2"],
        ["-container_memory", "128"],
        ["-shell_command", "echo $NM_HOST"],
    ];
    let (ours, hadoops) = run_both(&bed, options.as_flattened()).await;
    assert_eq!(ours, hadoops);
    assert_eq!(ours.exit_code, Some(0));
    assert_eq!(ours.outputs, [0, 1].map(|_| format!("{}\n", second.host)));
    admin.replace_labels_of_node(&node, &[]).await.unwrap();
    admin.remove_node_labels(&[LABEL]).await.unwrap();
}
