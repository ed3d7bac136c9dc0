//! Joins a channel's small batches into ones worth sending: pure.

use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::error::ArrowError;

use super::batch::batch_size;

/// What waits to be joined, of one channel.
#[derive(Debug)]
pub(super) struct Coalescer {
    max_bytes: u64,
    max_rows: usize,
    batches: Vec<RecordBatch>,
    bytes: u64,
    rows: usize,
    since: Option<Instant>,
}

impl Coalescer {
    pub(super) const fn new(max_bytes: u64, max_rows: usize) -> Self {
        Self {
            max_bytes,
            max_rows,
            batches: Vec::new(),
            bytes: 0,
            rows: 0,
            since: None,
        }
    }

    /// Takes a batch; the answer is what is to be sent now.
    pub(super) fn push(&mut self, batch: RecordBatch, now: Instant) -> Result<Option<RecordBatch>, ArrowError> {
        if batch.num_rows() == 0 {
            return Ok(None);
        }
        self.bytes += batch_size(&batch);
        self.rows += batch.num_rows();
        self.batches.push(batch);
        self.since.get_or_insert(now);
        if self.bytes >= self.max_bytes || self.rows >= self.max_rows {
            return self.take();
        }
        Ok(None)
    }

    /// All that waits, as one batch.
    pub(super) fn take(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        let batches = std::mem::take(&mut self.batches);
        (self.bytes, self.rows, self.since) = (0, 0, None);
        match &batches[..] {
            [] => Ok(None),
            [single] => Ok(Some(single.clone())),
            [first, ..] => concat_batches(&first.schema(), &batches).map(Some),
        }
    }

    /// Bytes that wait.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How long the oldest record may still wait.
    pub(super) fn due_in(&self, now: Instant, timeout: Duration) -> Option<Duration> {
        let waited = now.saturating_duration_since(self.since?);
        Some(timeout.saturating_sub(waited))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::Int64Array;
    use arrow::datatypes::{DataType, Field, Schema};
    use selvedge_runtime::clock::thread_now;

    use super::*;

    fn batch(rows: i64) -> RecordBatch {
        let schema = Schema::new(vec![Field::new("n", DataType::Int64, false)]);
        let column = Int64Array::from_iter_values(0..rows);
        RecordBatch::try_new(Arc::new(schema), vec![Arc::new(column)]).unwrap()
    }

    #[test]
    fn small_batches_are_joined_up_to_rows_or_bytes() {
        let now = thread_now();
        let mut coalescer = Coalescer::new(1 << 20, 10);
        assert!(coalescer.push(batch(4), now).unwrap().is_none());
        assert!(coalescer.push(batch(0), now).unwrap().is_none());
        assert!(coalescer.push(batch(5), now).unwrap().is_none());
        assert_eq!(coalescer.push(batch(3), now).unwrap().unwrap().num_rows(), 12);
        let mut coalescer = Coalescer::new(64, 1000);
        assert!(coalescer.push(batch(7), now).unwrap().is_none());
        assert_eq!(coalescer.push(batch(1), now).unwrap().unwrap().num_rows(), 8);
        assert!(coalescer.take().unwrap().is_none());
    }

    #[test]
    fn the_oldest_record_sets_when_it_is_due() {
        let (now, timeout) = (thread_now(), Duration::from_millis(100));
        let mut coalescer = Coalescer::new(1 << 20, 1000);
        assert_eq!(coalescer.due_in(now, timeout), None);
        coalescer.push(batch(1), now).unwrap();
        let later = now + Duration::from_millis(60);
        coalescer.push(batch(1), later).unwrap();
        assert_eq!(coalescer.due_in(later, timeout), Some(Duration::from_millis(40)));
        assert_eq!(coalescer.due_in(now + timeout * 2, timeout), Some(Duration::ZERO));
    }
}
