//! `selvedge info`: draws a job.

use std::ops::ControlFlow;

use super::config::print_json;
use super::error::{CommandError, Ended};
use super::interrupt::Interrupts;
use super::job_source::JobSource;
use super::{InfoArgs, settings, terminal};
use crate::graph_view;

pub(super) async fn info(arguments: InfoArgs) -> Result<Ended, CommandError> {
    let source = JobSource::look(&arguments.job)?;
    let configuration = settings::load_for_job(&arguments.job)?;
    let mut interrupts = Interrupts::listen()?;
    match source.graph(&configuration, &mut interrupts).await? {
        ControlFlow::Continue(graph) if arguments.output.is_json() => print_json(&serde_json::to_value(&graph)?)?,
        ControlFlow::Continue(graph) => terminal::print(&graph_view::draw(&graph))?,
        ControlFlow::Break(interruption) => return Ok(Ended::Interrupted(interruption)),
    }
    Ok(Ended::Done)
}
