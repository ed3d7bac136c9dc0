//! Groups by any keys: they are compared in Arrow's row form.

use std::hash::BuildHasher;
use std::ops::Range;

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow_row::{RowConverter, Rows};
use hashbrown::{DefaultHashBuilder, HashTable};

use super::groups::{Groups, table_growth, vector_growth};
use crate::operator::partition::{PartitionError, row_converter};

pub(super) struct RowGroups {
    converter: RowConverter,
    hasher: DefaultHashBuilder,
    /// Hash and number.
    table: HashTable<(u64, usize)>,
    /// The key of each group.
    keys: Rows,
    /// Bytes of `keys` that are written.
    used: usize,
}

impl RowGroups {
    pub(super) fn new(input: &SchemaRef, keys: &[usize]) -> Result<Self, PartitionError> {
        let converter = row_converter(input, keys)?;
        Ok(Self {
            keys: converter.empty_rows(0, 0),
            hasher: DefaultHashBuilder::default(),
            table: HashTable::new(),
            used: 0,
            converter,
        })
    }
}

impl Groups for RowGroups {
    fn assign(&mut self, keys: &[ArrayRef], _rows: usize, of_rows: &mut Vec<usize>) -> Result<(), ArrowError> {
        let rows = self.converter.convert_columns(keys)?;
        for row in &rows {
            let hash = self.hasher.hash_one(row.data());
            let found = self
                .table
                .find(hash, |(other, group)| *other == hash && self.keys.row(*group) == row);
            let group = match found {
                Some((_, group)) => *group,
                None => {
                    let group = self.keys.num_rows();
                    self.keys.push(row);
                    self.used += row.data().len() + size_of::<usize>();
                    self.table.insert_unique(hash, (hash, group), |(hash, _)| *hash);
                    group
                }
            };
            of_rows.push(group);
        }
        Ok(())
    }

    fn len(&self) -> usize {
        self.keys.num_rows()
    }

    fn size(&self) -> usize {
        self.table.allocation_size() + self.keys.size()
    }

    fn growth(&self, keys: &[ArrayRef], rows: usize) -> usize {
        // A row is longer than its values by a byte or more for each column and for each block of a text.
        let size = |key: &ArrayRef| {
            let slice = key.to_data().get_slice_memory_size();
            slice.unwrap_or_else(|_| key.get_array_memory_size())
        };
        let values: usize = keys.iter().map(size).sum();
        let added = 2 * values + rows * size_of::<usize>();
        table_growth::<(u64, usize)>(self.table.len(), self.table.capacity(), rows)
            + vector_growth::<u8>(self.used, self.keys.size(), added)
    }

    fn keys(&self, groups: Range<usize>) -> Result<Vec<ArrayRef>, ArrowError> {
        self.converter.convert_rows(groups.map(|group| self.keys.row(group)))
    }
}
