//! What every native YARN client shares: ids, resources, Hadoop configuration, tokens and credentials, container launch
//! contexts and the environment that a NodeManager gives to a container.
//!
//! Nothing here opens a connection. `yarn-rest` and `yarn-rpc` build on these types.
//!
//! | module | what it is |
//! | --- | --- |
//! | [`conf`] | core-site, hdfs-site and yarn-site as a Hadoop client reads them |
//! | [`token`] | tokens, what their identifiers say, credentials files |
//! | [`launch`] | how a container is started: command, environment, files, credentials |
//! | [`container_env`] | what a process in a container is told by its NodeManager |
//! | [`exit_status`] | how a container ended, in plain words |
//! | [`id`], [`resource`], [`submission`] | the names and amounts that all of them use |
//! | [`sasl`] | the login with a token, and what protects a connection after it |
//!
//! A program in a container looks around, and prepares a container for a worker of its own:
//!
//! ```no_run
//! use yarn_common::conf::HadoopConfiguration;
//! use yarn_common::container_env::ContainerEnvironment;
//! use yarn_common::launch::{CommandLine, ContainerLaunchContext, LocalResource};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let here = ContainerEnvironment::of_process()?;
//! let conf = HadoopConfiguration::from_env()?;
//! println!("{} on {}, {}", here.container_id, here.node, conf.rm_scheduler_addresses()?[0]);
//!
//! let archive = LocalResource::archive("hdfs://nn:8020/apps/app.tar.gz".parse()?, 1234, 1_700_000_000_123);
//! let worker = ContainerLaunchContext::builder()
//!     .resource("app", archive)
//!     .env("GREETING", "say \"hello\"")
//!     .command(&CommandLine::new("./app/bin/worker").arg("--verbose"))
//!     // Without the AMRM token: a worker must not act as its ApplicationMaster.
//!     .credentials(&here.credentials()?)
//!     .build()?;
//! # drop(worker);
//! # Ok(())
//! # }
//! ```

#![warn(missing_docs)]

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
