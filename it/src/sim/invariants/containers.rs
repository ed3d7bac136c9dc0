//! No surplus container is kept: a container that nothing runs in is given back soon, and so is one that is too small.

use std::time::Duration;

use super::super::settings::WORKER_MEMORY_MB;
use super::super::yarn::Cluster;
use super::Facts;

/// For so long a container may be granted before something runs in it: the grant travels with a heartbeat, and the start is
/// tried again at a node that does not answer, or while the ResourceManager is away.
const PATIENCE: Duration = Duration::from_secs(60);

/// After each step.
pub(super) fn look(facts: &mut Facts, cluster: &Cluster, now: Duration) {
    let overdue = cluster
        .containers()
        .iter()
        .filter(|(_, granted)| granted.since + PATIENCE < now);
    for (number, granted) in overdue {
        if cluster.processes().any(|(running, _)| running == *number) {
            continue;
        }
        let kept = format!(
            "container {number} on {} (priority {}) was granted at {:?}, and nothing ever ran in it",
            granted.node, granted.priority, granted.since
        );
        if !facts.kept.contains(&kept) {
            facts.kept.push(kept);
        }
    }
}

/// When a process is started.
pub(super) fn launched(facts: &mut Facts, cluster: &Cluster, number: u64) {
    let granted = cluster.containers().get(&number);
    let memory = granted.map(|granted| granted.capability.memory()).unwrap_or_default();
    if u64::try_from(memory).unwrap_or_default() < WORKER_MEMORY_MB {
        facts.kept.push(format!(
            "a worker of {WORKER_MEMORY_MB} MiB was started in container {number}, which has {memory} MiB"
        ));
    }
}

pub(super) fn check(facts: &Facts) -> Vec<String> {
    facts.kept.clone()
}
