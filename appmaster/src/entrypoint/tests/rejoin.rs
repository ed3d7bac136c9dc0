//! A worker that was cut off from a job's master, and comes back to it with nothing of the job.

use selvedge_core::status::ApplicationStatus;

use super::{BOUND, bed};
use crate::entrypoint::DispatcherMode;
use crate::testing::worker::{Behaviour, Workers};

#[tokio::test]
async fn a_job_runs_again_in_the_new_slot_of_a_worker_that_has_lost_it() {
    let settings = [
        ("restart-strategy.type", "fixed-delay"),
        ("restart-strategy.fixed-delay.delay", "0 s"),
    ];
    let bed = bed(DispatcherMode::Session, Workers::new(Behaviour::Run), None, &settings).await;
    let job = bed.submit(1).await;
    bed.wait_for_running(job, 2).await;
    let worker = bed.workers.get(1);
    worker.give_up_jobs().await;
    let again = async {
        while bed.workers.deployments() != [vec![2, 2]] {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(BOUND, again)
        .await
        .expect("the tasks are deployed again");
    bed.wait_for_running(job, 2).await;
    let exceptions = bed.get(&format!("/jobs/{job}/exceptions")).await.to_string();
    assert!(exceptions.contains("taskmanager-1 has lost the job"), "{exceptions}");
    assert_eq!(worker.taken_slots().len(), 1, "no slot was given in vain");
    assert_eq!(bed.end().await.status, ApplicationStatus::Succeeded);
}
