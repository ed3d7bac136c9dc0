//! A client for the REST interfaces of YARN's ResourceManager and NodeManager.
//!
//! ```no_run
//! use yarn_common::conf::HadoopConfiguration;
//! use yarn_rest::auth::Simple;
//! use yarn_rest::rm::RmClient;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let conf = HadoopConfiguration::from_env()?;
//! let rm = RmClient::builder().configuration(&conf)?.authenticator(Simple::new("alice")).build()?;
//! println!("Hadoop {}", rm.info().await?.hadoop_version.unwrap_or_default());
//! for node in rm.nodes(&["RUNNING"]).await? {
//!     println!("{} has {:?} MiB free", node.id, node.available_memory_mb);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! - [`rm`]: the ResourceManager, with high availability, submission included.
//! - [`nm`]: NodeManagers: containers and their logs.
//! - [`model`]: what they answer; tolerant of the differences between Hadoop's versions.
//! - [`auth`]: who the client is.
//! - [`error`]: what can go wrong, with the step, the address and the remedy.
//!
//! Proxies from the environment (`HTTP_PROXY`) are not used, as Hadoop's own client does not.

#![warn(missing_docs)]

mod answer;
pub mod auth;
mod builder;
pub mod error;
mod failure;
mod ha;
pub mod history;
mod http;
mod lenient;
pub mod logs;
pub mod model;
pub mod nm;
mod retry;
pub mod rm;
pub mod transport;
pub mod webhdfs;

#[cfg(test)]
mod tests;
