//! `yarn-rpc` and `yarn-rest` against the releases and the kinds of clusters that they are for.
//!
//! The modules are named so that tests which want the same bed follow each other.

mod distributed;
mod failover;
mod history;
mod httpfs;
pub(crate) mod keys;
mod master;
mod one_node;
mod opportunistic;
mod placement;
mod proxy;
mod refused;
pub(crate) mod rest;
mod rest_application;
mod rest_cluster;
mod rest_fair;
mod rest_webhdfs;
mod shell;
mod variant;
mod versions;

use std::time::Duration;

/// Generous: compilers may be running beside.
const BOUND: Duration = Duration::from_secs(120);
