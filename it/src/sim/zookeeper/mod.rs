//! A simulated ZooKeeper, as far as masters elect a leader with it: sessions that expire, a line of contenders, and nodes that
//! go with the session of who has made them. Its server is a host of its own ([`server`]); what it decides is pure
//! ([`ensemble`]); and processes reach it through the trait of high availability ([`client`]).

mod client;
mod ensemble;
mod server;

use std::collections::BTreeMap;
use std::time::Duration;

use selvedge_core::LeaderSessionId;
use selvedge_runtime::ha::LeaderInformation;
use serde::{Deserialize, Serialize};

pub(crate) use client::ZooKeeperServices;
pub(crate) use ensemble::{SharedEnsemble, ensemble};
pub(crate) use server::serve;

/// The host of the server.
pub(crate) const ZOOKEEPER: &str = "zk";
const PORT: u16 = 2181;
/// After so long a silence a session is over.
const SESSION_TIMEOUT: Duration = Duration::from_secs(4);

/// What a client asks, each in a connection of its own.
#[derive(Debug, Serialize, Deserialize)]
enum Request {
    /// A new session.
    Open,
    /// The session lives, and looks around.
    Look { session: u64 },
    /// Enters the line of contenders.
    Contend { session: u64 },
    /// Writes where a component of the leader is, or removes it.
    Publish {
        session: u64,
        leader: LeaderSessionId,
        component: String,
        told: Option<LeaderInformation>,
    },
    /// The session ends.
    Close { session: u64 },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Answer {
    Opened {
        session: u64,
    },
    Seen(View),
    /// The session is over.
    Expired,
    /// The session does not lead under this token.
    NotLeader,
}

/// What a session sees.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct View {
    /// The token under which the session leads, where it does.
    leads: Option<LeaderSessionId>,
    published: BTreeMap<String, LeaderInformation>,
}
