//! Hadoop's RPC for YARN in Rust: what an ApplicationMaster needs to speak with the ResourceManager and the
//! NodeManagers, without a JVM.
//!
//! | module | what it is |
//! | --- | --- |
//! | [`am`] | [`AmClient`](am::AmClient): register, ask for containers, heartbeat, finish |
//! | [`nm`] | [`NmClient`](nm::NmClient): start, stop and look at containers |
//! | [`client`] | [`YarnClient`](client::YarnClient): submit applications, follow and kill them; look at the cluster |
//! | [`ha`] | whether a ResourceManager is the active one |
//! | [`ipc`] | Hadoop IPC version 9 itself: logins, framing, pipelining, deadlines |
//! | [`proto`] | the messages |
//!
//! An ApplicationMaster that runs one container and ends with it:
//!
//! ```no_run
//! use std::{collections::BTreeMap, error::Error, time::Duration};
//! use yarn_common::{launch::{ContainerLaunchContext, redirect_to_log_dir}, resource::Resource, token::Credentials};
//! use yarn_rpc::{
//!     am::{AmClient, AmOptions, AskKey, ContainerAsk},
//!     nm::{NmClient, NmOptions},
//!     types::FinalStatus,
//! };
//!
//! # async fn example() -> Result<(), Box<dyn Error>> {
//! let credentials = Credentials::read_file(std::env::var("HADOOP_TOKEN_FILE_LOCATION")?)?;
//! let token = credentials.am_rm_token().ok_or("no AMRM token: not started by YARN")?.clone();
//! let mut rm = AmClient::new(AmOptions::new(vec!["rm.example.com:8030".to_owned()], token))?;
//! let nodes = NmClient::new(rm.nm_tokens().clone(), NmOptions::default());
//!
//! let registration = rm.register(&std::env::var("NM_HOST")?, None, "").await?;
//! println!("queue {}, at most {}", registration.queue, registration.maximum_capability);
//! let key = AskKey::priority(1);
//! rm.asks().set(ContainerAsk::new(key, Resource::new(1024, 1), 1))?;
//!
//! let command = redirect_to_log_dir("./work", "stdout", "stderr");
//! let context = ContainerLaunchContext { commands: vec![command], ..Default::default() };
//! let diagnostics = 'work: loop {
//!     let news = rm.allocate(0.5).await?;
//!     for granted in news.allocated {
//!         if granted.expected {
//!             nodes.start_container(&granted.container, &context).await?;
//!         } else {
//!             rm.release(granted.container.id);
//!         }
//!     }
//!     if let Some(ended) = news.completed.first() {
//!         break 'work format!("{} ended with {}", ended.id, ended.exit_status);
//!     }
//!     // Faster while something is outstanding; always well below the ResourceManager's expiry interval.
//!     let pause = if rm.asks().total() > 0 { 500 } else { 5000 };
//!     tokio::time::sleep(Duration::from_millis(pause)).await;
//! };
//! rm.finish(FinalStatus::Succeeded, &diagnostics, "").await?;
//! # Ok(())
//! # }
//! ```

#![warn(missing_docs)]

pub mod am;
pub mod client;
mod convert;
pub mod ha;
pub mod ipc;
pub mod nm;
mod nodes;
pub mod proto;
mod retry;
#[cfg(test)]
mod testing;
pub mod types;

pub use self::convert::ConversionError;
pub use self::retry::RetryPolicy;

/// The README's program compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
