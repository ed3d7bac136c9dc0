use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use yarn_common::id::ContainerId;

use super::{LogPart, LogRange, LogReader};
use crate::error::RestError;
use crate::history::HistoryClient;
use crate::model::ContainerLogFile;
use crate::nm::NmClient;

/// The logs of containers of one node, and of those that have ended, if there is a history server.
#[derive(Debug, Clone)]
pub struct ContainerLogs {
    node: NmClient,
    history: Option<HistoryClient>,
}

/// How a log is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Follow {
    /// The offset in bytes at which it begins.
    pub offset: u64,
    /// How long it waits after it has found nothing new.
    pub poll: Duration,
}

impl Default for Follow {
    /// From the beginning, with a look each second.
    fn default() -> Self {
        Self {
            offset: 0,
            poll: Duration::from_secs(1),
        }
    }
}

struct Following {
    logs: ContainerLogs,
    container: ContainerId,
    file: String,
    offset: u64,
    poll: Duration,
    reader: Option<LogReader>,
    /// Whether the container still ran when the reader was opened.
    ended: bool,
}

impl ContainerLogs {
    /// Asks `node`, and `history` for what the node does not have any more.
    pub fn new(node: NmClient, history: Option<HistoryClient>) -> Self {
        Self { node, history }
    }

    /// The log files of a container.
    ///
    /// # Errors
    /// [`RestError`]; [`is_not_found`](RestError::is_not_found) where neither server has it.
    pub async fn files(&self, id: ContainerId) -> Result<Vec<ContainerLogFile>, RestError> {
        match (self.node.log_files(id).await, &self.history) {
            (Err(error), Some(history)) if has_gone(&error) => history.log_files(id).await,
            (answer, _) => answer,
        }
    }

    /// A part of a log file, as a stream of its bytes.
    ///
    /// # Errors
    /// [`RestError`]; [`is_not_found`](RestError::is_not_found) where neither server has it.
    pub async fn open(&self, id: ContainerId, file: &str, range: LogRange) -> Result<LogReader, RestError> {
        match (self.node.open_log(id, file, range).await, &self.history) {
            (Err(error), Some(history)) if has_gone(&error) => history.open_log(id, file, range).await,
            (answer, _) => answer,
        }
    }

    /// A part of a log file, as text in memory.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn read(&self, id: ContainerId, file: &str, range: LogRange) -> Result<LogPart, RestError> {
        self.open(id, file, range).await?.into_part().await
    }

    /// A log file as it grows, until its container has ended and all of it has been read. What the node has taken away
    /// by then comes from the history server; without one the stream ends where the node's log did. A file that is not
    /// there yet is waited for while the container runs.
    ///
    /// The stream ends with the first error; the offset to go on from is the sum of what came.
    pub fn follow(
        &self,
        container: ContainerId,
        file: &str,
        follow: Follow,
    ) -> impl Stream<Item = Result<Bytes, RestError>> + Send + use<> {
        let following = Following {
            logs: self.clone(),
            container,
            file: file.to_owned(),
            offset: follow.offset,
            poll: follow.poll,
            reader: None,
            ended: false,
        };
        futures::stream::try_unfold(following, |mut following| async move {
            Ok(following.next().await?.map(|bytes| (bytes, following)))
        })
    }
}

impl Following {
    async fn next(&mut self) -> Result<Option<Bytes>, RestError> {
        loop {
            if let Some(reader) = &mut self.reader {
                if let Some(bytes) = reader.next().await? {
                    self.offset += bytes.len() as u64;
                    return Ok(Some(bytes));
                }
                self.reader = None;
                if self.ended {
                    return Ok(None);
                }
                tokio::time::sleep(self.poll).await;
            }
            // Asked before the log is: what is written until the container's end is then in it.
            self.ended = !self.runs().await?;
            match self.reopen().await {
                Ok(reader) => self.reader = Some(reader),
                Err(error) if error.is_not_found() && self.ended => return Ok(None),
                Err(error) if error.is_not_found() => tokio::time::sleep(self.poll).await,
                Err(error) => return Err(error),
            }
        }
    }

    async fn reopen(&self) -> Result<LogReader, RestError> {
        let range = LogRange::From(self.offset);
        self.logs.open(self.container, &self.file, range).await
    }

    async fn runs(&self) -> Result<bool, RestError> {
        match self.logs.node.container(self.container).await {
            Ok(container) => Ok(container.state.as_deref() != Some("DONE")),
            Err(error) if has_gone(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Whether a history server may have it: the node has forgotten it, or is gone itself.
fn has_gone(error: &RestError) -> bool {
    error.is_not_found() || error.was_never_served()
}
