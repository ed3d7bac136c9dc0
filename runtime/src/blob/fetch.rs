//! Fetches blobs.

use std::path::Path;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use selvedge_core::Configuration;
use selvedge_core::config::ConfigError;
use selvedge_core::config::options::blob;

use super::{BlobError, BlobKey, BlobWriter};
use crate::gateway::proto::GetBlobRequest;
use crate::gateway::{BlobGateway, GatewayError};

/// How often and how long a fetch is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchLimits {
    /// `blob.fetch.retries`: how often one is tried again.
    pub retries: usize,
    /// `blob.client.socket.timeout`: how long the next piece may take; `None` is for ever.
    pub patience: Option<Duration>,
}

impl FetchLimits {
    /// Reads the settings.
    ///
    /// # Errors
    /// An unusable value; it names its key.
    pub fn read(configuration: &Configuration) -> Result<Self, ConfigError> {
        let patience = Duration::from_millis(u64::from(configuration.get(&blob::CLIENT_SOCKET_TIMEOUT)?));
        Ok(Self {
            retries: configuration.get(&blob::FETCH_RETRIES)? as usize,
            patience: (!patience.is_zero()).then_some(patience),
        })
    }

    fn pauses(self) -> ExponentialBuilder {
        ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(50))
            .with_max_delay(Duration::from_secs(2))
            .with_max_times(self.retries)
            .with_jitter()
    }
}

/// Fetches a blob of this size whole into memory. What is lost or damaged on the way is fetched again.
///
/// # Errors
/// Where no attempt brought what the key stands for.
pub async fn fetch(server: &dyn BlobGateway, key: BlobKey, size: u64, limits: FetchLimits) -> Result<Bytes, BlobError> {
    let wanted = Wanted {
        server,
        key,
        size,
        limits,
    };
    wanted.retried(|| wanted.whole()).await
}

/// The same into a file, which nobody sees before it is whole.
pub(super) async fn fetch_file(
    server: &dyn BlobGateway,
    key: BlobKey,
    size: u64,
    limits: FetchLimits,
    target: &Path,
) -> Result<(), BlobError> {
    let wanted = Wanted {
        server,
        key,
        size,
        limits,
    };
    wanted.retried(|| wanted.written_to(target)).await
}

/// A blob, and who has it.
struct Wanted<'a> {
    server: &'a dyn BlobGateway,
    key: BlobKey,
    size: u64,
    limits: FetchLimits,
}

impl Wanted<'_> {
    async fn retried<T, F: Future<Output = Result<T, BlobError>>>(
        &self,
        attempt: impl FnMut() -> F,
    ) -> Result<T, BlobError> {
        attempt
            .retry(self.limits.pauses())
            .when(BlobError::retryable)
            .notify(warn)
            .await
    }

    async fn whole(&self) -> Result<Bytes, BlobError> {
        let mut content = BytesMut::new();
        let mut pieces = self.pieces().await?;
        while let Some(piece) = pieces.next().await? {
            content.extend_from_slice(&piece);
        }
        let content = content.freeze();
        pieces.check(content.len() as u64, BlobKey::of(&content))?;
        Ok(content)
    }

    async fn written_to(&self, target: &Path) -> Result<(), BlobError> {
        let mut writer = BlobWriter::create(target.parent().unwrap_or(target)).await?;
        let mut pieces = self.pieces().await?;
        while let Some(piece) = pieces.next().await? {
            writer.write(piece).await?;
        }
        pieces.check(writer.size(), writer.key())?;
        writer.finish(target).await
    }

    async fn pieces(&self) -> Result<Pieces, BlobError> {
        Pieces::open(self.server, self.key, self.size, self.limits).await
    }
}

fn warn(error: &BlobError, pause: Duration) {
    tracing::warn!("{error}; again in {pause:?}");
}

/// A blob as it comes.
struct Pieces {
    key: BlobKey,
    size: u64,
    arrived: u64,
    patience: Option<Duration>,
    chunks: futures::stream::BoxStream<'static, Result<Bytes, GatewayError>>,
}

impl Pieces {
    async fn open(server: &dyn BlobGateway, key: BlobKey, size: u64, limits: FetchLimits) -> Result<Self, BlobError> {
        let sha256 = key.to_wire();
        let sent = server.get_blob(GetBlobRequest { sha256 }).await;
        let sent = sent.map_err(|source| BlobError::Fetch { key, source })?;
        Ok(Self {
            key,
            size,
            arrived: 0,
            patience: limits.patience,
            chunks: sent.chunks,
        })
    }

    /// The next piece, never beyond the blob's size.
    async fn next(&mut self) -> Result<Option<Bytes>, BlobError> {
        let key = self.key;
        let coming = self.chunks.try_next();
        let piece = match self.patience {
            Some(patience) => tokio::time::timeout(patience, coming).await.unwrap_or_else(|_| {
                Err(GatewayError::Unreachable(format!(
                    "nothing came for {patience:?} (blob.client.socket.timeout)"
                )))
            }),
            None => coming.await,
        };
        let piece = piece.map_err(|source| BlobError::Fetch { key, source })?;
        self.arrived += piece.as_ref().map_or(0, |piece| piece.len() as u64);
        match self.arrived > self.size {
            true => Err(self.damaged(format!("more than its {} bytes", self.size))),
            false => Ok(piece),
        }
    }

    fn check(&self, size: u64, own: BlobKey) -> Result<(), BlobError> {
        if size < self.size {
            return Err(self.damaged(format!("{size} of {} bytes", self.size)));
        }
        match own == self.key {
            true => Ok(()),
            false => Err(self.damaged(format!("the content of {own}"))),
        }
    }

    const fn damaged(&self, got: String) -> BlobError {
        BlobError::Damaged { key: self.key, got }
    }
}
