//! Fetches blobs.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;

use super::{BlobError, BlobKey};
use crate::gateway::BlobGateway;
use crate::gateway::proto::GetBlobRequest;

/// Fetches a blob of this size whole into memory. What is lost or damaged on the way is fetched again, `retries` times
/// (`blob.fetch.retries`).
///
/// # Errors
/// Where no attempt brought what the key stands for.
pub async fn fetch(server: &dyn BlobGateway, key: BlobKey, size: u64, retries: usize) -> Result<Bytes, BlobError> {
    let retry = ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(50))
        .with_max_delay(Duration::from_secs(2))
        .with_max_times(retries)
        .with_jitter();
    (|| fetch_once(server, key, size))
        .retry(retry)
        .when(BlobError::retryable)
        .notify(|error, pause| tracing::warn!("{error}; again in {pause:?}"))
        .await
}

async fn fetch_once(server: &dyn BlobGateway, key: BlobKey, size: u64) -> Result<Bytes, BlobError> {
    let failed = |source| BlobError::Fetch { key, source };
    let damaged = |got| BlobError::Damaged { key, got };
    let sha256 = key.to_wire();
    let sent = server.get_blob(GetBlobRequest { sha256 }).await.map_err(failed)?;
    let mut chunks = sent.chunks;
    let mut content = BytesMut::new();
    while let Some(chunk) = chunks.try_next().await.map_err(failed)? {
        content.extend_from_slice(&chunk);
        if content.len() as u64 > size {
            return Err(damaged(format!("more than its {size} bytes")));
        }
    }
    if (content.len() as u64) < size {
        return Err(damaged(format!("{} of {size} bytes", content.len())));
    }
    let content = content.freeze();
    match BlobKey::of(&content) {
        own if own == key => Ok(content),
        other => Err(damaged(format!("the content of {other}"))),
    }
}
