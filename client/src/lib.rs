//! Selvedge's client: builds JobGraphs, starts clusters for them, follows jobs to their end, and is the `selvedge`
//! command.
//!
//! - [`builder`]: a JobGraph from single operators, chained where that is possible.
//! - [`cluster`]: deploying a job, in this process or on YARN, and following it over REST.
//! - [`yarn`]: what deploying on YARN needs: checks, staging, submission.
//! - [`composition`]: the operators and connectors that this program brings; another program brings its own besides.
//! - [`graph_view`], [`progress`], [`cli`]: what a terminal shows, and the command line.
//!
//! This crate is where the parts meet: the master gets the connectors and the workers their operators from here, because
//! neither knows the other.

#![warn(missing_docs)]

pub mod builder;
pub mod cli;
pub mod cluster;
pub mod composition;
pub mod graph_view;
pub mod job_file;
pub mod progress;
pub mod role;
pub mod yarn;
