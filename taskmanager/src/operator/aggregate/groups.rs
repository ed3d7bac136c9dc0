//! What numbers the groups of an aggregate.

use std::ops::Range;

use arrow::array::ArrayRef;
use arrow::error::ArrowError;

/// A table of keys, each with its number.
pub(super) trait Groups: Send {
    /// Appends the group of each row.
    fn assign(&mut self, keys: &[ArrayRef], rows: usize, of_rows: &mut Vec<usize>) -> Result<(), ArrowError>;

    /// How many there are.
    fn len(&self) -> usize;

    /// Bytes that the table takes.
    fn size(&self) -> usize;

    /// The key columns of some groups.
    fn keys(&self, groups: Range<usize>) -> Result<Vec<ArrayRef>, ArrowError>;
}

/// All records in one group: no keys.
pub(super) struct OneGroup;

impl Groups for OneGroup {
    fn assign(&mut self, _keys: &[ArrayRef], rows: usize, of_rows: &mut Vec<usize>) -> Result<(), ArrowError> {
        of_rows.resize(of_rows.len() + rows, 0);
        Ok(())
    }

    fn len(&self) -> usize {
        1
    }

    fn size(&self) -> usize {
        0
    }

    fn keys(&self, _groups: Range<usize>) -> Result<Vec<ArrayRef>, ArrowError> {
        Ok(Vec::new())
    }
}
