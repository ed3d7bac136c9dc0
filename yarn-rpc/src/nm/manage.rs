//! Stopping containers and looking at them.

use std::collections::BTreeMap;

use yarn_common::id::{ContainerId, NodeId};

use super::{NmClient, NmError, client::Outcomes};
use crate::{
    proto::yarn::{
        ContainerIdProto, GetContainerStatusesRequestProto, GetContainerStatusesResponseProto,
        SignalContainerCommandProto, SignalContainerRequestProto, SignalContainerResponseProto,
        StopContainersRequestProto, StopContainersResponseProto,
    },
    types::ContainerStatus,
};

/// What a container's process is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Signal {
    /// SIGQUIT: a Java process prints its threads.
    ThreadDump,
    /// SIGTERM.
    Terminate,
    /// SIGKILL.
    Kill,
}

impl From<Signal> for SignalContainerCommandProto {
    fn from(signal: Signal) -> Self {
        match signal {
            Signal::ThreadDump => Self::OutputThreadDump,
            Signal::Terminate => Self::GracefulShutdown,
            Signal::Kill => Self::ForcefulShutdown,
        }
    }
}

impl NmClient {
    /// Stops a container: SIGTERM, then SIGKILL. One that has ended already counts as stopped.
    ///
    /// # Errors
    /// See [`NmError`].
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn stop_container(&self, node: &NodeId, container: ContainerId) -> Result<(), NmError> {
        single(self.stop_containers(node, &[container]).await)
    }

    /// Stops containers of one node; an outcome for each.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn stop_containers(
        &self,
        node: &NodeId,
        containers: &[ContainerId],
    ) -> BTreeMap<ContainerId, Result<(), NmError>> {
        const STEP: &str = "stopContainers";
        let mut outcomes = BTreeMap::new();
        for batch in containers.chunks(self.batch()) {
            let request = StopContainersRequestProto {
                container_id: ids(batch),
            };
            let answer: Result<(StopContainersResponseProto, u32), _> = self.call(node, STEP, &request).await;
            match answer {
                Err(error) => outcomes.extend(batch.iter().map(|id| (*id, Err(error.clone())))),
                Ok((answer, _)) => {
                    let refused = Outcomes::new(STEP, node, answer.failed_requests);
                    outcomes.extend(batch.iter().map(|id| match refused.refusal(*id) {
                        Some(refusal) if refusal.is_gone() => (*id, Ok(())),
                        Some(refusal) => (*id, Err(refusal)),
                        None if answer.succeeded_requests.contains(&(*id).into()) => (*id, Ok(())),
                        None => (*id, Err(refused.unnamed(*id))),
                    }));
                }
            }
        }
        outcomes
    }

    /// The state of a container.
    ///
    /// # Errors
    /// See [`NmError`]; [`NmError::is_gone`] tells that the container has ended.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn container_status(&self, node: &NodeId, container: ContainerId) -> Result<ContainerStatus, NmError> {
        single(self.container_statuses(node, &[container]).await)
    }

    /// The states of containers of one node; an outcome for each.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn container_statuses(
        &self,
        node: &NodeId,
        containers: &[ContainerId],
    ) -> BTreeMap<ContainerId, Result<ContainerStatus, NmError>> {
        const STEP: &str = "getContainerStatuses";
        let mut outcomes = BTreeMap::new();
        for batch in containers.chunks(self.batch()) {
            let request = GetContainerStatusesRequestProto {
                container_id: ids(batch),
            };
            let answer: Result<(GetContainerStatusesResponseProto, u32), _> = self.call(node, STEP, &request).await;
            let answer = match answer {
                Ok((answer, _)) => answer,
                Err(error) => {
                    outcomes.extend(batch.iter().map(|id| (*id, Err(error.clone()))));
                    continue;
                }
            };
            let refused = Outcomes::new(STEP, node, answer.failed_requests);
            let statuses: Vec<Result<ContainerStatus, _>> = answer.status.into_iter().map(TryInto::try_into).collect();
            for id in batch {
                let found = statuses.iter().flatten().find(|status| status.id == *id);
                let broken = statuses.iter().find_map(|status| status.as_ref().err());
                let outcome = match (refused.refusal(*id), found, broken) {
                    (Some(refusal), ..) => Err(refusal),
                    (None, Some(status), _) => Ok(status.clone()),
                    (None, None, Some(source)) => Err(NmError::Answer {
                        node: node.clone(),
                        source: source.clone(),
                    }),
                    (None, None, None) => Err(refused.unnamed(*id)),
                };
                outcomes.insert(*id, outcome);
            }
        }
        outcomes
    }

    /// Signals the process of a container.
    ///
    /// # Errors
    /// See [`NmError`].
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn signal_container(&self, node: &NodeId, container: ContainerId, signal: Signal) -> Result<(), NmError> {
        let command: SignalContainerCommandProto = signal.into();
        let request = SignalContainerRequestProto {
            container_id: container.into(),
            command: command.into(),
        };
        self.call::<_, SignalContainerResponseProto>(node, "signalToContainer", &request)
            .await?;
        Ok(())
    }
}

pub(super) fn ids(containers: &[ContainerId]) -> Vec<ContainerIdProto> {
    containers.iter().map(|id| (*id).into()).collect()
}

/// The outcome of a call about one container.
pub(super) fn single<T>(outcomes: BTreeMap<ContainerId, Result<T, NmError>>) -> Result<T, NmError> {
    let mut outcomes = outcomes.into_values();
    outcomes
        .next()
        .expect("one container was asked about, and each has an outcome")
}
