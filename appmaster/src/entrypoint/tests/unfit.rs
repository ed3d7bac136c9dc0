//! Workers that cannot run as they are configured.

use super::*;

#[tokio::test]
async fn a_setting_that_no_worker_can_run_with_fails_the_job_with_the_workers_own_words_and_starts_no_more() {
    let workers = Workers::new(Behaviour::Unfit("find.sh ended with exit status: 3"));
    let settings = [("resourcemanager.start-worker.retry-interval", "1 ms")];
    let bed = bed(DispatcherMode::Session, workers, None, &settings).await;
    let job = bed.submit(1).await;
    let result = bed.result(job).await;
    assert_eq!(result.status, JobStatus::Failed);
    let cause = result.cause.unwrap();
    assert!(
        cause.contains("no worker can run as it is configured: taskmanager-3: find.sh ended with exit status: 3"),
        "{cause}"
    );
    bed.end().await;
}
