//! `high-availability.type: NONE`: one master, which always leads.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use super::{
    HaData, HaServices, InMemoryEnsemble, InMemoryHaServices, LeaderComponent, LeaderElection, LeaderRetrieval,
};

/// The services of a process whose cluster has one master for ever: that master's own, or those of a worker that was told
/// where it is.
#[derive(Debug)]
pub struct StandaloneHaServices {
    only: InMemoryHaServices,
    addresses: BTreeMap<LeaderComponent, String>,
}

impl StandaloneHaServices {
    /// For the master: it leads from the start, under a session that is drawn from a generator with this seed.
    pub fn leading(seed: u64) -> Self {
        Self {
            only: InMemoryEnsemble::new(seed).join(),
            addresses: BTreeMap::new(),
        }
    }

    /// For others: components are at these addresses, host:port.
    pub fn at(addresses: impl IntoIterator<Item = (LeaderComponent, String)>) -> Self {
        Self {
            addresses: addresses.into_iter().collect(),
            ..Self::leading(0)
        }
    }
}

#[async_trait]
impl HaServices for StandaloneHaServices {
    fn election(&self) -> Arc<dyn LeaderElection> {
        self.only.election()
    }

    fn retrieval(&self, component: LeaderComponent) -> LeaderRetrieval {
        match self.addresses.get(&component) {
            Some(address) => LeaderRetrieval::fixed(address.clone()),
            None => self.only.retrieval(component),
        }
    }

    fn is_replaceable(&self) -> bool {
        false
    }

    async fn close(&self, data: HaData) {
        self.only.close(data).await;
    }
}
