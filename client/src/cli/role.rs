//! The roles that containers start.

use selvedge_appmaster::yarn::{Composition, run_per_job};

use super::error::Ended;
use super::{CommandError, RoleArgs};
use crate::composition;
use crate::role::run_worker;

/// The master of a YARN application; its exit code tells YARN how it ended.
pub(super) fn appmaster(arguments: RoleArgs) -> Result<Ended, CommandError> {
    let code = run_per_job(arguments.assignments(), &|_, file_systems| Composition {
        connectors: composition::connectors(file_systems.clone()),
        checker: composition::graph_checker(),
    });
    Ok(Ended::Role(code))
}

/// A worker in a container.
pub(super) fn taskmanager(arguments: RoleArgs) -> Result<Ended, CommandError> {
    let code = run_worker(arguments.assignments(), composition::chain_planner());
    Ok(Ended::Role(code))
}
