//! The splits of a file source: byte ranges, handed out one at a time to whoever asks.

use std::collections::VecDeque;

use async_trait::async_trait;
use selvedge_core::MemorySize;
use selvedge_core::job_graph::operator::FileSource;
use selvedge_runtime::connector::{ConnectorError, InputSplit, SplitEnumerator};
use selvedge_runtime::fs::{FileStatus, FileSystems, expand};

use super::split::FileSplit;

/// The files that a source's paths mean.
pub(super) async fn files_of(
    file_systems: &FileSystems,
    source: &FileSource,
) -> Result<Vec<FileStatus>, ConnectorError> {
    let mut files = Vec::new();
    for path in &source.paths {
        let expanded = expand(file_systems, path)
            .await
            .map_err(|error| ConnectorError::new(format!("the input path '{path}': {error}")))?;
        files.extend(expanded);
    }
    Ok(files)
}

/// The splits that nobody has.
#[derive(Debug)]
pub(super) struct FileEnumerator {
    waiting: VecDeque<InputSplit>,
}

impl FileEnumerator {
    pub(super) fn new(files: &[FileStatus], split_size: MemorySize) -> Result<Self, ConnectorError> {
        let mut waiting = VecDeque::new();
        for file in files {
            let mut start = 0;
            while start < file.len {
                let end = file.len.min(start.saturating_add(split_size.bytes().max(1)));
                let path = file.location.to_string();
                let length = file.len;
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
