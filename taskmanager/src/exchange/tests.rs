//! Tasks of two workers over loopback, each on a thread of its own.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arrow::array::RecordBatch;
use tokio::sync::oneshot;

use super::testing::{Modulo, WINDOW, Worker, attempt, channel_from, context, grant, ints, job, secret, values};
use super::{GateEvent, InputGate, OutputGrant, ReleasedPartitions, ResultPartition, SendPool, Shipping};
use crate::operator::{Collector, TaskContext, TaskError};

mod failures;
mod released;

const BOUND: Duration = Duration::from_secs(20);

/// A task's thread. Not one of tokio's: those would keep a failed test from ending.
struct Running<T>(oneshot::Receiver<T>);

fn thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Running<T> {
    let (done, result) = oneshot::channel();
    std::thread::spawn(move || drop(done.send(work())));
    Running(result)
}

impl<T> Running<T> {
    fn is_finished(&self) -> bool {
        !self.0.is_empty() || self.0.is_terminated()
    }
}

async fn within<T>(running: Running<T>) -> T {
    bounded(running.0).await.expect("the thread panicked")
}

async fn bounded<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(BOUND, work).await.expect("it hangs")
}

async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(BOUND, waiting)
        .await
        .unwrap_or_else(|_| panic!("never: {what}"));
}

fn drain(mut gate: InputGate, context: &TaskContext) -> Result<Vec<i64>, TaskError> {
    let mut all = Vec::new();
    loop {
        match gate.next(context, None)? {
            GateEvent::Batch { batch, .. } => all.extend(values(&batch)),
            GateEvent::Finished => return Ok(all),
            GateEvent::End { .. } | GateEvent::TimedOut => {}
        }
    }
}

fn send(mut partition: ResultPartition, batches: Vec<RecordBatch>) -> Result<(), TaskError> {
    for batch in batches {
        partition.collect(batch)?;
    }
    partition.finish()
}

/// A producer and a consumer on the given workers, over one channel.
fn pair(from: &Worker, to: &Worker) -> (ResultPartition, TaskContext, InputGate, TaskContext) {
    let (producer, consumer) = (attempt("source", 0), attempt("sink", 0));
    let sending = context(producer.clone());
    let partition = from.exchange.open_partition(
        job(1),
        &sending,
        0,
        vec![to.channel_to(&consumer)],
        Shipping::Forward,
        &grant(),
    );
    let inputs = vec![channel_from(0, &producer)];
    let gate = to.exchange.open_gate(job(1), &consumer, inputs, WINDOW);
    (partition.unwrap(), sending, gate.unwrap(), context(consumer))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forward_keeps_every_record_in_order_between_workers_and_within_one() {
    let (a, b) = (Worker::start("a", secret(1)).await, Worker::start("b", secret(1)).await);
    for to in [&a, &b] {
        let (partition, _, gate, receiving) = pair(&a, to);
        let counters = receiving.counters.clone();
        let batches = (0..100).map(|n| ints(n * 1000..(n + 1) * 1000)).collect();
        let producer = thread(move || send(partition, batches));
        let consumer = thread(move || drain(gate, &receiving));
        within(producer).await.unwrap();
        assert_eq!(within(consumer).await.unwrap(), (0..100_000).collect::<Vec<_>>());
        assert_eq!(counters.records_in.load(Ordering::Relaxed), 100_000);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hash_brings_each_key_to_one_consumer_over_two_by_two() {
    let (a, b) = (Worker::start("a", secret(1)).await, Worker::start("b", secret(1)).await);
    let producers = [(&a, attempt("map", 0)), (&b, attempt("map", 1))];
    let consumers = [(&a, attempt("sum", 0)), (&b, attempt("sum", 1))];
    let mut sending = Vec::new();
    for (worker, producer) in &producers {
        let channels = consumers.iter().map(|(to, consumer)| to.channel_to(consumer)).collect();
        let shipping = Shipping::Content(Box::new(Modulo(2)));
        let task = context(producer.clone());
        let partition = worker
            .exchange
            .open_partition(job(1), &task, 4, channels, shipping, &grant())
            .unwrap();
        sending.push(thread(move || send(partition, (0..20).map(|_| ints(0..500)).collect())));
    }
    let receive = |(worker, consumer): (&Worker, _)| {
        let inputs = producers.iter().map(|(_, producer)| channel_from(4, producer));
        let gate = worker.exchange.open_gate(job(1), &consumer, inputs.collect(), WINDOW);
        let task = context(consumer);
        thread(move || drain(gate.unwrap(), &task))
    };
    for (parity, consumer) in consumers.map(receive).into_iter().enumerate() {
        let all = within(consumer).await.unwrap();
        assert_eq!(all.len(), 2 * 20 * 250);
        let keys: BTreeSet<i64> = all.into_iter().collect();
        assert_eq!(keys, (0..500).filter(|n| *n as usize % 2 == parity).collect());
    }
    for producer in sending {
        within(producer).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rebalance_takes_turns_and_broadcast_reaches_all() {
    let (a, b) = (Worker::start("a", secret(1)).await, Worker::start("b", secret(1)).await);
    let cases = [(Shipping::Rebalance, 0, 5), (Shipping::Broadcast, 1, 10)];
    for (shipping, edge, each) in cases {
        let (producer, consumers) = (attempt("p", 0), [(&a, attempt("c", 0)), (&b, attempt("c", 1))]);
        let channels = consumers.iter().map(|(to, consumer)| to.channel_to(consumer)).collect();
        let task = context(producer.clone());
        let partition = a
            .exchange
            .open_partition(job(1), &task, edge, channels, shipping, &grant())
            .unwrap();
        let sending = thread(move || send(partition, (0..10).map(|n| ints([n])).collect()));
        let receive = |(worker, consumer): (&Worker, _)| {
            let inputs = vec![channel_from(edge, &producer)];
            let gate = worker.exchange.open_gate(job(1), &consumer, inputs, WINDOW).unwrap();
            let task = context(consumer);
            thread(move || drain(gate, &task))
        };
        for consumer in consumers.map(receive) {
            assert_eq!(within(consumer).await.unwrap().len(), each);
        }
        within(sending).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_consumer_holds_at_most_its_credit_and_stops_the_producer() {
    let (a, b) = (Worker::start("a", secret(1)).await, Worker::start("b", secret(1)).await);
    for to in [&a, &b] {
        let (mut partition, sending, gate, receiving) = pair(&a, to);
        let taken = Arc::new(AtomicU64::new(0));
        let counted = taken.clone();
        let producer = thread(move || {
            loop {
                partition.collect(ints(0..512))?;
                counted.fetch_add(1, Ordering::Relaxed);
            }
            #[expect(unreachable_code, reason = "names the error's type")]
            Ok::<(), TaskError>(())
        });
        until("the window is nearly full", || gate.queued_bytes() > WINDOW / 2).await;
        let queued = gate.queued_bytes();
        assert!(queued <= WINDOW, "{queued}");
        assert!(to.exchange.usage().bytes() >= queued);
        assert!(!producer.is_finished());
        sending.cancelled.cancel();
        assert!(matches!(within(producer).await, Err(TaskError::Cancelled)));
        // Up to eight batches of 4 KiB are joined; the eighth call is the one that could not send them all. A thread that was
        // held up has sent some before, as far as the credit goes.
        let taken = taken.load(Ordering::Relaxed);
        assert!((4..=11).contains(&taken), "{taken}");
        drop((gate, receiving));
        for worker in [&a, &b] {
            until("nothing is on its way", || worker.exchange.usage().bytes() == 0).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_send_pool_lets_everything_through_and_is_whole_again() {
    let (a, b) = (Worker::start("a", secret(1)).await, Worker::start("b", secret(1)).await);
    let (producer, consumer) = (attempt("p", 0), attempt("c", 0));
    let sending = context(producer.clone());
    let small = OutputGrant {
        coalesce_bytes: 0,
        pool: SendPool::new(1 << 10, a.exchange.usage().clone()),
    };
    let channels = vec![b.channel_to(&consumer)];
    let mut partition = a
        .exchange
        .open_partition(job(1), &sending, 0, channels, Shipping::Forward, &small)
        .unwrap();
    let inputs = vec![channel_from(0, &producer)];
    // Credit for all of it at once: only the pool holds the producer back.
    let gate = b.exchange.open_gate(job(1), &consumer, inputs, 1 << 20).unwrap();
    let usage = a.exchange.usage().clone();
    let running = thread(move || {
        let mut most = 0;
        for n in 0..100 {
            partition.collect(ints(n * 100..(n + 1) * 100))?;
            most = most.max(usage.bytes());
        }
        partition.finish()?;
        Ok::<_, TaskError>(most)
    });
    let receiving = context(consumer);
    let all = within(thread(move || drain(gate, &receiving))).await.unwrap();
    assert_eq!(all, (0..10_000).collect::<Vec<_>>());
    let most = within(running).await.unwrap();
    assert!(
        most <= 2 << 10,
        "{most} bytes were handed over, one message alone is 1 KiB"
    );
    for worker in [&a, &b] {
        until("nothing is on its way", || worker.exchange.usage().bytes() == 0).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocked_input_stops_no_other_on_the_same_stream() {
    let (a, b) = (Worker::start("a", secret(1)).await, Worker::start("b", secret(1)).await);
    // Two consumers behind one stream; the first never takes anything.
    let mut gates = Vec::new();
    let mut producers = Vec::new();
    for subtask in 0..2 {
        let (producer, consumer) = (attempt("p", subtask), attempt("c", subtask));
        let task = context(producer.clone());
        let channels = vec![b.channel_to(&consumer)];
        let mut partition = a
            .exchange
            .open_partition(job(1), &task, 0, channels, Shipping::Forward, &grant())
            .unwrap();
        let inputs = vec![channel_from(0, &producer)];
        gates.push((
            b.exchange.open_gate(job(1), &consumer, inputs, WINDOW).unwrap(),
            context(consumer),
        ));
        producers.push((
            task,
            thread(move || {
                for n in 0..200 {
                    partition.collect(ints(n * 4096..(n + 1) * 4096))?;
                }
                partition.finish()
            }),
        ));
    }
    let (second, receiving) = gates.pop().unwrap();
    let (blocked, _receiving) = gates.pop().unwrap();
    until("the first is blocked", || blocked.queued_bytes() > WINDOW / 2).await;
    let all = within(thread(move || drain(second, &receiving))).await.unwrap();
    assert_eq!(all.len(), 200 * 4096);
    assert!(blocked.queued_bytes() <= WINDOW);
    let (_, running) = producers.pop().unwrap();
    within(running).await.unwrap();
    let (task, stuck) = producers.pop().unwrap();
    assert!(!stuck.is_finished());
    task.cancelled.cancel();
    assert!(within(stuck).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_gate_reads_on_while_one_of_its_inputs_is_silent() {
    let (a, b) = (Worker::start("a", secret(1)).await, Worker::start("b", secret(1)).await);
    let (silent, busy, consumer) = (attempt("silent", 0), attempt("busy", 0), attempt("union", 0));
    let mut partition = a
        .exchange
        .open_partition(
            job(1),
            &context(busy.clone()),
            1,
            vec![b.channel_to(&consumer)],
            Shipping::Forward,
            &grant(),
        )
        .unwrap();
    let inputs = vec![channel_from(0, &silent), channel_from(1, &busy)];
    let mut gate = b.exchange.open_gate(job(1), &consumer, inputs, WINDOW).unwrap();
    let receiving = context(consumer);
    let producer = thread(move || {
        partition.collect(ints(0..10_000))?;
        partition.finish()
    });
    let consumer = thread(move || {
        let mut rows = 0;
        loop {
            match gate.next(&receiving, None)? {
                GateEvent::Batch { channel: 1, batch } => rows += batch.num_rows(),
                GateEvent::End { channel: 1 } => break,
                other => panic!("{other:?}"),
            }
        }
        let waited = gate.next(&receiving, Some(Duration::from_millis(1)))?;
        assert!(matches!(waited, GateEvent::TimedOut), "{waited:?}");
        Ok::<usize, TaskError>(rows)
    });
    within(producer).await.unwrap();
    assert_eq!(within(consumer).await.unwrap(), 10_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_producer_that_comes_first_waits_without_loss() {
    let (a, b) = (Worker::start("a", secret(1)).await, Worker::start("b", secret(1)).await);
    for to in [&a, &b] {
        let (producer, consumer) = (attempt("early", 0), attempt("late", 0));
        let task = context(producer.clone());
        let channels = vec![to.channel_to(&consumer)];
        let partition = a
            .exchange
            .open_partition(job(1), &task, 0, channels, Shipping::Forward, &grant())
            .unwrap();
        let counters = task.counters.clone();
        let sending = thread(move || send(partition, vec![ints(0..20_000)]));
        assert!(!sending.is_finished());
        assert_eq!(counters.backpressured_ms.load(Ordering::Relaxed), 0);
        let inputs = vec![channel_from(0, &producer)];
        let gate = to.exchange.open_gate(job(1), &consumer, inputs, WINDOW).unwrap();
        let receiving = context(consumer);
        assert_eq!(
            within(thread(move || drain(gate, &receiving))).await.unwrap().len(),
            20_000
        );
        within(sending).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_larger_than_the_credit_passes_alone() {
    use arrow::array::{AsArray, StringArray};
    use arrow::datatypes::{DataType, Field, Schema};
    let (a, b) = (Worker::start("a", secret(1)).await, Worker::start("b", secret(1)).await);
    let schema = Arc::new(Schema::new(vec![Field::new("text", DataType::Utf8, false)]));
    for to in [&a, &b] {
        let (producer, consumer) = (attempt("p", 0), attempt("c", 0));
        let task = context(producer.clone());
        let channels = vec![to.channel_to(&consumer)];
        let partition = a
            .exchange
            .open_partition(job(1), &task, 0, channels, Shipping::Forward, &grant())
            .unwrap();
        let mut spec = channel_from(0, &producer);
        spec.schema = schema.clone();
        let mut gate = to.exchange.open_gate(job(1), &consumer, vec![spec], WINDOW).unwrap();
        let lines: Vec<String> = (0..6).map(|n| "x".repeat(n * 40_000)).collect();
        let column = Arc::new(StringArray::from(lines));
        let batch = RecordBatch::try_new(schema.clone(), vec![column]).unwrap();
        let sending = thread(move || send(partition, vec![batch]));
        let receiving = context(consumer);
        let receiving = thread(move || {
            let mut lengths = Vec::new();
            while let GateEvent::Batch { batch, .. } = gate.next(&receiving, None).unwrap() {
                lengths.extend(
                    batch
                        .column(0)
                        .as_string::<i32>()
                        .iter()
                        .map(|line| line.unwrap().len()),
                );
            }
            lengths
        });
        let lengths = within(receiving).await;
        assert_eq!(lengths, (0..6).map(|n| n * 40_000).collect::<Vec<_>>());
        within(sending).await.unwrap();
    }
}
