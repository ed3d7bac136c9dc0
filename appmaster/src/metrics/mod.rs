//! The metrics of the whole cluster, as REST shows them: the master's own registry, and what its workers tell of theirs.
//!
//! ```text
//! REST ──► MetricFetcher ──at most every metrics.fetcher.update-interval──► all workers (QueryMetrics)
//!              │                                                              │
//!              │ own registry: cluster, process, running jobs                 ▼
//!              └──────────────────────────────────────────────────► MetricStore: by worker, by job and vertex
//! ```
//!
//! A worker that does not answer in time keeps what it told before. What tasks told last stays for an hour after their job has
//! ended, as long as Flink keeps jobs.

mod cluster;
mod fetcher;
mod job;
mod master;
pub(crate) mod process;
mod store;

pub(crate) use cluster::ClusterGauges;
pub(crate) use fetcher::{MetricFetcher, MetricSources};
pub(crate) use job::{JobGauges, of_job};
pub(crate) use master::MasterMetrics;
pub(crate) use store::{MetricStore, Metrics};
