//! `generator-source`: makes records from a seed.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringBuilder};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use selvedge_core::job_graph::operator::{Generator, GeneratorSource};
use selvedge_runtime::clock::thread_now;

use super::super::chain::Source;
use super::super::host::{MAX_ROWS, OperatorHost, Pace};
use super::super::{Collector, SourceStatus, SplitProvider, TaskError};

/// A call returns after this long, even when no record is due.
const LONGEST_WAIT: Duration = Duration::from_millis(100);
/// Batches a second where the rate is limited and high enough.
const PACED_BATCHES: f64 = 20.0;
/// About what a batch may hold.
const BATCH_BYTES: usize = 1 << 20;

pub(in super::super) struct GeneratorSourceOperator {
    host: OperatorHost,
    spec: GeneratorSource,
    schema: SchemaRef,
    rng: Xoshiro256PlusPlus,
    /// Records that this subtask has made.
    made: u64,
    /// Records that this subtask is to make.
    wanted: Option<u64>,
    batch_rows: u64,
    pace: Option<Pace>,
}

impl GeneratorSourceOperator {
    pub(in super::super) fn new(host: OperatorHost, spec: GeneratorSource, schema: SchemaRef) -> Self {
        let subtask = u64::from(host.ctx.attempt.subtask);
        let parallelism = u64::from(host.ctx.parallelism.max(1));
        let rate = spec
            .rows_per_second
            .map(|rate| rate / f64::from(host.ctx.parallelism.max(1)));
        let most = rows_by_size(&spec);
        Self {
            // Numbers go round the subtasks: the first `rows % parallelism` make one more.
            wanted: spec
                .rows
                .map(|rows| rows / parallelism + u64::from(subtask < rows % parallelism)),
            rng: Xoshiro256PlusPlus::seed_from_u64(spec.seed ^ subtask.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            batch_rows: rate.map_or(most, |rate| most.min((rate / PACED_BATCHES) as u64).max(1)),
            pace: rate.map(Pace::new),
            made: 0,
            host,
            spec,
            schema,
        }
    }

    fn make(&mut self, rows: usize) -> Result<RecordBatch, TaskError> {
        let first = u64::from(self.host.ctx.attempt.subtask) + self.made * u64::from(self.host.ctx.parallelism.max(1));
        let step = u64::from(self.host.ctx.parallelism.max(1));
        let columns = self.spec.fields.iter().map(|field| {
            let numbers = (0..rows as u64).map(|row| first + row * step);
            column(&field.generator, numbers, &mut self.rng)
        });
        RecordBatch::try_new(Arc::clone(&self.schema), columns.collect())
            .map_err(|error| self.host.caused("the columns do not fit together", error))
    }
}

impl Source for GeneratorSourceOperator {
    fn advance(&mut self, _splits: &mut dyn SplitProvider, out: &mut dyn Collector) -> Result<SourceStatus, TaskError> {
        let left = self.wanted.map_or(u64::MAX, |wanted| wanted - self.made);
        if left == 0 {
            return Ok(SourceStatus::Finished);
        }
        if let Some(pace) = &self.pace {
            let due = pace.due();
            self.host.wait_until(due.min(thread_now() + LONGEST_WAIT))?;
            if thread_now() < due {
                return Ok(SourceStatus::More);
            }
        }
        let rows = left.min(self.batch_rows);
        let batch = self.make(usize::try_from(rows).unwrap_or(MAX_ROWS))?;
        self.made += rows;
        if let Some(pace) = &mut self.pace {
            pace.pay(rows as f64);
        }
        let counters = &self.host.ctx.counters;
        counters.records_in.fetch_add(rows, Ordering::Relaxed);
        let bytes = batch.get_array_memory_size() as u64;
        counters.bytes_in.fetch_add(bytes, Ordering::Relaxed);
        out.collect(batch)?;
        Ok(SourceStatus::More)
    }
}

fn rows_by_size(spec: &GeneratorSource) -> u64 {
    let width = spec.fields.iter().map(|field| match field.generator {
        Generator::RandomString { length } => length as usize + 4,
        _ => 8,
    });
    (BATCH_BYTES / width.sum::<usize>().max(1)).clamp(1, MAX_ROWS) as u64
}

fn column(generator: &Generator, numbers: impl Iterator<Item = u64>, rng: &mut Xoshiro256PlusPlus) -> ArrayRef {
    match *generator {
        Generator::Sequence { start } => Arc::new(Int64Array::from_iter_values(
            numbers.map(|number| start.wrapping_add_unsigned(number)),
        )),
        Generator::RandomInt { min, max } => Arc::new(Int64Array::from_iter_values(
            numbers.map(|_| rng.random_range(min..=max)),
        )),
        Generator::RandomFloat { min, max } => Arc::new(Float64Array::from_iter_values(
            numbers.map(|_| rng.random_range(min..max)),
        )),
        Generator::RandomString { length } => {
            let mut texts = StringBuilder::new();
            let mut text = String::with_capacity(length as usize);
            for _ in numbers {
                text.clear();
                text.extend((0..length).map(|_| char::from(rng.random_range(b'a'..=b'z'))));
                texts.append_value(&text);
            }
            Arc::new(texts.finish())
        }
    }
}
