use std::error::Error;
use std::fmt;
use std::io;

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, TryStreamExt};
use tokio::io::AsyncRead;
use tokio::sync::watch;

const CHUNK: usize = 256 * 1024;

/// Bytes to be written, which need not be in memory.
pub struct Upload {
    bytes: BoxStream<'static, io::Result<Bytes>>,
}

impl Upload {
    /// What `stream` gives; its first error ends the upload, and the file is then not complete.
    pub fn stream<S, B, E>(stream: S) -> Self
    where
        S: Stream<Item = Result<B, E>> + Send + 'static,
        B: Into<Bytes> + 'static,
        E: Into<Box<dyn Error + Send + Sync>> + 'static,
    {
        Self {
            bytes: stream.map_ok(Into::into).map_err(io::Error::other).boxed(),
        }
    }

    /// All that `reader` gives.
    pub fn reader(reader: impl AsyncRead + Send + Unpin + 'static) -> Self {
        use tokio::io::AsyncReadExt;
        let chunks = futures::stream::try_unfold(reader, |mut reader| async move {
            let mut chunk = bytes::BytesMut::with_capacity(CHUNK);
            let read = reader.read_buf(&mut chunk).await?;
            Ok::<_, io::Error>((read > 0).then(|| (chunk.freeze(), reader)))
        });
        Self::stream(chunks)
    }

    /// As a body, whose progress shows in the channel.
    pub(super) fn into_body(self) -> (reqwest::Body, watch::Receiver<u64>) {
        let (progress, watch) = watch::channel(0);
        let counted = self.bytes.inspect(move |chunk| {
            if let Ok(chunk) = chunk {
                progress.send_modify(|sent| *sent += chunk.len() as u64);
            }
        });
        (reqwest::Body::wrap_stream(counted), watch)
    }
}

impl From<Bytes> for Upload {
    fn from(bytes: Bytes) -> Self {
        Self::stream(futures::stream::iter([Ok::<_, io::Error>(bytes)]))
    }
}

impl From<Vec<u8>> for Upload {
    fn from(bytes: Vec<u8>) -> Self {
        Self::from(Bytes::from(bytes))
    }
}

impl From<&'static str> for Upload {
    fn from(text: &'static str) -> Self {
        Self::from(Bytes::from(text))
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Upload")
    }
}
