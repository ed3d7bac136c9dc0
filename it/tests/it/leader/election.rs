//! The election alone.

use std::sync::Arc;
use std::time::Duration;

use selvedge_core::{Configuration, LeaderSessionId};
use selvedge_it::bed::ZooKeeper;
use selvedge_it::cli::BOUND;
use selvedge_runtime::ha::{
    HaData, HaError, HaServices, LeaderComponent, LeaderElection, Leadership, ZooKeeperHaServices, ZooKeeperSettings,
};
use tokio::time::Instant;

use super::nodes;

const CLUSTER: &str = "/flink/orders";
const SESSION_TIMEOUT: Duration = Duration::from_secs(3);

struct Contender {
    services: ZooKeeperHaServices,
    election: Arc<dyn LeaderElection>,
}

async fn services(zookeeper: &ZooKeeper, settings: &[(&str, &str)]) -> ZooKeeperHaServices {
    let timeout = format!("{} s", SESSION_TIMEOUT.as_secs());
    let own = [
        ("high-availability.zookeeper.quorum", zookeeper.quorum()),
        ("high-availability.cluster-id", "orders"),
        ("high-availability.zookeeper.client.session-timeout", &timeout),
        ("high-availability.zookeeper.client.retry-wait", "200 ms"),
    ];
    let configuration: Configuration = own.into_iter().chain(settings.iter().copied()).collect();
    let settings = ZooKeeperSettings::read(&configuration).unwrap();
    ZooKeeperHaServices::connect(settings, rand::random()).await.unwrap()
}

impl Contender {
    async fn enter(zookeeper: &ZooKeeper, settings: &[(&str, &str)]) -> Self {
        let services = services(zookeeper, settings).await;
        let election = services.election();
        Self { services, election }
    }

    /// Its session, once it leads under another than this one.
    async fn leads_after(&self, before: Option<LeaderSessionId>) -> LeaderSessionId {
        let mut leadership = self.election.leadership();
        let leads = leadership.wait_for(|now| now.session().is_some() && now.session() != before);
        let now = tokio::time::timeout(BOUND, leads)
            .await
            .expect("it leads in time")
            .unwrap();
        now.session().unwrap()
    }

    async fn stands_by(&self) {
        let mut leadership = self.election.leadership();
        let stands_by = leadership.wait_for(|now| *now == Leadership::Standby);
        tokio::time::timeout(BOUND, stands_by)
            .await
            .expect("it steps down in time")
            .unwrap();
    }

    async fn publish(&self, session: LeaderSessionId, address: &str) -> Result<(), HaError> {
        self.election
            .publish(session, LeaderComponent::Dispatcher, address)
            .await
    }
}

#[tokio::test]
async fn one_leads_and_is_found_and_the_next_one_takes_over_when_it_gives_up() {
    let zookeeper = ZooKeeper::start().await.unwrap();
    let first = Contender::enter(&zookeeper, &[]).await;
    let session = first.leads_after(None).await;
    let second = Contender::enter(&zookeeper, &[]).await;
    first.publish(session, "first:1").await.unwrap();
    let worker = services(&zookeeper, &[]).await;
    let mut found = worker.retrieval(LeaderComponent::Dispatcher);
    assert_eq!(found.found(BOUND).await.unwrap().address, "first:1");

    let client = nodes::connect(zookeeper.quorum()).await;
    let paths = nodes::below(&client, CLUSTER).await;
    let latches: Vec<_> = paths.iter().filter(|path| path.contains("/leader/latch/_c_")).collect();
    assert!(
        latches.iter().all(|latch| latch.contains("-latch-00000000")),
        "{paths:?}"
    );
    assert!(
        paths.contains(&format!("{CLUSTER}/leader/dispatcher/connection_info")),
        "{paths:?}"
    );
    let refused = second.publish(session, "second:2").await.unwrap_err();
    assert!(matches!(refused, HaError::NotLeader { .. }), "{refused}");

    first.services.close(HaData::Keep).await;
    let next = second.leads_after(None).await;
    assert_ne!(next, session);
    second.publish(next, "second:2").await.unwrap();
    let taken_over = async { while found.changed().await.is_none_or(|leader| leader.session != next) {} };
    tokio::time::timeout(BOUND, taken_over)
        .await
        .expect("the worker finds the next leader");

    second.services.close(HaData::Delete).await;
    assert_eq!(
        nodes::below(&client, CLUSTER).await,
        [""; 0],
        "nothing is left of the cluster"
    );
}

#[tokio::test]
async fn a_leader_that_hears_nothing_leads_no_longer_than_one_session_timeout() {
    let zookeeper = ZooKeeper::start().await.unwrap();
    let tolerant = [(
        "high-availability.zookeeper.client.tolerate-suspended-connections",
        "true",
    )];
    let tolerant = Contender::enter(&zookeeper, &tolerant).await;
    let session = tolerant.leads_after(None).await;
    zookeeper.freeze();
    let frozen = Instant::now();
    tokio::time::sleep_until(frozen + SESSION_TIMEOUT).await;
    // ZooKeeper's client itself says so two fifths of the time-out later.
    assert!(!tolerant.election.has_leadership(session));
    tolerant.stands_by().await;
    let refused = tolerant.publish(session, "late:1").await.unwrap_err();
    assert!(matches!(refused, HaError::NotLeader { leader: None, .. }), "{refused}");
    zookeeper.thaw();
    let again = tolerant.leads_after(Some(session)).await;
    tolerant.publish(again, "again:1").await.unwrap();
}

#[tokio::test]
async fn a_leader_whose_latch_is_gone_writes_nothing_more() {
    let zookeeper = ZooKeeper::start().await.unwrap();
    let contender = Contender::enter(&zookeeper, &[]).await;
    let session = contender.leads_after(None).await;
    let client = nodes::connect(zookeeper.quorum()).await;
    for path in nodes::below(&client, &format!("{CLUSTER}/leader/latch")).await {
        if path.contains("-latch-") {
            client.delete(&path, None).await.unwrap();
        }
    }
    // It does not know yet: the transaction refuses.
    let refused = contender.publish(session, "deposed:1").await.unwrap_err();
    assert!(matches!(refused, HaError::NotLeader { .. }), "{refused}");
    assert!(nodes::leader(&client, CLUSTER, "dispatcher").await.is_none());
    contender.leads_after(Some(session)).await;
}

#[tokio::test]
async fn a_zookeeper_that_is_not_there_is_told_with_its_setting() {
    let settings = [
        ("high-availability.zookeeper.quorum", "127.0.0.1:1"),
        ("high-availability.zookeeper.client.max-retry-attempts", "1"),
        ("high-availability.zookeeper.client.retry-wait", "10 ms"),
        ("high-availability.zookeeper.client.connection-timeout", "300 ms"),
    ];
    let settings = ZooKeeperSettings::read(&settings.into_iter().collect()).unwrap();
    let message = ZooKeeperHaServices::connect(settings, 1).await.unwrap_err().to_string();
    for part in ["127.0.0.1:1", "high-availability.zookeeper.quorum", "2 attempts"] {
        assert!(message.contains(part), "{message}");
    }
}
