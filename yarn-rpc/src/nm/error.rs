//! What can go wrong between an ApplicationMaster and a NodeManager.

use yarn_common::id::{ContainerId, NodeId};

use crate::{
    convert::ConversionError,
    ipc::{IpcError, RemoteException},
};

/// Why a container could not be started, stopped or looked at.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NmError {
    /// The ResourceManager has sent no token for this node. It does so with the first container granted there.
    #[error("no NM token for {node} is known; only nodes that granted a container to this attempt can be called")]
    NoToken {
        /// The node.
        node: NodeId,
    },
    /// The NodeManager refused the call as a whole, or could not be reached for as long as the retry policy waits.
    #[error("{step} on {node} failed after {retries} retries: {source}")]
    Call {
        /// What was tried.
        step: &'static str,
        /// Where.
        node: NodeId,
        /// How often it was repeated.
        retries: u32,
        /// The last failure.
        source: Box<IpcError>,
    },
    /// The NodeManager refused this container.
    #[error("{node} refused {container}: {exception}")]
    Container {
        /// Where.
        node: NodeId,
        /// The container.
        container: ContainerId,
        /// The reason.
        exception: RemoteException,
    },
    /// The container's grant came too late, or the clocks disagree.
    #[error(
        "{node} refused {container}: its grant has expired there ({exception}); a container must be started within \
         yarn.resourcemanager.rm.container-allocation.expiry-interval-ms (10 minutes) of its grant, and the clocks of \
         the ResourceManager and of {node} must agree"
    )]
    GrantExpired {
        /// Where.
        node: NodeId,
        /// The container.
        container: ContainerId,
        /// The reason.
        exception: RemoteException,
    },
    /// The grant was made by another ResourceManager than the one that the node obeys.
    #[error(
        "{node} refused {container}: another ResourceManager granted it, or this one before its restart \
         ({exception}); release it and ask again"
    )]
    ForeignGrant {
        /// Where.
        node: NodeId,
        /// The container.
        container: ContainerId,
        /// The reason.
        exception: RemoteException,
    },
    /// The container cannot be started so.
    #[error("{container} cannot be started: {reason}")]
    Invalid {
        /// The container.
        container: ContainerId,
        /// What is wrong.
        reason: String,
    },
    /// The answer says nothing about the container.
    #[error("the answer of {node} to {step} says nothing about {container}")]
    NoAnswer {
        /// What was tried.
        step: &'static str,
        /// Where.
        node: NodeId,
        /// The container.
        container: ContainerId,
    },
    /// The answer lacks something.
    #[error("the answer of {node} cannot be used: {source}")]
    Answer {
        /// Where.
        node: NodeId,
        /// What is missing.
        source: ConversionError,
    },
}

impl NmError {
    /// A refusal of one container, told apart by what can be done.
    pub(super) fn refused(node: NodeId, container: ContainerId, exception: RemoteException) -> Self {
        let message = exception.message();
        if message.contains("This token is expired") {
            Self::GrantExpired {
                node,
                container,
                exception,
            }
        } else if message.contains("allocated by a previous RM") {
            Self::ForeignGrant {
                node,
                container,
                exception,
            }
        } else {
            Self::Container {
                node,
                container,
                exception,
            }
        }
    }

    /// The exception, whether it concerns the call or the container.
    pub fn exception(&self) -> Option<&RemoteException> {
        match self {
            Self::Call { source, .. } => source.remote(),
            Self::Container { exception, .. }
            | Self::GrantExpired { exception, .. }
            | Self::ForeignGrant { exception, .. } => Some(exception),
            _ => None,
        }
    }

    /// True when the NodeManager does not know the container, or no longer: it has ended.
    pub fn is_gone(&self) -> bool {
        self.exception().is_some_and(|exception| {
            let message = exception.message();
            message.contains("was recently stopped on node manager")
                || message.contains("is not handled by this NodeManager")
        })
    }
}
