//! A job's program: any executable that submits jobs itself or prints the graph of one. The client runs it, or the master
//! of an application.
//!
//! ```text
//! SELVEDGE_REST_URL       the REST endpoint of a cluster that is there: http://host:port
//! SELVEDGE_JOB_GRAPH_OUT  the number of a descriptor that takes one JobGraph, as in a job's file
//! SELVEDGE_COMMAND        the path of the command that runs it, for scripts
//!
//! start ─► output shown, line by line ─► exit code 0 ─► the graph, if one was printed
//!               │ too late, interrupted: SIGTERM, then SIGKILL      other codes, more than one graph: an error with
//!               └───────────────────────────────────────────────►   the last lines
//! ```

mod error;
mod family;
mod output;
mod printed;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use command_fds::{CommandFdExt, FdMapping};
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use error::ProgramError;
pub use printed::Printed;

use family::Family;
use output::{Buffer, Stream, Tail};

/// Names the REST endpoint of the cluster to which the program may submit jobs.
pub const REST_URL: &str = "SELVEDGE_REST_URL";
/// Names the descriptor that takes the program's JobGraph.
pub const JOB_GRAPH_OUT: &str = "SELVEDGE_JOB_GRAPH_OUT";
/// Names the command that runs the program.
pub const COMMAND: &str = "SELVEDGE_COMMAND";
/// The descriptor of the graph: one digit, as plain shells write to no others.
const GRAPH_DESCRIPTOR: i32 = 3;
/// How much of a file tells a job's file from a program.
const LOOK_BYTES: u64 = 512;
/// How long a program may take to end when it is told to.
const GRACE: Duration = Duration::from_secs(3);

/// A program that is to be run.
#[derive(Debug, Clone)]
pub struct Program {
    /// The executable.
    pub path: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// The REST endpoint of its cluster, where there is one: `http://host:port`.
    pub rest_url: Option<String>,
    /// How long it may take.
    pub timeout: Option<Duration>,
    /// Whether it leads a process group of its own, all of which then ends with it. In a container it must not: YARN ends
    /// the container's group.
    pub own_group: bool,
}

/// Whether a job is a program, not a file with a JobGraph: it is executable, and does not begin with a brace.
///
/// # Errors
/// The file cannot be read.
pub fn is_program(path: &Path) -> io::Result<bool> {
    let metadata = path.metadata()?;
    if !metadata.is_file() || metadata.permissions().mode() & 0o111 == 0 {
        return Ok(false);
    }
    let mut begin = Vec::new();
    match File::open(path) {
        Ok(file) => file.take(LOOK_BYTES).read_to_end(&mut begin)?,
        // It may be run all the same.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(true),
        Err(error) => return Err(error),
    };
    let begin = begin.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&begin);
    Ok(!begin.trim_ascii_start().starts_with(b"{"))
}

impl Program {
    /// Runs the program to its end, and shows its output on the streams of this process. When `interrupted` resolves, it is
    /// told to end. Dropped, it is killed.
    ///
    /// # Errors
    /// [`ProgramError`].
    pub async fn run(&self, interrupted: impl Future<Output = ()>) -> Result<Printed, ProgramError> {
        let (tail, graph, over) = (Tail::default(), Buffer::default(), CancellationToken::new());
        let (mut child, mut pumps) = self.start(&tail, &graph, &over)?;
        let mut interrupted = pin!(interrupted);
        let mut family = Family::of(&child, self.own_group);
        let mut ended = tokio::select! {
            biased;
            status = child.wait() => Ended::ByItself(status),
            () = &mut interrupted => Ended::Interrupted,
            () = after(self.timeout) => Ended::TooLate,
        };
        if !matches!(ended, Ended::ByItself(_)) {
            family.terminate();
            let ends = tokio::time::timeout(GRACE, child.wait()).await;
            if ends.is_err() {
                family.kill();
                let _ = child.wait().await;
            }
        }
        // What it has started ends with it, and closes its output.
        family.kill_rest();
        over.cancel();
        let drained = async { while pumps.join_next().await.is_some() {} };
        tokio::select! {
            () = drained => {}
            // Whoever reads the output may be in no hurry, but has a say.
            () = &mut interrupted, if matches!(ended, Ended::ByItself(_)) => ended = Ended::Interrupted,
            () = tokio::time::sleep(GRACE), if !matches!(ended, Ended::ByItself(_)) => {}
        }
        pumps.shutdown().await;
        let last_lines = tail.text();
        let path = self.path.clone();
        match ended {
            Ended::Interrupted => Err(ProgramError::Interrupted { path }),
            Ended::TooLate => Err(ProgramError::TimedOut {
                path,
                limit: self.timeout.unwrap_or_default(),
                last_lines,
            }),
            Ended::ByItself(Err(source)) => Err(ProgramError::Start { path, source }),
            Ended::ByItself(Ok(status)) if !status.success() => Err(ProgramError::Failed {
                path,
                status,
                last_lines,
            }),
            Ended::ByItself(Ok(_)) => Ok(Printed {
                path,
                rest_url: self.rest_url.clone(),
                graph: graph.take(),
                last_lines,
            }),
        }
    }

    fn start(
        &self,
        tail: &Tail,
        graph: &Buffer,
        over: &CancellationToken,
    ) -> Result<(Child, JoinSet<()>), ProgramError> {
        let failed = |source| ProgramError::Start {
            path: self.path.clone(),
            source,
        };
        let (reader, writer) = io::pipe().map_err(failed)?;
        let reader = pipe::Receiver::from_owned_fd(reader.into()).map_err(failed)?;
        // The command keeps the writing end: it goes with this block, so that the program's end is that of its graph.
        let mut child = {
            let mut command = self.command().map_err(failed)?;
            let mapping = FdMapping {
                parent_fd: writer.into(),
                child_fd: GRAPH_DESCRIPTOR,
            };
            command
                .fd_mappings(vec![mapping])
                .map_err(|error| failed(io::Error::other(error)))?;
            command.spawn().map_err(failed)?
        };
        let mut pumps = JoinSet::new();
        pumps.spawn(graph.clone().fill(reader, over.clone()));
        if let Some(stdout) = child.stdout.take() {
            pumps.spawn(output::show(stdout, Stream::Output, tail.clone(), over.clone()));
        }
        if let Some(stderr) = child.stderr.take() {
            pumps.spawn(output::show(stderr, Stream::Error, tail.clone(), over.clone()));
        }
        Ok((child, pumps))
    }

    fn command(&self) -> io::Result<Command> {
        // A bare name would be looked for in PATH.
        let mut command = Command::new(std::path::absolute(&self.path)?);
        command
            .args(&self.arguments)
            .env(JOB_GRAPH_OUT, GRAPH_DESCRIPTOR.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if let Ok(this) = std::env::current_exe() {
            command.env(COMMAND, this);
        }
        match &self.rest_url {
            Some(url) => command.env(REST_URL, url),
            None => command.env_remove(REST_URL),
        };
        if self.own_group {
            command.process_group(0);
        }
        // A group that is not the terminal's may not read from it; in a container nobody writes.
        let reads = self.own_group && !io::stdin().is_terminal();
        command.stdin(if reads { Stdio::inherit() } else { Stdio::null() });
        Ok(command)
    }
}

enum Ended {
    ByItself(io::Result<ExitStatus>),
    Interrupted,
    TooLate,
}

async fn after(limit: Option<Duration>) {
    match limit {
        Some(limit) => tokio::time::sleep(limit).await,
        None => std::future::pending().await,
    }
}
