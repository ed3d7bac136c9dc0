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

/// How many fetches there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchTurns {
    /// `blob.fetch.num-concurrent`: how many run at once.
    pub at_once: usize,
    /// `blob.fetch.backlog`: how many wait besides.
    pub waiting: usize,
}

/// Sends blobs, to so many at once; others wait, and more than may wait come again.
#[derive(Debug)]
pub struct BlobServer {
    store: BlobStore,
    turns: Arc<Semaphore>,
    /// Those that run and those that wait.
    places: Arc<Semaphore>,
    limits: FetchTurns,
}

impl BlobServer {
    /// Serves what is in this store.
    pub fn new(store: BlobStore, limits: FetchTurns) -> Self {
        let at_once = limits.at_once.max(1);
        let places = at_once.saturating_add(limits.waiting).min(Semaphore::MAX_PERMITS);
        Self {
            store,
            turns: Arc::new(Semaphore::new(at_once)),
            places: Arc::new(Semaphore::new(places)),
            limits,
        }
    }
}

#[async_trait]
impl BlobGateway for BlobServer {
    async fn get_blob(&self, request: GetBlobRequest) -> GatewayResult<FileContent> {
        let key = BlobKey::from_wire(&request.sha256)?;
        let full = |_| {
            let FetchTurns { at_once, waiting } = self.limits;
            GatewayError::Busy(format!(
                "{at_once} fetches run and {waiting} wait (blob.fetch.backlog): come again"
            ))
        };
        let place = self.places.clone().try_acquire_owned().map_err(full)?;
        let turn = self.turns.clone().acquire_owned().await;
        let turn = turn.map_err(|_| GatewayError::Internal("the BlobServer has ended".to_owned()))?;
        let fetch = (place, turn);
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
