//! The key of the ApplicationMaster's token is replaced while a session runs.

use selvedge_it::bed::{Bed, BedOptions};
use selvedge_it::cli::BOUND;
use selvedge_it::wait;

use super::super::session::stop;
use super::super::support::Cluster;
use super::{session, until_exactly};
use crate::folder::Folder;
use crate::toolkit::keys::activated_keys;

/// So long may an ApplicationMaster take to start: its node has first to fetch and unpack it.
const SILENCE_SECONDS: u32 = 20;

/// One node, keys that are soon replaced, and a ResourceManager that closes what is silent for a moment: each heartbeat is a
/// new login, so that a token whose key is gone is found out at the next.
async fn short_keys() -> Cluster {
    let mut options = BedOptions::default()
        .with_one_quick_node()
        .with_short_am_keys(SILENCE_SECONDS);
    for (key, value) in [
        ("ipc.client.idlethreshold", "0"),
        ("ipc.client.connection.maxidletime", "200"),
        ("ipc.client.connection.idle-scan-interval.ms", "200"),
    ] {
        options.yarn_site.insert(key.to_owned(), value.to_owned());
    }
    Cluster::of(Bed::start(options).await.unwrap()).await
}

#[tokio::test]
async fn a_session_goes_on_with_the_token_of_a_new_key_and_gets_workers_with_it() {
    let cluster = short_keys().await;
    let folder = Folder::new();
    let master = session(&cluster, &folder, "1000m", &["-Dyarn.heartbeat.interval=1"]).await;
    let first = master.submit(1).await;
    master.until_runs(first).await;
    until_exactly(&cluster, &master.application, 1).await;
    let before = activated_keys(&cluster.bed);
    let activated = || {
        let keys = activated_keys(&cluster.bed);
        std::future::ready(if keys > before { Ok(()) } else { Err(keys) })
    };
    wait::until("a new key", BOUND, activated).await.unwrap();
    let second = master.submit(1).await;
    master.until_runs(second).await;
    until_exactly(&cluster, &master.application, 2).await;
    assert_eq!((master.restarts(first).await, master.restarts(second).await), (0, 0));
    stop(&cluster, &folder, &master.application).await;
}
