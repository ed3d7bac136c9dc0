//! Changing running containers: resources, files, and what they run.

use std::collections::BTreeMap;

use yarn_common::{
    id::{ContainerId, NodeId},
    launch::{ContainerLaunchContext, LocalResource},
};

use super::{
    NmClient, NmError,
    client::Outcomes,
    manage::{ids, single},
};
use crate::{
    proto::{
        common::TokenProto,
        yarn::{
            CommitResponseProto, ContainerIdProto, ContainerUpdateRequestProto, ContainerUpdateResponseProto,
            GetLocalizationStatusesRequestProto, GetLocalizationStatusesResponseProto,
            IncreaseContainersResourceRequestProto, IncreaseContainersResourceResponseProto, LocalizationStateProto,
            LocalizationStatusProto, ReInitializeContainerRequestProto, ReInitializeContainerResponseProto,
            ResourceLocalizationRequestProto, ResourceLocalizationResponseProto, RestartContainerResponseProto,
            RollbackResponseProto, StringLocalResourceMapProto,
        },
    },
    types::Container,
};

/// How far a file of a container is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LocalizationState {
    /// Being fetched.
    Pending,
    /// There.
    Completed,
    /// It could not be fetched.
    Failed,
}

/// The state of a file that was brought to a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Localization {
    /// The name of the link.
    pub name: String,
    /// How far it is.
    pub state: LocalizationState,
    /// Why it failed, in words.
    pub diagnostics: String,
}

impl From<LocalizationStatusProto> for Localization {
    fn from(status: LocalizationStatusProto) -> Self {
        let state = match status.localization_state() {
            LocalizationStateProto::LPending => LocalizationState::Pending,
            LocalizationStateProto::LCompleted => LocalizationState::Completed,
            LocalizationStateProto::LFailed => LocalizationState::Failed,
        };
        Self {
            state,
            name: status.resource_key.unwrap_or_default(),
            diagnostics: status.diagnostics.unwrap_or_default(),
        }
    }
}

impl NmClient {
    /// Makes a granted increase, promotion or demotion real. `container` is the one of
    /// [`UpdatedContainer`](crate::am::UpdatedContainer), with its new token.
    ///
    /// # Errors
    /// See [`NmError`].
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn update_container(&self, container: &Container) -> Result<(), NmError> {
        const STEP: &str = "updateContainer";
        let request = ContainerUpdateRequestProto {
            update_container_token: vec![TokenProto::from(&container.token)],
        };
        let (answer, _): (ContainerUpdateResponseProto, u32) = self.call(&container.node, STEP, &request).await?;
        let refused = Outcomes::new(STEP, &container.node, answer.failed_requests);
        named(&refused, container.id, &answer.succeeded_requests)
    }

    /// As [`update_container`](Self::update_container) for NodeManagers before 3.0, which can only increase resources.
    ///
    /// # Errors
    /// See [`NmError`].
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn increase_container(&self, container: &Container) -> Result<(), NmError> {
        const STEP: &str = "increaseContainersResource";
        let request = IncreaseContainersResourceRequestProto {
            increase_containers: vec![TokenProto::from(&container.token)],
        };
        let (answer, _): (IncreaseContainersResourceResponseProto, u32) =
            self.call(&container.node, STEP, &request).await?;
        let refused = Outcomes::new(STEP, &container.node, answer.failed_requests);
        named(&refused, container.id, &answer.succeeded_requests)
    }

    /// Brings further files to a running container. Returns before they are there: see
    /// [`localizations`](Self::localizations).
    ///
    /// # Errors
    /// See [`NmError`].
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn localize(
        &self,
        node: &NodeId,
        container: ContainerId,
        resources: &BTreeMap<String, LocalResource>,
    ) -> Result<(), NmError> {
        let entry = |(name, resource): (&String, &LocalResource)| StringLocalResourceMapProto {
            key: Some(name.clone()),
            value: Some(resource.into()),
        };
        let request = ResourceLocalizationRequestProto {
            container_id: Some(container.into()),
            local_resources: resources.iter().map(entry).collect(),
        };
        self.call::<_, ResourceLocalizationResponseProto>(node, "localize", &request)
            .await?;
        Ok(())
    }

    /// How far the files of a container are. Needs a NodeManager of 3.3 or later.
    ///
    /// # Errors
    /// See [`NmError`].
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn localizations(&self, node: &NodeId, container: ContainerId) -> Result<Vec<Localization>, NmError> {
        const STEP: &str = "getLocalizationStatuses";
        let request = GetLocalizationStatusesRequestProto {
            container_id: ids(&[container]),
        };
        let (answer, _): (GetLocalizationStatusesResponseProto, u32) = self.call(node, STEP, &request).await?;
        let refused = Outcomes::new(STEP, node, answer.failed_requests);
        let wanted = Some(ContainerIdProto::from(container));
        let mut found = answer.cntn_localization_statuses.into_iter();
        let outcome = match refused.refusal(container) {
            Some(refusal) => Err(refusal),
            None => found
                .find(|statuses| statuses.container_id == wanted)
                .map(|statuses| statuses.localization_statuses.into_iter().map(Into::into).collect())
                .ok_or_else(|| refused.unnamed(container)),
        };
        single(BTreeMap::from([(container, outcome)]))
    }

    /// Runs another launch context in the container. Unless it is committed at once, the former one can be brought
    /// back by [`rollback`](Self::rollback) until [`commit`](Self::commit).
    ///
    /// # Errors
    /// See [`NmError`].
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn reinitialize(
        &self,
        container: &Container,
        context: &ContainerLaunchContext,
        commit_at_once: bool,
    ) -> Result<(), NmError> {
        super::start::check(container, context)?;
        let request = ReInitializeContainerRequestProto {
            container_id: Some(container.id.into()),
            container_launch_context: Some(context.into()),
            auto_commit: Some(commit_at_once),
        };
        self.call::<_, ReInitializeContainerResponseProto>(&container.node, "reInitializeContainer", &request)
            .await?;
        Ok(())
    }

    /// Starts the container's process again with the same launch context.
    ///
    /// # Errors
    /// See [`NmError`].
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn restart_container(&self, node: &NodeId, container: ContainerId) -> Result<(), NmError> {
        let request = ContainerIdProto::from(container);
        self.call::<_, RestartContainerResponseProto>(node, "restartContainer", &request)
            .await?;
        Ok(())
    }

    /// Brings back what ran before the last re-initialisation.
    ///
    /// # Errors
    /// See [`NmError`].
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn rollback(&self, node: &NodeId, container: ContainerId) -> Result<(), NmError> {
        let request = ContainerIdProto::from(container);
        self.call::<_, RollbackResponseProto>(node, "rollbackLastReInitialization", &request)
            .await?;
        Ok(())
    }

    /// Keeps the last re-initialisation for good.
    ///
    /// # Errors
    /// See [`NmError`].
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn commit(&self, node: &NodeId, container: ContainerId) -> Result<(), NmError> {
        let request = ContainerIdProto::from(container);
        self.call::<_, CommitResponseProto>(node, "commitLastReInitialization", &request)
            .await?;
        Ok(())
    }
}

fn named(refused: &Outcomes, container: ContainerId, succeeded: &[ContainerIdProto]) -> Result<(), NmError> {
    match refused.refusal(container) {
        Some(refusal) => Err(refusal),
        None if succeeded.contains(&container.into()) => Ok(()),
        None => Err(refused.unnamed(container)),
    }
}
