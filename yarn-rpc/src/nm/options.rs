//! How NodeManagers are treated.

use std::time::Duration;

use crate::{ipc::IpcOptions, retry::RetryPolicy};

const IDLE: Duration = Duration::from_secs(30);
const CONCURRENCY: usize = 4;
const BATCH: usize = 50;
const REGISTRATION_WAIT: Duration = Duration::from_secs(30);

/// How an [`NmClient`](super::NmClient) treats NodeManagers.
#[derive(Clone, Debug)]
pub struct NmOptions {
    /// How long to look for a NodeManager that does not answer.
    pub retry: RetryPolicy,
    /// Time-outs and limits of the connections, which close after 30 s without calls by default.
    pub ipc: IpcOptions,
    /// How many calls a node gets at a time; further ones wait their turn. Default 4.
    pub concurrency: usize,
    /// How many containers are started, stopped or looked at in one call. Default 50.
    pub batch: usize,
    /// How long a start is repeated that the node refuses as granted by another ResourceManager: a NodeManager that has
    /// come back says so until it has registered. Default 30 s; zero takes the first refusal.
    pub registration_wait: Duration,
}

impl Default for NmOptions {
    fn default() -> Self {
        let ipc = IpcOptions {
            idle_timeout: Some(IDLE),
            ..Default::default()
        };
        Self {
            retry: RetryPolicy::NODE_MANAGER,
            ipc,
            concurrency: CONCURRENCY,
            batch: BATCH,
            registration_wait: REGISTRATION_WAIT,
        }
    }
}
