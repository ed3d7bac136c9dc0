//! Why a program gave no job.

use std::fmt;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use selvedge_core::job_graph::file::JobFileError;
use thiserror::Error;

use super::{GRAPH_DESCRIPTOR, JOB_GRAPH_OUT, REST_URL};

/// A program that failed, or gave no job.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// It did not start.
    #[error(
        "the program {} cannot be started ({source}): it must be an executable for this machine, and the interpreter that its \
         first line names must be there",
        path.display()
    )]
    Start {
        /// The program.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// It ended with another exit code than 0, or by a signal.
    #[error("the program {} ended with {}; {last_lines}", path.display(), How(*status))]
    Failed {
        /// The program.
        path: PathBuf,
        /// How it ended.
        status: ExitStatus,
        /// What it wrote last.
        last_lines: String,
    },
    /// It took too long.
    #[error(
        "the program {} was ended because it ran for more than {} (--program-timeout, selvedge.program.timeout); {last_lines}",
        path.display(),
        humantime::format_duration(*limit)
    )]
    TimedOut {
        /// The program.
        path: PathBuf,
        /// The limit.
        limit: Duration,
        /// What it wrote last.
        last_lines: String,
    },
    /// It was told to end.
    #[error("the program {} was interrupted", path.display())]
    Interrupted {
        /// The program.
        path: PathBuf,
    },
    /// It printed no graph and submitted nothing.
    #[error("the program {} gave no job: {}; {last_lines}", path.display(), Ways(rest_url.as_deref()))]
    NoJob {
        /// The program.
        path: PathBuf,
        /// Where it could have submitted one.
        rest_url: Option<String>,
        /// What it wrote last.
        last_lines: String,
    },
    /// It printed several graphs.
    #[error(
        "the program {} printed {count} JobGraphs on descriptor {GRAPH_DESCRIPTOR} ({JOB_GRAPH_OUT}), where exactly one is \
         expected: programs of several jobs submit them to {REST_URL}; {last_lines}",
        path.display()
    )]
    SeveralGraphs {
        /// The program.
        path: PathBuf,
        /// How many.
        count: usize,
        /// What it wrote last.
        last_lines: String,
    },
    /// It printed something else.
    #[error(
        "what the program {} printed on descriptor {GRAPH_DESCRIPTOR} ({JOB_GRAPH_OUT}) is not JSON ({cause}): nothing but one \
         JobGraph belongs there; {last_lines}",
        path.display()
    )]
    NoJson {
        /// The program.
        path: PathBuf,
        /// Where it is none.
        cause: serde_json::Error,
        /// What it wrote last.
        last_lines: String,
    },
    /// The JSON is no graph.
    #[error("the program {} printed no JobGraph on descriptor {GRAPH_DESCRIPTOR} ({JOB_GRAPH_OUT}): {cause}", path.display())]
    Graph {
        /// The program.
        path: PathBuf,
        /// What is wrong.
        cause: JobFileError,
    },
    /// It printed without end.
    #[error(
        "the program {} printed more than {mebibytes} MiB on descriptor {GRAPH_DESCRIPTOR} ({JOB_GRAPH_OUT}): data belongs \
         into files that the job reads",
        path.display()
    )]
    TooLarge {
        /// The program.
        path: PathBuf,
        /// The limit.
        mebibytes: usize,
    },
}

impl ProgramError {
    /// Whether the user has ended the program.
    pub const fn is_interruption(&self) -> bool {
        matches!(self, Self::Interrupted { .. })
    }
}

/// `exit code 3`, or the signal.
struct How(ExitStatus);

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.code(), self.0.signal()) {
            (Some(code), _) => write!(f, "exit code {code}"),
            (None, Some(signal)) => write!(f, "signal {signal}"),
            (None, None) => write!(f, "{}", self.0),
        }
    }
}

/// What a program can do to give a job.
struct Ways<'a>(Option<&'a str>);

impl fmt::Display for Ways<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "it ended with exit code 0, and printed no JobGraph on descriptor {GRAPH_DESCRIPTOR} ({JOB_GRAPH_OUT})"
        )?;
        match self.0 {
            Some(url) => write!(f, ", nor did it submit one to {url} ({REST_URL})"),
            None => write!(
                f,
                ", which is the only way here: no cluster is there that {REST_URL} could name"
            ),
        }
    }
}
