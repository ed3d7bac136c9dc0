use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::Stream;
use reqwest::Response;
use yarn_common::id::ContainerId;

use super::LogPart;
use super::frame::{self, Head};
use crate::error::{RestError, RestErrorKind};
use crate::http::{Call, Http, Target};

/// A log file being read: its bytes and no others.
#[derive(Debug)]
pub struct LogReader {
    response: Response,
    http: Http,
    call: Call,
    target: Target,
    /// Read and not given out.
    buffer: BytesMut,
    file_length: Option<u64>,
    /// How much of the log is still to come; `None` for all that does.
    remaining: Option<u64>,
    /// Bytes before those that were asked for.
    skip: u64,
}

/// How much of the file was asked for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Asked {
    All,
    First(u64),
    Last(u64),
}

impl LogReader {
    /// Reads the head of the answer. An answer without one, and without a log, is an empty file; the history server gives
    /// a good answer, too, where it has no such file, and says so instead of a log.
    pub(super) async fn new(
        http: &Http,
        (call, target, response): (Call, Target, Response),
        container: ContainerId,
        asked: Asked,
    ) -> Result<Self, RestError> {
        let absence = format!("Can not find logs for container:{container}");
        let mut reader = Self {
            response,
            http: http.clone(),
            call,
            target,
            buffer: BytesMut::new(),
            file_length: None,
            remaining: None,
            skip: 0,
        };
        let head = loop {
            let head = frame::head(&reader.buffer);
            let may_be_absence = head == Head::None && absence.as_bytes().starts_with(&reader.buffer);
            if head != Head::Unfinished && !may_be_absence {
                break head;
            }
            match reader.chunk().await? {
                Some(chunk) => reader.buffer.extend_from_slice(&chunk),
                None => break Head::None,
            }
        };
        if let Head::Ends { at, file_length } = head {
            drop(reader.buffer.split_to(at));
            reader.file_length = file_length;
            reader.remaining = file_length.map(|length| match asked {
                Asked::All => length,
                Asked::First(bytes) | Asked::Last(bytes) => length.min(bytes),
            });
        } else if reader.buffer.is_empty() {
            reader.file_length = Some(0);
        } else if reader.buffer == absence.as_bytes() {
            let kind = RestErrorKind::NotFound { message: absence };
            return Err(reader.call.error(&reader.target.base, kind));
        }
        Ok(reader)
    }

    /// The length of the whole file in bytes when it was opened, where the server told.
    pub fn file_length(&self) -> Option<u64> {
        self.file_length
    }

    /// Leaves out the next `bytes`, and all after `length` more.
    pub(super) fn narrow(&mut self, skip: u64, length: Option<u64>) {
        self.skip = skip;
        if let Some(length) = length {
            let wanted = skip.saturating_add(length);
            self.remaining = Some(self.remaining.map_or(wanted, |remaining| remaining.min(wanted)));
        }
    }

    /// The next bytes of the log; `None` at its end.
    ///
    /// # Errors
    /// [`RestErrorKind::Interrupted`] where the connection breaks, [`RestErrorKind::Timeout`] where nothing comes for
    /// the request time-out.
    pub async fn next(&mut self) -> Result<Option<Bytes>, RestError> {
        loop {
            if self.remaining == Some(0) {
                return Ok(None);
            }
            let mut bytes = match self.buffer.is_empty() {
                false => self.buffer.split().freeze(),
                true => match self.chunk().await? {
                    Some(chunk) => chunk,
                    None => return self.end_is_due().map(|()| None),
                },
            };
            if let Some(remaining) = &mut self.remaining {
                let own = usize::try_from(*remaining).unwrap_or(usize::MAX).min(bytes.len());
                bytes.truncate(own);
                *remaining -= own as u64;
            }
            let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
            self.skip -= skipped as u64;
            let bytes = bytes.split_off(skipped);
            if !bytes.is_empty() {
                return Ok(Some(bytes));
            }
        }
    }

    /// The bytes as a stream.
    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes, RestError>> + Send {
        futures::stream::try_unfold(self, |mut reader| async move {
            Ok(reader.next().await?.map(|bytes| (bytes, reader)))
        })
    }

    pub(crate) async fn into_part(mut self) -> Result<LogPart, RestError> {
        let mut whole = BytesMut::new();
        while let Some(bytes) = self.next().await? {
            whole.extend_from_slice(&bytes);
        }
        Ok(LogPart {
            file_length: self.file_length,
            text: String::from_utf8_lossy(&whole).into_owned(),
        })
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, RestError> {
        let after: Duration = self.http.timeout;
        let kind = match tokio::time::timeout(after, self.response.chunk()).await {
            Ok(Ok(chunk)) => return Ok(chunk),
            Ok(Err(error)) => self.http.failure(&error, &self.target),
            Err(_) => RestErrorKind::Timeout { after },
        };
        Err(self.call.error(&self.target.base, kind))
    }

    /// The file grows faster than it is read.
    pub(super) fn outrun(&self) -> RestError {
        let cause = "the log grows faster than it can be asked for; read its last bytes instead".to_owned();
        self.call.error(&self.target.base, RestErrorKind::Interrupted { cause })
    }

    fn end_is_due(&self) -> Result<(), RestError> {
        match self.remaining {
            None | Some(0) => Ok(()),
            Some(missing) => {
                let cause = format!("{missing} bytes of the log are missing");
                Err(self.call.error(&self.target.base, RestErrorKind::Interrupted { cause }))
            }
        }
    }
}
