//! Connections to TaskExecutors.

use std::sync::Arc;
use std::time::Duration;

use selvedge_runtime::gateway::grpc::TaskExecutorClient;
use selvedge_runtime::gateway::{GatewayError, GatewayResult, TaskExecutorGateway};
use selvedge_runtime::rpc::{ApplicationSecret, RpcChannel};

use crate::offload::{Offload, Offloading};

/// A worker's gateway, cheap to clone.
pub(crate) type Gateway = Arc<dyn TaskExecutorGateway>;

/// Makes gateways to workers by their address.
#[derive(Debug, Clone)]
pub(crate) struct WorkerConnector {
    secret: ApplicationSecret,
    deadline: Duration,
    /// Where large deployments are put; without it they are messages as all others.
    offload: Option<Offload>,
}

impl WorkerConnector {
    pub(crate) const fn new(secret: ApplicationSecret, deadline: Duration) -> Self {
        Self {
            secret,
            deadline,
            offload: None,
        }
    }

    /// Large deployments travel as blobs.
    pub(crate) fn with_offload(self, offload: Offload) -> Self {
        let offload = Some(offload);
        Self { offload, ..self }
    }

    /// Where workers fetch what jobs bring along, and what is too large for a message.
    pub(crate) fn blob_server_address(&self) -> String {
        let offload = self.offload.as_ref();
        offload.map(|offload| offload.address.clone()).unwrap_or_default()
    }

    /// A gateway that connects when it is first used; only an address that cannot be one is refused.
    pub(crate) fn connect(&self, address: &str) -> GatewayResult<Gateway> {
        let channel = RpcChannel::control(address, &self.secret, self.deadline)
            .map_err(|error| GatewayError::Rejected(format!("'{address}' is not a worker's address: {error}")))?;
        let worker = TaskExecutorClient::new(&channel);
        Ok(match self.offload.clone() {
            Some(offload) => Arc::new(Offloading { worker, offload }),
            None => Arc::new(worker),
        })
    }
}
