//! The ResourceManager that leads now.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use selvedge_core::LeaderSessionId;
use selvedge_runtime::gateway::grpc::ResourceManagerClient;
use selvedge_runtime::gateway::{GatewayError, GatewayResult, ResourceManagerGateway};
use selvedge_runtime::ha::{LeaderInformation, LeaderRetrieval};
use selvedge_runtime::rpc::{ApplicationSecret, RpcChannel};
use tokio::sync::mpsc;

use super::event::Notification;

/// Finds the leader for each call; cheap to clone.
#[derive(Clone)]
pub(super) struct LeadingResourceManager(Arc<Inner>);

struct Inner {
    retrieval: LeaderRetrieval,
    secret: ApplicationSecret,
    deadline: Duration,
    /// The connection to the address at which the leader was last.
    connected: Mutex<Option<(String, Arc<dyn ResourceManagerGateway>)>>,
}

impl LeadingResourceManager {
    pub(super) fn new(retrieval: LeaderRetrieval, secret: ApplicationSecret, deadline: Duration) -> Self {
        Self(Arc::new(Inner {
            retrieval,
            secret,
            deadline,
            connected: Mutex::new(None),
        }))
    }

    /// The leader's gateway.
    ///
    /// # Errors
    /// `Unreachable` while no leader is known.
    pub(super) fn gateway(&self) -> GatewayResult<Arc<dyn ResourceManagerGateway>> {
        let leader = self.0.retrieval.current();
        let address = leader
            .ok_or_else(|| GatewayError::Unreachable("no leader is known".to_owned()))?
            .address;
        let mut connected = self.0.connected.lock();
        if let Some((at, gateway)) = connected.as_ref()
            && *at == address
        {
            return Ok(gateway.clone());
        }
        let channel = RpcChannel::control(&address, &self.0.secret, self.0.deadline)
            .map_err(|error| GatewayError::Unreachable(format!("'{address}' is no address: {error}")))?;
        let gateway: Arc<dyn ResourceManagerGateway> = Arc::new(ResourceManagerClient::new(&channel));
        *connected = Some((address, gateway.clone()));
        Ok(gateway)
    }

    /// Where the leader is, for messages.
    pub(super) fn address(&self) -> String {
        let leader = self.0.retrieval.current();
        leader.map_or_else(|| "an unknown address".to_owned(), |leader| leader.address)
    }

    /// The session of the leader, where it is known before it is asked.
    pub(super) fn session(&self) -> Option<LeaderSessionId> {
        self.0.retrieval.current().and_then(|leader| told(&leader))
    }

    /// Tells the worker's loop of each new leader.
    pub(super) async fn follow(self, notifications: mpsc::Sender<Notification>) {
        let mut retrieval = self.0.retrieval.clone();
        loop {
            let session = retrieval.changed().await.and_then(|leader| told(&leader));
            if let Some(session) = session
                && notifications.send(Notification::LeaderIs(session)).await.is_err()
            {
                return;
            }
        }
    }
}

fn told(leader: &LeaderInformation) -> Option<LeaderSessionId> {
    (leader.session != LeaderRetrieval::UNKNOWN_SESSION).then_some(leader.session)
}
