//! What YARN answers. Hadoop's versions differ, so most fields are optional, numbers may arrive quoted, and what is not
//! named here is kept in `extra`.
//!
//! Each type shows its JSON and names where that comes from: a class of Hadoop (in the packages `…webapp.dao`), or a page
//! of Hadoop's documentation.

mod activities;
mod application;
mod cluster;
mod container;
mod file;
mod label;
mod node;
mod report;
mod reservation;
mod resource;
mod scheduler;
mod scheduler_change;
mod state;
mod submission;
mod token;

pub use activities::{ActivitiesFilter, Activity, ApplicationActivities, SchedulerActivities};
pub use application::{Application, ApplicationAttempt};
pub use cluster::{ClusterInfo, ClusterMetrics, ClusterUser};
pub use container::{Container, ContainerLogFile, NodeContainer};
pub use file::{ContentSummary, DirectoryPage, FileChecksum, FileKind, FileStatus};
pub use label::{LabelOnNodes, LabelsOfNode, NodeLabel, PartitionInfo};
pub use node::{AuxiliaryService, Node, NodeApplication, NodeManagerInfo};
pub use report::{ApplicationCount, ApplicationTimeout, AttemptReport, QueueAccess, ResourceRequestInfo};
pub use reservation::{
    Reservation, ReservationAllocation, ReservationDefinition, ReservationFilter, ReservationInterpreter,
    ReservationRequest,
};
pub use resource::{NewApplication, ResourceInfo};
pub use scheduler::{Queue, Scheduler};
pub use scheduler_change::{QueueProperties, SchedulerChange, SchedulerProperty};
pub use state::{ApplicationState, ContainerSignal, FinalApplicationStatus, QueueAcl};
pub(crate) use submission::submission_json;
pub use token::DelegationTokenInfo;
pub use yarn_common::id::ReservationId;

/// Fields that a type does not name, by their names.
pub type Extra = serde_json::Map<String, serde_json::Value>;
