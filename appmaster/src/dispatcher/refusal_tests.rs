//! Requests that the Dispatcher does not take: each is refused with an error of its own, and changes nothing.

use selvedge_core::job_graph::{ParallelismBounds, VertexRequirements};

use super::*;
use crate::entrypoint::{Cluster, ClusterConfig, ClusterEntrypoint};
use crate::jobmaster::JobMasterError;
use crate::testing::connectors::NotingConnectors;
use crate::testing::worker::{Behaviour, Workers};
use crate::testing::{session_of, word_count};

const JOB: JobId = JobId::from_bytes([1; 16]);
const UNKNOWN: JobId = JobId::from_bytes([9; 16]);
const BOUND: Duration = Duration::from_secs(60);

async fn session(settings: &[(&str, &str)]) -> Cluster {
    let config = ClusterConfig {
        cluster_id: Some("cluster".to_owned()),
        connectors: Arc::new(NotingConnectors::default()),
        ..session_of(Workers::new(Behaviour::Run), settings)
    };
    ClusterEntrypoint::start(config).await.unwrap()
}

/// The jobs that there are, and how they are.
async fn seen(dispatcher: &DispatcherHandle) -> Vec<(JobId, JobStatus)> {
    let jobs = dispatcher.summaries().await.unwrap();
    jobs.iter().map(|job| (job.job_id, job.status)).collect()
}

async fn until_running(dispatcher: &DispatcherHandle) {
    let runs = async {
        while seen(dispatcher).await != [(JOB, JobStatus::Running)] {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(BOUND, runs).await.expect("the job runs");
}

/// Requirements of the job that the tests run.
fn up_to(upper_bound: u32) -> JobRequirements {
    let parallelism = ParallelismBounds {
        lower_bound: 1,
        upper_bound,
    };
    let stated = VertexRequirements { parallelism };
    ["source", "sink"].map(|vertex| (vertex.into(), stated)).into()
}

#[tokio::test]
async fn requirements_that_nothing_would_go_by_are_refused() {
    let cluster = session(&[]).await;
    let dispatcher = cluster.dispatcher();
    let mut stating = word_count(1);
    stating.resource_requirements = up_to(2);
    let refused = dispatcher.submit_job(Some(JOB), stating.clone()).await;
    let refused = refused.unwrap_err().to_string();
    assert!(
        refused.contains("resource_requirements") && refused.contains("jobmanager.scheduler"),
        "{refused}"
    );
    dispatcher.submit_job(Some(JOB), word_count(1)).await.unwrap();
    until_running(&dispatcher).await;
    let not_adaptive = DispatcherError::JobMaster(JobMasterError::NotAdaptive { job: JOB });
    assert_eq!(dispatcher.requirements(JOB).await, Err(not_adaptive.clone()));
    assert_eq!(dispatcher.change_requirements(JOB, up_to(2)).await, Err(not_adaptive));
    // Who submits it again, as the client of a job's own cluster may, is told that it is there.
    let duplicate = DispatcherError::Duplicate {
        job: JOB,
        state: "running",
    };
    assert_eq!(dispatcher.submit_job(Some(JOB), stating).await, Err(duplicate));
    assert_eq!(seen(&dispatcher).await, [(JOB, JobStatus::Running)]);
    cluster.shutdown(ApplicationStatus::Succeeded, "the test is over").await;
}

#[tokio::test]
async fn a_change_of_requirements_counts_and_a_refused_one_leaves_them() {
    let settings = [
        ("jobmanager.scheduler", "Adaptive"),
        ("execution.runtime-mode", "STREAMING"),
    ];
    let cluster = session(&settings).await;
    let dispatcher = cluster.dispatcher();
    dispatcher.submit_job(Some(JOB), word_count(1)).await.unwrap();
    until_running(&dispatcher).await;
    dispatcher.change_requirements(JOB, up_to(2)).await.unwrap();
    let refused = dispatcher.change_requirements(JOB, up_to(0)).await.unwrap_err();
    assert!(
        matches!(refused, DispatcherError::JobMaster(JobMasterError::Requirements(_))),
        "{refused}"
    );
    assert_eq!(dispatcher.requirements(JOB).await, Ok(up_to(2)));
    cluster.shutdown(ApplicationStatus::Succeeded, "the test is over").await;
}

#[tokio::test]
async fn an_unknown_job_is_refused_by_every_request_and_nothing_changes() {
    let cluster = session(&[]).await;
    let dispatcher = cluster.dispatcher();
    dispatcher.submit_job(Some(JOB), word_count(1)).await.unwrap();
    until_running(&dispatcher).await;
    for (request, outcome) in [
        ("job", dispatcher.job(UNKNOWN).await.map(drop)),
        ("cancel", dispatcher.cancel(UNKNOWN).await),
        ("result", dispatcher.result(UNKNOWN).await.map(drop)),
        ("await the result", dispatcher.await_result(UNKNOWN).await.map(drop)),
        ("requirements", dispatcher.requirements(UNKNOWN).await.map(drop)),
        (
            "change requirements",
            dispatcher.change_requirements(UNKNOWN, up_to(2)).await,
        ),
    ] {
        assert_eq!(outcome, Err(DispatcherError::UnknownJob(UNKNOWN)), "{request}");
    }
    // A client may speak of a job whose end it has not heard of.
    dispatcher.result_fetched(UNKNOWN).await.unwrap();
    dispatcher
        .client_heartbeat(UNKNOWN, Timestamp::from_millis(0))
        .await
        .unwrap();
    assert_eq!(seen(&dispatcher).await, [(JOB, JobStatus::Running)]);
    cluster.shutdown(ApplicationStatus::Succeeded, "the test is over").await;
}

#[tokio::test]
async fn a_job_that_cannot_be_taken_is_refused_with_the_reason_and_is_not_there() {
    let cluster = session(&[]).await;
    let dispatcher = cluster.dispatcher();
    dispatcher.submit_job(Some(JOB), word_count(1)).await.unwrap();
    until_running(&dispatcher).await;
    let mut without_vertices = word_count(1);
    without_vertices.vertices.clear();
    let mut shapeless = word_count(1);
    shapeless.edges[0].target = "nowhere".into();
    for graph in [without_vertices, shapeless] {
        let refused = dispatcher.submit_job(Some(UNKNOWN), graph).await.unwrap_err();
        assert!(matches!(refused, DispatcherError::Graph(_)), "{refused}");
    }
    let again = dispatcher.submit_job(Some(JOB), word_count(1)).await;
    let duplicate = DispatcherError::Duplicate {
        job: JOB,
        state: "running",
    };
    assert_eq!(again, Err(duplicate));
    assert_eq!(seen(&dispatcher).await, [(JOB, JobStatus::Running)]);
    cluster.shutdown(ApplicationStatus::Succeeded, "the test is over").await;
}

#[tokio::test]
async fn a_job_that_has_ended_is_not_cancelled_and_not_taken_again() {
    let cluster = session(&[("jobstore.type", "Memory")]).await;
    let dispatcher = cluster.dispatcher();
    dispatcher.submit_job(Some(JOB), word_count(1)).await.unwrap();
    until_running(&dispatcher).await;
    dispatcher.cancel(JOB).await.unwrap();
    let result = tokio::time::timeout(BOUND, dispatcher.await_result(JOB)).await.unwrap();
    assert_eq!(result.unwrap().status, JobStatus::Canceled);
    let refused = dispatcher.cancel(JOB).await.unwrap_err();
    let expected = JobMasterError::CannotCancel {
        job: JOB,
        status: JobStatus::Canceled,
        detail: "",
    };
    assert_eq!(refused, expected.into());
    let again = dispatcher.submit_job(Some(JOB), word_count(1)).await;
    assert!(matches!(again, Err(DispatcherError::Duplicate { .. })), "{again:?}");
    assert_eq!(seen(&dispatcher).await, [(JOB, JobStatus::Canceled)]);
    cluster.shutdown(ApplicationStatus::Succeeded, "the test is over").await;
    let late = dispatcher.submit_job(Some(UNKNOWN), word_count(1)).await;
    assert_eq!(late, Err(DispatcherError::Gone));
}

#[tokio::test]
async fn a_refusal_of_a_job_that_ends_tells_no_more_of_its_end_than_its_page_does() {
    let root = tempfile::tempdir().unwrap();
    let storage = root.path().display().to_string();
    let settings = [
        ("high-availability.storageDir", storage.as_str()),
        ("cleanup-strategy", "fixed-delay"),
        ("cleanup-strategy.fixed-delay.delay", "1 h"),
    ];
    let cluster = session(&settings).await;
    let dispatcher = cluster.dispatcher();
    dispatcher.submit_job(Some(JOB), word_count(1)).await.unwrap();
    until_running(&dispatcher).await;
    // The result cannot be stored now, and not before the test is over.
    let results = root.path().join("job-result-store/cluster");
    std::fs::remove_dir_all(&results).unwrap();
    std::fs::write(&results, "in the way").unwrap();
    let cancelled = async {
        loop {
            if let Err(refused) = dispatcher.cancel(JOB).await {
                return refused;
            }
            tokio::task::yield_now().await;
        }
    };
    let refused = tokio::time::timeout(BOUND, cancelled).await.expect("the job ends");
    assert_eq!(refused, JobMasterError::about_to_end(JOB, JobStatus::Cancelling).into());
    assert_eq!(seen(&dispatcher).await, [(JOB, JobStatus::Cancelling)]);
    let again = dispatcher.submit_job(Some(JOB), word_count(1)).await;
    let duplicate = DispatcherError::Duplicate {
        job: JOB,
        state: "CANCELLING",
    };
    assert_eq!(again, Err(duplicate));
    cluster.terminate().await;
}

#[tokio::test]
async fn a_job_that_cannot_be_kept_is_not_taken() {
    let root = tempfile::tempdir().unwrap();
    let storage = root.path().display().to_string();
    let cluster = session(&[("high-availability.storageDir", &storage)]).await;
    let dispatcher = cluster.dispatcher();
    // It answers when it has recovered.
    assert_eq!(seen(&dispatcher).await, []);
    let graphs = root.path().join("cluster/jobgraphs");
    std::fs::remove_dir_all(&graphs).unwrap();
    std::fs::write(&graphs, "in the way").unwrap();
    let refused = dispatcher.submit_job(Some(JOB), word_count(1)).await.unwrap_err();
    assert!(
        matches!(&refused, DispatcherError::NotStored { job: JOB, cause } if cause.contains("not a directory")),
        "{refused}"
    );
    assert_eq!(seen(&dispatcher).await, []);
    cluster.shutdown(ApplicationStatus::Succeeded, "the test is over").await;
}
