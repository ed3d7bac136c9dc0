//! What a program that has ended well leaves: a graph, or nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;

use selvedge_core::JobGraph;
use selvedge_core::job_graph::file;
use serde::de::IgnoredAny;

use super::ProgramError;
use super::output::MAX_GRAPH_BYTES;

/// What a program has printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Printed {
    pub(super) path: PathBuf,
    pub(super) rest_url: Option<String>,
    pub(super) graph: Vec<u8>,
    pub(super) last_lines: String,
}

impl Printed {
    /// The graph, where one was printed. Vertices that state no parallelism get this one.
    ///
    /// # Errors
    /// [`ProgramError`]: more than one was, or what was is none.
    pub fn graph(&self, default_parallelism: u32) -> Result<Option<JobGraph>, ProgramError> {
        let path = || self.path.clone();
        if self.graph.len() > MAX_GRAPH_BYTES {
            return Err(ProgramError::TooLarge {
                path: path(),
                mebibytes: MAX_GRAPH_BYTES >> 20,
            });
        }
        match self.count()? {
            0 => return Ok(None),
            1 => {}
            count => {
                let last_lines = self.last_lines.clone();
                return Err(ProgramError::SeveralGraphs {
                    path: path(),
                    count,
                    last_lines,
                });
            }
        }
        let text = String::from_utf8_lossy(&self.graph);
        // Its arguments are its own: it has replaced what was to be.
        let graph = file::parse(&text, &BTreeMap::new(), default_parallelism);
        graph
            .map(Some)
            .map_err(|cause| ProgramError::Graph { path: path(), cause })
    }

    /// The error of a program that has printed no graph and submitted nothing either.
    pub fn no_job(&self) -> ProgramError {
        ProgramError::NoJob {
            path: self.path.clone(),
            rest_url: self.rest_url.clone(),
            last_lines: self.last_lines.clone(),
        }
    }

    fn count(&self) -> Result<usize, ProgramError> {
        let values = serde_json::Deserializer::from_slice(&self.graph).into_iter::<IgnoredAny>();
        let counted: Result<Vec<_>, _> = values.collect();
        counted
            .map(|values| values.len())
            .map_err(|cause| ProgramError::NoJson {
                path: self.path.clone(),
                cause,
                last_lines: self.last_lines.clone(),
            })
    }
}
