//! No surplus container is kept: a container that nothing runs in is given back soon, and so is one that is too small. Each
//! worker is in a container of its own size.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::super::yarn::{Cluster, Granted};
use super::Facts;

/// For so long a container may be granted before something runs in it: the grant travels with a heartbeat, and the start is
/// tried again at a node that does not answer, or while the ResourceManager is away.
const PATIENCE: Duration = Duration::from_secs(60);

/// After each step.
pub(super) fn look(facts: &mut Facts, cluster: &Cluster, now: Duration) {
    let processes = cluster.processes().map(|(number, _)| number).collect();
    look_at(facts, cluster.containers(), &processes, now);
}

fn look_at(facts: &mut Facts, granted: &BTreeMap<u64, Granted>, processes: &BTreeSet<u64>, now: Duration) {
    let overdue = granted.iter().filter(|(_, granted)| granted.since + PATIENCE < now);
    for (number, granted) in overdue.filter(|(number, _)| !processes.contains(number)) {
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
pub(super) fn launched(facts: &mut Facts, cluster: &Cluster, number: u64, memory_mb: Option<u64>) {
    launched_in(facts, cluster.containers().get(&number), number, memory_mb);
}

fn launched_in(facts: &mut Facts, granted: Option<&Granted>, number: u64, memory_mb: Option<u64>) {
    // One that was given back meanwhile is ended by its node.
    let Some(granted) = granted else { return };
    let has = u64::try_from(granted.capability.memory()).unwrap_or_default();
    if memory_mb != Some(has) {
        let worker = memory_mb.map_or_else(|| "of no stated size".to_owned(), |memory| format!("of {memory} MiB"));
        facts.kept.push(format!(
            "a worker {worker} was started in container {number} (priority {}), which has {has} MiB",
            granted.priority
        ));
    }
}

pub(super) fn check(facts: &Facts) -> Vec<String> {
    facts.kept.clone()
}

#[cfg(test)]
mod tests {
    use yarn_common::resource::Resource;

    use super::*;

    fn granted(memory_mb: u64) -> Granted {
        Granted {
            attempt: 1,
            node: "nm-1".to_owned(),
            priority: 1,
            capability: (&Resource::new(memory_mb, 1)).into(),
            since: Duration::from_secs(5),
            is_released: false,
        }
    }

    #[test]
    fn a_container_in_which_nothing_runs_for_too_long_is_told_once() {
        let containers = BTreeMap::from([(2, granted(1024)), (3, granted(1024))]);
        let processes = BTreeSet::from([3]);
        let mut facts = Facts::default();
        look_at(&mut facts, &containers, &processes, Duration::from_secs(5) + PATIENCE);
        assert!(check(&facts).is_empty());
        for _ in 0..2 {
            look_at(&mut facts, &containers, &processes, Duration::from_secs(6) + PATIENCE);
        }
        let [kept] = &check(&facts)[..] else {
            panic!("one violation");
        };
        assert!(kept.contains("container 2 on nm-1"), "{kept}");
    }

    #[test]
    fn a_worker_in_a_container_of_another_size_is_told() {
        let mut facts = Facts::default();
        launched_in(&mut facts, Some(&granted(1024)), 2, Some(1024));
        launched_in(&mut facts, None, 3, Some(1024));
        assert!(check(&facts).is_empty());
        for (number, memory_mb, has) in [(4, Some(1024), 512), (5, Some(512), 1024), (6, None, 1024)] {
            launched_in(&mut facts, Some(&granted(has)), number, memory_mb);
            let told = check(&facts).pop().unwrap();
            let says = format!("container {number} (priority 1), which has {has} MiB");
            assert!(told.contains(&says), "{told}");
        }
    }
}
