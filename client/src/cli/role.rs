//! The roles that containers and people start.

use selvedge_appmaster::yarn::run_application_master;
use selvedge_core::config::options::cluster;
use selvedge_runtime::fs::FileSystems;
use yarn_common::environment::Environment;

use super::error::Ended;
use super::run::local_file_systems;
use super::{CommandError, JobArgs, RoleArgs, parse_parameters, settings};
use crate::role::{run_standalone_master, run_standalone_worker, run_worker};
use crate::{composition, job_file};

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
    let parameters = parse_parameters(&arguments.parameters).map_err(|error| CommandError::usage(&error))?;
    let configuration = settings::load_for_job(&arguments)?;
    let parallelism = configuration.get(&cluster::PARALLELISM)?;
    let graph = job_file::read(&arguments.job, &parameters, parallelism)?;
    let graph = composition::graph_checker().check(graph)?;
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
