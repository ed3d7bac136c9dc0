//! The store as workers see it.

use std::sync::Arc;

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt};
use tokio::sync::Semaphore;
use tokio_util::io::ReaderStream;

use super::{BlobKey, BlobStore};
use crate::gateway::proto::GetBlobRequest;
use crate::gateway::{BlobGateway, FileContent, GatewayError, GatewayResult};

/// Pieces in which a blob is sent.
const CHUNK_BYTES: usize = 1 << 20;

/// Sends blobs, to so many at once; others wait.
#[derive(Debug)]
pub struct BlobServer {
    store: BlobStore,
    fetches: Arc<Semaphore>,
}

impl BlobServer {
    /// `concurrent` is `blob.fetch.num-concurrent`.
    pub fn new(store: BlobStore, concurrent: usize) -> Self {
        let fetches = Arc::new(Semaphore::new(concurrent.max(1)));
        Self { store, fetches }
    }
}

#[async_trait]
impl BlobGateway for BlobServer {
    async fn get_blob(&self, request: GetBlobRequest) -> GatewayResult<FileContent> {
        let key = BlobKey::from_wire(&request.sha256)?;
        let fetch = self.fetches.clone().acquire_owned().await;
        let fetch = fetch.map_err(|_| GatewayError::Internal("the BlobServer has ended".to_owned()))?;
        let (file, length) = self.store.open(key).await?;
        let chunks = ReaderStream::with_capacity(file, CHUNK_BYTES);
        let chunks = chunks
            .map_err(move |error| GatewayError::Internal(format!("blob {key} cannot be read on: {error}")))
            // The next one's turn comes when this stream ends.
            .inspect(move |_| _ = &fetch)
            .boxed();
        Ok(FileContent { length, chunks })
    }
}
