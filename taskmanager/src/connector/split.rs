//! A byte range of a file, in the JSON form that enumerator and reader share.

use selvedge_runtime::connector::{ConnectorError, InputSplit};
use serde::{Deserialize, Serialize};

/// A byte range of a file: the lines that start in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileSplit {
    /// The file, with scheme and authority, or `artifact:NAME`, `shipped:PATH`.
    pub(crate) path: String,
    /// The first byte.
    pub(crate) start: u64,
    /// The byte behind the last.
    pub(crate) end: u64,
    /// Bytes of the whole file when it was listed: what is appended later is not read.
    pub(crate) length: u64,
}

impl FileSplit {
    pub(crate) fn to_json(&self) -> Result<InputSplit, ConnectorError> {
        let json = serde_json::to_vec(self);
        let json = json.map_err(|error| ConnectorError::caused_by("a split cannot be written as JSON", error))?;
        Ok(InputSplit(json.into()))
    }

    pub(crate) fn from_json(split: &InputSplit) -> Result<Self, ConnectorError> {
        serde_json::from_slice(&split.0)
            .map_err(|error| ConnectorError::caused_by("a split is not what a file source reads", error))
    }
}
