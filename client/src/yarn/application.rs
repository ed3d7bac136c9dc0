//! What an application's master is to run, and bringing it there.

use std::path::PathBuf;

use selvedge_core::JobGraph;
use selvedge_runtime::deployment::{APPLICATION_FILE, ApplicationProgram, JOB_GRAPH_FILE, ShippedFile, Visibility};
use selvedge_runtime::fs::{FileSystems, Location};

use super::staging::{Staging, shipped};
use super::{YarnError, artifacts};

/// An application that is to be deployed.
#[derive(Debug, Clone)]
pub struct ApplicationDeployment {
    /// What its master runs.
    pub content: ApplicationContent,
    /// Whether nobody will wait for its end.
    pub detached: bool,
}

/// What the master of an application runs.
#[derive(Debug, Clone)]
pub enum ApplicationContent {
    /// One job: its graph, checked, with a schema on every edge.
    Job(Box<JobGraph>),
    /// A program that submits jobs to its master, or prints the graph of one.
    Program {
        /// The executable, on this disk.
        path: PathBuf,
        /// Its arguments.
        arguments: Vec<String>,
    },
}

impl ApplicationContent {
    /// How YARN lists the application where nothing else is said.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Job(graph) => graph.name.clone(),
            Self::Program { path, .. } => file_name(path),
        }
    }

    /// The job, where it is known before the program has run.
    pub(super) const fn graph(&self) -> Option<&JobGraph> {
        match self {
            Self::Job(graph) => Some(graph),
            Self::Program { .. } => None,
        }
    }

    /// The files that only the master needs, staged.
    pub(super) async fn stage(
        &self,
        file_systems: &FileSystems,
        staging: &Staging,
        directory: &Location,
    ) -> Result<Vec<ShippedFile>, YarnError> {
        match self {
            Self::Job(graph) => Ok(vec![stage_graph(graph, file_systems, staging, directory).await?]),
            Self::Program { path, arguments } => {
                let program = ApplicationProgram {
                    file: ApplicationProgram::file_of(&file_name(path)),
                    arguments: arguments.clone(),
                };
                let text = serde_json::to_string_pretty(&program).map_err(YarnError::Graph)?;
                let source = Location::local(&std::path::absolute(path).unwrap_or_else(|_| path.clone()));
                let target = directory.join(&program.file);
                let (copied, told) = tokio::try_join!(
                    staging.copy_file(&program.file, &**file_systems.of(&source)?, &source, &target),
                    staging.write(directory, APPLICATION_FILE, text),
                )?;
                let copied = shipped(&program.file, &copied, false, Visibility::Application);
                Ok(vec![copied, told])
            }
        }
    }
}

/// A job's graph, with the files of this disk that it brings along.
pub(super) async fn stage_graph(
    graph: &JobGraph,
    file_systems: &FileSystems,
    staging: &Staging,
    directory: &Location,
) -> Result<ShippedFile, YarnError> {
    let graph = artifacts::stage(graph, file_systems, staging, directory).await?;
    let graph = serde_json::to_string_pretty(&graph).map_err(YarnError::Graph)?;
    staging.write(directory, JOB_GRAPH_FILE, graph).await
}

fn file_name(path: &std::path::Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
