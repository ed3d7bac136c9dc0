//! Starting containers.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use yarn_common::{
    id::{ContainerId, NodeId},
    launch::ContainerLaunchContext,
};

use super::{NmClient, NmError, client::Outcomes};
use crate::{
    proto::yarn::{StartContainerRequestProto, StartContainersRequestProto, StartContainersResponseProto},
    types::Container,
};

const STEP: &str = "startContainers";

/// What the node's auxiliary services say to the application, by service.
pub type ServiceData = BTreeMap<String, Bytes>;

impl NmClient {
    /// Starts a granted container. Returns what the node's auxiliary services say to the application, by service.
    ///
    /// Returning means that the NodeManager has accepted it: localization and the process itself may still fail, which
    /// a heartbeat reports as a completed container. A start whose answer was lost is repeated, and counts as done when
    /// the container turns out to run. Starts on one node that are asked for side by side travel in one call, for which
    /// each waits a millisecond.
    ///
    /// A node that refuses the grant as another ResourceManager's is asked again for
    /// [`NmOptions::registration_wait`](super::NmOptions::registration_wait): it may have come back just now.
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
    ) -> Result<ServiceData, NmError> {
        check(container, context)?;
        let (id, node) = (container.id, &container.node);
        self.start_patiently(id, node, start(container, context)).await
    }

    /// Starts many containers: those of one node travel together, and nodes are called side by side. The outcomes come
    /// in no particular order.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn start_containers<'a>(
        &self,
        starts: impl IntoIterator<Item = (&'a Container, &'a ContainerLaunchContext)>,
    ) -> Vec<(ContainerId, Result<ServiceData, NmError>)> {
        let mut outcomes = Vec::new();
        let mut calls = JoinSet::new();
        for (container, context) in starts {
            let id = container.id;
            if let Err(error) = check(container, context) {
                outcomes.push((id, Err(error)));
                continue;
            }
            let (client, node, request) = (self.clone(), container.node.clone(), start(container, context));
            calls.spawn(async move { (id, client.start_patiently(id, &node, request).await) });
        }
        outcomes.extend(calls.join_all().await);
        outcomes
    }

    /// A NodeManager that has just come back takes the present ResourceManager's grants for foreign ones until it has
    /// registered there: such a refusal is final only after a while.
    async fn start_patiently(
        &self,
        id: ContainerId,
        node: &NodeId,
        request: StartContainerRequestProto,
    ) -> Result<ServiceData, NmError> {
        let (started, options) = (Instant::now(), self.options());
        let mut delays = options.retry.delays();
        loop {
            let outcome = self.start_with_others(node, id, request.clone()).await;
            let outcome = outcome.unwrap_or_else(|| {
                Err(NmError::NoAnswer {
                    step: STEP,
                    node: node.clone(),
                    container: id,
                })
            });
            let delay = delays.next().unwrap_or(options.retry.max_delay);
            match outcome {
                Err(error @ NmError::ForeignGrant { .. }) if started.elapsed() + delay <= options.registration_wait => {
                    tracing::warn!(%error, ?delay, "trying again: the NodeManager may not have registered yet");
                    sleep(delay).await;
                }
                outcome => return outcome,
            }
        }
    }

    /// One call; the containers differ.
    pub(super) async fn start_batch(
        &self,
        node: &NodeId,
        starts: Vec<(ContainerId, StartContainerRequestProto)>,
    ) -> Vec<(ContainerId, Result<ServiceData, NmError>)> {
        let (ids, requests): (Vec<_>, _) = starts.into_iter().unzip();
        let request = StartContainersRequestProto {
            start_container_request: requests,
        };
        let (answer, retries): (StartContainersResponseProto, u32) = match self.call(node, STEP, &request).await {
            Ok(answer) => answer,
            Err(error) => return ids.into_iter().map(|id| (id, Err(error.clone()))).collect(),
        };
        let data = answer.services_meta_data.into_iter();
        let data: ServiceData = data
            .map(|entry| (entry.key.unwrap_or_default(), entry.value.unwrap_or_default()))
            .collect();
        let started: BTreeSet<ContainerId> = answer
            .succeeded_requests
            .into_iter()
            .filter_map(|id| id.try_into().ok())
            .collect();
        let refused = Outcomes::new(STEP, node, answer.failed_requests);
        let mut outcomes = Vec::with_capacity(ids.len());
        for id in ids {
            let outcome = match refused.refusal(id) {
                Some(refusal) if retries > 0 && is_running_already(&refusal) => self
                    .container_status(node, id)
                    .await
                    .map(|_| data.clone())
                    .map_err(|_| refusal),
                Some(refusal) => Err(refusal),
                None if started.contains(&id) => Ok(data.clone()),
                None => Err(refused.unnamed(id)),
            };
            outcomes.push((id, outcome));
        }
        outcomes
    }
}

fn start(container: &Container, context: &ContainerLaunchContext) -> StartContainerRequestProto {
    StartContainerRequestProto {
        container_launch_context: Some(context.into()),
        container_token: Some((&container.token).into()),
    }
}

fn is_running_already(refusal: &NmError) -> bool {
    refusal
        .exception()
        .is_some_and(|exception| exception.message().contains("already is running on this node"))
}

/// The images of these runtimes may bring a command of their own.
const RUNTIME: &str = "YARN_CONTAINER_RUNTIME_TYPE";

/// Checks what the node would refuse, or run into only after it has fetched everything.
pub(super) fn check(container: &Container, context: &ContainerLaunchContext) -> Result<(), NmError> {
    let wrong = |reason: String| {
        Err(NmError::Invalid {
            container: container.id,
            reason,
        })
    };
    if context.commands.iter().all(|command| command.trim().is_empty()) && !context.environment.contains_key(RUNTIME) {
        return wrong("it has no command".to_owned());
    }
    let bad_name = |name: &&String| name.is_empty() || name.contains(['=', '\0']);
    if let Some(name) = context.environment.keys().find(bad_name) {
        return wrong(format!("{name:?} is no name of an environment variable"));
    }
    if let Some(name) = context
        .local_resources
        .keys()
        .find(|name| name.is_empty() || name.starts_with('/'))
    {
        return wrong(format!(
            "{name:?} is no name of a local resource; it is linked below the working directory"
        ));
    }
    if container.token.identifier().is_empty() {
        return wrong("its token is empty; pass the container as it was granted".to_owned());
    }
    Ok(())
}
