//! What a bed's users say to its supervisor: one JSON line each way over a socket in the scratch folder.

use std::path::Path;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use super::daemon::Daemon;
use super::description::Description;
use super::error::{BedError, Step};
use super::layout::Layout;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "ask")]
pub(super) enum Request {
    Status,
    /// Kills with SIGKILL; answered once the process is gone.
    Kill {
        daemon: Daemon,
    },
    /// Starts a daemon, after killing it if it runs; answered once it is ready.
    Restart {
        daemon: Daemon,
    },
    /// Ends the bed; answered by the end of the connection, when all is gone.
    Stop,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "answer")]
pub(super) enum Reply {
    Done,
    Status { daemons: Vec<(Daemon, String)> },
    Failed { message: String },
}

/// The supervisor's one line on its standard output.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub(super) enum StartEvent {
    Ready { bed: Box<Description> },
    Failed { message: String },
}

/// `None` if the supervisor ended before it answered.
pub(super) async fn ask(scratch: &Path, request: &Request) -> Result<Option<Reply>, BedError> {
    let socket = Layout::new(scratch).control_socket();
    let step = || format!("asking the bed's supervisor at {}", socket.display());
    let mut stream = UnixStream::connect(&socket).await.step(step)?;
    send(&mut stream, request).await.step(step)?;
    receive(&mut stream).await.step(step)
}

pub(super) async fn send(stream: &mut UnixStream, message: &impl Serialize) -> std::io::Result<()> {
    let mut line = serde_json::to_string(message)?;
    line.push('\n');
    stream.write_all(line.as_bytes()).await
}

pub(super) async fn receive<T: for<'de> Deserialize<'de>>(stream: &mut UnixStream) -> std::io::Result<Option<T>> {
    let mut line = String::new();
    if BufReader::new(stream).read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    Ok(Some(serde_json::from_str(&line)?))
}
