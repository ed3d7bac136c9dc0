//! What workers need to keep of partitions.

use selvedge_runtime::gateway::proto::ReleasedPartitions;

use super::*;

#[tokio::test]
async fn a_worker_is_told_to_forget_what_an_attempt_has_sent_that_is_started_over() {
    let settings = [
        ("restart-strategy.type", "fixed-delay"),
        ("restart-strategy.fixed-delay.attempts", "1000000"),
        ("restart-strategy.fixed-delay.delay", "10 ms"),
    ];
    let failing = Workers::new(Behaviour::Fail("sink", "a full disk"));
    let bed = bed(DispatcherMode::Session, failing, None, &settings).await;
    let job = bed.submit(1).await;
    let of_attempt = |attempt| ReleasedPartitions {
        edge: 0,
        vertex: "source".to_owned(),
        subtasks: vec![0],
        attempts: vec![attempt],
    };
    let told = async {
        loop {
            let workers: Vec<_> = bed.workers.running.lock().unwrap().values().cloned().collect();
            let released: Vec<_> = workers.iter().flat_map(|worker| worker.released()).collect();
            if [0, 1].iter().all(|attempt| released.contains(&of_attempt(*attempt))) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(BOUND, told).await.expect("it is told");
    bed.cluster.dispatcher().cancel(job).await.unwrap();
    bed.end().await;
}
