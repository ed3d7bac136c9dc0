//! The master's own registry, the same under every leadership of the process.

use std::sync::Arc;
use std::time::Duration;

use selvedge_core::Configuration;
use selvedge_runtime::clock::Clock;
use selvedge_runtime::metrics::{MetricGroup, MetricRegistry, Scope};

use super::{ClusterGauges, MetricFetcher, MetricSources, process};
use crate::resourcemanager::ResourceManagerHandle;
use crate::worker::WorkerConnector;

/// The registry, and what the master's rooms keep up to date in it.
#[derive(Debug)]
pub(crate) struct MasterMetrics {
    registry: MetricRegistry,
    /// The master's scope.
    pub(crate) group: MetricGroup,
    pub(crate) gauges: ClusterGauges,
    /// How often workers are asked at most.
    interval: Duration,
}

impl MasterMetrics {
    pub(crate) fn start(host: &str, configuration: &Configuration, clock: Arc<dyn Clock>, interval: Duration) -> Self {
        let registry = MetricRegistry::start(clock.clone());
        let group = registry.group(&Scope::job_manager(host));
        let gauges = ClusterGauges::register(&group);
        process::register(&group, configuration, clock);
        Self {
            registry,
            group,
            gauges,
            interval,
        }
    }

    /// What REST asks under one leadership.
    pub(crate) fn fetcher(
        &self,
        resource_manager: ResourceManagerHandle,
        workers: WorkerConnector,
        clock: Arc<dyn Clock>,
    ) -> MetricFetcher {
        MetricFetcher::new(MetricSources {
            registry: self.registry.clone(),
            resource_manager,
            workers,
            clock,
            interval: self.interval,
        })
    }
}
