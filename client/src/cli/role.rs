//! The roles that containers and people start.

use std::ops::ControlFlow;

use selvedge_appmaster::yarn::run_application_master;
use selvedge_runtime::fs::FileSystems;
use yarn_common::environment::Environment;

use super::error::Ended;
use super::interrupt::Interrupts;
use super::job_source::JobSource;
use super::run::local_file_systems;
use super::{CommandError, JobArgs, RoleArgs, settings};
use crate::composition;
use crate::role::{run_standalone_master, run_standalone_worker, run_worker};

/// The master of a YARN application; its exit code tells YARN how it ended.
pub(super) fn appmaster(arguments: RoleArgs) -> Result<Ended, CommandError> {
    let code = run_application_master(arguments.assignments(), &|_, file_systems| {
        composition::of_master(file_systems)
    });
    Ok(Ended::Role(code))
}

/// A worker in a container.
pub(super) fn taskmanager(arguments: RoleArgs) -> Result<Ended, CommandError> {
    let (planner, high_availability) = (composition::chain_planner(), composition::high_availability());
    let code = run_worker(arguments.assignments(), planner, high_availability);
    Ok(Ended::Role(code))
}

/// A master that takes jobs.
pub(super) async fn standalone_session(arguments: RoleArgs) -> Result<Ended, CommandError> {
    let configuration = settings::load(&arguments.settings)?;
    let file_systems = any_file_system(&configuration)?;
    Ok(Ended::Role(
        run_standalone_master(configuration, file_systems, None).await?,
    ))
}

/// A master with one job.
pub(super) async fn standalone_job(arguments: JobArgs) -> Result<Ended, CommandError> {
    let source = JobSource::look(&arguments)?;
    let configuration = settings::load_for_job(&arguments)?;
    let mut interrupts = Interrupts::listen()?;
    let graph = match source.graph(&configuration, &mut interrupts).await? {
        ControlFlow::Continue(graph) => graph,
        ControlFlow::Break(interruption) => return Ok(Ended::Interrupted(interruption)),
    };
    let file_systems = any_file_system(&configuration)?;
    let code = run_standalone_master(configuration, file_systems, Some(graph)).await?;
    Ok(Ended::Role(code))
}

/// A worker for a master that was started by hand.
pub(super) async fn standalone_taskmanager(arguments: RoleArgs) -> Result<Ended, CommandError> {
    let configuration = settings::load(&arguments.settings)?;
    let file_systems = any_file_system(&configuration)?;
    Ok(Ended::Role(run_standalone_worker(configuration, file_systems).await?))
}

/// Which files its jobs name is not known yet.
fn any_file_system(configuration: &selvedge_core::Configuration) -> Result<FileSystems, CommandError> {
    local_file_systems(configuration, &Environment::of_process())
}
