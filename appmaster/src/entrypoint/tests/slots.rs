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

#[tokio::test]
async fn slots_of_a_stated_size_are_made_by_their_worker_of_what_is_free() {
    let settings = [("taskmanager.numberOfTaskSlots", "2")];
    let bed = bed(DispatcherMode::Session, Workers::new(Behaviour::Run), None, &settings).await;
    let (notices, _told) = mpsc::channel(8);
    let contact = JobMasterContact {
        job_master_id: LeaderSessionId::from_bytes([1; 16]),
        address: bed.cluster.rpc_address().to_owned(),
        notices,
    };
    let quarter = profile().divided_by(4);
    let resource_manager = bed.cluster.resource_manager();
    let job = JobId::from_bytes([1; 16]);
    let job_master_id = contact.job_master_id;
    bed.join(job, contact).await;
    resource_manager
        .declare_required_resources(job, job_master_id, vec![(quarter.clone(), 3)])
        .await
        .unwrap();
    let given = async {
        while resource_manager.overview().await.unwrap().usage.workers == 0
            || bed.workers.get(1).taken_slots() != [2, 3, 4]
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(BOUND, given).await.expect("the slots are given");
    let worker = resource_manager.task_manager(&"taskmanager-1".into()).await.unwrap();
    let left = worker.total.checked_sub(&quarter.checked_mul(3).unwrap());
    assert_eq!((worker.slots.free, Some(worker.slots.free_resource)), (0, left));
    bed.end().await;
}

#[tokio::test]
async fn a_worker_that_nobody_uses_is_asked_and_given_back() {
    let settings = [("resourcemanager.taskmanager-timeout", "1 ms")];
    let bed = bed(
        DispatcherMode::Session,
        Workers::new(Behaviour::Finish),
        None,
        &settings,
    )
    .await;
    let job = bed.submit(1).await;
    assert_eq!(bed.result(job).await.status, JobStatus::Finished);
    let gone = async {
        while bed.get("/overview").await["taskmanagers"] != json!(0) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(BOUND, gone).await.expect("the worker is released");
    // It is forgotten first, and told then.
    let mut ended = bed.workers.get(1).ended.subscribe();
    let told = tokio::time::timeout(BOUND, ended.wait_for(Option::is_some)).await;
    assert!(told.expect("the worker is told to end").is_ok());
    bed.end().await;
}

#[tokio::test]
async fn a_job_that_the_bounds_can_never_hold_is_refused_and_one_that_they_do_not_hold_now_waits() {
    let settings = [
        ("slotmanager.number-of-slots.max", "1"),
        ("slot.request.timeout", "15 s"),
    ];
    let bed = bed(DispatcherMode::Session, Workers::new(Behaviour::Run), None, &settings).await;
    let refused = bed.cluster.dispatcher().submit_job(None, word_count(2)).await;
    let message = refused.unwrap_err().to_string();
    assert!(
        message.contains("needs 2 slots at once") && message.contains("slotmanager.number-of-slots.max (1)"),
        "{message}"
    );
    assert_eq!(bed.get("/jobs").await, json!({"jobs": []}));
    let first = bed.submit(1).await;
    bed.wait_for_running(first, 2).await;
    let job = bed.submit(1).await;
    let cause = bed.result(job).await.cause.unwrap();
    assert!(
        cause.ends_with("the cluster has reached slotmanager.number-of-slots.max (1)"),
        "{cause}"
    );
    bed.end().await;
}
