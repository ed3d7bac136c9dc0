//! Jobs on YARN: one application for each job, its master started by YARN, its files staged on HDFS.
//!
//! ```text
//! checks ─► archive ─► application directory ─► submission ─► report ─► REST
//! queue,    once for   config.yaml              the whole     polled    direct, or by
//! memory,   each       hadoop-site.xml          container     10→250 ms YARN's proxy
//! nodes     binary     job-graph.json           spec
//! ```

mod archive;
mod checks;
mod cluster;
mod descriptor;
mod error;
mod failure;
mod leftovers;
mod safe_place;
mod staging;
mod submission;

pub use cluster::YarnCluster;
pub use descriptor::YarnPerJobDescriptor;
pub use error::YarnError;

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
