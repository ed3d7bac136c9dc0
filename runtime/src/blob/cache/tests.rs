use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, stream};

use super::*;
use crate::clock::SystemClock;
use crate::gateway::proto::GetBlobRequest;
use crate::gateway::{FileContent, GatewayError, GatewayResult};

const JOB: JobId = JobId::from_bytes([1; 16]);
const CONTENT: &[u8] = b"to be or not to be";

/// Sends the content, or refuses; counts.
#[derive(Default)]
struct Server {
    fetched: AtomicUsize,
    /// The first so many arrive damaged.
    damaged: usize,
    refuses: bool,
}

#[async_trait]
impl BlobGateway for Server {
    async fn get_blob(&self, _: GetBlobRequest) -> GatewayResult<FileContent> {
        let before = self.fetched.fetch_add(1, Ordering::Relaxed);
        // Others come meanwhile.
        tokio::task::yield_now().await;
        if self.refuses {
            return Err(GatewayError::Rejected("there is no such blob".to_owned()));
        }
        let content = if before < self.damaged {
            b"TO BE OR NOT TO BE"
        } else {
            CONTENT
        };
        Ok(FileContent {
            length: content.len() as u64,
            chunks: stream::iter([Ok(Bytes::from_static(content))]).boxed(),
        })
    }
}

impl Server {
    fn fetched(&self) -> usize {
        self.fetched.load(Ordering::Relaxed)
    }
}

struct Bed {
    folder: tempfile::TempDir,
    cache: BlobCache,
}

impl Bed {
    fn new(keep: Duration, retries: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = BlobCacheSettings {
            directory: None,
            keep,
            limits: FetchLimits {
                retries,
                patience: None,
            },
        };
        let cache = BlobCache::new(folder.path(), &settings, Arc::new(SystemClock), &Handle::current());
        Self { folder, cache }
    }

    fn directories(&self) -> usize {
        let stores = fs::read_dir(self.folder.path()).unwrap();
        let jobs = stores.map(|store| fs::read_dir(store.unwrap().path()).unwrap().count());
        jobs.sum()
    }
}

fn words() -> NamedBlob {
    NamedBlob {
        name: "words.txt".to_owned(),
        key: BlobKey::of(CONTENT),
        size: CONTENT.len() as u64,
    }
}

const LONG: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn all_who_need_a_blob_at_once_get_it_by_one_fetch_under_its_name() {
    let (bed, server) = (Bed::new(LONG, 0), Server::default());
    let users: Vec<_> = (0..8).map(|_| bed.cache.of_job(JOB)).collect();
    let words = words();
    let files = users.iter().map(|user| user.file(&server, &words));
    for file in futures::future::join_all(files).await {
        let file = file.unwrap();
        assert_eq!(file.file_name().unwrap(), "words.txt");
        assert_eq!(fs::read(file).unwrap(), CONTENT);
    }
    assert_eq!(server.fetched(), 1);
}

#[tokio::test]
async fn a_job_that_comes_again_in_time_finds_its_blobs() {
    let (bed, server) = (Bed::new(LONG, 0), Server::default());
    bed.cache.of_job(JOB).file(&server, &words()).await.unwrap();
    bed.cache.of_job(JOB).file(&server, &words()).await.unwrap();
    assert_eq!(server.fetched(), 1);
    // Another job has its own.
    let other = JobId::from_bytes([2; 16]);
    bed.cache.of_job(other).file(&server, &words()).await.unwrap();
    assert_eq!((server.fetched(), bed.directories()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn blobs_that_nobody_has_used_for_long_are_deleted() {
    let (bed, server) = (Bed::new(Duration::from_secs(60), 0), Server::default());
    let (first, second) = (bed.cache.of_job(JOB), bed.cache.of_job(JOB));
    first.file(&server, &words()).await.unwrap();
    drop(first);
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(bed.directories(), 1, "one still uses them");
    drop(second);
    tokio::time::sleep(Duration::from_secs(59)).await;
    assert_eq!(bed.directories(), 1);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(bed.directories(), 0);
    bed.cache.of_job(JOB).file(&server, &words()).await.unwrap();
    assert_eq!(server.fetched(), 2);
}

#[tokio::test]
async fn what_is_missing_or_corrupt_on_the_disk_is_fetched_again() {
    let (bed, server) = (Bed::new(LONG, 0), Server::default());
    let damage: [fn(&Path); 3] = [
        |file| fs::remove_file(file).unwrap(),
        |file| fs::write(file, "short").unwrap(),
        |file| fs::write(file, vec![b'x'; CONTENT.len()]).unwrap(),
    ];
    let mut fetches = 1;
    for damage in damage {
        let file = bed.cache.of_job(JOB).file(&server, &words()).await.unwrap();
        damage(&fs::canonicalize(file).unwrap());
        let file = bed.cache.of_job(JOB).file(&server, &words()).await.unwrap();
        assert_eq!(fs::read(file).unwrap(), CONTENT);
        fetches += 1;
        assert_eq!(server.fetched(), fetches);
    }
}

#[tokio::test(start_paused = true)]
async fn what_arrives_damaged_is_tried_again_and_then_told() {
    let bed = Bed::new(LONG, 2);
    let twice = Server {
        damaged: 2,
        ..Server::default()
    };
    let file = bed.cache.of_job(JOB).file(&twice, &words()).await.unwrap();
    assert_eq!((fs::read(file).unwrap().as_slice(), twice.fetched()), (CONTENT, 3));
    let bed = Bed::new(LONG, 2);
    let always = Server {
        damaged: 99,
        ..Server::default()
    };
    let error = bed.cache.of_job(JOB).file(&always, &words()).await.unwrap_err();
    assert!(matches!(error, BlobError::Damaged { .. }), "{error}");
    assert_eq!(always.fetched(), 3);
    let bed = Bed::new(LONG, 2);
    let refuses = Server {
        refuses: true,
        ..Server::default()
    };
    let error = bed.cache.of_job(JOB).file(&refuses, &words()).await.unwrap_err();
    assert!(error.to_string().contains("there is no such blob"), "{error}");
    assert_eq!(refuses.fetched(), 1, "a refusal stays one");
}

#[tokio::test]
async fn nothing_is_on_the_disk_before_the_first_blob_and_after_the_cache() {
    let (bed, server) = (Bed::new(LONG, 0), Server::default());
    assert_eq!(fs::read_dir(bed.folder.path()).unwrap().count(), 0);
    let user = bed.cache.of_job(JOB);
    user.file(&server, &words()).await.unwrap();
    let Bed { folder, cache } = bed;
    drop(cache);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "a task still runs");
    drop(user);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
