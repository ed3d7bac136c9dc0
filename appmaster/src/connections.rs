//! The workers that a component is connected to: a gateway and a heartbeat for each, and calls on tasks of their own.
//! The ResourceManager and each JobMaster have their own connections, to the same workers.

use std::collections::BTreeMap;
use std::sync::Arc;

use selvedge_core::ResourceId;
use selvedge_runtime::gateway::GatewayResult;
use tokio::sync::{Notify, mpsc};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

use crate::heartbeat;
use crate::settings::HeartbeatSettings;
use crate::worker::Gateway;

/// A connected worker, and what its component knows of it.
pub(crate) struct Connection<T> {
    pub(crate) gateway: Gateway,
    pub(crate) known: T,
    wake: Arc<Notify>,
    heartbeat: AbortHandle,
}

impl<T> Connection<T> {
    /// Asks for a heartbeat now.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }
}

/// The connected workers of a component. Calls and heartbeats end with it; what they bring comes as events `E`.
pub(crate) struct Connections<T, E> {
    settings: HeartbeatSettings,
    pub(crate) events: mpsc::Sender<E>,
    workers: BTreeMap<ResourceId, Connection<T>>,
    calls: JoinSet<()>,
}

impl<T, E: Send + 'static> Connections<T, E> {
    pub(crate) fn new(settings: HeartbeatSettings, events: mpsc::Sender<E>) -> Self {
        Self {
            settings,
            events,
            workers: BTreeMap::new(),
            calls: JoinSet::new(),
        }
    }

    /// Makes a worker known and watches it: `beat` asks it, `answered` and `silent` make events of what came of it.
    pub(crate) fn add<P, F>(
        &mut self,
        resource_id: ResourceId,
        gateway: Gateway,
        known: T,
        beat: impl Fn(Gateway) -> F + Send + Sync + 'static,
        answered: impl Fn(ResourceId, P, Instant) -> E + Send + Sync + 'static,
        silent: impl FnOnce(ResourceId, String) -> E + Send + 'static,
    ) where
        P: Send + 'static,
        F: Future<Output = GatewayResult<P>> + Send + 'static,
    {
        let wake = Arc::new(Notify::new());
        let (settings, events) = (self.settings, self.events.clone());
        let (asked, woken, watched) = (gateway.clone(), wake.clone(), resource_id.clone());
        let connection = gateway.connection();
        let heartbeat = self.spawn(async move {
            let call = || beat(asked.clone());
            let event = |payload, sent| answered(watched.clone(), payload, sent);
            let cause = heartbeat::monitor(settings, woken, connection, events.clone(), call, event).await;
            let _ = events.send(silent(watched, cause)).await;
        });
        let worker = Connection {
            gateway,
            known,
            wake,
            heartbeat,
        };
        if let Some(earlier) = self.workers.insert(resource_id, worker) {
            earlier.heartbeat.abort();
        }
    }

    /// Forgets a worker. `false` where it is not known.
    pub(crate) fn remove(&mut self, resource_id: &ResourceId) -> bool {
        let worker = self.workers.remove(resource_id);
        worker.inspect(|worker| worker.heartbeat.abort()).is_some()
    }

    pub(crate) fn get(&self, resource_id: &ResourceId) -> Option<&Connection<T>> {
        self.workers.get(resource_id)
    }

    pub(crate) fn get_mut(&mut self, resource_id: &ResourceId) -> Option<&mut Connection<T>> {
        self.workers.get_mut(resource_id)
    }

    pub(crate) fn gateway(&self, resource_id: &ResourceId) -> Option<Gateway> {
        self.get(resource_id).map(|worker| worker.gateway.clone())
    }

    /// In order of their ids.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&ResourceId, &Connection<T>)> {
        self.workers.iter()
    }

    /// Forgets all workers; their gateways come back, for a last word.
    pub(crate) fn take_all(&mut self) -> Vec<(ResourceId, Gateway)> {
        let all = std::mem::take(&mut self.workers).into_iter();
        all.map(|(resource_id, worker)| {
            worker.heartbeat.abort();
            (resource_id, worker.gateway)
        })
        .collect()
    }

    /// A call on a task of its own.
    pub(crate) fn spawn(&mut self, call: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        while self.calls.try_join_next().is_some() {}
        self.calls.spawn(call)
    }
}

#[cfg(test)]
mod tests;
