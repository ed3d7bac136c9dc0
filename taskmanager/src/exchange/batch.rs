//! Record batches as Flight messages, their size, and how a large one is cut.

use std::collections::HashMap;

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow_flight::FlightData;
use arrow_flight::utils::flight_data_to_arrow_batch;
use arrow_ipc::writer::{DictionaryTracker, IpcDataGenerator, IpcWriteContext, IpcWriteOptions};

/// Encodes the batches of one channel; keeps its scratch space.
pub(super) struct BatchEncoder {
    generator: IpcDataGenerator,
    dictionaries: DictionaryTracker,
    options: IpcWriteOptions,
    context: IpcWriteContext,
}

impl BatchEncoder {
    pub(super) fn new() -> Self {
        Self {
            generator: IpcDataGenerator::default(),
            dictionaries: DictionaryTracker::new(false),
            options: IpcWriteOptions::default(),
            context: IpcWriteContext::default(),
        }
    }

    /// The batch as a message without metadata. Schemas with dictionaries are not offered by edges.
    pub(super) fn encode(&mut self, batch: &RecordBatch) -> Result<FlightData, ArrowError> {
        let (dictionaries, encoded) =
            self.generator
                .encode(batch, &mut self.dictionaries, &self.options, &mut self.context)?;
        if !dictionaries.is_empty() {
            return Err(ArrowError::NotYetImplemented(
                "dictionary columns cannot be exchanged; cast them to their values".to_owned(),
            ));
        }
        Ok(encoded.into())
    }
}

/// The batch in a message.
pub(super) fn decode(message: &FlightData, schema: SchemaRef) -> Result<RecordBatch, ArrowError> {
    flight_data_to_arrow_batch(message, schema, &HashMap::new())
}

/// What a message costs of its channel's credit: what the consumer keeps until the task has taken it.
pub(super) fn message_size(message: &FlightData) -> u64 {
    (message.data_header.len() + message.data_body.len()) as u64
}

/// The bytes of a batch's buffers, counting of a slice only its own part.
pub(super) fn batch_size(batch: &RecordBatch) -> u64 {
    let size = |column: &dyn Array| {
        let data = column.to_data();
        data.get_slice_memory_size()
            .unwrap_or_else(|_| column.get_array_memory_size())
    };
    batch.columns().iter().map(|column| size(column) as u64).sum()
}

/// Cuts a batch into pieces of about `limit` bytes, by rows; a piece has at least one row.
pub(super) fn pieces(batch: &RecordBatch, limit: u64) -> Vec<RecordBatch> {
    let (rows, bytes) = (batch.num_rows(), batch_size(batch));
    if rows == 0 {
        return Vec::new();
    }
    if bytes <= limit || rows == 1 {
        return vec![batch.clone()];
    }
    let parts = usize::try_from(bytes.div_ceil(limit.max(1))).unwrap_or(rows);
    let step = rows.div_ceil(parts).max(1);
    (0..rows)
        .step_by(step)
        .map(|offset| batch.slice(offset, step.min(rows - offset)))
        .collect()
}

/// The two halves of a batch of at least two rows.
pub(super) fn halves(batch: &RecordBatch) -> [RecordBatch; 2] {
    let middle = batch.num_rows() / 2;
    [batch.slice(0, middle), batch.slice(middle, batch.num_rows() - middle)]
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, StringArray};
    use arrow::compute::concat_batches;
    use arrow::datatypes::{DataType, Field, Schema};

    use super::*;

    fn batch(rows: usize) -> RecordBatch {
        let schema = Schema::new(vec![
            Field::new("n", DataType::Int64, false),
            Field::new("word", DataType::Utf8, true),
        ]);
        let words = (0..rows).map(|row| (row % 3 != 0).then(|| "x".repeat(row % 17)));
        RecordBatch::try_new(
            Arc::new(schema),
            vec![
                Arc::new(Int64Array::from_iter_values(0..rows as i64)),
                Arc::new(StringArray::from_iter(words)),
            ],
        )
        .unwrap()
    }

    #[test]
    fn a_batch_survives_the_wire_also_as_a_slice() {
        let whole = batch(1000);
        let mut encoder = BatchEncoder::new();
        for part in [whole.clone(), whole.slice(13, 400), whole.slice(999, 1)] {
            let message = encoder.encode(&part).unwrap();
            assert_eq!(decode(&message, part.schema()).unwrap(), part);
        }
    }

    #[test]
    fn a_slice_costs_its_own_part_on_the_wire() {
        let whole = batch(10_000);
        let mut encoder = BatchEncoder::new();
        let all = message_size(&encoder.encode(&whole).unwrap());
        let few = message_size(&encoder.encode(&whole.slice(0, 10)).unwrap());
        assert!(few * 20 < all, "{few} of {all}");
    }

    #[test]
    fn pieces_hold_every_row_once_and_keep_to_the_limit() {
        let whole = batch(5000);
        let cut = pieces(&whole, 4096);
        assert!(cut.len() > 10, "{}", cut.len());
        assert!(cut.iter().all(|piece| batch_size(piece) <= 6000));
        assert_eq!(concat_batches(&whole.schema(), &cut).unwrap(), whole);
        assert_eq!(pieces(&whole.slice(0, 1), 1).len(), 1);
        assert!(pieces(&whole.slice(0, 0), 1).is_empty());
    }
}
