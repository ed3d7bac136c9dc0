//! Connections to NodeManagers, one for each node and token.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use prost::Message;
use yarn_common::{
    id::{ContainerId, NodeId},
    launch::ContainerLaunchContext,
    token::Token,
};

use super::NmError;
use crate::{
    am::NmTokenCache,
    ipc::{Identity, IpcClient, IpcOptions, Protocol, RemoteException},
    proto::yarn::{
        ContainerExceptionMapProto, ContainerIdProto, GetContainerStatusesRequestProto,
        GetContainerStatusesResponseProto, StartContainerRequestProto, StartContainersRequestProto,
        StartContainersResponseProto, StopContainersRequestProto, StopContainersResponseProto,
    },
    retry::{Outcome, RetryPolicy, Servers},
    types::{Container, ContainerStatus},
};

const IDLE: Duration = Duration::from_secs(30);

/// How an [`NmClient`] treats NodeManagers.
#[derive(Clone, Debug)]
pub struct NmOptions {
    /// How long to look for a NodeManager that does not answer.
    pub retry: RetryPolicy,
    /// Time-outs and limits of the connections, which close after 30 s without calls by default.
    pub ipc: IpcOptions,
}

impl Default for NmOptions {
    fn default() -> Self {
        let ipc = IpcOptions {
            idle_timeout: Some(IDLE),
            ..Default::default()
        };
        Self {
            retry: RetryPolicy::NODE_MANAGER,
            ipc,
        }
    }
}

/// Speaks ContainerManagementProtocol with every NodeManager that granted a container. Clones share the connections.
#[derive(Clone, Debug)]
pub struct NmClient {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    tokens: NmTokenCache,
    options: NmOptions,
    nodes: Mutex<BTreeMap<NodeId, (Token, IpcClient)>>,
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
            }),
        }
    }

    /// Starts a granted container. Returns what the node's auxiliary services say to the application, by service.
    ///
    /// Returning means that the NodeManager has accepted it: localization and the process itself may still fail, which
    /// a heartbeat reports as a completed container. A start whose answer was lost is repeated, and counts as done when
    /// the container turns out to run.
    ///
    /// # Errors
    /// See [`NmError`].
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn start_container(
        &self,
        container: &Container,
        context: &ContainerLaunchContext,
    ) -> Result<BTreeMap<String, Bytes>, NmError> {
        const STEP: &str = "startContainers";
        let start = StartContainerRequestProto {
            container_launch_context: Some(context.into()),
            container_token: Some((&container.token).into()),
        };
        let request = StartContainersRequestProto {
            start_container_request: vec![start],
        };
        let (answer, retries): (StartContainersResponseProto, u32) = self.call(&container.node, STEP, &request).await?;
        match self.refusal(&container.node, container.id, answer.failed_requests) {
            Some(refusal) if retries > 0 && is_running_already(&refusal) => {}
            Some(refusal) => return Err(refusal),
            None => self.expect_named(&container.node, container.id, STEP, answer.succeeded_requests)?,
        }
        let data = answer.services_meta_data.into_iter();
        Ok(data
            .map(|entry| (entry.key.unwrap_or_default(), entry.value.unwrap_or_default()))
            .collect())
    }

    /// Stops a container: SIGTERM, then SIGKILL. One that has ended already counts as stopped.
    ///
    /// # Errors
    /// See [`NmError`].
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn stop_container(&self, node: &NodeId, container: ContainerId) -> Result<(), NmError> {
        const STEP: &str = "stopContainers";
        let request = StopContainersRequestProto {
            container_id: vec![container.into()],
        };
        let (answer, _): (StopContainersResponseProto, u32) = self.call(node, STEP, &request).await?;
        match self.refusal(node, container, answer.failed_requests) {
            Some(refusal) if refusal.is_gone() => Ok(()),
            Some(refusal) => Err(refusal),
            None => self.expect_named(node, container, STEP, answer.succeeded_requests),
        }
    }

    /// The state of a container.
    ///
    /// # Errors
    /// See [`NmError`]; [`NmError::is_gone`] tells that the container has ended.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn container_status(&self, node: &NodeId, container: ContainerId) -> Result<ContainerStatus, NmError> {
        const STEP: &str = "getContainerStatuses";
        let request = GetContainerStatusesRequestProto {
            container_id: vec![container.into()],
        };
        let (answer, _): (GetContainerStatusesResponseProto, u32) = self.call(node, STEP, &request).await?;
        if let Some(refusal) = self.refusal(node, container, answer.failed_requests) {
            return Err(refusal);
        }
        let wanted = Some(container.into());
        let status = answer.status.into_iter().find(|status| status.container_id == wanted);
        let status = status.ok_or_else(|| NmError::NoAnswer {
            step: STEP,
            node: node.clone(),
            container,
        })?;
        status.try_into().map_err(|source| NmError::Answer {
            node: node.clone(),
            source,
        })
    }

    /// Closes the connection to a node, for example when it was lost. A later call opens a new one.
    pub fn disconnect(&self, node: &NodeId) {
        self.nodes().remove(node);
    }

    async fn call<Q: Message, A: Message + Default>(
        &self,
        node: &NodeId,
        step: &'static str,
        request: &Q,
    ) -> Result<(A, u32), NmError> {
        let client = self.client(node)?;
        let mut server = Servers::new(vec![client], self.shared.options.retry);
        let Outcome { result, retries } = server.call(step, request).await;
        let failed = |source| NmError::Call {
            step,
            node: node.clone(),
            retries,
            source: Box::new(source),
        };
        Ok((result.map_err(failed)?, retries))
    }

    /// The connection to a node. A changed token needs a new one.
    fn client(&self, node: &NodeId) -> Result<IpcClient, NmError> {
        let token = self
            .shared
            .tokens
            .get(node)
            .ok_or_else(|| NmError::NoToken { node: node.clone() })?;
        let mut nodes = self.nodes();
        if let Some((used, client)) = nodes.get(node)
            && *used == token
        {
            return Ok(client.clone());
        }
        let (identity, options) = (Identity::Token(token.clone()), self.shared.options.ipc.clone());
        let client = IpcClient::new(node.to_string(), Protocol::CONTAINER_MANAGEMENT, identity, options);
        nodes.insert(node.clone(), (token, client.clone()));
        Ok(client)
    }

    fn nodes(&self) -> std::sync::MutexGuard<'_, BTreeMap<NodeId, (Token, IpcClient)>> {
        // Every change is one insertion or removal, so the map is whole even after a panic elsewhere.
        self.shared.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refusal(
        &self,
        node: &NodeId,
        container: ContainerId,
        refused: Vec<ContainerExceptionMapProto>,
    ) -> Option<NmError> {
        let wanted = Some(container.into());
        let entry = refused.into_iter().find(|entry| entry.container_id == wanted)?;
        let exception = entry.exception.unwrap_or_default();
        let message = exception.message.unwrap_or_default();
        let exception = RemoteException::new(exception.class_name.unwrap_or_default(), &message);
        Some(NmError::Container {
            node: node.clone(),
            container,
            exception,
        })
    }

    fn expect_named(
        &self,
        node: &NodeId,
        container: ContainerId,
        step: &'static str,
        succeeded: Vec<ContainerIdProto>,
    ) -> Result<(), NmError> {
        if succeeded.contains(&container.into()) {
            return Ok(());
        }
        Err(NmError::NoAnswer {
            step,
            node: node.clone(),
            container,
        })
    }
}

fn is_running_already(refusal: &NmError) -> bool {
    refusal
        .exception()
        .is_some_and(|exception| exception.message().contains("already is running on this node"))
}
