//! What can be told before the binary or a file of the user's is staged: whether the cluster can take the request at all.

use std::collections::BTreeMap;

use selvedge_core::config::options::{cluster, yarn};
use selvedge_core::memory::ConsumerWeights;
use selvedge_core::resource::{ExternalResources, YarnContainer, YarnExternalResources};
use selvedge_core::{Configuration, JobManagerProcessSpec, TaskExecutorProcessSpec};
use tokio_util::task::AbortOnDropHandle;
use yarn_common::conf::HadoopConfiguration;
use yarn_common::conf::keys;
use yarn_common::resource::Resource;
use yarn_rest::error::RestError;
use yarn_rest::model::{ClusterMetrics, Scheduler};
use yarn_rest::rm::RmClient;

use super::YarnError;

/// What is asked of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    /// The master's container.
    pub(super) master: Resource,
    /// Each worker's container.
    pub(super) worker: Resource,
    /// How many workers the application needs at once at the least.
    pub(super) workers: u64,
    /// The master's memory as settings of its own command line: as large as its container was asked for.
    pub(super) master_properties: Vec<(String, String)>,
    /// The queue, where one is named.
    pub(super) queue: Option<String>,
    /// A line for each external resource that is not asked for.
    pub(super) ignored: Vec<String>,
    /// Our names of external resources, by YARN's.
    pub(super) external_names: BTreeMap<String, String>,
    /// Node labels that are wished for, each with its setting.
    pub(super) labels: Vec<(&'static str, String)>,
}

impl Request {
    /// `slots` is how many the application will need at once at the least; 0 where that is not known.
    pub(super) fn read(configuration: &Configuration, slots: u32) -> Result<Self, YarnError> {
        let master = JobManagerProcessSpec::derive(configuration)?;
        let worker = TaskExecutorProcessSpec::derive(configuration)?;
        // What only a worker goes by is refused here too, before anything is staged.
        ConsumerWeights::read(configuration)?;
        ExternalResources::check_amounts(configuration)?;
        let (amounts, names) = (
            ExternalResources::read(configuration)?,
            YarnExternalResources::read(configuration)?,
        );
        workers::check_bounds(configuration, &worker)?;
        let slots_of_worker = worker.number_of_slots.max(1);
        Ok(Self {
            master: Resource::new(
                master.total_process().mebibytes(),
                configuration.get(&yarn::APPMASTER_VCORES)?,
            ),
            worker: worker_container(&names, &worker),
            workers: u64::from(slots.div_ceil(slots_of_worker)),
            master_properties: master.to_dynamic_properties(),
            queue: configuration.find(&yarn::APPLICATION_QUEUE)?,
            ignored: [amounts.ignored, names.ignored].concat(),
            external_names: names.types.into_iter().map(|(name, kind)| (kind, name)).collect(),
            labels: labels::wished(configuration)?,
        })
    }
}

fn worker_container(names: &YarnExternalResources, worker: &TaskExecutorProcessSpec) -> Resource {
    let YarnContainer {
        memory_mb,
        vcores,
        extended: extra,
    } = YarnContainer::of(worker, names);
    Resource {
        memory_mb,
        vcores,
        extra,
    }
}

/// What the ResourceManager says of its cluster, asked beside what else is to be done.
#[derive(Debug)]
pub(super) struct Inquiry {
    metrics: AbortOnDropHandle<Result<ClusterMetrics, RestError>>,
    scheduler: AbortOnDropHandle<Result<Scheduler, RestError>>,
}

impl Inquiry {
    /// Asks; must be called inside a tokio runtime.
    pub(super) fn begin(rm: &RmClient) -> Self {
        let (of_metrics, of_scheduler) = (rm.clone(), rm.clone());
        Self {
            metrics: AbortOnDropHandle::new(tokio::spawn(async move { of_metrics.metrics().await })),
            scheduler: AbortOnDropHandle::new(tokio::spawn(async move { of_scheduler.scheduler().await })),
        }
    }

    async fn answers(self) -> (Result<ClusterMetrics, RestError>, Result<Scheduler, RestError>) {
        let (metrics, scheduler) = tokio::join!(self.metrics, self.scheduler);
        const WHY: &str = "asking neither panics nor is aborted";
        (metrics.expect(WHY), scheduler.expect(WHY))
    }
}

/// Whether the cluster is fit for the request. `largest` is the largest container of the answer to who asked for an id;
/// `note` hears what is odd but no fault.
pub(super) async fn check(
    rm: &RmClient,
    inquiry: Inquiry,
    largest: &Resource,
    hadoop: &HadoopConfiguration,
    request: &Request,
    note: &mut (dyn FnMut(&str) + Send),
) -> Result<(), YarnError> {
    let (metrics, scheduler) = inquiry.answers().await;
    let metrics = metrics?;
    check_nodes(&metrics)?;
    let scheduler = match scheduler {
        Ok(scheduler) => {
            check_queue(&scheduler, request.queue.as_deref())?;
            labels::check_access(&scheduler, request)?;
            Some(scheduler)
        }
        // Who may submit may still not be allowed to list queues; YARN itself refuses an unknown one.
        Err(error) => {
            note(&format!("the queues could not be listed: {error}"));
            None
        }
    };
    labels::check_known(rm, request, note).await?;
    sizes::check_cluster(request, largest, hadoop)?;
    if let Some(scheduler) = scheduler {
        sizes::check_queue(request, &scheduler, note)?;
    }
    for line in &request.ignored {
        note(line);
    }
    let unit = hadoop.minimum_allocation()?;
    round_up(request, &unit, note);
    tell_of_room(request, &metrics, &unit, note);
    Ok(())
}

fn check_nodes(metrics: &ClusterMetrics) -> Result<(), YarnError> {
    if metrics.active_nodes == Some(0) {
        let lost = metrics.lost_nodes.unwrap_or(0);
        let unhealthy = metrics.unhealthy_nodes.unwrap_or(0);
        return Err(YarnError::NotReady(format!(
            "no NodeManager of the cluster is running ({lost} lost, {unhealthy} unhealthy), so no container can start: \
             start NodeManagers, and look at yarn node -list -all"
        )));
    }
    Ok(())
}

fn check_queue(scheduler: &Scheduler, queue: Option<&str>) -> Result<(), YarnError> {
    let Some(name) = queue else { return Ok(()) };
    let leaves: Vec<_> = scheduler.leaves().iter().map(|queue| queue.path.clone()).collect();
    let key = yarn::APPLICATION_QUEUE.key();
    match scheduler.find(name) {
        None => Err(YarnError::NotReady(format!(
            "the cluster has no queue '{name}' ({key}); it has {}",
            leaves.join(", ")
        ))),
        Some(queue) if !queue.children.is_empty() => Err(YarnError::NotReady(format!(
            "the queue '{name}' ({key}) takes no applications because others are below it; those that do are {}",
            leaves.join(", ")
        ))),
        Some(queue) if queue.state.as_deref().is_some_and(|state| state != "RUNNING") => {
            Err(YarnError::NotReady(format!(
                "the queue '{name}' ({key}) is {}: it takes no applications",
                queue.state.as_deref().unwrap_or("")
            )))
        }
        Some(_) => Ok(()),
    }
}

/// Nodes may come, so that this is no error: as in Flink, it is told.
fn tell_of_room(request: &Request, metrics: &ClusterMetrics, unit: &Resource, note: &mut dyn FnMut(&str)) {
    let Some(total) = metrics.total_mb.filter(|_| request.workers > 0) else {
        return;
    };
    let rounded = |wanted: &Resource| wanted.rounded_up_to(unit).memory_mb;
    let workers = request.workers.saturating_mul(rounded(&request.worker));
    let needed = workers.saturating_add(rounded(&request.master));
    if needed > total {
        note(&format!(
            "the job needs at least {} TaskManagers at once, with its ApplicationMaster {needed} MiB, and all NodeManagers that run now have \
             {total} MiB: it waits until there are more, for {} at most; a lower parallelism (-p), smaller workers \
             (taskmanager.memory.process.size) or more slots in each (taskmanager.numberOfTaskSlots) need less",
            request.workers,
            cluster::SLOT_REQUEST_TIMEOUT.key()
        ));
    }
}

/// YARN gives what is above the wish to nobody: worth a line. Only the client's configuration tells the unit, as in Flink.
fn round_up(request: &Request, unit: &Resource, note: &mut dyn FnMut(&str)) {
    for (role, wanted) in [
        ("the ApplicationMaster", &request.master),
        ("a TaskManager", &request.worker),
    ] {
        let (memory_mb, rounded) = (wanted.memory_mb, wanted.rounded_up_to(unit).memory_mb);
        if rounded != memory_mb {
            note(&format!(
                "{role} asks for {memory_mb} MiB, which is no multiple of {} ({} MiB in this client's Hadoop configuration): \
                 where YARN has the same, it gives {rounded} MiB, of which {} MiB are not used",
                keys::MINIMUM_ALLOCATION_MB,
                unit.memory_mb,
                rounded - memory_mb
            ));
        }
    }
}

mod labels;
mod sizes;
mod workers;

pub(super) use workers::check_discovery;

#[cfg(test)]
mod tests;
