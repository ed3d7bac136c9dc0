//! What registration and heartbeats bring.

use std::{collections::BTreeMap, fmt};

use bytes::Bytes;
use yarn_common::{
    id::NodeId,
    launch::ApplicationAccess,
    resource::{Priority, Resource},
    token::Token,
};

use super::{
    scheduling::RejectedAsk,
    updates::{UpdateError, UpdatedContainer},
};

use crate::{
    convert::{ConversionError, required},
    proto::yarn::{
        ApplicationAccessTypeProto, CollectorInfoProto, RegisterApplicationMasterResponseProto, ResourceTypeInfoProto,
        SchedulerResourceTypesProto,
    },
    types::{self, Container, ContainerStatus, NodeUpdate, Preemption, ResourceType},
};

/// The answer to a registration.
#[derive(Clone, PartialEq, Eq)]
pub struct Registration {
    /// The largest container that may be asked for. It can shrink when nodes leave. The largest number there is where
    /// the answer was lost.
    pub maximum_capability: Resource,
    /// The queue that the application runs in, after the cluster's mapping rules.
    pub queue: String,
    /// Running containers of earlier attempts, where the application keeps containers across attempts. Their NM tokens
    /// are in the cache already.
    pub containers_from_previous_attempts: Vec<Container>,
    /// The key to check the tokens of the ApplicationMaster's own clients; on secure clusters only. A secret.
    pub client_to_am_key: Option<Bytes>,
    /// Whether the scheduler looks at virtual cores. Where it does not, containers come with one core whatever was
    /// asked for.
    pub enforces_vcores: bool,
    /// The resource types that the cluster knows. An ask of any other type is silently cut down by the server.
    pub resource_types: Vec<ResourceType>,
    /// Named sizes of containers, where the cluster has such.
    pub resource_profiles: BTreeMap<String, Resource>,
    /// Who may view and change the application, as it was submitted.
    pub acls: BTreeMap<ApplicationAccess, String>,
    /// True when the ResourceManager took the registration but its answer never came: it takes only one from each
    /// attempt. The other fields are then unknown; running containers of earlier attempts come late or end.
    pub answer_lost: bool,
}

impl Registration {
    /// What is known when the ResourceManager has registered this attempt and its answer was lost.
    pub(super) fn lost() -> Self {
        Self {
            maximum_capability: Resource::new(i64::MAX as u64, i32::MAX as u32),
            queue: String::new(),
            containers_from_previous_attempts: Vec::new(),
            client_to_am_key: None,
            enforces_vcores: false,
            resource_types: Vec::new(),
            resource_profiles: BTreeMap::new(),
            acls: BTreeMap::new(),
            answer_lost: true,
        }
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration")
            .field("maximum_capability", &self.maximum_capability)
            .field("queue", &self.queue)
            .field(
                "containers_from_previous_attempts",
                &self.containers_from_previous_attempts,
            )
            .field("enforces_vcores", &self.enforces_vcores)
            .field("resource_types", &self.resource_types)
            .finish_non_exhaustive()
    }
}

/// A registration and the NM tokens that came with it.
pub(super) type Registered = (Registration, Vec<(NodeId, Token)>);

pub(super) fn registered(response: RegisterApplicationMasterResponseProto) -> Result<Registered, ConversionError> {
    let enforces_vcores = response
        .scheduler_resource_types()
        .any(|kind| kind == SchedulerResourceTypesProto::Cpu);
    let mut tokens = Vec::new();
    for token in response.nm_tokens_from_previous_attempts {
        tokens.push((
            required(token.node_id, "node id of a token")?,
            required(token.token, "NM token")?,
        ));
    }
    let mut resource_profiles = BTreeMap::new();
    for entry in response.resource_profiles.unwrap_or_default().resource_profiles_map {
        resource_profiles.insert(entry.name, entry.resources.try_into()?);
    }
    let mut acls = BTreeMap::new();
    for acl in response.application_ac_ls {
        let access = match acl.access_type() {
            ApplicationAccessTypeProto::AppaccessViewApp => ApplicationAccess::View,
            ApplicationAccessTypeProto::AppaccessModifyApp => ApplicationAccess::Modify,
        };
        acls.insert(access, acl.acl.unwrap_or_default());
    }
    let registration = Registration {
        maximum_capability: required(response.maximum_capability, "maximum capability")?,
        queue: response.queue.unwrap_or_default(),
        containers_from_previous_attempts: types::running_containers(response.containers_from_previous_attempts)?,
        client_to_am_key: response.client_to_am_token_master_key,
        enforces_vcores,
        resource_types: response.resource_types.into_iter().map(Into::into).collect(),
        resource_profiles,
        acls,
        answer_lost: false,
    };
    Ok((registration, tokens))
}

impl From<ResourceTypeInfoProto> for ResourceType {
    fn from(kind: ResourceTypeInfoProto) -> Self {
        Self {
            name: kind.name,
            units: kind.units.unwrap_or_default(),
        }
    }
}

/// Where the application's timeline data go (Timeline Service v2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collector {
    /// `host:port`.
    pub address: String,
    /// What proves the writer, on secure clusters.
    pub token: Option<Token>,
}

impl From<CollectorInfoProto> for Collector {
    fn from(info: CollectorInfoProto) -> Self {
        Self {
            address: info.collector_addr.unwrap_or_default(),
            token: info.collector_token.map(Into::into),
        }
    }
}

/// A container that has just been granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllocatedContainer {
    /// The container.
    pub container: Container,
    /// False when nothing was outstanding under its key: it crossed a lowered ask on its way. Release it, or use it.
    pub expected: bool,
}

/// The news that a heartbeat brought.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Allocation {
    /// Granted containers. One that is neither started nor released within ten minutes expires.
    pub allocated: Vec<AllocatedContainer>,
    /// Containers that ended. After a ResourceManager's restart one may be reported twice.
    pub completed: Vec<ContainerStatus>,
    /// Nodes whose state changed.
    pub updated_nodes: Vec<NodeUpdate>,
    /// Containers of earlier attempts that the ResourceManager found again late. One may be among the completed ones too.
    pub recovered: Vec<Container>,
    /// What the application may still get.
    pub headroom: Option<Resource>,
    /// How many nodes the cluster has.
    pub cluster_nodes: Option<u32>,
    /// The scheduler wants resources back.
    pub preemption: Option<Preemption>,
    /// Changes of containers that were granted.
    pub updated: Vec<UpdatedContainer>,
    /// Changes of containers that were refused.
    pub update_errors: Vec<UpdateError>,
    /// Asks with placement constraints that were given up.
    pub rejected: Vec<RejectedAsk>,
    /// The application's present priority.
    pub application_priority: Option<Priority>,
    /// True when it differs from what the heartbeat before told.
    pub priority_changed: bool,
    /// Where timeline data go.
    pub collector: Option<Collector>,
    /// True when it differs from what the heartbeat before told.
    pub collector_changed: bool,
    /// How many containers are pending in all, in a federation of clusters (3.4 and later).
    pub pending_in_federation: Option<u32>,
    /// NM tokens that were sent; they are in the cache already.
    pub nm_tokens: Vec<(NodeId, Token)>,
    /// True when the ResourceManager had forgotten this attempt, which registered again and repeated all its asks.
    /// Containers that were granted and not yet started are gone.
    pub resynchronised: bool,
    /// A new AMRM token; the client has taken it over already.
    pub(super) am_rm_token: Option<Token>,
}
