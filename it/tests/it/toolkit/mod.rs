//! `yarn-rest` against real daemons.

mod rest;
mod rest_application;
mod rest_cluster;
mod rest_fair;
mod rest_webhdfs;
