//! Elections inside one process, and the kinds by name.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use selvedge_core::{Configuration, LeaderSessionId};

use super::*;

const MASTER: &str = "127.0.0.1:6123";

fn session_of(services: &InMemoryHaServices) -> Option<LeaderSessionId> {
    services.election().leadership().borrow().session()
}

#[tokio::test]
async fn the_first_in_line_leads_and_the_next_one_when_it_leaves() {
    let ensemble = InMemoryEnsemble::new(1);
    let (first, second) = (ensemble.join(), ensemble.join());
    let mut of_second = second.election().leadership();
    assert!(of_second.borrow_and_update().session().is_some(), "alone in line");
    assert_eq!(session_of(&first), None);
    second.close(HaData::Keep).await;
    assert_eq!(*of_second.borrow(), Leadership::Standby);
    assert!(session_of(&first).is_some());
}

#[tokio::test]
async fn a_grant_and_a_revocation_give_new_sessions() {
    let ensemble = InMemoryEnsemble::new(1);
    let (first, second) = (ensemble.join(), ensemble.join());
    let before = session_of(&first).unwrap();
    assert_eq!(session_of(&second), None);
    ensemble.grant(&second);
    let granted = session_of(&second).unwrap();
    assert_eq!(session_of(&first), None);
    ensemble.revoke(&second);
    let after = session_of(&first).unwrap();
    assert!(before != granted && granted != after && before != after);
    assert!(first.election().has_leadership(after) && !first.election().has_leadership(before));
}

#[tokio::test]
async fn only_the_leader_publishes_and_what_it_has_published_goes_with_its_session() {
    let ensemble = InMemoryEnsemble::new(1);
    let (first, second) = (ensemble.join(), ensemble.join());
    let session = session_of(&first).unwrap();
    let mut retrieval = second.retrieval(LeaderComponent::Dispatcher);
    assert_eq!(retrieval.current(), None);
    let election = first.election();
    election
        .publish(session, LeaderComponent::Dispatcher, MASTER)
        .await
        .unwrap();
    let address = MASTER.to_owned();
    assert_eq!(retrieval.changed().await, Some(LeaderInformation { session, address }));
    let error = second
        .election()
        .publish(session, LeaderComponent::Dispatcher, "other:1")
        .await;
    assert_eq!(error, Err(HaError::NotLeader { session, leader: None }));
    ensemble.revoke(&first);
    assert_eq!(retrieval.changed().await, None);
    let error = election
        .publish(session, LeaderComponent::Dispatcher, MASTER)
        .await
        .unwrap_err();
    assert!(error.to_string().ends_with("it does not lead"), "{error}");
}

#[tokio::test]
async fn a_component_with_an_id_of_its_own_goes_with_the_leadership_of_its_process() {
    let ensemble = InMemoryEnsemble::new(1);
    let services = ensemble.join();
    let (session, election) = (session_of(&services).unwrap(), services.election());
    let component = LeaderComponent::JobMaster(JobId::from_bytes([1; 16]));
    let mut retrieval = services.retrieval(component);
    let told = LeaderInformation {
        session: LeaderSessionId::from_bytes([7; 16]),
        address: MASTER.to_owned(),
    };
    election.publish_as(session, component, told.clone()).await.unwrap();
    assert_eq!(retrieval.changed().await, Some(told.clone()));
    ensemble.revoke(&services);
    assert_eq!(retrieval.changed().await, None);
    let refused = election.publish_as(session, component, told.clone()).await.unwrap_err();
    assert!(matches!(refused, HaError::NotLeader { .. }), "{refused}");
    let refused = election.publish_as(told.session, component, told).await.unwrap_err();
    assert!(
        matches!(refused, HaError::NotLeader { .. }),
        "its id is no leadership: {refused}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_leader_is_waited_for_no_longer_than_told() {
    let services = InMemoryEnsemble::new(1).join();
    let retrieval = services.retrieval(LeaderComponent::ResourceManager);
    let bound = Duration::from_millis(500);
    assert_eq!(retrieval.found(bound).await, None);
    let session = session_of(&services).unwrap();
    let election = services.election();
    let publishing = async {
        tokio::time::sleep(bound / 2).await;
        election
            .publish(session, LeaderComponent::ResourceManager, MASTER)
            .await
            .unwrap();
    };
    let (found, ()) = tokio::join!(retrieval.found(bound), publishing);
    assert_eq!(found.unwrap().address, MASTER);
}

#[derive(Debug)]
struct Homemade;

#[async_trait]
impl HaServicesFactory for Homemade {
    async fn create(&self, start: HaStart<'_>) -> Result<Arc<dyn HaServices>, HaError> {
        let address = start.configuration.text("homemade.master").unwrap_or_default();
        Ok(Arc::new(StandaloneHaServices::at([(
            LeaderComponent::Dispatcher,
            address.to_owned(),
        )])))
    }
}

async fn created(
    registry: &HaServicesRegistry,
    settings: &[(&str, &str)],
    resource_manager: Option<&str>,
) -> Result<Arc<dyn HaServices>, HaError> {
    let configuration: Configuration = settings.iter().copied().collect();
    let start = HaStart {
        configuration: &configuration,
        seed: 1,
        resource_manager,
    };
    registry.create(start).await
}

#[tokio::test]
async fn without_high_availability_the_master_leads_and_a_worker_goes_where_it_was_told() {
    let registry = HaServicesRegistry::default();
    let master = created(&registry, &[], None).await.unwrap();
    assert!(master.election().leadership().borrow().session().is_some());
    assert!(!master.is_replaceable());
    let worker = created(&registry, &[], Some(MASTER)).await.unwrap();
    let told = worker.retrieval(LeaderComponent::ResourceManager).current().unwrap();
    assert_eq!(
        (told.address.as_str(), told.session),
        (MASTER, LeaderRetrieval::UNKNOWN_SESSION)
    );
}

#[tokio::test]
async fn a_program_adds_services_by_name() {
    let registry = HaServicesRegistry::default().with("homemade", Arc::new(Homemade));
    let settings = [("high-availability.type", "HomeMade"), ("homemade.master", MASTER)];
    let services = created(&registry, &settings, None).await.unwrap();
    let told = services.retrieval(LeaderComponent::Dispatcher).current().unwrap();
    assert_eq!(told.address, MASTER);
}

#[tokio::test]
async fn an_unknown_name_and_a_missing_quorum_are_refused() {
    let registry = HaServicesRegistry::default();
    for (name, expected) in [
        ("kubernetes", "'kubernetes' is unknown; known are NONE, ZOOKEEPER"),
        ("zookeeper", "high-availability.zookeeper.quorum is not set"),
    ] {
        let error = created(&registry, &[("high-availability.type", name)], None).await;
        let message = error.unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}
