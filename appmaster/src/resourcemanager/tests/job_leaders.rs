//! JobMasters and the election.

use super::*;

/// Registers on a task of its own; what came of it.
fn registering(
    bed: &Bed,
    number: u8,
    contact: &JobMasterContact,
) -> tokio::task::JoinHandle<Result<(), ResourceManagerError>> {
    let (handle, contact) = (bed.handle.clone(), contact.clone());
    tokio::spawn(async move { handle.register_job_master(job(number), contact).await })
}

#[tokio::test]
async fn a_job_master_is_taken_when_the_election_names_it_and_not_before() {
    let bed = bed(StandaloneDriver, &[]).await;
    let ((first, _first), (other, _other)) = (contact(1), contact(2));
    let registered = registering(&bed, 1, &first);
    bed.elect(1, Some(&other)).await;
    let refused = bed.declare(1, &first, 1).await;
    assert_eq!(refused, Err(ResourceManagerError::UnknownJob(job(1))));
    assert!(!registered.is_finished());
    bed.elect(1, Some(&first)).await;
    within(registered).await.unwrap().unwrap();
    bed.declare(1, &first, 1).await.unwrap();
    bed.until(|overview| overview.usage.pending_slots == 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_job_master_that_the_election_never_names_is_told_after_the_timeout() {
    let bed = bed(StandaloneDriver, &[("resourcemanager.job.timeout", "7 min")]).await;
    let (first, _first) = contact(1);
    let start = Instant::now();
    let refused = registering(&bed, 1, &first).await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(7 * 60));
    let not_leading = ResourceManagerError::NotLeading {
        job: job(1),
        job_master: first.job_master_id,
    };
    assert_eq!(refused, Err(not_leading));
}

#[tokio::test]
async fn a_job_master_that_loses_its_leadership_is_disconnected_and_the_next_one_has_what_the_job_needs() {
    let bed = bed(StandaloneDriver, &[]).await;
    let ((first, mut told), (second, _second)) = (contact(1), contact(2));
    bed.join(1, &first).await;
    bed.declare(1, &first, 2).await.unwrap();
    bed.elect(1, Some(&second)).await;
    let notice = within(told.recv()).await.unwrap();
    assert!(
        matches!(&notice, ResourceNotice::Disconnected { cause } if cause.contains("does not lead the job any more")),
        "{notice:?}"
    );
    let not_leading = ResourceManagerError::NotLeading {
        job: job(1),
        job_master: first.job_master_id,
    };
    assert_eq!(bed.declare(1, &first, 1).await, Err(not_leading));
    within(bed.handle.register_job_master(job(1), second.clone()))
        .await
        .unwrap();
    let given = first.job_master_id;
    assert!(
        bed.handle.disconnect_job_master(job(1), given).await.is_err(),
        "too late"
    );
    bed.until(|overview| overview.usage.pending_slots == 2).await;
    bed.declare(1, &second, 1).await.unwrap();
    bed.until(|overview| overview.usage.pending_slots == 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_job_whose_leader_is_lost_keeps_what_it_needs_until_the_timeout() {
    let bed = bed(StandaloneDriver, &[("resourcemanager.job.timeout", "7 min")]).await;
    let (first, mut told) = contact(1);
    bed.join(1, &first).await;
    bed.declare(1, &first, 1).await.unwrap();
    bed.until(|overview| overview.usage.pending_slots == 1).await;
    bed.elect(1, None).await;
    assert!(matches!(
        within(told.recv()).await,
        Some(ResourceNotice::Disconnected { .. })
    ));
    // It is named again in time.
    bed.elect(1, Some(&first)).await;
    within(bed.handle.register_job_master(job(1), first.clone()))
        .await
        .unwrap();
    bed.declare(1, &first, 1).await.unwrap();
    bed.elect(1, None).await;
    while !matches!(within(told.recv()).await, Some(ResourceNotice::Disconnected { .. })) {}
    tokio::time::sleep(Duration::from_secs(7 * 60 - 1)).await;
    assert_eq!(bed.handle.overview().await.unwrap().usage.pending_slots, 1);
    tokio::time::sleep(Duration::from_secs(2)).await;
    bed.until(|overview| overview.usage.pending_slots == 0).await;
}

#[tokio::test]
async fn a_job_master_that_ends_before_or_after_the_election_has_named_it_leaves_nothing() {
    let bed = bed(StandaloneDriver, &[]).await;
    let ((first, _first), (second, _second)) = (contact(1), contact(2));
    let registered = registering(&bed, 1, &first);
    // The election has dropped it before it says good-bye.
    bed.join(2, &second).await;
    bed.declare(2, &second, 1).await.unwrap();
    bed.elect(2, None).await;
    let (one, two) = (first.job_master_id, second.job_master_id);
    bed.handle.disconnect_job_master(job(2), two).await.unwrap();
    bed.handle.disconnect_job_master(job(1), one).await.unwrap();
    assert!(within(registered).await.unwrap().is_err());
    bed.until(|overview| overview.usage.pending_slots == 0).await;
    for (number, id) in [(1, one), (2, two)] {
        let unknown = ResourceManagerError::UnknownJob(job(number));
        assert_eq!(bed.handle.disconnect_job_master(job(number), id).await, Err(unknown));
    }
}
