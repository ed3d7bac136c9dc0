//! A master that is killed between any two steps, and the next one on the same directory.

mod stopping;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use selvedge_core::job_graph::Artifact;
use selvedge_core::status::{ApplicationStatus, JobStatus};
use selvedge_core::{JobGraph, JobId};
use selvedge_runtime::fs::{FileSystems, Location};
use selvedge_runtime::ha::InMemoryEnsemble;

use super::{DispatcherError, DispatcherMode};
use crate::entrypoint::{Cluster, ClusterConfig, ClusterEntrypoint, ClusterServices, Shutdown, WhenLeading};
use crate::jobmaster::JobResult;
use crate::testing::connectors::{Log, NotingConnectors};
use crate::testing::worker::{Behaviour, Workers};
use crate::testing::{session_of, word_count};
use stopping::StoppingFileSystem;

const JOB: JobId = JobId::from_bytes([0xab; 16]);
const BOUND: Duration = Duration::from_secs(60);
/// More steps than a job takes, by far.
const MOST_STEPS: usize = 200;

async fn start(root: &Path, mode: DispatcherMode, file_systems: FileSystems, connectors: NotingConnectors) -> Cluster {
    let config = config(root, mode, file_systems, connectors);
    ClusterEntrypoint::start(config).await.unwrap()
}

fn config(root: &Path, mode: DispatcherMode, file_systems: FileSystems, connectors: NotingConnectors) -> ClusterConfig {
    let storage = root.display().to_string();
    let settings = [
        ("high-availability.storageDir", storage.as_str()),
        ("jobstore.type", "Memory"),
        ("cleanup-strategy", "none"),
    ];
    ClusterConfig {
        mode,
        cluster_id: Some("cluster".to_owned()),
        file_systems,
        connectors: Arc::new(connectors),
        ..session_of(Workers::new(Behaviour::Finish), &settings)
    }
}

/// A session of several masters, of which this one leads.
async fn start_replaceable(root: &Path) -> (Cluster, WhenLeading) {
    let connectors = NotingConnectors::default();
    let config = config(root, DispatcherMode::Session, FileSystems::local_only(), connectors);
    let services = ClusterServices::new(Arc::new(InMemoryEnsemble::new(1).join()));
    ClusterEntrypoint::stand_by(config, services).await.unwrap()
}

/// A job that brings a file along.
fn job() -> JobGraph {
    let mut job = word_count(1);
    job.artifacts.push(Artifact {
        name: "manifest".to_owned(),
        path: concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml").to_owned(),
        sha256: None,
        size: None,
    });
    job
}

/// What the first master came to before it was killed.
#[derive(Debug, Default)]
struct FirstLife {
    acknowledged: bool,
    result: Option<JobResult>,
    /// The step at which it was killed; `None` where it came to its end.
    killed_at: Option<String>,
}

impl FirstLife {
    /// Whether the job has ended as far as this master is concerned: its client has the result, or could have asked for it
    /// before the master took its file away.
    fn job_is_over(&self) -> bool {
        let took_away = |step: &String| step.contains("_DIRTY.json.old.tmp");
        self.result.is_some() || self.killed_at.as_ref().is_some_and(took_away)
    }
}

/// A master with one job that is killed when it has taken so many steps on the file system.
fn first_life(root: &Path, mode: DispatcherMode, steps: usize) -> FirstLife {
    let stopping = Arc::new(StoppingFileSystem::new(steps));
    let file_systems = FileSystems::new(stopping.clone(), None, Location::root("file", ""));
    let runtime = runtime();
    let life = runtime.block_on(async {
        let mut life = FirstLife::default();
        let lived = async {
            let cluster = start(root, mode, file_systems, NotingConnectors::default()).await;
            let taken = cluster.dispatcher().submit_job(Some(JOB), job()).await;
            life.acknowledged = taken.is_ok();
            life.result = cluster.dispatcher().await_result(JOB).await.ok();
            end(&cluster, mode).await;
        };
        tokio::select! {
            biased;
            step = stopping.stopped() => life.killed_at = Some(step),
            lived = tokio::time::timeout(BOUND, lived) => lived.expect("the job ends, or the master is killed"),
        }
        life
    });
    // All tasks are dropped where they stand.
    drop(runtime);
    life
}

/// The next master, which is not killed: the job's result, where it is known, and what the sinks were asked.
fn second_life(root: &Path, mode: DispatcherMode) -> (Option<JobResult>, Vec<String>) {
    let runtime = runtime();
    runtime.block_on(async {
        let connectors = NotingConnectors::default();
        let log: Log = connectors.log.clone();
        let lived = async {
            let cluster = start(root, mode, FileSystems::local_only(), connectors).await;
            if let DispatcherMode::PerJob { .. } = mode {
                let again = cluster.dispatcher().submit_job(Some(JOB), job()).await;
                assert!(
                    matches!(again, Ok(JOB) | Err(DispatcherError::Duplicate { .. })),
                    "{again:?}"
                );
            }
            let result = cluster.dispatcher().await_result(JOB).await.ok();
            let told = end(&cluster, mode).await;
            told.or(result)
        };
        let result = tokio::time::timeout(BOUND, lived).await.expect("the job ends");
        let asked = log.lock().unwrap().clone();
        (result, asked)
    })
}

/// Ends a session; a cluster with one job ends by itself and tells how that ended.
async fn end(cluster: &Cluster, mode: DispatcherMode) -> Option<JobResult> {
    if mode == DispatcherMode::Session {
        cluster.shutdown(ApplicationStatus::Succeeded, "the test is over").await;
        return None;
    }
    let end = cluster.wait_terminated().await;
    Some(serde_json::from_str(&end.diagnostics).unwrap())
}

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().unwrap()
}

/// All files of the stores, by their paths below the storage directory.
fn stored(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => directories.push(path),
                false => found.push(path.strip_prefix(root).unwrap().display().to_string()),
            }
        }
    }
    found.sort();
    found
}

fn published(asked: &[String]) -> bool {
    asked.iter().any(|line| line.starts_with("publish"))
}

/// Kills the first master after every number of steps, up to the one that is enough to end.
fn for_every_step(mode: DispatcherMode, check: impl Fn(&FirstLife, &[String], Option<JobResult>, &[String])) {
    for steps in 0..MOST_STEPS {
        let root = tempfile::tempdir().unwrap();
        let first = first_life(root.path(), mode, steps);
        if first.killed_at.is_none() {
            assert_eq!(
                stored(root.path()),
                [""; 0],
                "nothing is left of a cluster that has ended"
            );
            assert!(steps > 10, "there were only {steps} steps");
            return;
        }
        let left = stored(root.path());
        let (result, asked) = second_life(root.path(), mode);
        check(&first, &left, result, &asked);
        assert_eq!(stored(root.path()), [""; 0], "{first:?}, which left {left:?}");
    }
    panic!("a job took more than {MOST_STEPS} steps");
}

fn is_result(file: &str) -> bool {
    file.starts_with("job-result-store/") && !file.ends_with(".tmp")
}

#[test]
fn a_session_that_is_killed_between_any_two_steps_runs_a_job_that_it_took_to_one_end() {
    for_every_step(DispatcherMode::Session, |first, left, result, asked| {
        let had_result = left.iter().any(|file| is_result(file));
        match &result {
            Some(result) => assert_eq!(result.status, JobStatus::Finished, "{first:?}"),
            // It is forgotten: its client has its result, or was never told that it was taken.
            None => assert!(
                first.job_is_over() || !first.acknowledged,
                "{first:?}, which left {left:?}"
            ),
        }
        if had_result || first.job_is_over() {
            assert!(!published(asked), "{first:?} had a result, and the job ran again");
        } else if first.acknowledged {
            assert!(published(asked), "{first:?} had no result");
        }
        let again = asked.first().is_none_or(|line| line == "abort");
        assert!(
            again,
            "what an earlier master has written is taken back first: {asked:?}"
        );
    });
}

#[test]
fn a_cluster_with_one_job_that_is_killed_between_any_two_steps_ends_as_the_job_did() {
    let mode = DispatcherMode::PerJob { attached: false };
    for_every_step(mode, |first, left, result, asked| {
        assert_eq!(
            result.as_ref().map(|result| result.status),
            Some(JobStatus::Finished),
            "{first:?}"
        );
        let had_result = left.iter().any(|file| is_result(file));
        assert_ne!(
            published(asked),
            had_result,
            "{first:?}, which left {left:?}: {asked:?}"
        );
    });
}

#[test]
fn a_graph_that_cannot_be_read_is_shown_as_a_failed_job_and_stays() {
    let root = tempfile::tempdir().unwrap();
    let graphs = root.path().join("cluster/jobgraphs");
    std::fs::create_dir_all(&graphs).unwrap();
    let file = graphs.join(format!("{JOB}.json"));
    std::fs::write(&file, "{").unwrap();
    let mode = DispatcherMode::Session;
    let (result, asked) = second_life(root.path(), mode);
    let cause = result.unwrap().cause.unwrap();
    assert!(
        cause.contains(&format!("{JOB}.json cannot be read")) && cause.contains("repair"),
        "{cause}"
    );
    assert!(asked.is_empty() && file.exists());
}

#[test]
fn a_directory_that_cannot_be_read_ends_the_cluster_with_the_cause() {
    let root = tempfile::tempdir().unwrap();
    let results = root.path().join("job-result-store");
    std::fs::create_dir_all(&results).unwrap();
    std::fs::write(results.join("cluster"), "in the way").unwrap();
    runtime().block_on(async {
        let (systems, connectors) = (FileSystems::local_only(), NotingConnectors::default());
        let config = config(root.path(), DispatcherMode::Session, systems, connectors);
        // It may end before its workers can come.
        let (cluster, _) = ClusterEntrypoint::stand_by(config, ClusterServices::standalone(1))
            .await
            .unwrap();
        let end = tokio::time::timeout(BOUND, cluster.wait_terminated()).await.unwrap();
        assert_eq!(end.status, ApplicationStatus::Failed);
        assert!(
            end.diagnostics.contains("job-result-store/cluster: not a directory"),
            "{}",
            end.diagnostics
        );
    });
}

#[test]
fn a_master_that_cannot_read_its_directory_leaves_the_cluster_to_the_next() {
    let root = tempfile::tempdir().unwrap();
    let results = root.path().join("job-result-store");
    std::fs::create_dir_all(&results).unwrap();
    std::fs::write(results.join("cluster"), "in the way").unwrap();
    runtime().block_on(async {
        let (cluster, _) = start_replaceable(root.path()).await;
        let ended = tokio::time::timeout(BOUND, cluster.wait_ended()).await.unwrap();
        assert_eq!(
            (ended.shutdown, ended.end.status),
            (Shutdown::ProcessAlone, ApplicationStatus::Unknown),
            "{ended:?}"
        );
        assert!(ended.end.diagnostics.contains("cannot be recovered"), "{ended:?}");
    });
}

#[test]
fn a_result_that_cannot_be_stored_is_left_to_a_master_that_can() {
    let root = tempfile::tempdir().unwrap();
    let in_the_way = root.path().join("job-result-store/cluster");
    runtime().block_on(async {
        let (cluster, leading) = start_replaceable(root.path()).await;
        leading.wait(&cluster).await.unwrap();
        // It answers when it has recovered.
        cluster.dispatcher().summaries().await.unwrap();
        std::fs::remove_dir_all(&in_the_way).unwrap();
        std::fs::write(&in_the_way, "").unwrap();
        cluster.dispatcher().submit_job(Some(JOB), word_count(1)).await.unwrap();
        let ended = tokio::time::timeout(BOUND, cluster.wait_ended()).await.unwrap();
        assert_eq!(ended.shutdown, Shutdown::ProcessAlone, "{ended:?}");
        assert!(ended.end.diagnostics.contains("result cannot be stored"), "{ended:?}");
    });
    assert_eq!(
        stored(root.path()),
        [
            format!("cluster/jobgraphs/{JOB}.json"),
            "job-result-store/cluster".to_owned()
        ]
    );
    std::fs::remove_file(&in_the_way).unwrap();
    let (result, asked) = second_life(root.path(), DispatcherMode::Session);
    assert_eq!(result.unwrap().status, JobStatus::Finished);
    assert!(published(&asked), "{asked:?}");
}
