//! Asks workers for their metrics, not more often than is configured.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use selvedge_core::{JobId, ResourceId};
use selvedge_runtime::clock::Clock;
use selvedge_runtime::gateway::proto::{MetricsDump, QueryMetricsRequest};
use selvedge_runtime::machine::run_blocking;
use selvedge_runtime::metrics::{self, MetricRegistry, Owner};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::{MetricStore, Metrics};
use crate::resourcemanager::{ResourceManagerHandle, TaskManagerInfo};
use crate::worker::{Gateway, WorkerConnector};

/// How long a question of REST waits for a worker's answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where metrics come from.
#[derive(Debug)]
pub(crate) struct MetricSources {
    /// The master's own.
    pub(crate) registry: MetricRegistry,
    pub(crate) resource_manager: ResourceManagerHandle,
    pub(crate) workers: WorkerConnector,
    pub(crate) clock: Arc<dyn Clock>,
    /// How often workers are asked at most (`metrics.fetcher.update-interval`); zero is never.
    pub(crate) interval: Duration,
}

/// Answers REST; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct MetricFetcher(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    sources: MetricSources,
    fetched: Mutex<Fetched>,
}

#[derive(Default)]
struct Fetched {
    at: Option<Instant>,
    store: Arc<MetricStore>,
    gateways: BTreeMap<String, Gateway>,
}

impl std::fmt::Debug for Fetched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fetched").field("at", &self.at).finish_non_exhaustive()
    }
}

impl MetricFetcher {
    pub(crate) fn new(sources: MetricSources) -> Self {
        Self(Arc::new(Shared {
            sources,
            fetched: Mutex::default(),
        }))
    }

    /// What workers have told, asked anew where it is older than the interval. The first question waits for the answers.
    pub(crate) async fn store(&self) -> Arc<MetricStore> {
        let sources = &self.0.sources;
        let mut fetched = self.0.fetched.lock().await;
        let now = sources.clock.monotonic();
        let is_due = fetched.at.is_none_or(|at| now.duration_since(at) >= sources.interval);
        if is_due && !sources.interval.is_zero() {
            fetched.at = Some(now);
            self.fetch(&mut fetched).await;
        }
        fetched.store.clone()
    }

    /// The master's own metrics: of its process and the cluster.
    pub(crate) async fn job_manager(&self) -> Metrics {
        self.own(|owner| *owner == Owner::JobManager).await
    }

    /// Those of a running job; empty for any other.
    pub(crate) async fn job(&self, job: JobId) -> Metrics {
        self.own(move |owner| *owner == Owner::Job(job)).await
    }

    async fn own(&self, wanted: impl Fn(&Owner) -> bool + Send + 'static) -> Metrics {
        let registry = self.0.sources.registry.clone();
        // Some gauges read files of the system.
        let read = run_blocking(move || {
            let readings = registry.read().into_iter();
            let wanted = readings.filter(|reading| wanted(reading.scope.owner()));
            wanted
                .map(|reading| (reading.scope.name_of(&reading.name), reading.value))
                .collect()
        });
        read.await.unwrap_or_default()
    }

    async fn fetch(&self, fetched: &mut Fetched) {
        let sources = &self.0.sources;
        let workers = match sources.resource_manager.task_managers().await {
            Ok(workers) => workers,
            Err(error) => return tracing::debug!("metrics are not fetched: {error}"),
        };
        self.connect(fetched, &workers);
        let asked = workers.iter().filter_map(|worker| {
            let gateway = fetched.gateways.get(&worker.rpc_address)?.clone();
            Some(ask(worker.resource_id.clone(), gateway))
        });
        let answers = join_all(asked).await;
        let now = sources.clock.wall();
        let store = Arc::make_mut(&mut fetched.store);
        for (worker, dump) in answers {
            if let Some(dump) = dump {
                store.told(&worker, metrics::readings(dump), now);
            }
        }
        let present: BTreeSet<_> = workers.into_iter().map(|worker| worker.resource_id).collect();
        store.retain(&present, now);
    }

    /// A connection to each worker, kept from one question to the next.
    fn connect(&self, fetched: &mut Fetched, workers: &[TaskManagerInfo]) {
        let addresses: BTreeSet<_> = workers.iter().map(|worker| worker.rpc_address.as_str()).collect();
        fetched
            .gateways
            .retain(|address, _| addresses.contains(address.as_str()));
        for address in addresses {
            if !fetched.gateways.contains_key(address)
                && let Ok(gateway) = self.0.sources.workers.connect(address)
            {
                fetched.gateways.insert(address.to_owned(), gateway);
            }
        }
    }
}

async fn ask(worker: ResourceId, gateway: Gateway) -> (ResourceId, Option<MetricsDump>) {
    let answer = tokio::time::timeout(PATIENCE, gateway.query_metrics(QueryMetricsRequest {})).await;
    let dump = match answer {
        Ok(Ok(dump)) => Some(dump),
        Ok(Err(error)) => {
            tracing::debug!("{worker} does not tell its metrics: {error}");
            None
        }
        Err(_) => {
            tracing::debug!("{worker} does not tell its metrics within {PATIENCE:?}");
            None
        }
    };
    (worker, dump)
}
