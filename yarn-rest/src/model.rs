//! What YARN answers. Hadoop's versions differ, so most fields are optional, numbers may arrive quoted, and what is not
//! named here is kept in `extra`.

mod application;
mod cluster;
mod container;
mod node;
mod resource;
mod scheduler;
mod state;
mod submission;

pub use application::{Application, ApplicationAttempt};
pub use cluster::{ClusterInfo, ClusterMetrics};
pub use container::{Container, ContainerLogFile, NodeContainer};
pub use node::{Node, NodeManagerInfo};
pub use resource::{NewApplication, ResourceInfo};
pub use scheduler::{Queue, Scheduler};
pub use state::{ApplicationState, FinalApplicationStatus};
pub(crate) use submission::submission_json;

/// Fields that a type does not name, by their names.
pub type Extra = serde_json::Map<String, serde_json::Value>;
