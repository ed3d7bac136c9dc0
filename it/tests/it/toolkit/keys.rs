//! The key of AMRM tokens is replaced while an ApplicationMaster lives.

use std::time::Duration;

use selvedge_it::bed::{Bed, BedOptions, Daemon};
use yarn_rpc::ipc::{ExceptionKind, IpcOptions};

use super::master::Master;
use super::variant::Variant;

#[tokio::test]
async fn an_application_master_that_asks_takes_over_the_token_of_a_new_key() {
    let bed = Variant::of(BedOptions::default().with_one_quick_node().with_short_am_keys(4)).await;
    // Each heartbeat is a new login, so that a token whose key is gone is found out at the next.
    let ipc = IpcOptions {
        idle_timeout: Some(Duration::from_millis(1)),
        ..IpcOptions::default()
    };
    let master = Master::register_with(&bed, "default", ipc).await;
    // Too large for the node beside the first: outstanding all the while.
    let first = master.containers(1, 4096, 1).await.remove(0);
    master.start(&first, "exec sleep 600").await;
    master.ask(2, 4096, 1).await;
    master
        .until("a new key", |_| (activated_keys(&bed) > 0).then_some(()))
        .await;

    let stale = master.client_with_first_token().register("localhost", None, "").await;
    let refusal = stale.unwrap_err();
    assert_eq!(
        refusal.exception().map(|exception| exception.kind()),
        Some(ExceptionKind::InvalidToken),
        "{refusal}"
    );
    master.release(first.id).await;
    let second = master.until("the second container", |heard| heard.at(2).pop()).await;
    master.start(&second, "exec sleep 600").await;
    master.finish().await;
}

/// How often the ResourceManager has put a new key in the place of the one before.
pub(crate) fn activated_keys(bed: &Bed) -> usize {
    let log = bed.daemon_log(Daemon::ResourceManager).unwrap();
    let is_it = |line: &&str| line.contains("AMRMTokenSecretManager") && line.contains("Activating next master key");
    log.lines().filter(is_it).count()
}
