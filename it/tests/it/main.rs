//! Integration tests: the real command, against real daemons, each a process of its own on this machine.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helper functions too"
)]

mod applications;
mod bed;
mod config;
mod docker;
mod flink;
mod folder;
mod input;
mod jobs;
mod leader;
mod local;
mod memory;
mod session;
mod toolkit;
mod yarn;
