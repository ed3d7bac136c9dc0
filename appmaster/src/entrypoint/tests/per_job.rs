//! Clusters that have one job.

use super::*;

#[tokio::test]
async fn an_attached_per_job_cluster_ends_when_its_result_has_been_fetched() {
    let mode = DispatcherMode::PerJob { attached: true };
    let bed = bed(mode, Workers::new(Behaviour::Finish), None, &[]).await;
    let job = bed.submit(1).await;
    bed.result(job).await;
    let answer = get(bed.cluster.rest_address(), &format!("/v1/jobs/{job}/execution-result")).await;
    assert_eq!(answer.json()["status"]["id"], "COMPLETED");
    let end = tokio::time::timeout(BOUND, bed.cluster.wait_terminated())
        .await
        .expect("the cluster ends");
    assert_eq!(end.status, ApplicationStatus::Succeeded);
    let told: JobResult = serde_json::from_str(&end.diagnostics).unwrap();
    assert_eq!((told.job_id, told.status), (job, JobStatus::Finished));
}

#[tokio::test]
async fn a_detached_per_job_cluster_ends_with_its_job() {
    let mode = DispatcherMode::PerJob { attached: false };
    let bed = bed(
        mode,
        Workers::new(Behaviour::Fail("sink", "division by zero")),
        None,
        &[],
    )
    .await;
    bed.submit(1).await;
    let end = tokio::time::timeout(BOUND, bed.cluster.wait_terminated())
        .await
        .expect("the cluster ends");
    assert_eq!(end.status, ApplicationStatus::Failed);
    assert!(end.diagnostics.contains("division by zero"), "{}", end.diagnostics);
}
