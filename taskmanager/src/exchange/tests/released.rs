//! Partitions that nobody reads any more.

use selvedge_core::ExecutionAttemptId;

use super::*;
use crate::exchange::ExchangeError;

/// The producer of a test, in its nth attempt; its consumer.
fn nth(vertex: &str, number: u32) -> ExecutionAttemptId {
    ExecutionAttemptId {
        attempt: number,
        ..attempt(vertex, 0)
    }
}

fn open(from: &Worker, to: &Worker, number: u32) -> Result<ResultPartition, ExchangeError> {
    let (producer, consumer) = (context(nth("source", number)), nth("sink", number));
    let channels = vec![to.channel_to(&consumer)];
    from.exchange
        .open_partition(job(1), &producer, 0, channels, Shipping::Forward, &grant())
}

fn gate(on: &Worker, number: u32) -> (InputGate, TaskContext) {
    let (producer, consumer) = (nth("source", number), nth("sink", number));
    let inputs = vec![channel_from(0, &producer)];
    let gate = on.exchange.open_gate(job(1), &consumer, inputs, WINDOW).unwrap();
    (gate, context(consumer))
}

fn release(worker: &Worker, last: u32) {
    let partitions = ReleasedPartitions {
        edge: 0,
        vertex: "source".into(),
        attempts: [(0, last)].into(),
    };
    worker.exchange.release_partitions(job(1), &[partitions]);
}

/// Records get from this attempt of the producer to that of the consumer.
async fn goes_through(from: &Worker, to: &Worker, number: u32) {
    let partition = open(from, to, number).unwrap();
    let (gate, receiving) = gate(to, number);
    let sending = thread(move || send(partition, vec![ints(0..9000)]));
    let received = within(thread(move || drain(gate, &receiving))).await;
    assert_eq!(received.unwrap().len(), 9000);
    within(sending).await.unwrap();
}

fn is_released(error: &TaskError) -> bool {
    matches!(error, TaskError::Exchange { reason, .. } if reason.contains("source_0_0 -> sink_0_0 (edge 0) is released"))
}

type Held = (usize, usize, usize);

/// An attempt is started over before its consumer was there. Until then its channel is held so by both workers.
async fn leaves_nothing(from: &Worker, to: &Worker, held: (Held, Held)) {
    let held_by = || (from.exchange.held(job(1)), to.exchange.held(job(1)));
    let nothing = ((0, 0, 0), (0, 0, 0));
    drop(open(from, to, 0).unwrap());
    until("its channel is there", || held_by() == held).await;
    release(from, 0);
    release(to, 0);
    assert_eq!(held_by(), nothing);
    let (late, context) = gate(to, 0);
    let error = within(thread(move || drain(late, &context))).await.unwrap_err();
    assert!(is_released(&error), "{error}");
    let late = open(from, to, 0).err().unwrap();
    assert!(matches!(late, ExchangeError::PartitionReleased(_)), "{late}");
    goes_through(from, to, 1).await;
    // Of one that has sent everything the producer's worker keeps its account until then.
    release(from, 1);
    until("nothing is left", || held_by() == nothing).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_attempt_leaves_goes_when_its_partition_is_released_and_the_next_one_goes_on() {
    let (a, b) = (Worker::start("a", secret(1)).await, Worker::start("b", secret(1)).await);
    leaves_nothing(&a, &b, ((0, 0, 1), (1, 1, 0))).await;
    let alone = Worker::start("c", secret(1)).await;
    leaves_nothing(&alone, &alone, ((1, 0, 0), (1, 0, 0))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_that_waits_for_a_released_partition_fails() {
    let worker = Worker::start("a", secret(1)).await;
    let (waiting, context) = gate(&worker, 0);
    let consumer = thread(move || drain(waiting, &context));
    release(&worker, 0);
    let error = within(consumer).await.unwrap_err();
    assert!(is_released(&error), "{error}");
    assert_eq!(worker.exchange.held(job(1)), (0, 0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_on_its_way_of_a_released_partition_is_dropped_and_stops_no_other_channel() {
    let (a, b) = (Worker::start("a", secret(1)).await, Worker::start("b", secret(1)).await);
    let mut partition = open(&a, &b, 0).unwrap();
    let (mut gate, receiving) = gate(&b, 0);
    let producer = thread(move || {
        loop {
            if let Err(error) = partition.collect(ints(0..1024)) {
                return error;
            }
        }
    });
    let first = thread(move || {
        let first = gate.next(&receiving, None).map(drop);
        first.map(|()| gate)
    });
    let gate = within(first).await.unwrap();
    release(&b, 0);
    drop(gate);
    goes_through(&a, &b, 1).await;
    assert!(!producer.is_finished(), "it waits for credit that does not come");
    release(&a, 0);
    let error = within(producer).await;
    assert!(is_released(&error), "{error}");
}
