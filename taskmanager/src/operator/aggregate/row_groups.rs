//! Groups by any keys: they are compared in Arrow's row form.

use std::hash::BuildHasher;
use std::ops::Range;

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow_row::RowConverter;
use hashbrown::{DefaultHashBuilder, HashTable};

use super::groups::{Groups, table_growth};
use super::keys::Keys;
use crate::operator::partition::{PartitionError, row_converter};

/// The most that a short value grows by in Arrow's row form: a marker and a block that is filled up.
const ROW_OVERHEAD: usize = 10;

pub(super) struct RowGroups {
    converter: RowConverter,
    hasher: DefaultHashBuilder,
    /// Hash and number.
    table: HashTable<(u64, usize)>,
    /// The key of each group.
    keys: Keys,
}

impl RowGroups {
    pub(super) fn new(input: &SchemaRef, keys: &[usize]) -> Result<Self, PartitionError> {
        let converter = row_converter(input, keys)?;
        Ok(Self {
            keys: Keys::default(),
            hasher: DefaultHashBuilder::default(),
            table: HashTable::new(),
            converter,
        })
    }
}

impl Groups for RowGroups {
    fn assign(&mut self, keys: &[ArrayRef], _rows: usize, of_rows: &mut Vec<usize>) -> Result<(), ArrowError> {
        let rows = self.converter.convert_columns(keys)?;
        for row in &rows {
            let hash = self.hasher.hash_one(row.data());
            let found = self.table.find(hash, |(other, group)| {
                *other == hash && self.keys.get(*group) == row.data()
            });
            let group = match found {
                Some((_, group)) => *group,
                None => {
                    let group = self.keys.push(row.data())? as usize;
                    self.table.insert_unique(hash, (hash, group), |(hash, _)| *hash);
                    group
                }
            };
            of_rows.push(group);
        }
        Ok(())
    }

    fn len(&self) -> usize {
        self.keys.len()
    }

    fn size(&self) -> usize {
        self.table.allocation_size() + self.keys.size()
    }

    fn growth(&self, keys: &[ArrayRef], rows: usize) -> usize {
        // A row is longer than its values by a few bytes for each column, and by one for each block of a text.
        let size = |key: &ArrayRef| {
            let slice = key.to_data().get_slice_memory_size();
            slice.unwrap_or_else(|_| key.get_array_memory_size())
        };
        let values: usize = keys.iter().map(size).sum();
        let bytes = 2 * values + rows * keys.len() * ROW_OVERHEAD;
        table_growth::<(u64, usize)>(self.table.len(), self.table.capacity(), rows) + self.keys.growth(rows, bytes)
    }

    fn keys(&self, groups: Range<usize>) -> Result<Vec<ArrayRef>, ArrowError> {
        let parser = self.converter.parser();
        let rows = groups.map(|group| parser.parse(self.keys.get(group)));
        self.converter.convert_rows(rows)
    }
}
