//! Starting, asking and killing a session.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::Context;
use selvedge::cluster::RestClusterClient;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use super::{HALTED, SERVING};
use crate::cli::{BOUND, built_binary};

/// How a session is started.
#[derive(Debug, Clone, Default)]
pub struct SessionOptions {
    /// Settings, `key=value`.
    pub settings: Vec<String>,
    /// Where it halts, as [`super::Place`] reads it.
    pub halt: Option<String>,
    /// Where standard error goes, for a look after a failure.
    pub log: Option<PathBuf>,
}

/// A session in a process of its own. It is killed when it is dropped.
#[derive(Debug)]
pub struct SessionProcess {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    rest: RestClusterClient,
    address: String,
}

impl SessionProcess {
    /// Starts a session; returns when it takes jobs.
    ///
    /// # Errors
    ///
    /// If it does not start.
    pub async fn start(options: &SessionOptions) -> anyhow::Result<Self> {
        let mut command = Command::new(built_binary("selvedge-session"));
        command
            .args(&options.settings)
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        if let Some(halt) = &options.halt {
            command.env("SELVEDGE_SESSION_HALT", halt);
        }
        if let Some(log) = &options.log {
            command.stderr(std::fs::File::create(log)?);
        }
        let mut child = command.spawn().context("the session's process")?;
        let stdout = child.stdout.take().context("its output is piped")?;
        let mut lines = BufReader::new(stdout).lines();
        let address = said(&mut lines, SERVING).await?;
        Ok(Self {
            rest: RestClusterClient::direct(&address)?,
            child,
            lines,
            address,
        })
    }

    /// A client of its REST endpoint.
    pub const fn rest(&self) -> &RestClusterClient {
        &self.rest
    }

    /// host:port of its REST endpoint.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits until it has halted at its place.
    ///
    /// # Errors
    ///
    /// If it ends, or does not come there in time.
    pub async fn until_halted(&mut self) -> anyhow::Result<()> {
        said(&mut self.lines, HALTED).await.map(drop)
    }

    /// Kills it with SIGKILL; returns when it is gone.
    ///
    /// # Errors
    ///
    /// If it cannot be killed.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Ends it over REST; returns when its process has ended.
    ///
    /// # Errors
    ///
    /// If it does not end well, or not in time.
    pub async fn shut_down(mut self) -> anyhow::Result<()> {
        self.rest.shut_down_cluster().await?;
        let status = tokio::time::timeout(BOUND, self.child.wait()).await??;
        anyhow::ensure!(status.success(), "the session ended with {status}");
        Ok(())
    }
}

/// What follows `start` on the next line that begins with it.
async fn said(lines: &mut Lines<BufReader<ChildStdout>>, start: &str) -> anyhow::Result<String> {
    let look = async {
        while let Some(line) = lines.next_line().await? {
            if let Some(rest) = line.strip_prefix(start) {
                return Ok(rest.to_owned());
            }
        }
        anyhow::bail!("the session ended before it said '{start}'")
    };
    let in_time = tokio::time::timeout(BOUND, look).await;
    in_time.with_context(|| format!("the session did not say '{start}' within {BOUND:?}"))?
}
