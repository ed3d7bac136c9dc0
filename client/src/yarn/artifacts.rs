//! Files that the job brings along, from this machine's disk to where the master reads them. Those in the cluster's file system
//! stay where they are.

use selvedge_core::JobGraph;
use selvedge_runtime::artifact::ArtifactFile;
use selvedge_runtime::fs::{FileSystems, Location};

use super::YarnError;
use super::staging::Staging;

/// Copies them into the application's directory, which must be there; the graph as the master is to read it.
pub(super) async fn stage(
    graph: &JobGraph,
    file_systems: &FileSystems,
    staging: &Staging,
    directory: &Location,
) -> Result<JobGraph, YarnError> {
    let mut staged = graph.clone();
    for (number, artifact) in staged.artifacts.iter_mut().enumerate() {
        let stated = artifact.clone();
        let file = ArtifactFile::find(file_systems, &stated).await?;
        artifact.path = if file.location().scheme() == "file" {
            // Names of files in HDFS may hold less than those on a disk.
            let target = directory.join(&format!("artifact-{number}"));
            staging.copy_artifact(&stated.name, &file, &target).await?;
            target.to_string()
        } else {
            file.location().to_string()
        };
    }
    Ok(staged)
}
