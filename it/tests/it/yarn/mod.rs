//! Jobs in containers of a real YARN, with their data in a real HDFS.

pub(crate) mod support;

pub(crate) mod application;
mod artifacts;
mod client;
mod configuration;
mod failure;
pub(crate) mod faults;
mod firewall;
mod httpfs;
mod logs;
mod programs;
mod queues;
mod recovery;
mod rest;
mod restart;
mod scenarios;
mod secrets;
pub(crate) mod session;
mod ship;
mod sizes;
mod staging;
mod waits;
mod wordcount;
