//! The job that a command names: a file with its graph, or a program.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Duration;

use selvedge_core::config::options::cluster;
use selvedge_core::{Configuration, JobGraph};
use selvedge_runtime::program::{Printed, Program, is_program};

use super::error::CommandError;
use super::interrupt::{Interruption, Interrupts};
use super::{JobArgs, parse_parameters, say};
use crate::{composition, job_file};

/// A program that runs for longer is said to be waited for.
const LONG: Duration = Duration::from_secs(5);

/// Where a job comes from.
#[derive(Debug)]
pub(super) enum JobSource {
    /// A file, and its parameters.
    File {
        path: PathBuf,
        parameters: BTreeMap<String, String>,
    },
    /// An executable, and its arguments.
    Program { path: PathBuf, arguments: Vec<String> },
}

impl JobSource {
    /// Looks at what the command line names.
    pub(super) fn look(arguments: &JobArgs) -> Result<Self, CommandError> {
        let path = arguments.job.clone();
        // What cannot be looked at is told by who reads it.
        if is_program(&path).unwrap_or(false) {
            let arguments = arguments.parameters.clone();
            return Ok(Self::Program { path, arguments });
        }
        let parameters = parse_parameters(&arguments.parameters).map_err(|error| CommandError::usage(&error))?;
        Ok(Self::File { path, parameters })
    }

    /// The graph, checked; that of a program is what it prints, without a cluster to submit to.
    pub(super) async fn graph(
        &self,
        configuration: &Configuration,
        interrupts: &mut Interrupts,
    ) -> Result<ControlFlow<Interruption, JobGraph>, CommandError> {
        let parallelism = configuration.get(&cluster::PARALLELISM)?;
        let graph = match self {
            Self::File { path, parameters } => job_file::read(path, parameters, parallelism)?,
            Self::Program { path, arguments } => {
                let program = program(path, arguments, None, configuration)?;
                match run(&program, interrupts).await? {
                    ControlFlow::Break(interruption) => return Ok(ControlFlow::Break(interruption)),
                    ControlFlow::Continue(printed) => printed.graph(parallelism)?.ok_or_else(|| printed.no_job())?,
                }
            }
        };
        let graph = composition::graph_checker().check(graph)?;
        Ok(ControlFlow::Continue(graph))
    }
}

pub(super) fn program(
    path: &std::path::Path,
    arguments: &[String],
    rest_url: Option<String>,
    configuration: &Configuration,
) -> Result<Program, CommandError> {
    Ok(Program {
        path: path.to_owned(),
        arguments: arguments.iter().map(Into::into).collect(),
        rest_url,
        timeout: configuration.find(&cluster::PROGRAM_TIMEOUT)?,
        own_group: true,
    })
}

/// Runs a program to its end, or until the user interrupts the command.
pub(super) async fn run(
    program: &Program,
    interrupts: &mut Interrupts,
) -> Result<ControlFlow<Interruption, Printed>, CommandError> {
    let mut interruption = None;
    let interrupted = async { interruption = Some(interrupts.next().await) };
    let waiting = async {
        tokio::time::sleep(LONG).await;
        say(format_args!(
            "the program {} runs; Ctrl-C ends it",
            program.path.display()
        ));
        std::future::pending().await
    };
    let ended = tokio::select! {
        ended = program.run(interrupted) => ended,
        never = waiting => never,
    };
    match (ended, interruption) {
        (Err(error), Some(interruption)) if error.is_interruption() => Ok(ControlFlow::Break(interruption)),
        (ended, _) => Ok(ControlFlow::Continue(ended?)),
    }
}
