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

    /// Bytes that it may take besides, for a while or for good, when it is given these keys and each is new.
    fn growth(&self, keys: &[ArrayRef], rows: usize) -> usize;

    /// The key columns of some groups.
    fn keys(&self, groups: Range<usize>) -> Result<Vec<ArrayRef>, ArrowError>;
}

/// What a hash table of `T` that holds `used` of `capacity` allocates to take `more`: nothing, or a table of twice the
/// size, before the present one goes.
pub(super) fn table_growth<T>(used: usize, capacity: usize, more: usize) -> usize {
    if used + more <= capacity {
        return 0;
    }
    // hashbrown's: a power of two, an eighth of it empty, and a byte of control for each.
    let buckets = ((used + more).max(capacity + 1) * 8).div_ceil(7).next_power_of_two();
    buckets * (size_of::<T>() + 1)
}

/// The same for a vector of `T`, which doubles as often as it must.
pub(super) fn vector_growth<T>(used: usize, capacity: usize, more: usize) -> usize {
    let needed = used + more;
    let grown = if needed <= capacity {
        0
    } else if needed <= 2 * capacity {
        2 * capacity
    } else {
        2 * needed
    };
    grown * size_of::<T>()
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

    fn growth(&self, _keys: &[ArrayRef], _rows: usize) -> usize {
        0
    }

    fn keys(&self, _groups: Range<usize>) -> Result<Vec<ArrayRef>, ArrowError> {
        Ok(Vec::new())
    }
}
