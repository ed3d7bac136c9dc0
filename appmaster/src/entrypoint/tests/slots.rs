//! Slots between ResourceManager and workers.

use selvedge_core::resource::ProfileSpec;

use super::*;

#[tokio::test]
async fn a_slot_that_its_job_never_took_is_free_as_soon_as_the_job_disconnects() {
    let bed = session(Behaviour::Run).await;
    let (notices, _told) = mpsc::channel(8);
    let job_master_id = LeaderSessionId::from_bytes([1; 16]);
    // No JobMaster takes what workers offer to this job.
    let contact = JobMasterContact {
        job_master_id,
        address: bed.cluster.rpc_address().to_owned(),
        notices,
    };
    bed.join(JobId::from_bytes([1; 16]), contact).await;
    let (job, resource_manager) = (JobId::from_bytes([1; 16]), bed.cluster.resource_manager());
    let needs = vec![(ProfileSpec::Unknown, 1)];
    resource_manager
        .declare_required_resources(job, job_master_id, needs)
        .await
        .unwrap();
    let until_free_slots = async |free: u32| {
        let is_so = async {
            loop {
                let usage = resource_manager.overview().await.unwrap().usage;
                if (usage.workers, usage.free_slots) == (1, free) {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(BOUND, is_so).await.expect("the slots are counted");
    };
    until_free_slots(0).await;
    resource_manager
        .disconnect_job_master(job, job_master_id)
        .await
        .unwrap();
    until_free_slots(1).await;
    bed.end().await;
}

#[tokio::test]
async fn a_job_master_says_with_each_heartbeat_which_slots_it_has() {
    let settings = [("heartbeat.interval", "10 ms"), ("slot.idle.timeout", "1 h")];
    let bed = bed(DispatcherMode::Session, Workers::new(Behaviour::Run), None, &settings).await;
    let job = bed.submit(2).await;
    bed.wait_for_running(job, 4).await;
    let said = async {
        for number in [1, 2] {
            let worker = bed.workers.get(number);
            assert_eq!(worker.taken_slots().len(), 1);
            while !worker.is_held_right() {
                tokio::task::yield_now().await;
            }
        }
    };
    tokio::time::timeout(BOUND, said).await.expect("it is told");
    bed.end().await;
}
