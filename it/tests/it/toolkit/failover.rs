//! Two ResourceManagers and ZooKeeper; messages are signed.

use selvedge_it::bed::{BedOptions, Daemon, RpcProtection};

use super::master::{Master, containers_live_and_end};
use super::variant::Variant;

fn two_resource_managers() -> BedOptions {
    BedOptions::default()
        .with_one_quick_node()
        .with_two_resource_managers()
        .with_rpc_protection(RpcProtection::Integrity)
}

#[tokio::test]
async fn containers_live_and_end_where_messages_are_signed() {
    let bed = Variant::of(two_resource_managers()).await;
    containers_live_and_end(&bed).await;
}

#[tokio::test]
async fn an_ask_and_all_containers_outlive_the_active_resource_manager() {
    let bed = Variant::of(two_resource_managers()).await;
    let master = Master::register(&bed, "default").await;
    let active = bed.active_resource_manager().await.unwrap();
    let standby = match active {
        Daemon::ResourceManager => Daemon::SecondResourceManager,
        _ => Daemon::ResourceManager,
    };
    master.asks_outlive(|| async { bed.kill(active).await.unwrap() }).await;
    assert_eq!(bed.active_resource_manager().await.unwrap(), standby);
    // Back to two, for the next test and to show that the ApplicationMaster does not care.
    bed.restart(active).await.unwrap();
    master.heartbeat().await;
    master.finish().await;
}
