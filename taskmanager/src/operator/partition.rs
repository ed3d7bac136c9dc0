//! Hash edges: which subtask gets a record. A key has a key group, and a subtask has a range of key groups, as in Flink, so
//! that every process and every version sends a key to the same place.

use std::sync::Arc;

use arrow::array::{AsArray, StringArray, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use arrow_row::{RowConverter, SortField};
use selvedge_core::nearest::nearest;
use thiserror::Error;
use twox_hash::XxHash64;

/// A hash edge that cannot be served.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PartitionError {
    /// The schema lacks a key.
    #[error("the key column '{key}' does not exist{hint}; the columns are {known}")]
    UnknownKey {
        /// The key.
        key: String,
        /// ` (did you mean '…'?)` or nothing.
        hint: String,
        /// The schema's columns.
        known: String,
    },
    /// A key whose type has no hash.
    #[error("the key column '{key}' has the type {data_type}, by which records cannot be partitioned: {source}")]
    KeyType {
        /// The key.
        key: String,
        /// Its type.
        data_type: DataType,
        /// Why not.
        source: ArrowError,
    },
    /// A batch that does not fit the schema.
    #[error("records cannot be partitioned by hash: {0}")]
    Batch(#[from] ArrowError),
}

/// Every null key has this hash.
const NULL_HASH: u64 = 0x5e1f_ed9e_0000_0000;

/// Splits batches by the key groups of their keys.
#[derive(Debug)]
pub struct HashPartitioner {
    keys: Vec<usize>,
    hasher: KeyHasher,
    max_parallelism: u64,
    parallelism: u64,
}

#[derive(Debug)]
enum KeyHasher {
    /// One `Utf8` column: its bytes are hashed where they lie.
    Text,
    /// Anything else: Arrow's row form is hashed.
    Rows(RowConverter),
}

impl HashPartitioner {
    /// For batches of `schema` on an edge by these keys to a vertex with this parallelism.
    pub fn new(
        schema: &SchemaRef,
        keys: &[String],
        max_parallelism: u32,
        parallelism: u32,
    ) -> Result<Self, PartitionError> {
        let keys = keys
            .iter()
            .map(|key| key_index(schema, key))
            .collect::<Result<Vec<_>, _>>()?;
        let types: Vec<_> = keys.iter().map(|key| schema.field(*key).data_type().clone()).collect();
        let hasher = match types.as_slice() {
            [DataType::Utf8] => KeyHasher::Text,
            _ => KeyHasher::Rows(row_converter(schema, &keys)?),
        };
        Ok(Self {
            keys,
            hasher,
            max_parallelism: u64::from(max_parallelism.max(1)),
            parallelism: u64::from(parallelism.max(1)),
        })
    }

    /// The rows of a batch by the subtask that gets them, in the batch's order. Subtasks without rows are left out.
    pub fn split(&self, batch: &RecordBatch) -> Result<Vec<(usize, RecordBatch)>, PartitionError> {
        if batch.num_rows() == 0 {
            return Ok(Vec::new());
        }
        if self.parallelism == 1 {
            return Ok(vec![(0, batch.clone())]);
        }
        let mut shares = Vec::new();
        for (subtask, rows) in self.rows_by_subtask(batch)?.into_iter().enumerate() {
            if rows.len() == batch.num_rows() {
                return Ok(vec![(subtask, batch.clone())]);
            }
            if !rows.is_empty() {
                shares.push((subtask, take_record_batch(batch, &UInt32Array::from(rows))?));
            }
        }
        Ok(shares)
    }

    fn rows_by_subtask(&self, batch: &RecordBatch) -> Result<Vec<Vec<u32>>, PartitionError> {
        let subtasks = usize::try_from(self.parallelism).unwrap_or(1);
        let mut rows = vec![Vec::with_capacity(batch.num_rows() / subtasks * 5 / 4 + 1); subtasks];
        let mut row = 0;
        self.for_each_hash(batch, |hash| {
            rows[self.subtask_of(hash)].push(row);
            row += 1;
        })?;
        Ok(rows)
    }

    fn for_each_hash(&self, batch: &RecordBatch, mut each: impl FnMut(u64)) -> Result<(), PartitionError> {
        match &self.hasher {
            KeyHasher::Text => {
                let column: &StringArray = batch.column(self.keys[0]).as_string_opt().ok_or_else(|| {
                    ArrowError::SchemaError("the key column is not Utf8, as the edge's schema says".to_owned())
                })?;
                let hash = |text: Option<&str>| text.map_or(NULL_HASH, |text| XxHash64::oneshot(0, text.as_bytes()));
                column.iter().for_each(|text| each(hash(text)));
            }
            KeyHasher::Rows(converter) => {
                let columns: Vec<_> = self.keys.iter().map(|key| Arc::clone(batch.column(*key))).collect();
                let rows = converter.convert_columns(&columns)?;
                rows.iter().for_each(|row| each(XxHash64::oneshot(0, row.as_ref())));
            }
        }
        Ok(())
    }

    fn subtask_of(&self, hash: u64) -> usize {
        let key_group = hash % self.max_parallelism;
        usize::try_from(key_group * self.parallelism / self.max_parallelism).unwrap_or(0)
    }
}

/// Where the column of this name stands.
pub(crate) fn key_index(schema: &SchemaRef, key: &str) -> Result<usize, PartitionError> {
    let names = || schema.fields().iter().map(|field| field.name().as_str());
    schema.index_of(key).map_err(|_| PartitionError::UnknownKey {
        key: key.to_owned(),
        hint: nearest(key, names()).map_or_else(String::new, |near| format!(" (did you mean '{near}'?)")),
        known: names().collect::<Vec<_>>().join(", "),
    })
}

/// What turns these columns of a schema into rows that can be compared as bytes.
pub(crate) fn row_converter(schema: &SchemaRef, keys: &[usize]) -> Result<RowConverter, PartitionError> {
    for key in keys {
        let field = schema.field(*key);
        RowConverter::new(vec![SortField::new(field.data_type().clone())]).map_err(|source| {
            PartitionError::KeyType {
                key: field.name().clone(),
                data_type: field.data_type().clone(),
                source,
            }
        })?;
    }
    let fields = keys
        .iter()
        .map(|key| SortField::new(schema.field(*key).data_type().clone()));
    Ok(RowConverter::new(fields.collect())?)
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Int64Array};
    use arrow::datatypes::{Field, Schema};

    use super::*;

    fn batch(words: Vec<Option<&str>>) -> RecordBatch {
        let numbers: Int64Array = (0..i64::try_from(words.len()).unwrap()).collect();
        let columns: Vec<(&str, ArrayRef, bool)> = vec![
            ("word", Arc::new(StringArray::from(words)), true),
            ("n", Arc::new(numbers), false),
        ];
        RecordBatch::try_from_iter_with_nullable(columns).unwrap()
    }

    fn partitioner(batch: &RecordBatch, keys: &[&str], max: u32, parallelism: u32) -> HashPartitioner {
        let keys: Vec<_> = keys.iter().map(ToString::to_string).collect();
        HashPartitioner::new(&batch.schema(), &keys, max, parallelism).unwrap()
    }

    fn key_groups(batch: &RecordBatch, keys: &[&str]) -> Vec<u64> {
        let mut groups = Vec::new();
        let partitioner = partitioner(batch, keys, 128, 4);
        partitioner
            .for_each_hash(batch, |hash| groups.push(hash % 128))
            .unwrap();
        groups
    }

    /// State is kept by key group: if one of these changes, no savepoint can be read any more.
    #[test]
    fn key_groups_never_change() {
        let batch = batch(vec![Some(""), Some("a"), Some("selvedge"), Some("größer"), None]);
        assert_eq!(key_groups(&batch, &["word"]), GOLDEN_WORD);
        assert_eq!(key_groups(&batch, &["n"]), GOLDEN_NUMBER);
        assert_eq!(key_groups(&batch, &["word", "n"]), GOLDEN_BOTH);
    }

    const GOLDEN_WORD: [u64; 5] = [25, 91, 107, 88, 0];
    const GOLDEN_NUMBER: [u64; 5] = [18, 31, 81, 29, 108];
    const GOLDEN_BOTH: [u64; 5] = [64, 94, 98, 119, 14];

    #[test]
    fn every_row_reaches_one_subtask_and_a_key_always_the_same() {
        let words: Vec<String> = (0..1000).map(|i| format!("w{}", i % 50)).collect();
        let batch = batch(words.iter().map(|word| Some(word.as_str())).collect());
        let shares = partitioner(&batch, &["word"], 128, 4).split(&batch).unwrap();
        assert_eq!(shares.iter().map(|(_, share)| share.num_rows()).sum::<usize>(), 1000);
        assert_eq!(shares.len(), 4, "50 keys use each of 4 subtasks");
        let mut seen = std::collections::BTreeMap::new();
        for (subtask, share) in &shares {
            for word in share.column(0).as_string::<i32>().iter().flatten() {
                assert_eq!(seen.entry(word.to_owned()).or_insert(*subtask), subtask);
            }
        }
        assert_eq!(seen.len(), 50);
    }

    #[test]
    fn key_groups_are_spread_over_subtasks_in_ranges() {
        let batch = batch(vec![None]);
        let partitioner = partitioner(&batch, &["word"], 128, 3);
        let subtasks: Vec<_> = (0..128).map(|group| partitioner.subtask_of(group)).collect();
        assert_eq!((subtasks[0], subtasks[42], subtasks[43], subtasks[127]), (0, 0, 1, 2));
        assert!(subtasks.is_sorted());
    }

    #[test]
    fn an_unknown_key_is_told_with_the_nearest() {
        let schema = Arc::new(Schema::new(vec![Field::new("word", DataType::Utf8, true)]));
        let error = HashPartitioner::new(&schema, &["wrod".to_owned()], 128, 2).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the key column 'wrod' does not exist (did you mean 'word'?); the columns are word"
        );
    }
}
