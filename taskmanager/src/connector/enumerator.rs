//! The splits of a file source: byte ranges, handed out one at a time to whoever asks.

use std::collections::VecDeque;

use async_trait::async_trait;
use selvedge_core::MemorySize;
use selvedge_core::job_graph::Artifact;
use selvedge_core::job_graph::artifact::artifact_name;
use selvedge_core::job_graph::operator::FileSource;
use selvedge_core::job_graph::shipped::{SHIPPED_PREFIX, shipped_path};
use selvedge_runtime::connector::{ConnectorError, InputSplit, SplitEnumerator};
use selvedge_runtime::fs::{FileSystems, Location, expand};

use super::split::FileSplit;

/// A file that a source reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InputFile {
    /// With scheme and authority, or `artifact:NAME`, `shipped:PATH`.
    path: String,
    length: u64,
}

/// The files that a source's paths mean.
pub(super) async fn files_of(
    file_systems: &FileSystems,
    source: &FileSource,
    artifacts: &[Artifact],
) -> Result<Vec<InputFile>, ConnectorError> {
    let mut files = Vec::new();
    for path in &source.paths {
        if let Some(name) = artifact_name(path) {
            files.push(brought(name, path, artifacts)?);
            continue;
        }
        let unusable = |error: &dyn std::error::Error| ConnectorError::new(format!("the input path '{path}': {error}"));
        if let Some(below) = shipped_path(path) {
            files.extend(sent_along(below).await.map_err(|error| unusable(&*error))?);
            continue;
        }
        let expanded = expand(file_systems, path).await.map_err(|error| unusable(&error))?;
        files.extend(expanded.into_iter().map(|file| InputFile {
            path: file.location.to_string(),
            length: file.len,
        }));
    }
    Ok(files)
}

/// The files that are sent along into this process's working directory, and so into that of every worker.
async fn sent_along(below: &str) -> Result<Vec<InputFile>, Box<dyn std::error::Error + Send + Sync>> {
    let directory = std::env::current_dir()?;
    let root = Location::local(&directory);
    let files = expand(&FileSystems::local_only(), root.join(below).path()).await?;
    let of_all = |location: &Location| location.path().strip_prefix(root.path()).map(str::to_owned);
    let named = files.iter().filter_map(|file| {
        let name = of_all(&file.location)?;
        Some(InputFile {
            path: format!("{SHIPPED_PREFIX}{}", name.trim_start_matches('/')),
            length: file.len,
        })
    });
    Ok(named.collect())
}

/// An artifact as an input. Before the job is taken, its size need not be known; nobody reads it then.
fn brought(name: &str, path: &str, artifacts: &[Artifact]) -> Result<InputFile, ConnectorError> {
    let artifact = artifacts.iter().find(|artifact| artifact.name == name);
    let missing = || ConnectorError::new(format!("the input path '{path}': the job has no such artifact"));
    Ok(InputFile {
        path: path.to_owned(),
        length: artifact.ok_or_else(missing)?.size.unwrap_or_default(),
    })
}

/// The splits that nobody has.
#[derive(Debug)]
pub(super) struct FileEnumerator {
    waiting: VecDeque<InputSplit>,
}

impl FileEnumerator {
    pub(super) fn new(files: &[InputFile], split_size: MemorySize) -> Result<Self, ConnectorError> {
        let mut waiting = VecDeque::new();
        for file in files {
            let mut start = 0;
            while start < file.length {
                let end = file.length.min(start.saturating_add(split_size.bytes().max(1)));
                let (path, length) = (file.path.clone(), file.length);
                let split = FileSplit {
                    path,
                    start,
                    end,
                    length,
                };
                waiting.push_back(split.to_json()?);
                start = end;
            }
        }
        Ok(Self { waiting })
    }
}

#[async_trait]
impl SplitEnumerator for FileEnumerator {
    async fn next_split(&mut self, _subtask: u32, _host: &str) -> Result<Option<InputSplit>, ConnectorError> {
        Ok(self.waiting.pop_front())
    }

    fn return_splits(&mut self, _subtask: u32, splits: Vec<InputSplit>) {
        for split in splits.into_iter().rev() {
            self.waiting.push_front(split);
        }
    }
}
