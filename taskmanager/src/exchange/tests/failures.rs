//! Peers that are gone, and calls that are refused.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_peer_fails_the_tasks_of_its_channels_and_is_named() {
    let (a, b) = (Worker::start("a", secret(1)).await, Worker::start("b", secret(1)).await);
    let (mut partition, _, gate, receiving) = pair(&a, &b);
    let started = receiving.counters.clone();
    let consumer = thread(move || drain(gate, &receiving));
    let producer = thread(move || {
        loop {
            if let Err(error) = partition.collect(ints(0..4096)) {
                return error;
            }
        }
    });
    until("it runs", || started.records_in.load(Ordering::Relaxed) > 0).await;
    b.exchange.shut_down();
    let error = within(producer).await.to_string();
    assert!(error.contains("worker b at 127.0.0.1:"), "{error}");
    a.exchange.shut_down();
    let error = within(consumer).await.unwrap_err().to_string();
    assert!(error.contains("worker a") || error.contains("shutting down"), "{error}");
    bounded(a.serving).await.unwrap();
    bounded(b.serving).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_learns_that_its_producers_worker_is_gone() {
    let (a, b) = (Worker::start("a", secret(1)).await, Worker::start("b", secret(1)).await);
    let (mut partition, _, gate, receiving) = pair(&a, &b);
    let counters = receiving.counters.clone();
    let producer = thread(move || {
        partition.collect(ints(0..10_000))?;
        Ok::<_, TaskError>(partition)
    });
    let consumer = thread(move || drain(gate, &receiving));
    let partition = within(producer).await.unwrap();
    until("it has arrived", || {
        counters.records_in.load(Ordering::Relaxed) == 10_000
    })
    .await;
    a.exchange.shut_down();
    match within(consumer).await {
        Err(TaskError::Exchange { peer, .. }) => assert_eq!(peer, "worker a"),
        other => panic!("{other:?}"),
    }
    drop(partition);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_secret_and_an_ended_job_are_refused() {
    let (a, b) = (Worker::start("a", secret(1)).await, Worker::start("b", secret(2)).await);
    let (partition, _, gate, _) = pair(&a, &b);
    let error = within(thread(move || send(partition, vec![ints(0..9000)])))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("secret does not match"), "{error}");
    drop(gate);
    let (c, d) = (Worker::start("c", secret(1)).await, Worker::start("d", secret(1)).await);
    d.exchange.end_job(job(1));
    let (partition, ..) = pair(&c, &d);
    let error = within(thread(move || send(partition, vec![ints(0..9000)])))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("has ended on worker d"), "{error}");
    // A later leader's job goes on.
    c.exchange.begin_job(job(2));
    d.exchange.begin_job(job(2));
    assert!(d.exchange.admit(&job(1)).is_err());
    assert!(d.exchange.admit(&job(2)).is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_failed_is_opened_anew_for_the_tasks_that_come_later() {
    let (a, b) = (Worker::start("a", secret(1)).await, Worker::start("b", secret(1)).await);
    b.exchange.end_job(job(1));
    let (partition, ..) = pair(&a, &b);
    let refused = within(thread(move || send(partition, vec![ints(0..9000)]))).await;
    assert!(refused.unwrap_err().to_string().contains("has ended on worker b"));
    b.exchange.begin_job(job(1));
    let (partition, _, gate, receiving) = pair(&a, &b);
    let sending = thread(move || send(partition, vec![ints(0..9000)]));
    let received = within(thread(move || drain(gate, &receiving))).await;
    assert_eq!(received.unwrap().len(), 9000);
    within(sending).await.unwrap();
}
