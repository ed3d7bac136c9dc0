//! `blackhole-sink`: counts records and drops them.

use arrow::array::Array;
use arrow::record_batch::RecordBatch;
use selvedge_core::job_graph::operator::BlackholeSink;

use super::super::chain::Operator;
use super::super::host::{OperatorHost, Pace};
use super::super::{Accumulator, Collector, TaskError};

pub(in super::super) struct BlackholeSinkOperator {
    host: OperatorHost,
    records: Accumulator,
    pace: Option<Pace>,
}

impl BlackholeSinkOperator {
    pub(in super::super) fn new(host: OperatorHost, spec: &BlackholeSink) -> Self {
        Self {
            records: host.accumulator("records"),
            pace: spec.bytes_per_second.map(|rate| Pace::new(rate.bytes() as f64)),
            host,
        }
    }
}

impl Operator for BlackholeSinkOperator {
    fn process(&mut self, batch: RecordBatch, _out: &mut dyn Collector) -> Result<(), TaskError> {
        if let Some(pace) = &mut self.pace {
            pace.pay(bytes_of(&batch) as f64);
            // A slow sink holds its batch until it has dealt with it.
            self.host.wait_until(pace.due())?;
        }
        self.records.add(i64::try_from(batch.num_rows()).unwrap_or(i64::MAX));
        Ok(())
    }
}

/// The bytes of a batch's own rows, whatever buffers it shares.
fn bytes_of(batch: &RecordBatch) -> usize {
    let bytes = batch.columns().iter().map(|column| {
        let data = column.to_data();
        // Types without a slice size are counted by their buffers.
        data.get_slice_memory_size()
            .unwrap_or_else(|_| column.get_buffer_memory_size())
    });
    bytes.sum()
}
