//! What every native YARN client shares: ids, resources, Hadoop configuration, container launch contexts and the
//! environment that a NodeManager gives to a container.
//!
//! Nothing here opens a connection. `yarn-rest` and `yarn-rpc` build on these types.

pub mod conf;
pub mod container_env;
pub mod environment;
pub mod exit_status;
pub mod gss;
pub mod id;
pub mod launch;
pub mod resource;
pub mod sasl;
pub mod submission;
pub mod token;
