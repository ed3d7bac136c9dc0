//! Starts that are asked for side by side travel together: NodeManagers take many containers in one call.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::oneshot;
use yarn_common::id::{ContainerId, NodeId};

use super::{NmClient, NmError, ServiceData};
use crate::proto::yarn::StartContainerRequestProto;

/// So long the first start waits for more, so that what is asked in the same breath travels together.
const GATHER: Duration = Duration::from_millis(1);

type StartOutcome = Result<ServiceData, NmError>;

/// The starts of each node that have not been sent yet.
#[derive(Debug, Default)]
pub(super) struct Gathering(Mutex<BTreeMap<NodeId, Vec<Waiting>>>);

/// One start, and who waits for its outcome.
#[derive(Debug)]
struct Waiting {
    container: ContainerId,
    request: StartContainerRequestProto,
    told: oneshot::Sender<StartOutcome>,
}

impl Gathering {
    /// True where it is the first one of its node: the caller then sees to it that they are sent.
    fn add(&self, node: &NodeId, waiting: Waiting) -> bool {
        let mut nodes = self.nodes();
        let present = nodes.entry(node.clone()).or_default();
        present.push(waiting);
        present.len() == 1
    }

    /// All of a node, but those that nobody waits for any longer.
    fn take(&self, node: &NodeId) -> Vec<Waiting> {
        let mut taken = self.nodes().remove(node).unwrap_or_default();
        taken.retain(|waiting| !waiting.told.is_closed());
        taken
    }

    fn nodes(&self) -> MutexGuard<'_, BTreeMap<NodeId, Vec<Waiting>>> {
        // Every change is one insertion or removal, so the map is whole even after a panic elsewhere.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl NmClient {
    /// One start, in one call with others of its node; `None` where the runtime ended before there was an outcome.
    pub(super) async fn start_with_others(
        &self,
        node: &NodeId,
        container: ContainerId,
        request: StartContainerRequestProto,
    ) -> Option<StartOutcome> {
        let (told, outcome) = oneshot::channel();
        let waiting = Waiting {
            container,
            request,
            told,
        };
        let gathering = Arc::clone(self.gathering());
        if gathering.add(node, waiting) {
            // A task of its own: the other starts go on where this one is given up.
            let (client, node) = (self.clone(), node.clone());
            tokio::spawn(async move {
                tokio::time::sleep(GATHER).await;
                for batch in batches(gathering.take(&node), client.batch()) {
                    tokio::spawn(client.clone().send(node.clone(), batch));
                }
            });
        }
        outcome.await.ok()
    }

    async fn send(self, node: NodeId, batch: Vec<Waiting>) {
        let mut tell = BTreeMap::new();
        let mut requests = Vec::with_capacity(batch.len());
        for waiting in batch {
            requests.push((waiting.container, waiting.request));
            tell.insert(waiting.container, waiting.told);
        }
        for (container, outcome) in self.start_batch(&node, requests).await {
            if let Some(told) = tell.remove(&container) {
                // Nobody may wait any longer.
                let _ = told.send(outcome);
            }
        }
    }
}

/// At most `most` in each, and no container twice: the answer names containers, not requests.
fn batches(all: Vec<Waiting>, most: usize) -> Vec<Vec<Waiting>> {
    let mut batches: Vec<(BTreeSet<ContainerId>, Vec<Waiting>)> = Vec::new();
    for waiting in all {
        let id = waiting.container;
        let room = batches
            .iter_mut()
            .find(|(ids, _)| ids.len() < most && !ids.contains(&id));
        match room {
            Some((ids, batch)) => {
                ids.insert(id);
                batch.push(waiting);
            }
            None => batches.push((BTreeSet::from([id]), vec![waiting])),
        }
    }
    batches.into_iter().map(|(_, batch)| batch).collect()
}
