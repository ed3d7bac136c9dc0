//! Groups by one `Utf8` key. The first eight bytes of a key lie in the table itself, so that most words are found without
//! a look elsewhere.

use std::hash::BuildHasher;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray, StringBuilder};
use arrow::error::ArrowError;
use hashbrown::{DefaultHashBuilder, HashTable};

use super::groups::{Groups, table_growth};
use super::keys::Keys;

/// Bytes of a key in the table.
const HEAD: usize = 8;

#[derive(Clone, Copy)]
struct Entry {
    /// The first bytes of the key, zeros behind a shorter one.
    head: u64,
    length: u32,
    group: u32,
}

#[derive(Default)]
pub(super) struct TextGroups {
    hasher: DefaultHashBuilder,
    table: HashTable<Entry>,
    null: Option<usize>,
    keys: Keys,
}

impl TextGroups {
    fn group_of(&mut self, head: u64, key: &[u8]) -> Result<usize, ArrowError> {
        let Self {
            hasher, table, keys, ..
        } = self;
        let length = u32::try_from(key.len()).map_err(|_| ArrowError::OffsetOverflowError(key.len()))?;
        let hash = hash(hasher, head, key);
        let found = table.find(hash, |entry| {
            entry.head == head && entry.length == length && (key.len() <= HEAD || keys.get(entry.group as usize) == key)
        });
        if let Some(entry) = found {
            return Ok(entry.group as usize);
        }
        let group = keys.push(key)?;
        let entry = Entry { head, length, group };
        table.insert_unique(hash, entry, |entry| {
            self::hash(hasher, entry.head, keys.get(entry.group as usize))
        });
        Ok(group as usize)
    }

    fn null_group(&mut self) -> Result<usize, ArrowError> {
        if let Some(group) = self.null {
            return Ok(group);
        }
        let group = self.keys.push(b"")? as usize;
        self.null = Some(group);
        Ok(group)
    }
}

/// The head says all of a short key but its length, which the table compares.
fn hash(hasher: &DefaultHashBuilder, head: u64, key: &[u8]) -> u64 {
    if key.len() <= HEAD {
        hasher.hash_one(head)
    } else {
        hasher.hash_one(key)
    }
}

/// The head of the key at a place in a column's bytes.
fn head_at(bytes: &[u8], range: Range<usize>) -> u64 {
    let length = range.len().min(HEAD);
    // Reading past a short key and cutting the rest off is faster than a copy of its length.
    match bytes
        .get(range.start..range.start + HEAD)
        .and_then(|head| head.try_into().ok())
    {
        Some(head) if length == HEAD => u64::from_le_bytes(head),
        Some(head) => u64::from_le_bytes(head) & ((1 << (8 * length)) - 1),
        None => {
            let mut head = [0; HEAD];
            head[..length].copy_from_slice(&bytes[range.start..range.start + length]);
            u64::from_le_bytes(head)
        }
    }
}

impl Groups for TextGroups {
    fn assign(&mut self, keys: &[ArrayRef], _rows: usize, of_rows: &mut Vec<usize>) -> Result<(), ArrowError> {
        let column = keys.first().and_then(|column| column.as_string_opt());
        let column: &StringArray =
            column.ok_or_else(|| ArrowError::SchemaError("the key column is not Utf8".to_owned()))?;
        let bytes = column.value_data();
        of_rows.reserve(column.len());
        for (row, ends) in column.value_offsets().windows(2).enumerate() {
            let group = if column.is_null(row) {
                self.null_group()?
            } else {
                let range = ends[0] as usize..ends[1] as usize;
                self.group_of(head_at(bytes, range.clone()), &bytes[range])?
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
        let column = keys.first().and_then(|key| key.as_string_opt::<i32>());
        let ends = column.map_or(&[][..], |column| column.value_offsets());
        let bytes = ends.last().unwrap_or(&0) - ends.first().unwrap_or(&0);
        let bytes = usize::try_from(bytes).unwrap_or_default();
        table_growth::<Entry>(self.table.len(), self.table.capacity(), rows) + self.keys.growth(rows, bytes)
    }

    fn keys(&self, groups: Range<usize>) -> Result<Vec<ArrayRef>, ArrowError> {
        let bytes = self.keys.bytes_of(&groups);
        let mut column = StringBuilder::with_capacity(groups.len(), bytes);
        for group in groups {
            if self.null == Some(group) {
                column.append_null();
            } else {
                // Keys are whole values of `Utf8` columns.
                let key = str::from_utf8(self.keys.get(group));
                column.append_value(key.map_err(|error| ArrowError::InvalidArgumentError(error.to_string()))?);
            }
        }
        Ok(vec![Arc::new(column.finish())])
    }
}
