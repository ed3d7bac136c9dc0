//! Changes of running containers: more or fewer resources, another execution type.

use std::collections::BTreeMap;

use yarn_common::{id::ContainerId, resource::Resource};

use super::ask::AskError;
use crate::{
    convert::{ConversionError, required},
    proto::yarn::{
        ContainerUpdateTypeProto, ExecutionTypeProto, UpdateContainerErrorProto, UpdateContainerRequestProto,
        UpdatedContainerProto,
    },
    types::{Container, ExecutionType},
};

/// A change of a container. Where `yarn.resourcemanager.auto-update.containers` is on, the ResourceManager tells the node
/// of every change itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContainerUpdate {
    /// More resources. Takes effect once the NodeManager was told with the new token.
    Increase(Resource),
    /// Fewer resources. The ResourceManager tells the node itself.
    Decrease(Resource),
    /// From opportunistic to guaranteed. Takes effect once the NodeManager was told with the new token.
    Promote,
    /// From guaranteed to opportunistic. Takes effect once the NodeManager was told with the new token.
    Demote,
}

impl ContainerUpdate {
    /// The kind, without its size.
    pub fn kind(&self) -> UpdateKind {
        match self {
            Self::Increase(_) => UpdateKind::Increase,
            Self::Decrease(_) => UpdateKind::Decrease,
            Self::Promote => UpdateKind::Promote,
            Self::Demote => UpdateKind::Demote,
        }
    }
}

/// The kind of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UpdateKind {
    /// More resources.
    Increase,
    /// Fewer resources.
    Decrease,
    /// To guaranteed.
    Promote,
    /// To opportunistic.
    Demote,
}

impl From<UpdateKind> for ContainerUpdateTypeProto {
    fn from(kind: UpdateKind) -> Self {
        match kind {
            UpdateKind::Increase => Self::IncreaseResource,
            UpdateKind::Decrease => Self::DecreaseResource,
            UpdateKind::Promote => Self::PromoteExecutionType,
            UpdateKind::Demote => Self::DemoteExecutionType,
        }
    }
}

impl From<ContainerUpdateTypeProto> for UpdateKind {
    fn from(kind: ContainerUpdateTypeProto) -> Self {
        match kind {
            ContainerUpdateTypeProto::IncreaseResource => Self::Increase,
            ContainerUpdateTypeProto::DecreaseResource => Self::Decrease,
            ContainerUpdateTypeProto::PromoteExecutionType => Self::Promote,
            ContainerUpdateTypeProto::DemoteExecutionType => Self::Demote,
        }
    }
}

/// A change that was granted. Hand a container that was started already to
/// [`NmClient::update_container`](crate::nm::NmClient::update_container), unless it is a decrease; one that was not is
/// started with its new token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdatedContainer {
    /// What was changed.
    pub kind: UpdateKind,
    /// The container with its new version and its new token.
    pub container: Container,
}

impl TryFrom<UpdatedContainerProto> for UpdatedContainer {
    type Error = ConversionError;

    fn try_from(updated: UpdatedContainerProto) -> Result<Self, ConversionError> {
        Ok(Self {
            kind: updated.update_type().into(),
            container: updated.container.try_into()?,
        })
    }
}

/// Why a change was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UpdateRefusal {
    /// The container is not known, or has ended.
    InvalidContainerId,
    /// Another version than the present one was named.
    WrongVersion,
    /// An earlier change is still under way.
    Outstanding,
    /// The size is not allowed.
    OutsideAllowedRange,
    /// Any other reason, in the server's words.
    Other(String),
}

/// A change that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateError {
    /// The container.
    pub container: ContainerId,
    /// What was asked for.
    pub kind: UpdateKind,
    /// Why it was refused.
    pub reason: UpdateRefusal,
    /// The container's version as the ResourceManager knows it; none where it does not know it.
    pub current_version: Option<i32>,
}

impl TryFrom<UpdateContainerErrorProto> for UpdateError {
    type Error = ConversionError;

    fn try_from(error: UpdateContainerErrorProto) -> Result<Self, ConversionError> {
        let request = error
            .update_request
            .ok_or(ConversionError("request of an update error"))?;
        let reason = match error.reason.as_deref().unwrap_or_default() {
            "INVALID_CONTAINER_ID" => UpdateRefusal::InvalidContainerId,
            "INCORRECT_CONTAINER_VERSION_ERROR" => UpdateRefusal::WrongVersion,
            "UPDATE_OUTSTANDING_ERROR" => UpdateRefusal::Outstanding,
            "RESOURCE_OUTSIDE_ALLOWED_RANGE" => UpdateRefusal::OutsideAllowedRange,
            other => UpdateRefusal::Other(other.to_owned()),
        };
        Ok(Self {
            kind: request.update_type().into(),
            container: required(Some(request.container_id), "container id of an update error")?,
            reason,
            current_version: error.current_container_version.filter(|version| *version >= 0),
        })
    }
}

/// A request on its way to the ResourceManager.
pub(super) type SentUpdate = (ContainerId, UpdateContainerRequestProto);

#[derive(Clone, Debug)]
struct Pending {
    request: UpdateContainerRequestProto,
    told: bool,
}

/// Changes asked for whose outcome is not known yet: one for each container.
#[derive(Clone, Debug, Default)]
pub(super) struct UpdateTable {
    pending: BTreeMap<ContainerId, Pending>,
}

impl UpdateTable {
    /// Asks for a change of a container.
    pub(super) fn ask(&mut self, container: &Container, update: &ContainerUpdate) -> Result<(), AskError> {
        if self.pending.contains_key(&container.id) {
            return Err(refused(container, "an earlier update is still under way"));
        }
        check(container, update)?;
        let kind: ContainerUpdateTypeProto = update.kind().into();
        let execution_type = match update {
            ContainerUpdate::Promote => Some(ExecutionTypeProto::Guaranteed.into()),
            ContainerUpdate::Demote => Some(ExecutionTypeProto::Opportunistic.into()),
            _ => None,
        };
        let capability = match update {
            ContainerUpdate::Increase(size) | ContainerUpdate::Decrease(size) => Some(size.into()),
            _ => None,
        };
        let request = UpdateContainerRequestProto {
            container_version: container.version,
            container_id: container.id.into(),
            update_type: kind.into(),
            capability,
            execution_type,
        };
        self.pending.insert(container.id, Pending { request, told: false });
        Ok(())
    }

    pub(super) fn has_changes(&self) -> bool {
        self.pending.values().any(|pending| !pending.told)
    }

    pub(super) fn len(&self) -> usize {
        self.pending.len()
    }

    /// The requests that were not sent yet.
    pub(super) fn unsaid(&self) -> Vec<SentUpdate> {
        let unsaid = self.pending.iter().filter(|(_, pending)| !pending.told);
        unsaid.map(|(id, pending)| (*id, pending.request.clone())).collect()
    }

    /// The ResourceManager has taken these requests.
    pub(super) fn confirm(&mut self, sent: &[SentUpdate]) {
        for (id, request) in sent {
            if let Some(pending) = self.pending.get_mut(id)
                && pending.request == *request
            {
                pending.told = true;
            }
        }
    }

    /// The outcome is known, or the container has ended.
    pub(super) fn settled(&mut self, container: ContainerId) {
        self.pending.remove(&container);
    }

    /// The ResourceManager refused the whole request: these are not asked for again.
    pub(super) fn withdraw_unsaid(&mut self) -> Vec<ContainerId> {
        let unsaid: Vec<_> = self
            .pending
            .iter()
            .filter(|(_, pending)| !pending.told)
            .map(|(id, _)| *id)
            .collect();
        self.pending.retain(|_, pending| pending.told);
        unsaid
    }

    /// The ResourceManager has forgotten everything.
    pub(super) fn forget(&mut self) {
        self.pending.values_mut().for_each(|pending| pending.told = false);
    }
}

fn refused(container: &Container, reason: &str) -> AskError {
    AskError::Update {
        container: container.id,
        reason: reason.to_owned(),
    }
}

fn check(container: &Container, update: &ContainerUpdate) -> Result<(), AskError> {
    let present = &container.resource;
    match update {
        ContainerUpdate::Promote if container.execution_type == ExecutionType::Guaranteed => {
            Err(refused(container, "it is guaranteed already"))
        }
        ContainerUpdate::Demote if container.execution_type == ExecutionType::Opportunistic => {
            Err(refused(container, "it is opportunistic already"))
        }
        ContainerUpdate::Increase(size) | ContainerUpdate::Decrease(size)
            if size.memory_mb == 0 || i64::try_from(size.memory_mb).is_err() || i32::try_from(size.vcores).is_err() =>
        {
            Err(refused(container, &format!("no container can have {size}")))
        }
        ContainerUpdate::Increase(size) if !present.fits_in(size) || present == size => Err(refused(
            container,
            &format!("it has {present}, of which {size} is no increase"),
        )),
        ContainerUpdate::Decrease(size) if !size.fits_in(present) || present == size => Err(refused(
            container,
            &format!("it has {present}, of which {size} is no decrease"),
        )),
        _ => Ok(()),
    }
}
