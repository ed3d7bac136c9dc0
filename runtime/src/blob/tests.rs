use std::collections::VecDeque;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, stream};
use parking_lot::Mutex;
use tonic::service::Routes;

use super::{BlobError, BlobKey, BlobServer, BlobStore, FetchLimits, FetchTurns, fetch};
use crate::gateway::grpc::{BlobClient, serve_blobs};
use crate::gateway::proto::GetBlobRequest;
use crate::gateway::{BlobGateway, FileContent, GatewayError, GatewayResult};
use crate::rpc::{ApplicationSecret, PortRange, RpcChannel, RpcServer, bind};

fn files_below(directory: &Path) -> usize {
    let stores = fs::read_dir(directory).unwrap();
    stores
        .map(|store| fs::read_dir(store.unwrap().path()).unwrap().count())
        .sum()
}

const fn limits(retries: usize) -> FetchLimits {
    FetchLimits {
        retries,
        patience: Some(std::time::Duration::from_secs(10)),
    }
}

/// Sends what it is told to, one thing after the other.
struct Scripted(Mutex<VecDeque<GatewayResult<&'static str>>>);

#[async_trait]
impl BlobGateway for Scripted {
    async fn get_blob(&self, _: GetBlobRequest) -> GatewayResult<FileContent> {
        let content = self.0.lock().pop_front().expect("it is asked too often")?;
        Ok(FileContent {
            length: content.len() as u64,
            chunks: stream::iter([Ok(Bytes::from_static(content.as_bytes()))]).boxed(),
        })
    }
}

async fn fetched(script: Vec<GatewayResult<&'static str>>, retries: usize) -> (Result<Bytes, BlobError>, usize) {
    let server = Scripted(Mutex::new(script.into()));
    let outcome = fetch(&server, BlobKey::of(b"content"), 7, limits(retries)).await;
    let left = server.0.lock().len();
    (outcome, left)
}

#[tokio::test]
async fn a_blob_is_fetched_over_the_network_and_goes_when_nobody_wants_it() {
    let directory = tempfile::tempdir().unwrap();
    let store = BlobStore::create(directory.path()).unwrap();
    let secret = ApplicationSecret::from_bytes(&[1; 32]).unwrap();
    let listener = bind("127.0.0.1", &PortRange::any()).await.unwrap();
    let server = RpcServer::new(listener).unwrap();
    let address = server.address().to_string();
    let blobs = Arc::new(BlobServer::new(store.clone(), FetchTurns { at_once: 1, waiting: 4 }));
    tokio::spawn(server.serve(Routes::new(serve_blobs(blobs, &secret)), std::future::pending()));
    let channel = RpcChannel::control(&address, &secret, std::time::Duration::from_secs(20)).unwrap();
    let client = BlobClient::new(&channel);

    let content = Bytes::from((0..5_000_000_u32).map(|n| n as u8).collect::<Vec<_>>());
    let blob = store.put(content.clone()).await.unwrap();
    let again = store.put(content.clone()).await.unwrap();
    assert_eq!(blob.key(), again.key());
    assert_eq!(files_below(directory.path()), 1, "it is kept once");
    drop(again);
    let size = content.len() as u64;
    // One after the other through one turn: each gives it back.
    for _ in 0..2 {
        assert_eq!(fetch(&client, blob.key(), size, limits(0)).await.unwrap(), content);
    }
    let key = blob.key();
    drop(blob);
    assert_eq!(files_below(directory.path()), 0);
    let error = fetch(&client, key, size, limits(3)).await.unwrap_err();
    assert!(error.to_string().contains("there is no blob"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn what_is_lost_or_damaged_on_the_way_is_fetched_again() {
    let lost = || Err(GatewayError::Unreachable("the cable".to_owned()));
    let script = vec![
        lost(),
        Ok("cont"),
        Ok("content, and more"),
        Ok("CONTENT"),
        Ok("content"),
    ];
    let (outcome, left) = fetched(script, 4).await;
    assert_eq!((outcome.unwrap(), left), (Bytes::from_static(b"content"), 0));
    for (damaged, expected) in [
        ("cont", "4 of 7 bytes"),
        ("content, and more", "more than its 7 bytes"),
        ("CONTENT", "the content of"),
    ] {
        let (outcome, _) = fetched(vec![Ok(damaged), Ok(damaged)], 1).await;
        let error = outcome.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_not_asked_for_again() {
    let refused = || Err(GatewayError::Rejected("no such blob".to_owned()));
    let (outcome, left) = fetched(vec![refused(), Ok("content")], 5).await;
    assert!(outcome.is_err());
    assert_eq!(left, 1);
}

#[tokio::test]
async fn the_directory_of_a_store_goes_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let store = BlobStore::create(directory.path()).unwrap();
    let blob = store.put(Bytes::from_static(b"content")).await.unwrap();
    drop(store);
    assert_eq!(files_below(directory.path()), 1, "one still wants it");
    drop(blob);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn a_store_that_cannot_be_made_names_its_directory_and_setting() {
    let error = BlobStore::create(Path::new("/dev/null")).unwrap_err().to_string();
    assert!(
        error.contains("/dev/null") && error.contains("blob.storage.directory"),
        "{error}"
    );
}

/// Sends nothing, for ever.
struct Silent;

#[async_trait]
impl BlobGateway for Silent {
    async fn get_blob(&self, _: GetBlobRequest) -> GatewayResult<FileContent> {
        let chunks = stream::pending().boxed();
        Ok(FileContent { length: 7, chunks })
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_has_fallen_silent_is_given_up() {
    let error = fetch(&Silent, BlobKey::of(b"content"), 7, limits(1)).await.unwrap_err();
    assert!(error.to_string().contains("blob.client.socket.timeout"), "{error}");
}

#[tokio::test]
async fn a_fetch_beyond_those_that_may_wait_is_told_to_come_again() {
    let directory = tempfile::tempdir().unwrap();
    let store = BlobStore::create(directory.path()).unwrap();
    let blob = store.put(Bytes::from_static(b"content")).await.unwrap();
    let server = Arc::new(BlobServer::new(store, FetchTurns { at_once: 1, waiting: 1 }));
    let request = || GetBlobRequest {
        sha256: blob.key().to_wire(),
    };
    let running = server.get_blob(request()).await.unwrap();
    let (waits, asked) = (server.clone(), request());
    let mut waiting = Box::pin(async move { waits.get_blob(asked).await.map(drop) });
    assert!(futures::poll!(&mut waiting).is_pending());
    let refused = server.get_blob(request()).await.err().unwrap();
    assert!(
        matches!(&refused, GatewayError::Busy(message) if message.contains("blob.fetch.backlog")),
        "{refused}"
    );
    drop(running);
    waiting.await.unwrap();
    server.get_blob(request()).await.unwrap();
}

#[tokio::test]
async fn what_is_written_piece_by_piece_is_one_blob_and_what_is_given_up_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let store = BlobStore::create(directory.path()).unwrap();
    let mut writer = store.writer().await.unwrap();
    for piece in [&b"con"[..], b"tent"] {
        writer.write(Bytes::from_static(piece)).await.unwrap();
    }
    assert_eq!((writer.size(), writer.key()), (7, BlobKey::of(b"content")));
    let blob = store.keep(writer).await.unwrap();
    assert_eq!(blob.key(), BlobKey::of(b"content"));
    let mut given_up = store.writer().await.unwrap();
    given_up.write(Bytes::from_static(b"half")).await.unwrap();
    assert_eq!(files_below(directory.path()), 2);
    drop(given_up);
    assert_eq!(files_below(directory.path()), 1);
}

#[test]
fn a_key_reads_back_from_its_text() {
    let key = BlobKey::of(b"content");
    assert_eq!(key.to_string().parse(), Ok(key));
    let error = "12".parse::<BlobKey>().unwrap_err().to_string();
    assert!(error.contains("'12' is no SHA-256"), "{error}");
}
