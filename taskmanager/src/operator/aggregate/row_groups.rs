//! Groups by any keys: they are compared in Arrow's row form.

use std::hash::BuildHasher;
use std::ops::Range;

use arrow::array::ArrayRef;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow_row::{RowConverter, Rows};
use hashbrown::{DefaultHashBuilder, HashTable};

use super::groups::Groups;
use crate::operator::partition::{PartitionError, row_converter};

pub(super) struct RowGroups {
    converter: RowConverter,
    hasher: DefaultHashBuilder,
    /// Hash and number.
    table: HashTable<(u64, usize)>,
    /// The key of each group.
    keys: Rows,
}

impl RowGroups {
    pub(super) fn new(input: &SchemaRef, keys: &[usize]) -> Result<Self, PartitionError> {
        let converter = row_converter(input, keys)?;
        Ok(Self {
            keys: converter.empty_rows(0, 0),
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
            let found = self
                .table
                .find(hash, |(other, group)| *other == hash && self.keys.row(*group) == row);
            let group = match found {
                Some((_, group)) => *group,
                None => {
                    let group = self.keys.num_rows();
                    self.keys.push(row);
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

    fn keys(&self, groups: Range<usize>) -> Result<Vec<ArrayRef>, ArrowError> {
        self.converter.convert_rows(groups.map(|group| self.keys.row(group)))
    }
}
