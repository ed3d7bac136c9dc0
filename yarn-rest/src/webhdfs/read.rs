//! Reading, from any offset.

use bytes::{Bytes, BytesMut};
use futures::Stream;
use http::Method;
use reqwest::Response;

use super::WebHdfs;
use crate::error::{RestError, RestErrorKind};
use crate::ha::Reply;
use crate::http::{Call, Http, Target};

/// A file being read.
#[derive(Debug)]
pub struct FileReader {
    response: Response,
    http: Http,
    call: Call,
    target: Target,
}

impl WebHdfs {
    /// Opens a file at `offset`, for `length` bytes or to its end.
    ///
    /// # Errors
    /// [`RestError`]; [`is_not_found`](RestError::is_not_found) where there is none; an offset beyond the end is
    /// refused by the server.
    pub async fn open(&self, path: &str, offset: u64, length: Option<u64>) -> Result<FileReader, RestError> {
        let mut parameters = vec![("offset", offset.to_string())];
        parameters.extend(length.map(|length| ("length", length.to_string())));
        let mut call = self.call(Method::GET, "OPEN", path, &parameters)?;
        call.redirect_is_answer = true;
        call.streamed = true;
        let http = self.cluster.http.clone();
        let served = match self.cluster.reply(&call).await? {
            Reply::Open(response, target) => {
                return Ok(FileReader {
                    response,
                    http,
                    call,
                    target,
                });
            }
            Reply::Whole(served) => served,
        };
        let Some((call, target)) = self.data_node(&call, &served)? else {
            let reason = "it names no server to read from".to_owned();
            return Err(served.answer.undecodable(&call, served.base(), reason));
        };
        let response = self.fetch(&call, &target, &served).await?;
        if response.status().is_success() {
            return Ok(FileReader {
                response,
                http,
                call,
                target,
            });
        }
        let answer = http.read(&call, &target, response).await?;
        let kind = http.refusal(&answer).unwrap_or(RestErrorKind::UnexpectedStatus {
            status: answer.status.as_u16(),
            body: String::new(),
        });
        Err(call.error(&target.base, kind))
    }

    async fn fetch(&self, call: &Call, target: &Target, served: &crate::ha::Served) -> Result<Response, RestError> {
        let http = &self.cluster.http;
        if target.base.url.origin() == served.base().url.origin() {
            return http.start(call, target).await;
        }
        http.start_unproved(call, target).await
    }
}

impl FileReader {
    /// How many bytes come, where the server told.
    pub fn length(&self) -> Option<u64> {
        self.response.content_length()
    }

    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// [`RestErrorKind::Interrupted`] where the connection breaks before the end, [`RestErrorKind::Timeout`] where
    /// nothing comes for the request time-out. Open it again at the offset that is reached.
    pub async fn next(&mut self) -> Result<Option<Bytes>, RestError> {
        let after = self.http.timeout;
        let kind = match tokio::time::timeout(after, self.response.chunk()).await {
            Ok(Ok(chunk)) => return Ok(chunk),
            Ok(Err(error)) => self.http.failure(&error, &self.target),
            Err(_) => RestErrorKind::Timeout { after },
        };
        Err(self.call.error(&self.target.base, kind))
    }

    /// The bytes as a stream.
    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes, RestError>> + Send {
        futures::stream::try_unfold(self, |mut reader| async move {
            Ok(reader.next().await?.map(|bytes| (bytes, reader)))
        })
    }

    /// All of it, if it is not more than `limit` bytes.
    ///
    /// # Errors
    /// [`RestErrorKind::InvalidRequest`] where it is more; as [`next`](Self::next).
    pub async fn read_all(mut self, limit: usize) -> Result<Bytes, RestError> {
        let mut whole = BytesMut::new();
        while let Some(bytes) = self.next().await? {
            if whole.len() + bytes.len() > limit {
                let reason = format!("the file has more than the {limit} bytes that it may have: read it in parts");
                return Err(self
                    .call
                    .error(&self.target.base, RestErrorKind::InvalidRequest(reason)));
            }
            whole.extend_from_slice(&bytes);
        }
        Ok(whole.freeze())
    }
}
