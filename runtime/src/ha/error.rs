//! What can go wrong in elections.

use selvedge_core::LeaderSessionId;
use selvedge_core::config::ConfigError;
use thiserror::Error;

/// Why something cannot be done with the services of high availability.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HaError {
    /// A setting cannot be used.
    #[error(transparent)]
    Configuration(#[from] ConfigError),
    /// Nobody has registered services under this name.
    #[error("high-availability.type: '{name}' is unknown; known are {known}")]
    UnknownType {
        /// As configured.
        name: String,
        /// What there is.
        known: String,
    },
    /// A setting without which the services cannot work is missing.
    #[error("{key} is not set: high-availability.type {kind} needs it, for example {example}")]
    Missing {
        /// The setting.
        key: &'static str,
        /// Who needs it.
        kind: &'static str,
        /// A value as it might be.
        example: &'static str,
    },
    /// ZooKeeper was not reached when the process started.
    #[error(
        "no session with ZooKeeper at '{quorum}' (high-availability.zookeeper.quorum) after {attempts} attempts: {reason}"
    )]
    Connect {
        /// As configured.
        quorum: String,
        /// How often it was tried.
        attempts: u32,
        /// The last attempt's error.
        reason: String,
    },
    /// ZooKeeper refused or failed.
    #[error("{step} in ZooKeeper at {path}: {reason}")]
    ZooKeeper {
        /// What was to be done.
        step: &'static str,
        /// The node.
        path: String,
        /// Why it was not.
        reason: String,
    },
    /// The session is not that of the leader.
    #[error("this process does not lead under session {session}{}", present(.leader))]
    NotLeader {
        /// Under which something was to be done.
        session: LeaderSessionId,
        /// Under which this process leads.
        leader: Option<LeaderSessionId>,
    },
}

fn present(leader: &Option<LeaderSessionId>) -> String {
    match leader {
        Some(leader) => format!(": it leads under {leader}"),
        None => ": it does not lead".to_owned(),
    }
}
