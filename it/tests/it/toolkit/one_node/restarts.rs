//! Daemons are killed and come back, and remember.

use selvedge_it::bed::Daemon;
use yarn_common::exit_status::ContainerExitStatus;

use super::super::master::{Master, script_context};

#[tokio::test]
async fn an_ask_and_all_containers_outlive_the_resource_manager() {
    let bed = super::bed().await;
    let master = Master::register(&bed, "default").await;
    master
        .asks_outlive(|| async { bed.restart(Daemon::ResourceManager).await.unwrap() })
        .await;
    master.finish().await;
}

#[tokio::test]
async fn containers_outlive_their_node_manager_and_calls_wait_for_it() {
    let bed = super::bed().await;
    let node = Daemon::NodeManager(0);
    let master = Master::register(&bed, "default").await;
    let granted = master.containers(1, 128, 2).await;
    let [before, after] = granted.as_slice() else {
        panic!("{granted:?}")
    };
    let release = bed.scratch().join(format!("release-{}", master.id));
    let script = format!("until [ -e {} ]; do sleep 0.1; done; exit 5", release.display());
    master.start(before, &script).await;
    master.running(before).await;

    bed.kill(node).await.unwrap();
    // The NodeManager is away when this begins.
    let status = master.nodes.container_status(&before.node, before.id);
    let (status, restarted) = tokio::join!(status, bed.restart(node));
    restarted.unwrap();
    assert_eq!(status.unwrap().id, before.id);
    master.running(before).await;
    // Its token was given for the process that is gone, and serves the new one, once that has registered: the client
    // waits for it.
    let context = script_context("exit 6");
    master.nodes.start_container(after, &context).await.unwrap();
    std::fs::write(release, "").unwrap();
    for (container, code) in [(before, 5), (after, 6)] {
        let ended = master.completed(container.id).await;
        assert_eq!(ended.exit_status, ContainerExitStatus(code), "{ended:?}");
    }
    master.finish().await;
}
