//! `selvedge info`: draws a job.

use selvedge_core::config::options::cluster;

use super::error::{CommandError, Ended};
use super::{InfoArgs, parse_parameters, settings, terminal};
use crate::{composition, graph_view, job_file};

pub(super) async fn info(arguments: InfoArgs) -> Result<Ended, CommandError> {
    let parameters = parse_parameters(&arguments.job.parameters).map_err(|error| CommandError::usage(&error))?;
    let configuration = settings::load_for_job(&arguments.job)?;
    let parallelism = configuration.get(&cluster::PARALLELISM)?;
    let graph = job_file::read(&arguments.job.job, &parameters, parallelism)?;
    let graph = composition::graph_checker().check(graph)?;
    terminal::print(&graph_view::draw(&graph))?;
    Ok(Ended::Done)
}
