//! Builds a column of lists of texts without an allocation for each text.

use std::sync::Arc;

use arrow::array::{ListArray, StringArray};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field};
use arrow::error::ArrowError;

/// The type of the column.
pub(super) fn list_of_text() -> DataType {
    DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true)))
}

/// Bytes of all texts, where each text ends, and where each list ends.
pub(super) struct TextLists {
    bytes: Vec<u8>,
    text_ends: Vec<i32>,
    list_ends: Vec<i32>,
}

impl TextLists {
    pub(super) fn with_capacity(lists: usize, bytes: usize) -> Self {
        let mut list_ends = Vec::with_capacity(lists + 1);
        list_ends.push(0);
        let mut text_ends = Vec::with_capacity(bytes / 4 + 1);
        text_ends.push(0);
        Self {
            bytes: Vec::with_capacity(bytes),
            text_ends,
            list_ends,
        }
    }

    pub(super) fn push(&mut self, text: &str) -> Result<(), ArrowError> {
        self.bytes.extend_from_slice(text.as_bytes());
        self.text_ends.push(offset(self.bytes.len())?);
        Ok(())
    }

    /// The texts since the last call are a list.
    pub(super) fn end_list(&mut self) -> Result<(), ArrowError> {
        self.list_ends.push(offset(self.text_ends.len() - 1)?);
        Ok(())
    }

    pub(super) fn finish(self, nulls: Option<NullBuffer>) -> Result<ListArray, ArrowError> {
        list_array(self.bytes, self.text_ends, self.list_ends, nulls)
    }
}

/// The column, from its parts: `text_ends` and `list_ends` both start with 0.
pub(super) fn list_array(
    bytes: Vec<u8>,
    text_ends: Vec<i32>,
    list_ends: Vec<i32>,
    nulls: Option<NullBuffer>,
) -> Result<ListArray, ArrowError> {
    let offsets = |ends: Vec<i32>| OffsetBuffer::new(ScalarBuffer::from(ends));
    let texts = StringArray::try_new(offsets(text_ends), Buffer::from_vec(bytes), None)?;
    let item = Arc::new(Field::new_list_field(DataType::Utf8, true));
    ListArray::try_new(item, offsets(list_ends), Arc::new(texts), nulls)
}

pub(super) fn offset(position: usize) -> Result<i32, ArrowError> {
    i32::try_from(position).map_err(|_| ArrowError::OffsetOverflowError(position))
}
