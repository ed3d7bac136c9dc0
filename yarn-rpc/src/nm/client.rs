//! Connections to NodeManagers, one for each node and token.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use prost::Message;
use tokio::sync::Semaphore;
use yarn_common::{
    id::{ContainerId, NodeId},
    token::Token,
};

use super::{NmError, NmOptions, gather::Gathering};
use crate::{
    am::NmTokenCache,
    ipc::{ExceptionKind, Identity, IpcClient, Protocol, RemoteException},
    proto::yarn::ContainerExceptionMapProto,
    retry::{Outcome, Servers},
};

/// Speaks ContainerManagementProtocol with every NodeManager that granted a container. Clones share the connections.
#[derive(Clone, Debug)]
pub struct NmClient {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    tokens: NmTokenCache,
    options: NmOptions,
    nodes: Mutex<BTreeMap<NodeId, Node>>,
    gathering: Arc<Gathering>,
}

/// The connection to a node under a token, and its turns.
#[derive(Clone, Debug)]
struct Node {
    token: Token,
    client: IpcClient,
    turns: Arc<Semaphore>,
}

impl NmClient {
    /// A client that logs in with the tokens of `tokens`, usually a clone of
    /// [`AmClient::nm_tokens`](crate::am::AmClient::nm_tokens).
    pub fn new(tokens: NmTokenCache, options: NmOptions) -> Self {
        Self {
            shared: Arc::new(Shared {
                tokens,
                options,
                nodes: Mutex::default(),
                gathering: Arc::default(),
            }),
        }
    }

    /// Closes the connection to a node, for example when it was lost. A later call opens a new one.
    pub fn disconnect(&self, node: &NodeId) {
        self.nodes().remove(node);
    }

    pub(super) fn gathering(&self) -> &Arc<Gathering> {
        &self.shared.gathering
    }

    pub(super) fn options(&self) -> &NmOptions {
        &self.shared.options
    }

    pub(super) fn batch(&self) -> usize {
        self.shared.options.batch.max(1)
    }

    /// One call in the node's turn; the answer and how often it was repeated.
    ///
    /// A token that the node refuses is exchanged once for the one that the ResourceManager has sent since.
    pub(super) async fn call<Q: Message, A: Message + Default>(
        &self,
        node: &NodeId,
        step: &'static str,
        request: &Q,
    ) -> Result<(A, u32), NmError> {
        let connected = self.connected(node)?;
        let turn = connected.turns.acquire().await;
        let _turn = turn.expect("the semaphore of a node is never closed");
        let mut used = self.connected(node)?;
        let (mut result, mut retries) = self.attempt(&used, step, request).await;
        if is_token_refused(&result)
            && let Ok(newer) = self.connected(node)
            && newer.token != used.token
        {
            used = newer;
            let (again, more) = self.attempt(&used, step, request).await;
            (result, retries) = (again, retries + 1 + more);
        }
        if is_token_refused(&result) {
            // The next call logs in anew, with whatever token is known by then.
            self.disconnect(node);
        }
        let answer = result.map_err(|source| NmError::Call {
            step,
            node: node.clone(),
            retries,
            source: Box::new(source),
        })?;
        Ok((answer, retries))
    }

    async fn attempt<Q: Message, A: Message + Default>(
        &self,
        node: &Node,
        step: &'static str,
        request: &Q,
    ) -> (Result<A, crate::ipc::IpcError>, u32) {
        let server = Servers::new(vec![node.client.clone()], self.shared.options.retry);
        let Outcome { result, retries } = server.call(step, request).await;
        (result, retries)
    }

    /// The connection to a node. A changed token needs a new one.
    fn connected(&self, node: &NodeId) -> Result<Node, NmError> {
        let token = self
            .shared
            .tokens
            .get(node)
            .ok_or_else(|| NmError::NoToken { node: node.clone() })?;
        let mut nodes = self.nodes();
        let present = nodes.get(node);
        if let Some(connected) = present.filter(|connected| connected.token == token) {
            return Ok(connected.clone());
        }
        let turns = present.map_or_else(
            || Arc::new(Semaphore::new(self.shared.options.concurrency.max(1))),
            |present| present.turns.clone(),
        );
        let (identity, options) = (Identity::Token(token.clone()), self.shared.options.ipc.clone());
        let client = IpcClient::new(node.to_string(), Protocol::CONTAINER_MANAGEMENT, identity, options);
        let connected = Node { token, client, turns };
        nodes.insert(node.clone(), connected.clone());
        Ok(connected)
    }

    fn nodes(&self) -> MutexGuard<'_, BTreeMap<NodeId, Node>> {
        // Every change is one insertion or removal, so the map is whole even after a panic elsewhere.
        self.shared.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_token_refused<A>(result: &Result<A, crate::ipc::IpcError>) -> bool {
    let error = result.as_ref().err();
    let kind = error.and_then(|error| error.remote()).map(RemoteException::kind);
    matches!(kind, Some(ExceptionKind::InvalidToken | ExceptionKind::Sasl))
}

/// The outcome of one container in an answer about several.
pub(super) struct Outcomes {
    step: &'static str,
    node: NodeId,
    refused: BTreeMap<ContainerId, RemoteException>,
}

impl Outcomes {
    pub(super) fn new(step: &'static str, node: &NodeId, refused: Vec<ContainerExceptionMapProto>) -> Self {
        let named = |entry: ContainerExceptionMapProto| {
            let id = ContainerId::try_from(entry.container_id?).ok()?;
            let exception = entry.exception.unwrap_or_default();
            let message = exception.message.unwrap_or_default();
            Some((
                id,
                RemoteException::new(exception.class_name.unwrap_or_default(), &message),
            ))
        };
        Self {
            step,
            node: node.clone(),
            refused: refused.into_iter().filter_map(named).collect(),
        }
    }

    /// The refusal of a container, if there is one.
    pub(super) fn refusal(&self, container: ContainerId) -> Option<NmError> {
        let exception = self.refused.get(&container)?.clone();
        Some(NmError::refused(self.node.clone(), container, exception))
    }

    /// The answer says nothing about a container.
    pub(super) fn unnamed(&self, container: ContainerId) -> NmError {
        NmError::NoAnswer {
            step: self.step,
            node: self.node.clone(),
            container,
        }
    }
}
