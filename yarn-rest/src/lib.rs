//! A client for the web interfaces of Hadoop: YARN's ResourceManager and NodeManagers, the history servers, WebHDFS.
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
//! - [`rm`]: the ResourceManager, with high availability: everything below `/ws/v1/cluster`, submission included.
//! - [`nm`]: NodeManagers: containers and applications.
//! - [`logs`]: container logs, in ranges or followed; [`history`]: what is left of containers that have ended.
//! - [`webhdfs`]: HDFS over HTTP, as streams.
//! - [`model`]: what they answer; tolerant of the differences between Hadoop's versions.
//! - [`auth`]: who the client is; [`transport`]: how it connects: time-outs, TLS, proxies.
//! - [`error`]: what can go wrong, with the step, the address and the remedy.
//!
//! A server may be tried without a cluster: this one is as small as a ResourceManager can be.
//!
//! ```
//! use std::io::{Read, Write};
//! use yarn_rest::rm::RmClient;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
//! let url = format!("http://{}", listener.local_addr()?);
//! let server = std::thread::spawn(move || -> std::io::Result<()> {
//!     let (mut stream, _) = listener.accept()?;
//!     stream.read(&mut [0; 4096])?;
//!     let body = r#"{"clusterMetrics":{"activeNodes":"3","totalMB":12288}}"#;
//!     let length = body.len();
//!     write!(stream, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}")
//! });
//! let rm = RmClient::builder().resource_manager(&url, None)?.build()?;
//! let runtime = tokio::runtime::Runtime::new()?;
//! let metrics = runtime.block_on(rm.metrics())?;
//! assert_eq!((metrics.active_nodes, metrics.total_mb), (Some(3), Some(12288)));
//! # server.join().expect("the server does not panic")?;
//! # Ok(())
//! # }
//! ```

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
