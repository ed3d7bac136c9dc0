//! ApplicationMasters behind the proxy of their NodeManager, which has given them a token of its own.

use std::time::Duration;

use selvedge_it::bed::{Bed, BedOptions, Daemon};
use yarn_rpc::am::AmClient;
use yarn_rpc::ipc::{ExceptionKind, IpcOptions, RemoteException};

use super::master::{Master, master_lives_and_ends};
use super::variant::Variant;

async fn bed() -> Variant {
    Variant::of(
        BedOptions::default()
            .with_one_quick_node()
            .with_amrm_proxy()
            .with_short_am_keys(4),
    )
    .await
}

#[tokio::test]
async fn containers_live_and_end_behind_a_proxy() {
    let bed = bed().await;
    master_lives_and_ends(Master::behind_proxy(&bed, IpcOptions::default()).await).await;
}

#[tokio::test]
async fn the_token_of_a_proxy_opens_no_resource_manager() {
    let bed = bed().await;
    let master = Master::behind_proxy(&bed, IpcOptions::default()).await;
    is_refused(master.client_at_the_resource_manager()).await;
    master.heartbeat().await;
    master.finish().await;
}

#[tokio::test]
async fn an_application_master_takes_over_the_token_of_its_proxys_new_key() {
    let bed = bed().await;
    // Each heartbeat is a new login, so that a token whose key is gone is found out at the next.
    let ipc = IpcOptions {
        idle_timeout: Some(Duration::from_millis(1)),
        ..IpcOptions::default()
    };
    let master = Master::behind_proxy(&bed, ipc).await;
    // The key of its token may have been the next one already.
    let before = activated_keys(&bed);
    master
        .until("two new keys", |_| (activated_keys(&bed) >= before + 2).then_some(()))
        .await;
    is_refused(master.client_with_first_token()).await;
    let container = master.containers(1, 128, 1).await.remove(0);
    master.start(&container, "exec sleep 600").await;
    master.running(&container).await;
    master.finish().await;
}

async fn is_refused(mut stale: AmClient) {
    let refusal = stale.register("localhost", None, "").await.unwrap_err();
    let kind = refusal.exception().map(RemoteException::kind);
    assert_eq!(kind, Some(ExceptionKind::InvalidToken), "{refusal}");
}

/// How often the proxy has put a new key in the place of the one before.
fn activated_keys(bed: &Bed) -> usize {
    let log = bed.daemon_log(Daemon::NodeManager(0)).unwrap();
    log.lines()
        .filter(|line| line.contains("AMRMProxyTokenSecretManager") && line.contains("Activating next master key"))
        .count()
}
