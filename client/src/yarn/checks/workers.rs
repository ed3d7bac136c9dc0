//! Settings with which no worker could ever start.

use selvedge_appmaster::resourcemanager::SlotManagerSettings;
use selvedge_core::config::ConfigError;
use selvedge_core::config::options::taskmanager;
use selvedge_core::resource::{Discovery, WorkerResourceSpec};
use selvedge_core::{Configuration, TaskExecutorProcessSpec};
use selvedge_runtime::deployment::DIST_DIRECTORY;

use crate::yarn::ship::ShipPlan;

/// Whether the cluster may be as large as a single worker.
pub(super) fn check_bounds(configuration: &Configuration, worker: &TaskExecutorProcessSpec) -> Result<(), ConfigError> {
    let bounds = SlotManagerSettings::read(configuration)?.bounds;
    let spec = WorkerResourceSpec::from(&worker.clone().with_whole_cores());
    let Some(limit) = bounds.exceeded_by_one(&spec) else {
        return Ok(());
    };
    let (key, value) = match &limit {
        limit if limit.contains("slots") => (
            taskmanager::NUMBER_OF_TASK_SLOTS.key(),
            worker.number_of_slots.to_string(),
        ),
        limit if limit.contains("cpu") => (taskmanager::CPU_CORES.key(), spec.total.cpu_cores.to_string()),
        _ => (
            taskmanager::TOTAL_PROCESS_MEMORY.key(),
            format!("{} bytes in slots", spec.total.total_memory().bytes()),
        ),
    };
    Err(ConfigError::Invalid {
        key: key.to_owned(),
        reason: format!(
            "'{value}' makes a single TaskManager larger than the cluster may be by {limit}; lower the one or raise the other"
        ),
    })
}

/// Whether each script that finds external resources will be there: one that is not named by an absolute path must be sent
/// along.
pub(in crate::yarn) fn check_discovery(configuration: &Configuration, ship: &ShipPlan) -> Result<(), ConfigError> {
    for discovery in Discovery::read(configuration)? {
        let dist = std::path::Path::new(DIST_DIRECTORY);
        if discovery.script.is_absolute() || discovery.script.starts_with(dist) || ship.holds(&discovery.script) {
            continue;
        }
        let script = discovery.script.display();
        return Err(ConfigError::Invalid {
            key: format!("external-resource.{}.param.discovery-script.path", discovery.resource),
            reason: format!(
                "'{script}' is not among the files that are sent along; send it with yarn.ship-files, or write the absolute \
                 path that it has on every node"
            ),
        });
    }
    Ok(())
}
