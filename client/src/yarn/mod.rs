//! Jobs on YARN, in an application for each job or in one that takes jobs (a session): its master is started by YARN, its
//! files are staged on HDFS.
//!
//! ```text
//! id ─┬─► checks ───────────────┬─► archive, files ─► submission ─► report ─► REST
//!     │   queue, memory, nodes  │   once for each     the whole     polled    direct, or by
//!     └─► application directory ┘   binary; what      container     5→250 ms  YARN's proxy
//!         config.yaml               the user brings   spec
//!         hadoop-site.xml, [job-graph.json]
//! ```

mod access;
mod application;
mod archive;
mod artifacts;
mod checks;
mod cluster;
mod descriptor;
mod error;
mod failure;
mod leftovers;
mod node_logs;
mod properties;
mod safe_place;
mod session;
mod ship;
mod staging;
mod submission;
mod waiting;
mod webhdfs;

pub use access::YarnAccess;
pub use application::{ApplicationContent, ApplicationDeployment};
pub use cluster::YarnCluster;
pub use descriptor::YarnDescriptor;
pub use error::YarnError;
pub use node_logs::NodeLogs;
pub use properties::{PropertiesError, PropertiesFile, SessionProperties};
pub use session::{SessionEnd, YarnSession};
pub use ship::ShipError;
pub use webhdfs::file_systems;

use yarn_common::environment::Environment;

/// Who submits: `HADOOP_USER_NAME`, else the user of the process as its environment tells, else as the system does.
///
/// # Errors
/// [`YarnError::NoUser`].
pub fn submitting_user(environment: &Environment) -> Result<String, YarnError> {
    ["HADOOP_USER_NAME", "USER", "LOGNAME"]
        .into_iter()
        .find_map(|variable| environment.get(variable))
        .map(str::to_owned)
        .or_else(|| whoami::username().ok())
        .ok_or(YarnError::NoUser)
}
